//! Confidence intervals by empirical likelihood.
//!
//! Every quantity reported here is a ratio of two means over units of sampling, `θ = Σa / Σb`, so one interval serves
//! them all. Rewards are rare and weights are skewed: a normal interval `θ ± 1.96 s` is symmetric where the truth is
//! not and misses too often from below. The likelihood ratio
//!
//! ```text
//! R(θ) = max { Π n pᵢ : pᵢ ≥ 0, Σ pᵢ = 1, Σ pᵢ (aᵢ − θ bᵢ) = 0 }
//! ```
//!
//! takes its shape from the data; `{θ : −2 ln R(θ) ≤ t²}` covers the truth in 95 % of samples to second order,
//! `t` being the 97.5 % point of Student's t with as many degrees of freedom as there are units that tell anything, less
//! one: 1.96 for all but the smallest samples (Owen, *Empirical Likelihood*, 2001, §3.1 to 3.4; for policies: Karampatziakis, Langford, Mineiro, *Empirical
//! Likelihood for Contextual Bandits*, 34th conference on neural information processing systems, 2020).
//!
//! A sample of rare rewards does not show the reward that it narrowly missed: with none at all the ratio would say
//! "exactly zero". So each end is computed with one unit more than was seen, on the side of that end (see
//! [`Unseen`]), as the exact limits of a rate do when they count one more event than there were (Fay and Feuer,
//! *Statistics in Medicine* 16, 1997).

use serde::{Deserialize, Serialize};

/// Upper 2.5 % point of the normal distribution; its square is the 95 % point of χ² with one degree of freedom.
const NORMAL_95: f64 = 1.959_963_984_540_054;
/// An end is found to this share of its distance from the estimate.
const PRECISION: f64 = 1e-8;
const MOST_STEPS: usize = 200;

/// The two ends of a 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether the value lies between the ends, or on one.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The interval of a monotone increasing function of the quantity.
    #[must_use]
    pub(super) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { low: f(self.low), high: f(self.high) }
    }
}

/// What one unit of sampling (a decision, a row) adds to the two sums of a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) a: f64,
    /// Never negative.
    pub(super) b: f64,
}

/// The unit that might have been next in the sample: one for each end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unseen {
    pub(super) low: Pair,
    pub(super) high: Pair,
}

/// Pairs with equal ones counted together: context-free policies give few different ones.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    groups: Vec<Group>,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    pair: Pair,
    count: f64,
}

/// How far the signed root at a distance from the estimate is above its bound.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: f64,
    excess: f64,
}

impl Point {
    /// Where the line through two points meets the bound; their middle when it does not meet it between them.
    fn secant(self, other: Self) -> f64 {
        let at = self.at - self.excess * (other.at - self.at) / (other.excess - self.excess);
        if at > self.at && at < other.at { at } else { f64::midpoint(self.at, other.at) }
    }
}

impl Sample {
    /// Collects the pairs of all units.
    pub(super) fn new(mut pairs: Vec<Pair>) -> Self {
        // Only equal ones have to come together: the order of the bits will do.
        pairs.sort_unstable_by_key(|pair| (pair.a.to_bits(), pair.b.to_bits()));
        let groups = pairs.chunk_by(|x, y| x == y).filter_map(|same| {
            let pair = *same.first()?;
            Some(Group { pair, count: count(same.len()) })
        });
        Self { groups: groups.collect() }
    }

    /// `Σa / Σb`.
    pub(super) fn ratio(&self) -> f64 {
        let (a, b) = self.groups.iter().fold((0.0, 0.0), |(a, b), group| {
            (a + group.count * group.pair.a, b + group.count * group.pair.b)
        });
        a / b
    }

    /// The 95 % confidence interval of the ratio.
    pub(super) fn interval(&self, unseen: Unseen) -> Interval {
        Interval { low: self.with(unseen.low).end(-1.0), high: self.with(unseen.high).end(1.0) }
    }

    fn with(&self, pair: Pair) -> Self {
        let mut groups = self.groups.clone();
        groups.push(Group { pair, count: 1.0 });
        Self { groups }
    }

    /// The value on the given side (−1 below, 1 above) of the ratio at which the likelihood ratio reaches its bound.
    fn end(&self, side: f64) -> f64 {
        let ratio = self.ratio();
        let Some(first_step) = self.standard_error(ratio) else { return ratio };
        let bound = student_95(self.telling() - 1.0);
        let excess = |distance: f64| self.signed_root(ratio + side * distance) - bound;
        let (mut inside, mut outside) = (Point { at: 0.0, excess: -bound }, Point { at: 0.0, excess: 0.0 });
        for doubling in 1..=MOST_STEPS {
            let at = if doubling == 1 { 2.0 * first_step } else { 2.0 * inside.at };
            let next = Point { at, excess: excess(at) };
            if next.excess >= 0.0 {
                outside = next;
                break;
            }
            inside = next;
        }
        if outside.at <= 0.0 {
            return side * f64::INFINITY;
        }
        // The root of the likelihood ratio is nearly straight, so secants converge in a few steps. Outside the hull
        // of the data it is infinite: there the middle is taken.
        let mut kept = None;
        for _ in 0..MOST_STEPS {
            if outside.at - inside.at <= PRECISION * outside.at {
                break;
            }
            let at = inside.secant(outside);
            let next = Point { at, excess: excess(at) };
            let below = next.excess < 0.0;
            if below {
                inside = next;
            } else {
                outside = next;
            }
            // A point that stays twice holds the secant back: its weight is halved (the Illinois method).
            if kept == Some(below) {
                let stayed = if below { &mut outside } else { &mut inside };
                stayed.excess /= 2.0;
            }
            kept = Some(below);
        }
        ratio + side * f64::midpoint(inside.at, outside.at)
    }

    /// Units that tell anything about the ratio: the others add nothing to its sums.
    fn telling(&self) -> f64 {
        self.groups.iter().filter(|group| group.pair.b > 0.0).map(|group| group.count).sum()
    }

    /// The delta method's standard error, for a first guess of where the end is; `None` when nothing varies.
    fn standard_error(&self, ratio: f64) -> Option<f64> {
        let (squares, b) = self.groups.iter().fold((0.0, 0.0), |(squares, b), group| {
            let moment = group.pair.a - ratio * group.pair.b;
            (squares + group.count * moment * moment, b + group.count * group.pair.b)
        });
        let error = f64::sqrt(squares) / b;
        // Below rounding of the ratio itself there is no variation to speak of.
        (error > 1e-12 * ratio.abs().max(f64::MIN_POSITIVE)).then_some(error)
    }

    /// `√(−2 ln R(θ))`; infinite where no weights of the units give this ratio.
    fn signed_root(&self, theta: f64) -> f64 {
        let moments = || self.groups.iter().map(|g| (g.pair.a - theta * g.pair.b, g.count));
        let (smallest, largest) = moments()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (g, _)| (low.min(g), high.max(g)));
        if smallest >= 0.0 || largest <= 0.0 {
            return f64::INFINITY;
        }
        let units: f64 = self.groups.iter().map(|group| group.count).sum();
        // Every weight pᵢ = 1 / (n (1 + λ gᵢ)) is at most 1, which bounds λ (Owen, §2.9 and 3.14).
        let (mut low, mut high) = ((1.0 / units - 1.0) / largest, (1.0 / units - 1.0) / smallest);
        let mut lambda = 0.0;
        for _ in 0..MOST_STEPS {
            let (slope_sum, value) = moments().fold((0.0, 0.0), |(slopes, sum), (g, count)| {
                let share = g / (1.0 + lambda * g);
                (slopes + count * share * share, sum + count * share)
            });
            if value > 0.0 {
                low = lambda;
            } else {
                high = lambda;
            }
            let newton = lambda + value / slope_sum;
            let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
            let moved = (next - lambda).abs();
            lambda = next;
            if moved <= 1e-12 * lambda.abs() {
                break;
            }
        }
        let log_ratio: f64 = moments().map(|(g, count)| count * (lambda * g).ln_1p()).sum();
        (2.0 * log_ratio).max(0.0).sqrt()
    }
}

/// Upper 2.5 % point of Student's t (Cornish-Fisher expansion, Abramowitz and Stegun 26.7.5).
fn student_95(degrees: f64) -> f64 {
    const Z: f64 = NORMAL_95;
    const SQUARE: f64 = Z * Z;
    // Horner in z², from the highest power.
    const TERMS: [f64; 4] = [
        Z * (SQUARE + 1.0) / 4.0,
        Z * ((5.0 * SQUARE + 16.0) * SQUARE + 3.0) / 96.0,
        Z * (((3.0 * SQUARE + 19.0) * SQUARE + 17.0) * SQUARE - 15.0) / 384.0,
        Z * ((((79.0 * SQUARE + 776.0) * SQUARE + 1482.0) * SQUARE - 1920.0) * SQUARE - 945.0) / 92_160.0,
    ];
    let inverse = 1.0 / degrees.max(1.0);
    Z + TERMS.iter().rev().fold(0.0, |sum, term| (sum + term) * inverse)
}

/// A number of rows as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "logs have far fewer than 2^52 rows")]
pub(super) fn count(rows: usize) -> f64 {
    rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros_and_ones(ones: usize, rows: usize) -> Sample {
        let pair = |row| Pair { a: if row < ones { 1.0 } else { 0.0 }, b: 1.0 };
        Sample::new((0..rows).map(pair).collect())
    }

    fn failure_and_success() -> Unseen {
        Unseen { low: Pair { a: 0.0, b: 1.0 }, high: Pair { a: 1.0, b: 1.0 } }
    }

    /// −2 ln of the binomial likelihood ratio.
    fn binomial(ones: f64, rows: f64, rate: f64) -> f64 {
        let share = ones / rows;
        2.0 * (ones * (share / rate).ln() + (rows - ones) * ((1.0 - share) / (1.0 - rate)).ln())
    }

    #[test]
    fn zeros_and_ones_give_the_binomial_likelihood_ratio() {
        for (ones, rows) in [(1, 10), (5, 10), (9, 10), (50, 10_000)] {
            let interval = zeros_and_ones(ones, rows).interval(failure_and_success());
            let (ones, rows) = (count(ones), count(rows));
            let (low, high) =
                (binomial(ones, rows + 1.0, interval.low), binomial(ones + 1.0, rows + 1.0, interval.high));
            let bound = student_95(rows).powi(2);
            assert!((low - bound).abs() < 1e-5, "{ones} of {rows}: {low}");
            assert!((high - bound).abs() < 1e-5, "{ones} of {rows}: {high}");
            assert!(interval.low < ones / rows && ones / rows < interval.high);
        }
    }

    #[test]
    fn students_t_is_the_tabled_one() {
        for (degrees, tabled) in [(2.0, 4.303), (3.0, 3.182), (5.0, 2.571), (10.0, 2.228), (50.0, 2.009)] {
            assert!((student_95(degrees) / tabled - 1.0).abs() < 0.01, "{degrees}");
        }
        assert!((student_95(1e9) - NORMAL_95).abs() < 1e-6);
    }

    /// Without any reward the interval begins at zero and ends where the exact one nearly does: 3.7 / n.
    #[test]
    fn nothing_seen_is_not_nothing() {
        let interval = zeros_and_ones(0, 1_000).interval(failure_and_success());
        assert!(interval.low.abs() < 1e-12, "{interval:?}");
        assert!((0.0035..0.0050).contains(&interval.high), "{interval:?}");
        let all = zeros_and_ones(1_000, 1_000).interval(failure_and_success());
        assert!((all.high - 1.0).abs() < 1e-12 && (0.995..0.9965).contains(&all.low), "{all:?}");
    }

    /// The weights of three units that give a mean lie on a line: the largest product on it is found by trying all.
    #[test]
    fn three_units_agree_with_trying_every_weight() {
        let values = [0.0, 1.0, 3.0];
        let sample = Sample::new(values.iter().map(|a| Pair { a: *a, b: 1.0 }).collect());
        for theta in [0.5, 1.0, 1.2, 2.0, 2.9] {
            let steps = 1_000_000_u32;
            // p₂ = t and p₃ = (θ − t) / 3 give the mean θ; p₁ is the rest.
            let best =
                (0..=steps).map(|step| f64::from(step) / f64::from(steps)).fold(0.0, |best: f64, t| {
                    let third = (theta - t) / 3.0;
                    let first = 1.0 - t - third;
                    if first < 0.0 || third < 0.0 { best } else { best.max(27.0 * first * t * third) }
                });
            let expected = (-2.0 * best.ln()).sqrt();
            assert!((sample.signed_root(theta) - expected).abs() < 1e-6, "{theta}");
        }
    }

    #[test]
    fn no_weights_give_a_ratio_outside_the_data() {
        let sample = Sample::new(vec![Pair { a: 1.0, b: 1.0 }, Pair { a: 6.0, b: 2.0 }]);
        for (theta, inside) in [(0.9, false), (1.1, true), (2.9, true), (3.1, false)] {
            assert_eq!(sample.signed_root(theta).is_finite(), inside, "{theta}");
        }
    }

    #[test]
    fn a_unit_of_measure_does_not_matter() {
        let pairs = |scale: f64| {
            let pair = |row: u32| Pair {
                a: scale * f64::from(row % 7) * f64::from(row % 3),
                b: 1.0 + f64::from(row % 2),
            };
            Sample::new((0..100).map(pair).collect())
        };
        let unseen =
            |scale: f64| Unseen { low: Pair { a: 0.0, b: 1.0 }, high: Pair { a: 20.0 * scale, b: 1.0 } };
        let (one, tiny) = (pairs(1.0).interval(unseen(1.0)), pairs(1e-9).interval(unseen(1e-9)));
        assert!(
            (one.low * 1e-9 / tiny.low - 1.0).abs() < 1e-6
                && (one.high * 1e-9 / tiny.high - 1.0).abs() < 1e-6
        );
    }
}
