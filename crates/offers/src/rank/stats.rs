//! What is known of one offer, in numbers a person can read.

use std::sync::Arc;

use kernel::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::beta::interval;
use super::plan::Plan;
use super::slate::{Table, Taste};
use super::{HANDS, Index};
use crate::engagement::{Counts, EventType};
use crate::learn::name_hash;
use crate::names::OfferId;
use crate::trending::Window;
use crate::user::NEW_SEGMENT;

/// How many offers the answer has that `shown` speaks of.
const SHOWN_AMONG: usize = 3;

/// What is known of an offer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OfferStats {
    /// The offer.
    pub offer_id: OfferId,
    /// What it is about.
    #[schema(example = "electronics")]
    pub category: String,
    /// Units left, bounded by what the stores have.
    #[schema(example = 50)]
    pub inventory_count: i64,
    /// Units left of what the merchant has given it.
    #[schema(example = 50)]
    pub inventory_own: i64,
    /// How often it was seen.
    #[schema(example = 1200)]
    pub views: u32,
    /// How often it was opened.
    #[schema(example = 84)]
    pub clicks: u32,
    /// How often it was put into a basket.
    #[schema(example = 20)]
    pub carts: u32,
    /// How often it was used.
    #[schema(example = 12)]
    pub redemptions: u32,
    /// How often it was waved away.
    #[schema(example = 3)]
    pub dismissals: u32,
    /// Clicks per view, 0 to 1; absent while it has not been seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 0.07)]
    pub click_rate: Option<f64>,
    /// What the learner makes of it.
    pub belief: Belief,
    /// How often it is shown now.
    pub shown: Vec<ShownShare>,
    /// What was done with it of late.
    pub trending: Activity,
}

/// What the learner believes of an offer: how likely it is that a view leads to a success.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = OfferBelief)]
pub struct Belief {
    /// The policy whose belief it is.
    #[schema(example = "adaptive-thompson")]
    pub policy: &'static str,
    /// The expected rate, 0 to 1.
    #[schema(example = 0.068)]
    pub mean: f64,
    /// The lower end of the interval that the rate is in with 90 %.
    #[schema(example = 0.057)]
    pub low: f64,
    /// Its upper end.
    #[schema(example = 0.081)]
    pub high: f64,
    /// The mean rate of all offers, for comparison: as a signal of a score it counts 50.
    #[schema(example = 0.05)]
    pub mean_of_all: f64,
    /// How often so many rates have changed that the learner let old knowledge go, over all offers.
    #[schema(example = 0)]
    pub drifts: u32,
}

/// How often an offer is shown to somebody new of a segment who asks for three.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = OfferShown)]
pub struct ShownShare {
    /// The segment; `new_user` for everybody whom no other offers aim at.
    #[schema(example = "new_user")]
    pub segment: String,
    /// The share of answers that have it, 0 to 1.
    #[schema(example = 0.41)]
    pub share: f64,
}

/// Points within sliding windows: a view is half a point, a click 1, a basket 3, a redemption 5.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = OfferActivity)]
pub struct Activity {
    /// The last hour.
    #[serde(rename = "1h")]
    #[schema(example = 4.5)]
    pub hour: f64,
    /// The last 24 hours.
    #[serde(rename = "24h")]
    #[schema(example = 61.0)]
    pub day: f64,
}

impl Index {
    /// What is known of an offer; `None` when there is none of this id.
    pub fn stats(&self, id: &OfferId, now: Timestamp) -> Option<OfferStats> {
        let plan = self.plan.load();
        let catalog = self.catalog();
        let found = catalog.find(id.as_str())?;
        let (number, slot, counts) = (found.number, Arc::clone(found.slot), found.counts);
        let activity = Activity {
            hour: rounded(found.windows.points(Window::Hour, now), 2),
            day: rounded(found.windows.points(Window::Day, now), 2),
        };
        let (own, drifts) = (found.own, catalog.shared.drifts());
        drop(catalog);
        let segments = if slot.segments.is_empty() {
            self.segments_of(&plan)
        } else {
            slot.segments.iter().map(|segment| self.segments.name(*segment)).collect()
        };
        let shown = segments.iter().map(|segment| ShownShare {
            segment: segment.to_string(),
            share: rounded(self.share(&plan, segment, number, id, now), 4),
        });
        let of = |what| counts.get(what);
        Some(OfferStats {
            offer_id: id.clone(),
            category: slot.category_name.to_string(),
            inventory_count: slot.stock(),
            inventory_own: own,
            views: of(EventType::View),
            clicks: of(EventType::Click),
            carts: of(EventType::AddToCart),
            redemptions: of(EventType::Redemption),
            dismissals: of(EventType::Dismiss),
            click_rate: click_rate(&counts),
            belief: belief(&plan, number, drifts),
            shown: shown.collect(),
            trending: activity,
        })
    }

    /// `new_user`, and every segment that some offers aim at.
    fn segments_of(&self, plan: &Plan) -> Vec<Arc<str>> {
        let mut segments: Vec<Arc<str>> =
            plan.shelves.segments().map(|segment| self.segments.name(segment)).collect();
        segments.push(NEW_SEGMENT.into());
        segments.sort();
        segments.dedup();
        segments
    }

    /// The share of hands that show an offer to somebody new of a segment.
    fn share(&self, plan: &Plan, segment: &str, number: u32, id: &OfferId, now: Timestamp) -> f64 {
        let mine = plan.shelves.mine(self.segments.find(segment));
        let taste = Taste { mine, segment: name_hash(segment), liked: Vec::new() };
        let slates = Table { plan, policy: plan.policy(None), taste: &taste, now, limit: SHOWN_AMONG }.deal();
        let shows = |hand: &usize| {
            slates.get(*hand).iter().any(|pick| pick.slot == number && plan.shelves.slot(number).id == *id)
        };
        #[expect(clippy::cast_precision_loss, reason = "64 at most")]
        let share = (0..HANDS).filter(shows).count() as f64 / HANDS as f64;
        share
    }
}

fn belief(plan: &Plan, number: u32, drifts: u32) -> Belief {
    let policy = plan.policy(None);
    let known = policy.sampler.as_ref().filter(|_| (number as usize) < plan.shelves.slots.len());
    let mean_of_all = known.map_or(0.0, |sampler| f64::from(sampler.mean()));
    // An offer that the hands have not met yet is believed to be as all are.
    let (mean, deviation) = known.map_or((mean_of_all, 0.0), |sampler| {
        let estimate = sampler.estimate(number as usize);
        (estimate.mean, estimate.deviation)
    });
    let (low, high) = interval(mean, deviation, 0.9);
    Belief {
        policy: policy.name.as_str(),
        mean: rounded(mean, 6),
        low: rounded(low, 6),
        high: rounded(high, 6),
        mean_of_all: rounded(mean_of_all, 6),
        drifts,
    }
}

fn click_rate(counts: &Counts) -> Option<f64> {
    let (views, clicks) = (counts.get(EventType::View), counts.get(EventType::Click));
    // A click without a view is never a rate above one.
    let trials = views.max(clicks);
    (trials > 0).then(|| rounded(f64::from(clicks) / f64::from(trials), 6))
}

fn rounded(number: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (number * unit).round() / unit
}
