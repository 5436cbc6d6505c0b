//! Thompson sampling on a linear model of user and offer.

use kernel::Timestamp;
use rand::rngs::SmallRng;

use crate::learn::features::{DIMENSIONS, Features, UserFeatures, crossing_place, place};
use crate::learn::linear::{Posterior, dense};
use crate::learn::shared::own_rate;
use crate::learn::{ArmView, Estimate, Hand, Policy, PolicyName, Sampler, Shared};

/// One draw of the linear model's weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    weights: [f32; DIMENSIONS],
}

impl Weights {
    /// What a user's segment adds to the belief of an offer of a category; both as [`crate::learn::name_hash`].
    pub fn segment(&self, segment: u32, category: u32) -> f32 {
        self.weights[usize::from(crossing_place(segment, category))]
    }

    /// What a user's relevance (0 to 100) of an offer's category adds to its belief.
    pub fn relevance(&self, relevance: f32) -> f32 {
        self.weights[place::RELEVANCE] * (relevance / 100.0)
    }

    /// The score, 0 to 100, of an offer of which all parts add up to `belief`, where `mean` scores 50: logistic, so
    /// that it never ties.
    pub fn score(belief: f32, mean: f32) -> f32 {
        let above = (belief - mean) / mean.max(f32::MIN_POSITIVE);
        100.0 / (1.0 + (-above).exp())
    }
}

/// Draws the weights of a linear model.
pub(super) struct Linear;

struct Prepared {
    mean: f32,
    posterior: Posterior,
    arms: Vec<Known>,
}

/// What of an offer's vector is the same for all users.
struct Known {
    features: Features,
    own: f64,
}

impl Policy for Linear {
    fn name(&self) -> PolicyName {
        PolicyName::LinearThompson
    }

    #[expect(clippy::cast_possible_truncation, reason = "a mean in single precision")]
    fn prepare(&self, shared: &Shared, arms: &[ArmView<'_>], _now: Timestamp) -> Box<dyn Sampler> {
        let mean = shared.mean();
        let nobody = UserFeatures::default();
        let known = |view: &ArmView<'_>| Known {
            features: Features::new(view.features, view.category, &nobody),
            own: own_rate(view.arm, mean),
        };
        let arms = arms.iter().map(known).collect();
        Box::new(Prepared { mean: mean as f32, posterior: shared.model.posterior(mean), arms })
    }
}

impl Prepared {
    /// Places and values that are not zero and do not depend on the user.
    fn offer_part(&self, arm: usize) -> impl Iterator<Item = (usize, f64)> {
        let known = &self.arms[arm];
        dense(&known.features, known.own).into_iter().filter(|(at, _)| *at < place::CROSSING)
    }
}

impl Sampler for Prepared {
    fn mean(&self) -> f32 {
        self.mean
    }

    #[expect(clippy::cast_possible_truncation, reason = "draws need no more than single precision")]
    fn begin(&self, rng: &mut SmallRng) -> Hand {
        Hand::Linear(Box::new(Weights { weights: self.posterior.draw(rng).map(|weight| weight as f32) }))
    }

    #[expect(clippy::cast_possible_truncation, reason = "beliefs need no more than single precision")]
    fn belief(&self, hand: &Hand, arm: usize, _rng: &mut SmallRng) -> f32 {
        match hand {
            Hand::Linear(drawn) => self.offer_part(arm).map(|(at, x)| drawn.weights[at] * x as f32).sum(),
            Hand::Blend | Hand::Random => self.mean,
        }
    }

    fn estimate(&self, arm: usize) -> Estimate {
        let mut x = [0.0; DIMENSIONS];
        self.offer_part(arm).for_each(|(at, value)| x[at] = value);
        let mean: f64 = x.iter().zip(self.posterior.mean()).map(|(x, weight)| x * weight).sum();
        Estimate { mean: mean.clamp(0.0, 1.0), deviation: self.posterior.deviation(&x) }
    }
}
