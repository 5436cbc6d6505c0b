//! Fast draws from Beta distributions, as a share of one Gamma draw in two.

use rand::Rng;
use rand::rngs::SmallRng;
use rand_distr::StandardNormal;

use super::Estimate;
use super::prior::Beta;

/// A Beta distribution made ready to draw from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Draws {
    a: Gamma,
    b: Gamma,
}

impl Draws {
    /// Of Beta(a × sharper, b × sharper): the same mean, and a variance smaller by about `sharper`.
    pub(super) fn new(beta: Beta, sharper: f64) -> Self {
        Self { a: Gamma::new(beta.a * sharper), b: Gamma::new(beta.b * sharper) }
    }

    /// One draw.
    #[inline]
    pub(super) fn draw(&self, rng: &mut SmallRng) -> f32 {
        let successes = self.a.draw(rng);
        let sum = successes + self.b.draw(rng);
        if sum > 0.0 { successes / sum } else { 0.5 }
    }
}

impl From<Beta> for Estimate {
    fn from(Beta { a, b }: Beta) -> Self {
        let n = a + b;
        Self { mean: a / n, deviation: (a * b / (n * n * (n + 1.0))).sqrt() }
    }
}

/// Gamma(shape, 1) by the squeeze of Marsaglia and Tsang (2000), "A simple method for generating gamma variables".
#[derive(Clone, Copy, Debug, PartialEq)]
struct Gamma {
    d: f32,
    c: f32,
    /// One over the shape for shapes below 1, which are boosted by a power of a uniform; else 0.
    boost: f32,
}

impl Gamma {
    #[expect(clippy::cast_possible_truncation, reason = "draws need no more than single precision")]
    fn new(shape: f64) -> Self {
        // Not a number or nothing at all: as little as can be drawn from.
        let shape = shape.max(1e-3);
        let boosted = if shape < 1.0 { shape + 1.0 } else { shape };
        let d = boosted - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        Self { d: d as f32, c: c as f32, boost: if shape < 1.0 { 1.0 / shape as f32 } else { 0.0 } }
    }

    #[inline]
    fn draw(&self, rng: &mut SmallRng) -> f32 {
        let plain = self.draw_boosted(rng);
        if self.boost > 0.0 { plain * (1.0 - rng.random::<f32>()).powf(self.boost) } else { plain }
    }

    #[inline]
    fn draw_boosted(&self, rng: &mut SmallRng) -> f32 {
        loop {
            let normal: f32 = rng.sample(StandardNormal);
            let root = 1.0 + self.c * normal;
            if root <= 0.0 {
                continue;
            }
            let cube = root * root * root;
            let uniform = 1.0 - rng.random::<f32>();
            let square = normal * normal;
            if uniform < 1.0 - 0.0331 * square * square
                || uniform.ln() < 0.5 * square + self.d * (1.0 - cube + cube.ln())
            {
                return self.d * cube;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// ln Γ(x) by Lanczos' approximation (g = 7, nine terms).
    fn ln_gamma(x: f64) -> f64 {
        const TERMS: [f64; 8] = [
            676.520_368_121_885_1,
            -1_259.139_216_722_402_8,
            771.323_428_777_653_1,
            -176.615_029_162_140_6,
            12.507_343_278_686_905,
            -0.138_571_095_265_720_12,
            9.984_369_578_019_572e-6,
            1.505_632_735_149_311_6e-7,
        ];
        let x = x - 1.0;
        let series =
            (1..).zip(TERMS).fold(0.999_999_999_999_809_9, |sum, (i, term)| sum + term / (x + f64::from(i)));
        let t = x + 7.5;
        0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + series.ln()
    }

    /// The regularised incomplete beta function, by its continued fraction (Lentz).
    #[expect(clippy::many_single_char_names, reason = "the names of the formula")]
    fn cdf(x: f64, a: f64, b: f64) -> f64 {
        if x > (a + 1.0) / (a + b + 2.0) {
            return 1.0 - cdf(1.0 - x, b, a);
        }
        let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp() / a;
        let (mut c, mut d) = (1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0)));
        let mut fraction = d;
        for m in 1..500 {
            let m = f64::from(m);
            let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
            let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
            for step in [even, odd] {
                d = 1.0 / (1.0 + step * d);
                c = 1.0 + step / c;
                fraction *= c * d;
            }
        }
        front * fraction
    }

    #[test]
    fn the_reference_is_right() {
        // Beta(2, 3): F(x) = 6 x² - 8 x³ + 3 x⁴.
        assert!((cdf(0.3, 2.0, 3.0) - (6.0 * 0.09 - 8.0 * 0.027 + 3.0 * 0.0081)).abs() < 1e-9);
        assert!((cdf(0.25, 0.5, 0.5) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn draws_have_the_distribution_and_its_moments() {
        const DRAWS: u32 = 40_000;
        let n = f64::from(DRAWS);
        for (a, b) in
            [(0.3, 0.7), (1.0, 1.0), (2.0, 500.0), (40.0, 12.0), (15.0, 5_000.0), (3_000.0, 700_000.0)]
        {
            let (beta, mut rng) = (Draws::new(Beta { a, b }, 1.0), SmallRng::seed_from_u64(11));
            let mut draws: Vec<_> = (0..DRAWS).map(|_| f64::from(beta.draw(&mut rng))).collect();
            draws.sort_by(f64::total_cmp);
            let exact = Estimate::from(Beta { a, b });
            let mean = draws.iter().sum::<f64>() / n;
            let deviation = (draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt();
            assert!(
                (mean - exact.mean).abs() < 4.0 * exact.deviation / n.sqrt(),
                "Beta({a}, {b}): mean {mean}"
            );
            assert!(
                (deviation / exact.deviation - 1.0).abs() < 0.02,
                "Beta({a}, {b}): deviation {deviation}"
            );
            let far = (0_u32..).zip(&draws).map(|(i, x)| (cdf(*x, a, b) - (f64::from(i) + 0.5) / n).abs());
            // Kolmogorov and Smirnov: a distance that one sample in a thousand exceeds.
            let farthest = far.fold(0.0, f64::max);
            assert!(farthest < 1.95 / n.sqrt(), "Beta({a}, {b}): {farthest} from the exact distribution");
        }
    }

    #[test]
    fn sharper_draws_keep_the_mean() {
        let (mut rng, beta) = (SmallRng::seed_from_u64(3), Beta { a: 20.0, b: 180.0 });
        let mean = |draws: Draws, rng: &mut SmallRng| {
            (0..40_000).map(|_| f64::from(draws.draw(rng))).sum::<f64>() / 40_000.0
        };
        let [plain, sharp] = [1.0, 4.0].map(|sharper| mean(Draws::new(beta, sharper), &mut rng));
        assert!((plain - 0.1).abs() < 0.001 && (sharp - 0.1).abs() < 0.001, "{plain} {sharp}");
    }
}
