//! Chance that repeats: numbers of known distributions from a fixed beginning.

use std::f64::consts::TAU;

/// A stream of numbers: `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream with this beginning.
    pub(crate) const fn new(beginning: u64) -> Self {
        Self(beginning)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between 0 and 1, neither included.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a number has room for")]
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Normal, of mean 0 and standard deviation 1 (Box and Muller, 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// A count of this mean as chance alone makes it (Poisson); of more than 50 the normal distribution is near enough.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (end, mut product, mut count) = ((-mean).exp(), self.uniform(), 0.0);
        while product > end {
            product *= self.uniform();
            count += 1.0;
        }
        count
    }

    /// A factor of mean 1 with this standard deviation: gamma (Marsaglia and Tsang, 2000). A count whose mean is multiplied
    /// by it is distributed as a negative binomial, the usual model of counts that vary more than chance alone.
    pub(crate) fn factor(&mut self, deviation: f64) -> f64 {
        let shape = 1.0 / (deviation * deviation);
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let normal = self.normal();
            let cube = (1.0 + c * normal).powi(3);
            let is_taken = cube > 0.0
                && self.uniform().ln() < 0.5 * normal * normal + d - d * cube + d * cube.max(0.0).ln();
            if is_taken {
                return d * cube / shape;
            }
        }
    }
}

#[test]
fn mean_and_deviation_are_those_asked_for() {
    let moments = |mut draw: Box<dyn FnMut() -> f64>| {
        let drawn: Vec<f64> = (0..20_000).map(|_| draw()).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / 20_000.0;
        (mean, variance.sqrt())
    };
    let stream = || Chance::new(1);
    let (mut a, mut b, mut c, mut d) = (stream(), stream(), stream(), stream());
    for ((mean, deviation), (expected, spread)) in [
        (moments(Box::new(move || a.normal() + 5.0)), (5.0, 1.0)),
        (moments(Box::new(move || b.poisson(9.0))), (9.0, 3.0)),
        (moments(Box::new(move || c.poisson(400.0))), (400.0, 20.0)),
        (moments(Box::new(move || d.factor(0.3))), (1.0, 0.3)),
    ] {
        assert!((mean / expected - 1.0).abs() < 0.02, "{mean} instead of {expected}");
        assert!((deviation / spread - 1.0).abs() < 0.03, "{deviation} instead of {spread}");
    }
}
