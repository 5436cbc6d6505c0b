//! What is known of all offers together.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::arm::{Arm, Seen, What};
use super::delay::Delays;
use super::drift::{Counts, Drift};
use super::linear::Model;

/// What is known of all offers together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    totals: Counts,
    pub(super) delays: Delays,
    pub(super) drift: Drift,
    pub(super) model: Model,
}

impl Shared {
    /// Learns from one thing that happened to the offer of `arm`. The same sequence gives the same state. A clock
    /// that goes back counts as one that stands still, and a reward that is not a number above zero as nothing.
    pub fn observe(&mut self, arm: &mut Arm, seen: &Seen) {
        match seen.what {
            What::Trial => self.tried(arm, seen),
            What::Reward(value) if value > 0.0 => self.rewarded(arm, seen, value.min(1.0)),
            What::Reward(_) => {}
        }
    }

    /// Times that so many rates had changed that old knowledge was let go.
    pub fn drifts(&self) -> u32 {
        self.drift.epoch()
    }

    /// Seconds from showing an offer until 99 % of its rewards have come; 0 while none has.
    pub fn maturity_seconds(&self) -> f64 {
        f64::from(self.delays.mature_after())
    }

    /// Mean reward of all trials ever, as if there had been 20 more with one success.
    pub fn mean(&self) -> f64 {
        let trials = self.totals.trials.max(self.totals.successes);
        ((self.totals.successes + 1.0) / (trials + 20.0)).min(1.0)
    }

    fn tried(&mut self, arm: &mut Arm, seen: &Seen) {
        if let Some(features) = &seen.features {
            self.model.tried(features, own_rate(arm, self.mean()));
        }
        self.totals.trials += 1.0;
        arm.tried(&mut self.drift, &self.delays, seen.at, seen.shown_at.unwrap_or(seen.at));
    }

    fn rewarded(&mut self, arm: &mut Arm, seen: &Seen, value: f64) {
        if let Some(features) = &seen.features {
            self.model.rewarded(features, own_rate(arm, self.mean()), value);
        }
        self.totals.successes += value;
        if let Some(shown_at) = seen.shown_at {
            self.delays.note(seconds_between(shown_at, seen.at));
        }
        arm.rewarded(&mut self.drift, seen.shown_at.unwrap_or(seen.at), value);
    }
}

/// How an arm's own rate compares with the mean of all, for the linear model: 0 when it is equal or nothing is known
/// of it, at most 3.
pub(super) fn own_rate(arm: &Arm, mean: f64) -> f64 {
    /// Successes at the mean rate that are added to every arm's.
    const STRENGTH: f64 = 20.0;
    let rate = (STRENGTH + arm.successes()) / (STRENGTH / mean + arm.trials());
    (rate / mean).min(4.0) - 1.0
}

#[expect(clippy::cast_precision_loss, reason = "delays are good to a share of themselves")]
fn seconds_between(from: Timestamp, to: Timestamp) -> f32 {
    to.micros().saturating_sub(from.micros()).max(0) as f32 / 1e6
}
