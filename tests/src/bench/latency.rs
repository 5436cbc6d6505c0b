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

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The duration in milliseconds within which this share of the calls ended, such as 0.99.
    pub fn quantile(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return 0.0;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of a share from 0 to 1")]
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
        assert_eq!([latencies.quantile(0.5), latencies.quantile(0.99)], [50.0, 99.0]);
        assert_eq!(latencies.quantile(1.0), 100.0);
        assert_eq!(Latencies::default().quantile(0.5), 0.0);
    }
}
