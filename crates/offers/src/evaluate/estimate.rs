//! Off-policy estimates: what a policy would have brought, from the log of another one.
//!
//! Row `i` showed offer `aᵢ` with chance `pᵢ` and brought `rᵢ`; the policy asked about would have shown it with chance
//! `πᵢ`, so the row stands for `wᵢ = πᵢ / pᵢ` rows of that policy.
//!
//! - IPS `Σ wᵢrᵢ / n` (Horvitz and Thompson, JASA 47, 1952): unbiased, spread by the weights.
//! - SNIPS `Σ wᵢrᵢ / Σ wᵢ` (Swaminathan and Joachims, NIPS 2015): a little bias for less spread, never above the
//!   largest reward.
//! - DR `Σ (Σₐ π(a) q(a) + wᵢ (rᵢ − q(aᵢ))) / n` (Dudík, Langford, Li, ICML 2011): a model `q` of the rewards, corrected
//!   by the log; unbiased whatever the model says. `q` is learned from the other half of the log (cross-fitting,
//!   Chernozhukov et al., Econometrics Journal 21, 2018), or it would know the rewards that it is corrected with.

use serde::{Deserialize, Serialize};

use super::chances::{Candidates, Chances};
use super::error::EvaluateError;
use super::interval::{Interval, Pair, Sample, Unseen, count};
use super::model::RewardModel;
use super::rows::{Log, Row};
use super::target::Target;

/// The ways to estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Estimator {
    /// Inverse propensity scoring.
    Ips,
    /// Self-normalised inverse propensity scoring.
    Snips,
    /// Doubly robust.
    Dr,
}

impl Estimator {
    /// All of them, in the order people read them.
    pub const ALL: [Self; 3] = [Self::Ips, Self::Snips, Self::Dr];

    /// The name that everybody uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ips => "IPS",
            Self::Snips => "SNIPS",
            Self::Dr => "DR",
        }
    }
}

/// A value and its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Where the truth is, in 95 of 100 logs.
    pub interval: Interval,
}

/// How the weights are spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// `(Σw)² / Σw²` (Kish): so many rows of the policy itself would tell as much.
    pub effective_sample_size: f64,
    /// The largest one, after clipping.
    pub largest: f64,
    /// Their mean. 1, but for chance, when the log tried all that the policy would show and its chances are right.
    pub mean: Estimate,
    /// What clipping did, when it was asked for.
    pub clipped: Option<Clipped>,
}

/// What clipping did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clipped {
    /// The largest weight allowed.
    pub at: f64,
    /// Share of the rows whose weight was larger, 0 to 1.
    pub rows: f64,
    /// Share of the sum of weights that was cut off, 0 to 1.
    pub weight: f64,
}

/// A log, the policy asked about, and what the halves of the log know of each other.
pub(super) struct Study<'a> {
    log: &'a Log,
    clip: f64,
    largest_reward: f64,
    folds: Folds,
    /// By fold: what is applied to its rows was learned elsewhere.
    chances: [Chances; 2],
    models: [RewardModel; 2],
    totals: Totals,
}

/// Which half of the log a unit is in.
///
/// One unit of each pair of neighbours, by lot: the halves are as large, and no rhythm of the log can tell them apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folds {
    pub(super) seed: u64,
}

impl Folds {
    pub(super) fn of(self, unit: u32) -> usize {
        // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
        let mut mixed = self.seed.wrapping_add((u64::from(unit / 2) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::from((mixed >> 63 == 1) ^ (unit % 2 == 1))
    }
}

/// Sums over the rows.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    rows: f64,
    weights: f64,
    squares: f64,
    smallest: f64,
    largest: f64,
    unclipped: f64,
    clipped_rows: f64,
}

/// What a study is made of, besides the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) target: Target,
    pub(super) clip: Option<f64>,
    pub(super) largest_reward: f64,
    pub(super) seed: u64,
    /// Rows to learn the policy from instead of the other half of the log; their items are the log's.
    pub(super) training: Option<&'a [Row]>,
}

impl<'a> Study<'a> {
    /// Learns what has to be learned, each half of the log from the other one.
    pub(super) fn new(log: &'a Log, plan: Plan<'_>) -> Result<Self, EvaluateError> {
        let candidates = Candidates { items: &log.items, slots: log.slots };
        let folds = Folds { seed: plan.seed };
        let others = |fold: usize| log.rows.iter().filter(move |row| folds.of(row.unit) != fold);
        let chances = |fold: usize| {
            let training: Vec<&Row> = match plan.training {
                Some(rows) => rows.iter().collect(),
                None if plan.target.learns() => others(fold).collect(),
                None => Vec::new(),
            };
            Chances::of(plan.target, candidates, &training, plan.seed)
        };
        let model = |fold| RewardModel::learn(others(fold), log.items.len(), log.slots);
        let mut study = Self {
            log,
            clip: plan.clip.unwrap_or(f64::INFINITY),
            largest_reward: plan.largest_reward,
            folds,
            chances: [chances(0), chances(1)],
            models: [model(0), model(1)],
            totals: Totals::default(),
        };
        study.totals = study.add_up();
        if study.totals.weights > 0.0 { Ok(study) } else { Err(EvaluateError::NoOverlap) }
    }

    fn add_up(&self) -> Totals {
        let start = Totals { smallest: f64::INFINITY, ..Totals::default() };
        self.log.rows.iter().fold(start, |totals, row| {
            let (unclipped, weight) = (self.unclipped_weight(row), self.weight(row));
            Totals {
                rows: totals.rows + 1.0,
                weights: totals.weights + weight,
                squares: totals.squares + weight * weight,
                smallest: totals.smallest.min(weight),
                largest: totals.largest.max(weight),
                unclipped: totals.unclipped + unclipped,
                clipped_rows: totals.clipped_rows + f64::from(unclipped > self.clip),
            }
        })
    }

    fn unclipped_weight(&self, row: &Row) -> f64 {
        self.chances[self.folds.of(row.unit)].weight(row)
    }

    fn weight(&self, row: &Row) -> f64 {
        self.unclipped_weight(row).min(self.clip)
    }

    /// The row's doubly robust value.
    fn doubly_robust(&self, row: &Row) -> f64 {
        let fold = self.folds.of(row.unit);
        let (chances, model) = (&self.chances[fold], &self.models[fold]);
        chances.expected(model, row) + self.weight(row) * (row.reward - model.rate(row))
    }

    /// Rows per unit of sampling.
    fn unit_rows(&self) -> f64 {
        self.totals.rows / count(self.log.units)
    }

    /// Weight of the row that a typical impression of the policy comes from: the mean, by weight, of the weights.
    fn typical_weight(&self) -> f64 {
        self.totals.squares / self.totals.weights
    }

    /// Whether the policy shows exactly what was logged, as far as the log can tell.
    fn same_as_logged(&self) -> bool {
        self.totals.smallest >= 1.0 && self.totals.largest <= 1.0
    }

    /// Sums over the rows of each unit.
    fn sample(&self, of_row: impl Fn(&Row) -> Pair) -> Sample {
        let mut pairs = vec![Pair { a: 0.0, b: 0.0 }; self.log.units];
        for row in &self.log.rows {
            if let Some(pair) = pairs.get_mut(row.unit as usize) {
                let of_row = of_row(row);
                pair.a += of_row.a;
                pair.b += of_row.b;
            }
        }
        Sample::new(pairs)
    }

    /// The mean reward of the log.
    pub(super) fn logged(&self) -> Estimate {
        let (rows, reward) = (self.unit_rows(), self.largest_reward);
        let unseen = Unseen { low: Pair { a: 0.0, b: rows }, high: Pair { a: reward, b: rows } };
        estimate(&self.sample(|row| Pair { a: row.reward, b: 1.0 }), unseen)
    }

    /// The value of the policy.
    pub(super) fn value(&self, estimator: Estimator) -> Estimate {
        let Estimate { value, interval } = self.unbounded_value(estimator);
        // The truth is a mean of rewards, also where an unbiased estimate is none.
        let (least, most) = (value.min(0.0), value.max(self.largest_reward));
        Estimate { value, interval: interval.map(|end| end.clamp(least, most)) }
    }

    fn unbounded_value(&self, estimator: Estimator) -> Estimate {
        let (rows, weight, reward) = (self.unit_rows(), self.typical_weight(), self.largest_reward);
        match estimator {
            Estimator::Ips => {
                let unseen =
                    Unseen { low: Pair { a: 0.0, b: rows }, high: Pair { a: weight * reward, b: rows } };
                estimate(&self.sample(|row| Pair { a: self.weight(row) * row.reward, b: 1.0 }), unseen)
            }
            Estimator::Snips => {
                let unseen =
                    Unseen { low: Pair { a: 0.0, b: weight }, high: Pair { a: weight * reward, b: weight } };
                let of_row = |row: &Row| Pair { a: self.weight(row) * row.reward, b: self.weight(row) };
                estimate(&self.sample(of_row), unseen)
            }
            Estimator::Dr => {
                let sample = self.sample(|row| Pair { a: self.doubly_robust(row), b: 1.0 });
                let value = sample.ratio();
                let unit = |reward: f64| Pair { a: rows * value + weight * (reward - value), b: rows };
                estimate(&sample, Unseen { low: unit(0.0), high: unit(reward) })
            }
        }
    }

    /// The value of the policy relative to the log's mean reward, less one; `None` when the log has no reward.
    pub(super) fn lift(&self, estimator: Estimator, value: f64) -> Option<Estimate> {
        if self.log.mean_reward() <= 0.0 {
            return None;
        }
        if self.same_as_logged() {
            return Some(Estimate { value: 0.0, interval: Interval { low: 0.0, high: 0.0 } });
        }
        let reward = self.largest_reward;
        let mean_weight = self.totals.weights / self.totals.rows;
        let numerator = |row: &Row| match estimator {
            Estimator::Ips => self.weight(row) * row.reward,
            // The ratio of two sums is as good as a sum of its linear parts: the delta method.
            Estimator::Snips => value + self.weight(row) * (row.reward - value) / mean_weight,
            Estimator::Dr => self.doubly_robust(row),
        };
        let unseen = |weight: f64| {
            let a = match estimator {
                Estimator::Ips => weight * reward,
                Estimator::Snips => value + weight * (reward - value) / mean_weight,
                Estimator::Dr => value + weight * (reward - value),
            };
            Pair { a, b: reward }
        };
        let unseen = Unseen { low: unseen(self.totals.smallest), high: unseen(self.typical_weight()) };
        let ratio = estimate(&self.sample(|row| Pair { a: numerator(row), b: row.reward }), unseen);
        let lift = ratio.value - 1.0;
        Some(Estimate { value: lift, interval: ratio.interval.map(|end| (end - 1.0).max(lift.min(-1.0))) })
    }

    /// How the weights are spread.
    pub(super) fn weights(&self) -> Weights {
        let Totals { rows, weights, squares, smallest, largest, unclipped, clipped_rows } = self.totals;
        let mean = if self.same_as_logged() {
            Estimate { value: 1.0, interval: Interval { low: 1.0, high: 1.0 } }
        } else {
            let unseen = |weight| Pair { a: weight, b: 1.0 };
            let unseen = Unseen { low: unseen(smallest), high: unseen(self.typical_weight()) };
            estimate(&self.sample(|row| Pair { a: self.weight(row), b: 1.0 }), unseen)
        };
        let clipped = self.clip.is_finite().then(|| Clipped {
            at: self.clip,
            rows: clipped_rows / rows,
            weight: (unclipped - weights) / unclipped,
        });
        Weights { effective_sample_size: weights * weights / squares, largest, mean, clipped }
    }
}

fn estimate(sample: &Sample, unseen: Unseen) -> Estimate {
    Estimate { value: sample.ratio(), interval: sample.interval(unseen) }
}
