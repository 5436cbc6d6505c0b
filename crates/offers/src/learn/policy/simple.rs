//! Policies without a posterior.

use kernel::Timestamp;
use rand::rngs::SmallRng;

use crate::learn::{ArmView, Estimate, Hand, Policy, PolicyName, Sampler, Shared};

/// Nothing is learned.
pub(super) struct Static;

/// Everything in random order.
pub(super) struct Uniform;

/// A sampler to which all arms are alike.
struct Alike(Hand);

impl Policy for Static {
    fn name(&self) -> PolicyName {
        PolicyName::Static
    }

    fn prepare(&self, _shared: &Shared, _arms: &[ArmView<'_>], _now: Timestamp) -> Box<dyn Sampler> {
        Box::new(Alike(Hand::Blend))
    }
}

impl Policy for Uniform {
    fn name(&self) -> PolicyName {
        PolicyName::Uniform
    }

    fn prepare(&self, _shared: &Shared, _arms: &[ArmView<'_>], _now: Timestamp) -> Box<dyn Sampler> {
        Box::new(Alike(Hand::Random))
    }
}

impl Sampler for Alike {
    fn mean(&self) -> f32 {
        0.5
    }

    fn begin(&self, _rng: &mut SmallRng) -> Hand {
        self.0.clone()
    }

    fn belief(&self, _hand: &Hand, _arm: usize, _rng: &mut SmallRng) -> f32 {
        0.5
    }

    fn estimate(&self, _arm: usize) -> Estimate {
        Estimate { mean: 0.5, deviation: 0.0 }
    }
}
