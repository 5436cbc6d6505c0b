//! What is learned from what people do with offers, and how it decides what is shown. Pure: no store, no clock,
//! no randomness but the generator that is handed in.
//!
//! [`Arm`] is what is known of one offer, [`Shared`] what is known of all of them together; both are folded from
//! the event log by [`Shared::observe`]. A [`Policy`] turns them into a [`Sampler`], a prepared moment that is
//! asked many times: one [`Hand`] is one sample of everything that is uncertain, and [`Sampler::belief`] is what
//! that hand believes of one offer.
//!
//! One more policy: a file in `policy/`, a [`PolicyName`] and a line in [`policy()`].

mod arm;
mod beta;
mod delay;
mod drift;
mod features;
mod linear;
mod name;
mod policy;
mod prior;
mod shared;
#[cfg(test)]
mod tests;

use kernel::Timestamp;
use rand::rngs::SmallRng;

pub use self::arm::{Arm, Seen, What};
pub use self::features::{DIMENSIONS, Features, OfferFeatures, UserFeatures, name_hash};
pub use self::name::{PolicyName, UnknownPolicy};
pub use self::policy::{PolicySettings, Weights, policy};
pub use self::shared::Shared;

/// A way of deciding what to show.
pub trait Policy: Send + Sync {
    /// Its name in configuration, decisions and reports.
    fn name(&self) -> PolicyName;

    /// Computes once what many samples of this moment need. Linear in the number of arms.
    fn prepare(&self, shared: &Shared, arms: &[ArmView<'_>], now: Timestamp) -> Box<dyn Sampler>;
}

/// A policy at one moment, ready to draw. Arms are named by their place in the slice given to [`Policy::prepare`].
pub trait Sampler: Send + Sync {
    /// The overall mean reward of a trial, above 0: what a belief signal of 50 means.
    fn mean(&self) -> f32;

    /// Begins one sample: decides whether this hand explores, or draws what all its beliefs share.
    fn begin(&self, rng: &mut SmallRng) -> Hand;

    /// What this hand believes of an arm: the expected reward of a trial, 0 to 1. With two exceptions: `ucb1` says its
    /// index, which may be above 1, and [`Hand::Linear`] the part that is the same for all users, which has no bounds
    /// (see [`Weights`] for the rest).
    fn belief(&self, hand: &Hand, arm: usize, rng: &mut SmallRng) -> f32;

    /// What is known of an arm without drawing, for people to read.
    fn estimate(&self, arm: usize) -> Estimate;
}

/// What the hands of one sample have in common.
#[derive(Clone, Debug, PartialEq)]
pub enum Hand {
    /// Beliefs are one signal of the score among others.
    Blend,
    /// Everything known is ignored: the order is random.
    Random,
    /// One draw of the weights of the linear model, which then is the score.
    Linear(Box<Weights>),
}

/// An arm as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct ArmView<'a> {
    /// What was learned of it.
    pub arm: &'a Arm,
    /// Its category, as [`name_hash`] of the category's name.
    pub category: u32,
    /// What its offer looks like.
    pub features: &'a OfferFeatures,
}

/// Expected reward of a trial of one arm, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Posterior mean, 0 to 1.
    pub mean: f64,
    /// Posterior standard deviation.
    pub deviation: f64,
}

/// The belief signal of a score: 0 to 100, and 50 for an offer that is as good as the `mean` of all.
///
/// ```
/// assert_eq!(offers::learn::signal(0.02, 0.02), 50.0);
/// assert!(offers::learn::signal(0.06, 0.02) > 74.9);
/// ```
pub fn signal(belief: f32, mean: f32) -> f32 {
    let belief = belief.max(0.0);
    let sum = belief + mean;
    if sum > 0.0 { 100.0 * belief / sum } else { 50.0 }
}
