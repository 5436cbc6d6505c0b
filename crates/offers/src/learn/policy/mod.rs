//! The policies.

mod index;
mod linear;
mod simple;
mod thompson;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::linear::Weights;
use super::{Policy, PolicyName};

/// What can be chosen about the policies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySettings {
    /// Share of hands that `epsilon-greedy` deals at random, 0 to 1.
    pub epsilon: f64,
    /// How much smaller than the posterior's the variance of `adaptive-thompson`'s draws is, above 0: more explores
    /// less.
    pub sharpness: f64,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self { epsilon: 0.1, sharpness: 2.5 }
    }
}

/// The policy of a name.
pub fn policy(name: PolicyName, settings: &PolicySettings) -> Arc<dyn Policy> {
    match name {
        PolicyName::Static => Arc::new(simple::Static),
        PolicyName::Uniform => Arc::new(simple::Uniform),
        PolicyName::EpsilonGreedy => Arc::new(index::EpsilonGreedy::new(settings.epsilon)),
        PolicyName::Ucb1 => Arc::new(index::Ucb1),
        PolicyName::PlainThompson => Arc::new(thompson::Plain),
        PolicyName::Thompson => Arc::new(thompson::Hierarchical),
        PolicyName::AdaptiveThompson => Arc::new(thompson::Adaptive::new(settings.sharpness)),
        PolicyName::LinearThompson => Arc::new(linear::Linear),
    }
}
