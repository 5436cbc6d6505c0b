//! What is thought of an offer before it is known: learned from the other offers of its category, and those from all.
//!
//! Rates are thought of as `m × μ_c × (what is the offer's own)`: `m` the mean of all offers, `μ_c` its category's
//! multiple of it. Relative variances of the two factors are alike, `v / 2` each. `m` and `v` are those that fit all
//! arms (empirical Bayes, by the moment equations of `DerSimonian` and Laird 1986, iterated as in Paule and Mandel 1982
//! with weights that saturate, so that much-shown arms do not outvote the others). `μ_c` is the usual normal mean of
//! the category's other arms, so that no arm is counted twice.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::drift::Counts;

/// Bounds of the relative variance: priors of 15 successes down to one.
const SPREAD: (f64, f64) = (1.0 / 15.0, 1.0);
/// What the estimated variance is multiplied with: the best offers are outliers, and a prior that fits the crowd holds
/// them back.
const WIDER: f64 = 2.0;
/// Arms that the initial estimate of the variance weighs as much as.
const FAITH: f64 = 4.0;
/// Rounds of the iteration; it is close enough after two or three.
const ROUNDS: usize = 5;
/// Bounds of a prior's mean.
const MEAN: (f64, f64) = (1e-6, 0.98);

/// A Beta distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Beta {
    pub(super) a: f64,
    pub(super) b: f64,
}

impl Beta {
    /// The one with this mean and this variance relative to the mean's square, but never weaker than one trial.
    fn new(mean: f64, variance: f64) -> Self {
        let mean = mean.clamp(MEAN.0, MEAN.1);
        let strength = ((1.0 - mean) / (mean * variance) - 1.0).max(1.0);
        Self { a: mean * strength, b: (1.0 - mean) * strength }
    }

    /// The posterior once these counts are known.
    pub(super) fn after(self, counts: Counts) -> Self {
        Self { a: self.a + counts.successes, b: self.b + (counts.trials - counts.successes).max(0.0) }
    }
}

/// Priors of the arms of one moment.
pub(super) struct Priors {
    mean: f64,
    variance: f64,
    categories: HashMap<u32, Category, BuildHasherDefault<Already>>,
}

/// What the arms of a category say of its multiple of the mean.
#[derive(Clone, Copy, Default)]
struct Category {
    weight: f64,
    sum: f64,
}

impl Priors {
    /// Learns from the counts of all arms, each with its category.
    pub(super) fn fit(arms: &[(u32, Counts)]) -> Self {
        let (mean, spread) = moments(arms);
        let variance = (WIDER * spread).clamp(SPREAD.0, SPREAD.1);
        let mut priors = Self { mean, variance, categories: HashMap::default() };
        for (category, counts) in arms {
            let (weight, sum) = priors.share(*counts);
            let entry = priors.categories.entry(*category).or_default();
            entry.weight += weight;
            entry.sum += sum;
        }
        priors
    }

    /// The mean rate of an offer.
    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    /// The prior of an arm that is one of those it was learned from.
    pub(super) fn of(&self, category: u32, counts: Counts) -> Beta {
        let all = self.categories.get(&category).copied().unwrap_or_default();
        let (weight, sum) = self.share(counts);
        let between = self.variance / 2.0;
        let precision = 1.0 / between + (all.weight - weight).max(0.0);
        let multiple = (1.0 / between + (all.sum - sum).max(0.0)) / precision;
        let variance = self.variance / 2.0 + 1.0 / precision;
        Beta::new(self.mean * multiple, variance / (multiple * multiple).max(1e-9))
    }

    /// How much an arm says of its category, and that times its own multiple of the mean.
    fn share(&self, counts: Counts) -> (f64, f64) {
        let saturated = 1.0 + counts.trials * self.mean * self.variance / 2.0;
        (counts.trials * self.mean / saturated, counts.successes / saturated)
    }
}

/// Mean and relative variance of the arms' rates.
fn moments(arms: &[(u32, Counts)]) -> (f64, f64) {
    let start = SPREAD.0 / WIDER;
    let (mut mean, mut variance) = (0.05, start);
    for _ in 0..ROUNDS {
        let (mut trials, mut successes) = (20.0, 1.0);
        for (_, counts) in arms {
            let weight = 1.0 / (1.0 + counts.trials * mean * variance);
            trials += weight * counts.trials;
            successes += weight * counts.successes;
        }
        mean = (successes / trials).clamp(MEAN.0, MEAN.1);
        let faith = FAITH / (start * start);
        let (mut above, mut weights) = (faith * start, faith);
        for (_, counts) in arms {
            let expected = counts.trials * mean;
            let weight = 1.0 / (1.0 + expected * variance);
            let beyond = counts.successes - expected;
            above += weight * weight * (beyond * beyond - expected * (1.0 - mean));
            weights += weight * weight * expected * expected;
        }
        variance = (above / weights).clamp(SPREAD.0 / WIDER, SPREAD.1);
    }
    (mean, variance)
}

/// Hash of numbers that are hashes already.
#[derive(Default)]
struct Already(u64);

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
