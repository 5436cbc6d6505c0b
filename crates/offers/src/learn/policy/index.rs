//! Policies that give each offer one number and show the highest.

use kernel::Timestamp;
use rand::Rng;
use rand::rngs::SmallRng;

use super::thompson::{overall_mean, uniform_posterior};
use crate::learn::{ArmView, Estimate, Hand, Policy, PolicyName, Sampler, Shared};

/// The highest posterior mean, and now and then a random order.
pub(super) struct EpsilonGreedy {
    epsilon: f64,
}

impl EpsilonGreedy {
    /// With this share of random hands, brought into 0 to 1.
    pub(super) fn new(epsilon: f64) -> Self {
        Self { epsilon: if epsilon.is_nan() { 0.0 } else { epsilon.clamp(0.0, 1.0) } }
    }
}

/// The highest upper confidence bound `mean + √(2 ln N / n)` of Auer, Cesa-Bianchi and Fischer (2002); for slates, its
/// combinatorial form shows the highest few (Chen, Wang and Yuan 2013).
pub(super) struct Ucb1;

struct Indices {
    mean: f32,
    epsilon: f64,
    beliefs: Vec<f32>,
    estimates: Vec<Estimate>,
}

impl Policy for EpsilonGreedy {
    fn name(&self) -> PolicyName {
        PolicyName::EpsilonGreedy
    }

    fn prepare(&self, _shared: &Shared, arms: &[ArmView<'_>], _now: Timestamp) -> Box<dyn Sampler> {
        Box::new(Indices::new(arms, self.epsilon, |_, estimate| estimate.mean))
    }
}

impl Policy for Ucb1 {
    fn name(&self) -> PolicyName {
        PolicyName::Ucb1
    }

    fn prepare(&self, _shared: &Shared, arms: &[ArmView<'_>], _now: Timestamp) -> Box<dyn Sampler> {
        let all: f64 = arms.iter().map(|view| view.arm.trials()).sum();
        let log = all.max(1.0).ln();
        Box::new(Indices::new(arms, 0.0, |view, _| {
            let trials = view.arm.trials();
            // One known by next to nothing of a trial, a tiny reward that nobody was seen to earn, is as good as untried.
            if trials > 0.0 {
                (view.arm.successes() / trials + (2.0 * log / trials).sqrt()).min(UNTRIED)
            } else {
                UNTRIED
            }
        }))
    }
}

/// The index of an arm that was never tried: no other is above it.
const UNTRIED: f64 = 1e6;

impl Indices {
    #[expect(clippy::cast_possible_truncation, reason = "an index needs no more than single precision")]
    fn new(arms: &[ArmView<'_>], epsilon: f64, index: impl Fn(&ArmView<'_>, &Estimate) -> f64) -> Self {
        let estimates: Vec<_> = arms.iter().map(|view| Estimate::from(uniform_posterior(view.arm))).collect();
        let beliefs = arms.iter().zip(&estimates).map(|(view, known)| index(view, known) as f32).collect();
        Self { mean: overall_mean(arms), epsilon, beliefs, estimates }
    }
}

impl Sampler for Indices {
    fn mean(&self) -> f32 {
        self.mean
    }

    fn begin(&self, rng: &mut SmallRng) -> Hand {
        if self.epsilon > 0.0 && rng.random::<f64>() < self.epsilon { Hand::Random } else { Hand::Blend }
    }

    fn belief(&self, _hand: &Hand, arm: usize, _rng: &mut SmallRng) -> f32 {
        self.beliefs[arm]
    }

    fn estimate(&self, arm: usize) -> Estimate {
        self.estimates[arm]
    }
}
