//! The numbers of a comparison. People are what is independent, so everything is computed from sums over people; a
//! click rate is a ratio of two such sums, and its spread comes from the delta method (Deng, Knoblich, Lu: *Applying the
//! Delta Method in Metric Analytics*, KDD 2018, section 2.1).

use super::report::{Estimate, Uplift};

/// The 97.5 % quantile of the standard normal distribution: an interval of as many standard errors to both sides covers
/// 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Sums over the people of an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    pub(super) users: i64,
    pub(super) views: i64,
    pub(super) clicks: i64,
    pub(super) redemptions: i64,
    pub(super) views_squared: i64,
    pub(super) clicks_squared: i64,
    pub(super) views_clicks: i64,
}

/// A rate and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    pub(super) value: f64,
    pub(super) error: f64,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "beyond 2^53 the last digits of a sum of squares mean nothing"
)]
fn real(sum: i64) -> f64 {
    sum as f64
}

impl Sums {
    /// How many people who look equally often would tell as much: `(Σv)² / Σv²` (Kish, *Survey Sampling*, 1965, 11.7).
    /// A few who look very often decide the rate nearly alone.
    pub(super) fn effective_users(&self) -> f64 {
        if self.views == 0 { 0.0 } else { real(self.views).powi(2) / real(self.views_squared) }
    }

    /// Clicks per view; `None` without two people or without a view.
    ///
    /// With `r = Σc / Σv`, the residuals `c - r v` of the people sum to zero, and
    /// `var r ≈ n / (n - 1) · Σ (c - r v)² / (Σv)²`.
    pub(super) fn click_rate(&self) -> Option<Rate> {
        if self.users < 2 || self.views == 0 {
            return None;
        }
        let (n, views) = (real(self.users), real(self.views));
        let value = real(self.clicks) / views;
        let residuals = real(self.clicks_squared) - 2.0 * value * real(self.views_clicks)
            + value * value * real(self.views_squared);
        // Rounding can make nothing slightly less than nothing.
        let variance = n / (n - 1.0) * residuals.max(0.0) / (views * views);
        Some(Rate { value, error: variance.sqrt() })
    }
}

impl Rate {
    /// With its 95 % interval, which does not go below zero.
    pub(super) fn estimate(self) -> Estimate {
        let Self { value, error } = self;
        Estimate { value, low: (value - Z * error).max(0.0), high: value + Z * error }
    }

    /// How much higher than a control's rate it is, relative to that; `None` when one of them is zero.
    ///
    /// The logarithm of the ratio of two independent rates is closer to normal than the ratio, and its variance is the
    /// sum of their squared relative errors. Interval and p-value come from the same test, so that the interval leaves
    /// out zero exactly when p is below 0.05.
    pub(super) fn uplift_over(self, control: Self) -> Option<Uplift> {
        if self.value <= 0.0 || control.value <= 0.0 {
            return None;
        }
        let log_ratio = (self.value / control.value).ln();
        let error = (self.error / self.value).hypot(control.error / control.value);
        if error <= 0.0 {
            return None;
        }
        Some(Uplift {
            value: log_ratio.exp_m1(),
            low: (log_ratio - Z * error).exp_m1(),
            high: (log_ratio + Z * error).exp_m1(),
            p_value: two_sided(log_ratio / error),
        })
    }
}

/// The chance that a standard normal variable is as far from zero as this, or further.
pub(super) fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// Pearson's statistic for counts that were expected in some proportion, and its p-value; `None` with less than two
/// counts or nothing counted.
pub(super) fn chi_square(counts: &[(i64, f64)]) -> Option<(f64, f64)> {
    let total: f64 = counts.iter().map(|(count, _)| real(*count)).sum();
    let weight: f64 = counts.iter().map(|(_, weight)| weight).sum();
    if counts.len() < 2 || total <= 0.0 {
        return None;
    }
    let term = |(count, share): &(i64, f64)| {
        let expected = total * share / weight;
        (real(*count) - expected).powi(2) / expected
    };
    let statistic = counts.iter().map(term).sum();
    Some((statistic, chi_square_tail(statistic, counts.len() - 1)))
}

/// The chance that a χ² variable exceeds `x`, by the recurrence from two degrees of freedom fewer (Abramowitz and
/// Stegun, 26.4.4 and 26.4.5).
fn chi_square_tail(x: f64, degrees: usize) -> f64 {
    let half = x / 2.0;
    let odd = degrees % 2 == 1;
    let start = if odd { libm::erfc(half.sqrt()) } else { (-half).exp() };
    // `(x/2)^a e^(-x/2) / Γ(a + 1)` for a = 1/2, 3/2 … or 1, 2 …: the first, then each from the one before.
    let mut a = if odd { 0.5 } else { 1.0 };
    let gamma = if odd { std::f64::consts::PI.sqrt() / 2.0 } else { 1.0 };
    let mut term = half.powf(a) * (-half).exp() / gamma;
    let mut tail = start;
    for _ in 0..(degrees - 1) / 2 {
        tail += term;
        a += 1.0;
        term *= half / a;
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn normal_and_chi_square_tails_are_those_of_the_tables() {
        assert!(near(two_sided(Z), 0.05) && near(two_sided(-Z), 0.05) && near(two_sided(0.0), 1.0));
        // Abramowitz and Stegun, table 26.8: the 5 % points for 1 to 4 degrees of freedom, to more digits.
        let points =
            [3.841_458_820_694_124, 5.991_464_547_107_979, 7.814_727_903_251_179, 9.487_729_036_781_154];
        for (degrees, point) in (1..).zip(points) {
            assert!(
                near(chi_square_tail(point, degrees), 0.05),
                "{degrees}: {}",
                chi_square_tail(point, degrees)
            );
            assert!(near(chi_square_tail(0.0, degrees), 1.0));
        }
    }

    #[test]
    fn a_split_that_is_even_enough_is_not_suspicious() {
        assert_eq!(chi_square(&[(10, 50.0)]), None);
        assert_eq!(chi_square(&[(0, 50.0), (0, 50.0)]), None);
        let (statistic, p) = chi_square(&[(60, 50.0), (40, 50.0)]).unwrap_or_default();
        assert!(near(statistic, 4.0) && near(p, two_sided(2.0)), "{statistic} {p}");
    }

    #[test]
    fn a_rate_without_spread_or_without_data_has_no_comparison() {
        assert!(near(Sums::default().effective_users(), 0.0));
        // One who looks a hundred times among a hundred who look once.
        let uneven = Sums { users: 101, views: 200, views_squared: 10_100, ..Sums::default() };
        assert!(near(uneven.effective_users(), 40_000.0 / 10_100.0));
        assert_eq!(Sums { users: 1, views: 5, ..Sums::default() }.click_rate(), None);
        assert_eq!(Sums { users: 5, ..Sums::default() }.click_rate(), None);
        let exact = Rate { value: 0.5, error: 0.0 };
        assert_eq!(exact.uplift_over(exact), None);
        assert_eq!(exact.uplift_over(Rate { value: 0.0, error: 0.1 }), None);
    }
}
