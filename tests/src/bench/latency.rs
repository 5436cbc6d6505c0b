//! How long things took.

use std::time::Duration;

/// Durations of many calls.
#[derive(Debug, Clone, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Adds more of them.
    pub fn add(&mut self, times: Vec<Duration>) {
        self.0.extend(times);
    }

    /// How many there are in each second of the time in which they were measured.
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    pub fn per_second(&self, time: Duration) -> f64 {
        self.0.len() as f64 / time.as_secs_f64()
    }

    /// The duration in milliseconds within which this share of the calls ended, such as 0.99.
    pub fn quantile(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return 0.0;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "the index of a share from 0 to 1"
        )]
        let rank = ((self.0.len() as f64 * share).ceil() as usize).clamp(1, self.0.len());
        let (_, found, _) = self.0.select_nth_unstable(rank - 1);
        found.as_secs_f64() * 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_times() {
        let mut latencies = Latencies::default();
        latencies.add((1..=100).rev().map(Duration::from_millis).collect());
        let found = [0.5, 0.99, 1.0].map(|share| format!("{:.1}", latencies.quantile(share)));
        assert_eq!(found, ["50.0", "99.0", "100.0"]);
        assert_eq!(format!("{:.1}", latencies.per_second(Duration::from_secs(2))), "50.0");
        assert!(Latencies::default().quantile(0.5).abs() < f64::EPSILON);
    }
}
