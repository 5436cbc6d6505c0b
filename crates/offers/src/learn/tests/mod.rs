//! The policies against references computed by other means, on arms whose truth is known.

#![expect(clippy::unwrap_used, reason = "tests")]

mod delays;
mod drift;
mod policies;
mod regret;
mod robust;

use kernel::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;

/// The instant so many seconds after some day.
fn second(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_780_000_000_000_000).plus_seconds(seconds)
}

/// Something seen at a second, of an offer shown at once.
fn seen(at: i64, what: What) -> Seen {
    Seen { at: second(at), shown_at: Some(second(at)), what, category: 1, features: None }
}

/// A learner, and a crowd of arms without features.
#[derive(Clone, Default)]
struct Crowd {
    shared: Shared,
    arms: Vec<Arm>,
    looks: OfferFeatures,
}

impl Crowd {
    fn of(arms: usize) -> Self {
        Self { arms: vec![Arm::default(); arms], ..Self::default() }
    }

    /// Arms with these trials and successes, all at second 0.
    fn with(counts: &[(u32, u32)]) -> Self {
        let mut crowd = Self::of(counts.len());
        for (arm, &(trials, successes)) in counts.iter().enumerate() {
            (0..trials).for_each(|_| crowd.see(arm, 0, What::Trial));
            (0..successes).for_each(|_| crowd.see(arm, 0, What::Reward(1.0)));
        }
        crowd
    }

    fn see(&mut self, arm: usize, at: i64, what: What) {
        self.shared.observe(&mut self.arms[arm], &seen(at, what));
    }

    /// Tries an arm of this rate, with its reward at once.
    fn try_out(&mut self, arm: usize, at: i64, rate: f64, rng: &mut SmallRng) {
        self.see(arm, at, What::Trial);
        if rng.random::<f64>() < rate {
            self.see(arm, at, What::Reward(1.0));
        }
    }

    /// A sampler for arms of these categories.
    fn sampler(&self, name: PolicyName, at: i64, category: impl Fn(usize) -> u32) -> Box<dyn Sampler> {
        let view = |(place, arm)| ArmView { arm, category: category(place), features: &self.looks };
        let views: Vec<_> = self.arms.iter().enumerate().map(view).collect();
        policy(name, &PolicySettings::default()).prepare(&self.shared, &views, second(at))
    }

    /// A sampler for arms that each have a category of their own.
    fn own_categories(&self, name: PolicyName, at: i64) -> Box<dyn Sampler> {
        self.sampler(name, at, |place| u32::try_from(place).unwrap())
    }
}

fn rng(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed)
}

/// The arm that one hand likes best.
fn favourite(sampler: &dyn Sampler, arms: usize, rng: &mut SmallRng) -> usize {
    let hand = sampler.begin(rng);
    if hand == Hand::Random {
        return rng.random_range(0..arms);
    }
    let beliefs: Vec<_> = (0..arms).map(|arm| sampler.belief(&hand, arm, rng)).collect();
    (0..arms).max_by(|left, right| beliefs[*left].total_cmp(&beliefs[*right])).unwrap()
}
