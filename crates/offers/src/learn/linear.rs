//! Bayesian linear regression of the reward on user and offer (Agrawal and Goyal 2013).
//!
//! The model is `reward = w·x + noise`. Its sums `A = Σ x xᵀ` over trials and `b = Σ r x` over rewards come in any
//! order, so rewards may be late. Weights have the prior Normal(w₀, (m / 2)²), `m` the mean reward: w₀ says that an
//! offer's reward is what its own rate was, and everything else is learned on top. The noise has variance
//! `σ² = m (1 - m)`, that of a reward of mean `m`. So with `λ = 4 (1 - m) / m` the posterior is
//! Normal(μ, σ² (A + λ)⁻¹), `μ = (A + λ)⁻¹ (b + λ w₀)`.

use rand::Rng;
use rand::rngs::SmallRng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::features::{DIMENSIONS, Features, place};

/// Places of the lower triangle of a matrix, row by row.
const TRIANGLE: usize = DIMENSIONS * (DIMENSIONS + 1) / 2;

/// Places of a vector that are not zero.
const DENSE: usize = 9;

/// The sums of the regression. Empty until there is a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Model {
    a: Vec<f64>,
    b: Vec<f64>,
}

/// The posterior of the weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Posterior {
    mean: [f64; DIMENSIONS],
    /// Lower triangle L of L Lᵀ = (A + λ) / σ².
    root: Vec<f64>,
}

fn at(row: usize, column: usize) -> usize {
    row * (row + 1) / 2 + column
}

/// What of a vector is not zero, in order of the places.
pub(super) fn dense(features: &Features, own: f64) -> [(usize, f64); DENSE] {
    [
        (place::BIAS, 1.0),
        (place::PRIORITY, f64::from(features.priority)),
        (place::URGENCY, f64::from(features.urgency)),
        (place::INVENTORY, f64::from(features.inventory)),
        (place::DISCOUNT, f64::from(features.discount)),
        (place::RELEVANCE, f64::from(features.relevance)),
        (place::OWN, own),
        (usize::from(features.category), 1.0),
        (usize::from(features.crossing), 1.0),
    ]
}

impl Model {
    /// Takes a trial in; `own` is the arm's own rate as the features have it.
    pub(super) fn tried(&mut self, features: &Features, own: f64) {
        self.grow();
        let x = dense(features, own);
        for (i, &(row, left)) in x.iter().enumerate() {
            let line = &mut self.a[at(row, 0)..=at(row, row)];
            for &(column, right) in &x[..=i] {
                line[column] += left * right;
            }
        }
    }

    /// Takes a reward in.
    pub(super) fn rewarded(&mut self, features: &Features, own: f64, value: f64) {
        self.grow();
        for (place, x) in dense(features, own) {
            self.b[place] += value * x;
        }
    }

    fn grow(&mut self) {
        self.a.resize(TRIANGLE, 0.0);
        self.b.resize(DIMENSIONS, 0.0);
    }

    /// The posterior when the mean reward is `mean`.
    pub(super) fn posterior(&self, mean: f64) -> Posterior {
        let mean = mean.clamp(1e-6, 1.0 - 1e-6);
        let ridge = 4.0 * (1.0 - mean) / mean;
        let mut a = self.a.clone();
        a.resize(TRIANGLE, 0.0);
        let mut b = self.b.clone();
        b.resize(DIMENSIONS, 0.0);
        for i in 0..DIMENSIONS {
            a[at(i, i)] += ridge;
        }
        b[place::BIAS] += ridge * mean;
        b[place::OWN] += ridge * mean;
        let root = cholesky(a);
        let mean_weights = back(&root, &forward(&root, &b));
        let noise = (mean * (1.0 - mean)).sqrt();
        Posterior { mean: mean_weights, root: root.into_iter().map(|entry| entry / noise).collect() }
    }
}

impl Posterior {
    /// The weights that are most likely.
    pub(super) fn mean(&self) -> &[f64; DIMENSIONS] {
        &self.mean
    }

    /// Draws weights.
    pub(super) fn draw(&self, rng: &mut SmallRng) -> [f64; DIMENSIONS] {
        let normal: [f64; DIMENSIONS] = std::array::from_fn(|_| rng.sample(StandardNormal));
        let mut weights = back(&self.root, &normal);
        for (weight, mean) in weights.iter_mut().zip(self.mean) {
            *weight += mean;
        }
        weights
    }

    /// Standard deviation of what the model says of a vector.
    pub(super) fn deviation(&self, x: &[f64; DIMENSIONS]) -> f64 {
        forward(&self.root, x).iter().map(|part| part * part).sum::<f64>().sqrt()
    }
}

/// The lower triangle L with L Lᵀ = A, for a positive definite A.
fn cholesky(mut a: Vec<f64>) -> Vec<f64> {
    for i in 0..DIMENSIONS {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| a[at(i, k)] * a[at(j, k)]).sum();
            let rest = a[at(i, j)] - dot;
            a[at(i, j)] = if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / a[at(j, j)] };
        }
    }
    a
}

/// Solves L y = b.
fn forward(root: &[f64], b: &[f64]) -> [f64; DIMENSIONS] {
    let mut y = [0.0; DIMENSIONS];
    for i in 0..DIMENSIONS {
        let dot: f64 = (0..i).map(|k| root[at(i, k)] * y[k]).sum();
        y[i] = (b[i] - dot) / root[at(i, i)];
    }
    y
}

/// Solves Lᵀ x = y.
fn back(root: &[f64], y: &[f64; DIMENSIONS]) -> [f64; DIMENSIONS] {
    let mut x = [0.0; DIMENSIONS];
    for i in (0..DIMENSIONS).rev() {
        let dot: f64 = (i + 1..DIMENSIONS).map(|k| root[at(k, i)] * x[k]).sum();
        x[i] = (y[i] - dot) / root[at(i, i)];
    }
    x
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::learn::{OfferFeatures, UserFeatures};

    const MEAN: f64 = 0.1;
    const RIDGE: f64 = 4.0 * 0.9 / 0.1;

    /// Some trials: vectors, how their arms compared with the mean, and rewards.
    fn trials(rng: &mut SmallRng) -> Vec<(Features, f64, Option<f64>)> {
        let mut signal = || 100.0 * rng.random::<f32>();
        let looks: Vec<_> = (0..400)
            .map(|i| {
                let offer = OfferFeatures {
                    priority: signal(),
                    urgency: signal(),
                    inventory: signal(),
                    discount: signal() / 100.0,
                };
                Features::new(&offer, i % 7, &UserFeatures { segment: i % 5, relevance: signal() })
            })
            .collect();
        looks
            .into_iter()
            .map(|features| {
                (features, rng.random_range(-1.0..3.0), rng.random_bool(0.3).then(|| rng.random()))
            })
            .collect()
    }

    fn spread_out(features: &Features, own: f64) -> [f64; DIMENSIONS] {
        let mut x = [0.0; DIMENSIONS];
        for (place, value) in dense(features, own) {
            x[place] = value;
        }
        x
    }

    /// Solves A x = b by elimination with pivots: another way than the one under test.
    fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for column in 0..n {
            let pivot = (column..n).max_by(|i, j| a[*i][column].abs().total_cmp(&a[*j][column].abs()));
            let pivot = pivot.unwrap_or(column);
            a.swap(column, pivot);
            b.swap(column, pivot);
            for row in (0..n).filter(|row| *row != column) {
                let factor = a[row][column] / a[column][column];
                let from = a[column].clone();
                for (left, right) in a[row].iter_mut().zip(from) {
                    *left -= factor * right;
                }
                b[row] -= factor * b[column];
            }
        }
        (0..n).map(|i| b[i] / a[i][i]).collect()
    }

    /// The ridge regression towards w₀ of these trials, its matrix and its solution.
    fn ridge(trials: &[(Features, f64, Option<f64>)]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut a = vec![vec![0.0; DIMENSIONS]; DIMENSIONS];
        let mut b = vec![0.0; DIMENSIONS];
        for (i, row) in a.iter_mut().enumerate() {
            row[i] = RIDGE;
        }
        b[place::BIAS] = RIDGE * MEAN;
        b[place::OWN] = RIDGE * MEAN;
        for (features, own, reward) in trials {
            let x = spread_out(features, *own);
            for i in 0..DIMENSIONS {
                (0..DIMENSIONS).for_each(|j| a[i][j] += x[i] * x[j]);
                b[i] += x[i] * reward.unwrap_or(0.0);
            }
        }
        (a.clone(), solve(a, b))
    }

    #[test]
    fn the_posterior_is_the_ridge_regression() {
        let trials = trials(&mut SmallRng::seed_from_u64(1));
        let mut model = Model::default();
        // All rewards come after all trials, in another order.
        for (features, own, _) in &trials {
            model.tried(features, *own);
        }
        for (features, own, reward) in trials.iter().rev() {
            model.rewarded(features, *own, reward.unwrap_or(0.0));
        }
        let posterior = model.posterior(MEAN);
        let (matrix, expected) = ridge(&trials);
        for (weight, expected) in posterior.mean().iter().zip(&expected) {
            assert!((weight - expected).abs() < 1e-9, "{weight} {expected}");
        }
        let x = spread_out(&trials[0].0, trials[0].1);
        let through = solve(matrix, x.to_vec());
        let variance =
            MEAN * (1.0 - MEAN) * x.iter().zip(through).map(|(left, right)| left * right).sum::<f64>();
        assert!((posterior.deviation(&x) - variance.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn draws_have_the_posteriors_mean_and_spread() {
        let mut rng = SmallRng::seed_from_u64(2);
        let trials = trials(&mut rng);
        let mut model = Model::default();
        for (features, own, _) in &trials {
            model.tried(features, *own);
        }
        let posterior = model.posterior(MEAN);
        let x = spread_out(&trials[3].0, trials[3].1);
        let dot = |weights: &[f64]| x.iter().zip(weights).map(|(x, weight)| x * weight).sum::<f64>();
        let drawn: Vec<_> = (0..20_000).map(|_| dot(&posterior.draw(&mut rng))).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let deviation = (drawn.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / 20_000.0).sqrt();
        let expected = posterior.deviation(&x);
        assert!((mean - dot(posterior.mean())).abs() < 4.0 * expected / 20_000_f64.sqrt(), "{mean}");
        assert!((deviation / expected - 1.0).abs() < 0.03, "{deviation} {expected}");
    }

    #[test]
    fn before_anything_is_known_an_offers_reward_is_its_own_rate() {
        let posterior = Model::default().posterior(MEAN);
        let x = spread_out(&Features::default(), 0.5);
        let believed: f64 = x.iter().zip(posterior.mean()).map(|(x, weight)| x * weight).sum();
        assert!((believed - 1.5 * MEAN).abs() < 1e-12, "{believed}");
    }
}
