//! Thompson sampling on Beta posteriors.

use kernel::Timestamp;
use rand::rngs::SmallRng;

use crate::learn::beta::Draws;
use crate::learn::drift::Counts;
use crate::learn::prior::{Beta, Priors};
use crate::learn::{Arm, ArmView, Estimate, Hand, Policy, PolicyName, Sampler, Shared};

/// The prior Beta(1, 1) for every arm.
pub(super) struct Plain;

/// Priors learned from category and all offers.
pub(super) struct Hierarchical;

/// The same, on what still counts, with sharpened draws.
pub(super) struct Adaptive {
    sharpness: f64,
}

impl Adaptive {
    /// With draws of a variance smaller by this factor, brought into 0.1 to 100.
    pub(super) fn new(sharpness: f64) -> Self {
        Self { sharpness: if sharpness.is_nan() { 1.0 } else { sharpness.clamp(0.1, 100.0) } }
    }
}

struct Posteriors {
    mean: f32,
    known: Vec<Beta>,
    sharpness: f64,
}

impl Posteriors {
    #[expect(clippy::cast_possible_truncation, reason = "a mean of draws in single precision")]
    fn new(mean: f64, posteriors: Vec<Beta>, sharpness: f64) -> Self {
        Self { mean: mean as f32, known: posteriors, sharpness }
    }

    /// With priors fitted to the counts.
    fn fitted(counts: &[(u32, Counts)], sharpness: f64) -> Self {
        let priors = Priors::fit(counts);
        let posteriors = counts.iter().map(|&(category, counts)| priors.of(category, counts).after(counts));
        Self::new(priors.mean(), posteriors.collect(), sharpness)
    }
}

impl Policy for Plain {
    fn name(&self) -> PolicyName {
        PolicyName::PlainThompson
    }

    fn prepare(&self, _shared: &Shared, arms: &[ArmView<'_>], _now: Timestamp) -> Box<dyn Sampler> {
        let posteriors = arms.iter().map(|view| uniform_posterior(view.arm)).collect();
        Box::new(Posteriors::new(f64::from(overall_mean(arms)), posteriors, 1.0))
    }
}

impl Policy for Hierarchical {
    fn name(&self) -> PolicyName {
        PolicyName::Thompson
    }

    fn prepare(&self, _shared: &Shared, arms: &[ArmView<'_>], _now: Timestamp) -> Box<dyn Sampler> {
        let counts: Vec<_> = arms.iter().map(|view| (view.category, ever(view.arm))).collect();
        Box::new(Posteriors::fitted(&counts, 1.0))
    }
}

impl Policy for Adaptive {
    fn name(&self) -> PolicyName {
        PolicyName::AdaptiveThompson
    }

    fn prepare(&self, shared: &Shared, arms: &[ArmView<'_>], now: Timestamp) -> Box<dyn Sampler> {
        let still = |arm: &Arm| arm.counts(&shared.drift, &shared.delays, now);
        let counts: Vec<_> = arms.iter().map(|view| (view.category, still(view.arm))).collect();
        Box::new(Posteriors::fitted(&counts, self.sharpness))
    }
}

impl Sampler for Posteriors {
    fn mean(&self) -> f32 {
        self.mean
    }

    fn begin(&self, _rng: &mut SmallRng) -> Hand {
        Hand::Blend
    }

    fn belief(&self, _hand: &Hand, arm: usize, rng: &mut SmallRng) -> f32 {
        // Made ready for each draw: kept for all arms it would be more than what is known of them.
        Draws::new(self.known[arm], self.sharpness).draw(rng)
    }

    fn estimate(&self, arm: usize) -> Estimate {
        self.known[arm].into()
    }
}

fn ever(arm: &Arm) -> Counts {
    Counts { trials: arm.trials(), successes: arm.successes() }
}

/// Beta(1 + successes, 1 + failures).
pub(super) fn uniform_posterior(arm: &Arm) -> Beta {
    Beta { a: 1.0, b: 1.0 }.after(ever(arm))
}

/// Mean reward of all trials of all arms, one success in twenty added.
#[expect(clippy::cast_possible_truncation, reason = "a mean in single precision")]
pub(super) fn overall_mean(arms: &[ArmView<'_>]) -> f32 {
    let (trials, successes) = arms.iter().fold((20.0, 1.0), |(trials, successes), view| {
        (trials + view.arm.trials(), successes + view.arm.successes())
    });
    (successes / trials) as f32
}
