//! The signals of a score and how they add up. Every signal is 0 to 100, and so is the score.
//!
//! | signal | is | weight |
//! |---|---|---|
//! | relevance | `100 a / (a + 5) × (1 - fatigue / 200)`, `a` the user's points for the category | .35 |
//! | urgency | `100 × 2^(-hours left / 24)`; 0 for an offer without an end | .10 |
//! | inventory | `100 n / (n + 20)`, `n` the effective inventory | .10 |
//! | priority | the offer's own, 1 to 100 | .20 |
//! | belief | `100 b / (b + m)`, `b` what a hand believes, `m` the mean of all offers | .25 |
//!
//! The target of a pivot gets 20 points on top. Ranking goes by the sum; the score that is shown ends at 100.

use kernel::Timestamp;

use crate::learn::OfferFeatures;
use crate::offer::{Amount, DiscountType, Offer};
use crate::pivot;

/// Weight of relevance.
pub const RELEVANCE: f32 = 0.35;
/// Weight of urgency.
pub const URGENCY: f32 = 0.10;
/// Weight of inventory.
pub const INVENTORY: f32 = 0.10;
/// Weight of priority.
pub const PRIORITY: f32 = 0.20;
/// Weight of belief.
pub const BELIEF: f32 = 0.25;
/// Points on top for the target of a pivot.
pub const BOOST: f32 = pivot::BONUS as f32;
/// The same for the linear model, in multiples of the mean rate: what lifts its score from 50 to 70, ln(70 / 30).
pub const LINEAR_BOOST: f32 = 0.847_297_9;

/// Hours in which urgency halves.
const URGENCY_HALF_LIFE_HOURS: f64 = 24.0;
/// Units that make half of what inventory can be.
const HALF_INVENTORY: f64 = 20.0;
const HOUR: f64 = 3_600_000_000.0;

/// How close an offer's end is, 0 to 100: 100 when it has come, half of it a day before.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a signal has two digits")]
pub fn urgency(expires_at: Option<Timestamp>, now: Timestamp) -> f32 {
    let Some(end) = expires_at else { return 0.0 };
    let hours = end.micros().saturating_sub(now.micros()).max(0) as f64 / HOUR;
    (100.0 * (-hours / URGENCY_HALF_LIFE_HOURS).exp2()) as f32
}

/// How plentiful an offer is, 0 to 100.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a signal has two digits")]
pub fn inventory(units: i64) -> f32 {
    let units = units.max(0) as f64;
    (100.0 * units / (units + HALF_INVENTORY)) as f32
}

/// How much of the price an offer takes off, 0 to 1, for the contextual policy.
pub fn discount(offer: &Offer) -> f32 {
    discount_of(offer.discount_type, offer.discount_value, offer.min_purchase)
}

/// How much of the price a discount takes off, 0 to 1: half for `BOGO`, the share of the least purchase for
/// `FIXED_AMOUNT` (0 when none is asked for: the price is not known here).
#[expect(clippy::cast_possible_truncation, reason = "a share has a few digits")]
pub fn discount_of(kind: DiscountType, value: Amount, min_purchase: Option<Amount>) -> f32 {
    let share = match kind {
        DiscountType::Percentage => value.to_f64() / 100.0,
        DiscountType::Bogo => 0.5,
        DiscountType::FixedAmount => {
            let least = min_purchase.map_or(0.0, Amount::to_f64);
            if least > 0.0 { value.to_f64() / least } else { 0.0 }
        }
    };
    share.clamp(0.0, 1.0) as f32
}

/// What of an offer's score is the same for every user and every hand, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fixed {
    /// The signals, as the contextual policy sees them too.
    pub features: OfferFeatures,
    /// Points on top for the target of a pivot, else 0.
    pub boost: f32,
    /// What all of that adds to the score.
    pub sum: f32,
}

impl Fixed {
    /// Adds the signals up.
    pub fn new(features: OfferFeatures, boosted: bool) -> Self {
        let boost = if boosted { BOOST } else { 0.0 };
        let OfferFeatures { priority, urgency, inventory, discount: _ } = features;
        Self { features, boost, sum: URGENCY * urgency + INVENTORY * inventory + PRIORITY * priority + boost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-3
    }

    #[test]
    fn urgency_doubles_every_day_until_the_end() {
        let now = Timestamp::from_micros(1_000_000);
        let end = |hours: i64| urgency(Some(now.plus_seconds(hours * 3600)), now);
        assert!(close(end(0), 100.0) && close(end(24), 50.0) && close(end(72), 12.5));
        assert!(close(end(-5), 100.0), "an end that has passed is not more than urgent");
        assert!(urgency(None, now) == 0.0);
        assert!(close(
            urgency(Some(Timestamp::from_micros(i64::MAX)), Timestamp::from_micros(i64::MIN)),
            0.0
        ));
    }

    #[test]
    fn plenty_is_better_than_scarce() {
        assert!(close(inventory(20), 50.0) && close(inventory(0), 0.0) && close(inventory(180), 90.0));
        assert!(close(inventory(-3), 0.0) && close(inventory(i64::MAX), 100.0));
    }

    #[test]
    fn weights_add_up_to_one() {
        assert!(close(RELEVANCE + URGENCY + INVENTORY + PRIORITY + BELIEF, 1.0));
        let features = OfferFeatures { priority: 80.0, urgency: 50.0, inventory: 90.0, discount: 0.1 };
        assert!(close(Fixed::new(features, false).sum, 30.0));
        assert!(close(Fixed::new(features, true).sum, 50.0));
    }
}
