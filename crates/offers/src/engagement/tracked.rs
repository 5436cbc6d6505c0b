//! Events as the log keeps them.

use std::borrow::Cow;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use store::{DbError, StoredEvent};
use uuid::Uuid;

use super::EventType;
use crate::learn::OfferFeatures;

/// The log event that tells what people did: all that one run of the command has accepted, in order; of large runs, up
/// to [`super::commands::TOLD_AT_ONCE`] of it.
pub const ENGAGEMENT: &str = "halles.offer.engagement";

/// The content of [`ENGAGEMENT`]. Its time is the log event's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Engagement<'a> {
    /// What was done.
    #[serde(borrow)]
    pub events: Vec<Tracked<'a>>,
}

impl<'a> Engagement<'a> {
    /// Reads what a log event of this type tells.
    pub fn read(event: &'a StoredEvent) -> Result<Self, DbError> {
        serde_json::from_str(&event.data)
            .map_err(|error| DbError::Decode(format!("event {}: {error}", event.position)))
    }
}

/// One thing that somebody did with an offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tracked<'a> {
    /// The event's name.
    #[serde(borrow)]
    pub event_id: Cow<'a, str>,
    /// Who.
    #[serde(borrow)]
    pub user_id: Cow<'a, str>,
    /// With which offer.
    #[serde(borrow)]
    pub offer_id: Cow<'a, str>,
    /// The offer's own category, whatever the caller said.
    #[serde(borrow)]
    pub category: Cow<'a, str>,
    /// What.
    pub event_type: EventType,
    /// The decision that had shown the offer, when the caller named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<Uuid>,
    /// The offer's signals at that moment, so that whoever learns from the log needs nothing else.
    pub signals: Signals,
}

impl Tracked<'_> {
    /// When the offer had been shown: the instant within a decision's UUID of version 7.
    pub fn shown_at(&self) -> Option<Timestamp> {
        let (seconds, nanos) =
            self.decision_id.filter(|id| id.get_version_num() == 7)?.get_timestamp()?.to_unix();
        let micros = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
        Some(Timestamp::from_micros(micros.checked_add(i64::from(nanos / 1000))?))
    }
}

/// An offer's priority, urgency and inventory signals (0 to 100) and its discount (0 to 1); in the log an array of
/// these four.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f32; 4]", into = "[f32; 4]")]
pub struct Signals(pub OfferFeatures);

impl From<[f32; 4]> for Signals {
    fn from([priority, urgency, inventory, discount]: [f32; 4]) -> Self {
        Self(OfferFeatures { priority, urgency, inventory, discount })
    }
}

impl From<Signals> for [f32; 4] {
    /// Rounded to a hundredth, which is finer than anything they are used for.
    fn from(Signals(features): Signals) -> Self {
        let OfferFeatures { priority, urgency, inventory, discount } = features;
        [priority, urgency, inventory, discount].map(|signal| (signal * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(decision_id: Option<Uuid>) -> Tracked<'static> {
        Tracked {
            event_id: "e\"1".into(),
            user_id: "zoé".into(),
            offer_id: "OFF001".into(),
            category: "electronics".into(),
            event_type: EventType::View,
            decision_id,
            signals: [95.0, 0.0, 71.43, 0.25].into(),
        }
    }

    #[test]
    fn the_log_has_one_array_of_plain_objects() {
        let engagement = Engagement { events: vec![view(None)] };
        let data = serde_json::to_string(&engagement).expect("JSON");
        assert_eq!(
            data,
            r#"{"events":[{"event_id":"e\"1","user_id":"zoé","offer_id":"OFF001","category":"electronics","event_type":"VIEW","signals":[95.0,0.0,71.43,0.25]}]}"#
        );
        assert_eq!(serde_json::from_str::<Engagement<'_>>(&data).expect("an engagement"), engagement);
    }

    #[test]
    fn a_decision_tells_when_the_offer_was_shown() {
        let id: Uuid = "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04".parse().expect("an id");
        assert_eq!(view(Some(id)).shown_at().map(|at| at.micros() / 1000), Some(0x019a_3c5e_7b1a));
        let random: Uuid = "8c2b2d1e-53c5-4c7e-9d68-0a4c8a0f6b11".parse().expect("an id");
        assert_eq!((view(Some(random)).shown_at(), view(None).shown_at()), (None, None));
    }
}
