//! Intervals of Beta distributions.

/// The central interval that holds so much (0 to 1) of the Beta distribution of this mean and standard deviation; a
/// point when there is no such distribution.
pub(super) fn interval(mean: f64, deviation: f64, content: f64) -> (f64, f64) {
    let strength = mean * (1.0 - mean) / (deviation * deviation) - 1.0;
    if !(strength.is_finite() && strength > 0.0) {
        return (mean, mean);
    }
    let (a, b) = (mean * strength, (1.0 - mean) * strength);
    let tail = (1.0 - content) / 2.0;
    (quantile(a, b, tail), quantile(a, b, 1.0 - tail))
}

/// Where the distribution function of Beta(a, b) reaches `p`, by bisection.
fn quantile(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if distribution(a, b, middle) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The distribution function of Beta(a, b), the regularised incomplete beta function, by its continued fraction (Abramowitz
/// and Stegun 26.5.8; evaluated after Lentz).
#[expect(clippy::many_single_char_names, reason = "the names of the formula")]
fn distribution(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast on this side only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - distribution(b, a, 1.0 - x);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp() / a;
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for step in 1..500_u32 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-12 {
            break;
        }
    }
    front * fraction
}

/// The logarithm of the gamma function of a number above zero, by Stirling's series after shifting to 10 and more.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 10.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(a: f64, b: f64) -> (f64, f64) {
        let n = a + b;
        (a / n, (a * b / (n * n * (n + 1.0))).sqrt())
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        // Beta(1, 1) is uniform; Beta(2, 1) has the distribution function x²; the others were integrated numerically.
        for ((a, b), (low, high)) in [
            ((1.0, 1.0), (0.05, 0.95)),
            ((2.0, 1.0), (0.05_f64.sqrt(), 0.95_f64.sqrt())),
            ((85.0, 1117.0), (0.058_977_3, 0.083_265_7)),
            ((0.5, 20.5), (0.000_097_1, 0.090_476_4)),
        ] {
            let (mean, deviation) = of(a, b);
            let found = interval(mean, deviation, 0.9);
            let close = |x: f64, y: f64| (x - y).abs() < 1e-6;
            assert!(close(found.0, low) && close(found.1, high), "Beta({a}, {b}): {found:?}");
        }
    }

    #[test]
    fn what_is_certain_is_a_point() {
        for (mean, deviation) in [(0.5, 0.0), (0.0, 0.1), (1.0, 0.0), (0.5, 0.6), (f64::NAN, 0.1)] {
            let (low, high) = interval(mean, deviation, 0.9);
            assert!((low - high).abs() < f64::EPSILON || mean.is_nan(), "{mean} ± {deviation}");
        }
    }
}
