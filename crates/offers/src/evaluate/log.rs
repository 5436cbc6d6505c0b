//! The decision log as JSON lines: what `halles offers decisions` writes and `halles offers evaluate` reads.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::names::{Category, OfferId, Segment, UserId};

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// What was shown to somebody, and what came of it.
    Decision(Decision),
    /// A reward that names a decision which is not in the log any more.
    Lost(LostLine),
}

/// A decision with the rewards of its slots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OfferDecision)]
pub struct Decision {
    /// The decision's id, a `UUIDv7`.
    pub decision_id: Uuid,
    /// When the offers were shown.
    pub at: Timestamp,
    /// To whom.
    pub user_id: UserId,
    /// The segment that this person was in.
    pub segment: Segment,
    /// The policy that decided.
    #[schema(example = "adaptive-thompson")]
    pub policy: String,
    /// The experiment that chose the policy, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The experiment's arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
    /// The offers shown, the first slot first.
    pub slots: Vec<Slot>,
}

/// One offer that was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = OfferDecisionSlot)]
pub struct Slot {
    /// The offer.
    pub offer_id: OfferId,
    /// The offer's category when it was shown.
    pub category: Category,
    /// The chance that this offer had to be in this slot, above 0 and at most 1.
    #[schema(example = 0.75)]
    pub propensity: f64,
    /// The score it was ranked by, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What the person did with the offer, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewards: Vec<Reward>,
}

/// Something that a person did with an offer that was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OfferDecisionReward)]
pub struct Reward {
    /// What: `CLICK`, `VIEW`, `ADD_TO_CART`, `REDEMPTION` or `DISMISS`.
    pub event_type: String,
    /// When.
    pub at: Timestamp,
}

/// The line of a lost decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostLine {
    /// What is known of it.
    pub lost_decision: LostDecision,
}

/// An event whose decision was not kept: it cannot be evaluated, but it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostDecision {
    /// The decision that the event names.
    pub decision_id: Uuid,
    /// The offer that the event is about.
    pub offer_id: OfferId,
    /// What was done, as in [`Reward::event_type`].
    pub event_type: String,
    /// When.
    pub at: Timestamp,
}
