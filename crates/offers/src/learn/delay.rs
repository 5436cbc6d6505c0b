//! How long rewards take to come, so that a trial without one is not held against an offer too early.

use serde::{Deserialize, Serialize};

/// Upper bounds of the bins are powers of the square root of two, from one second to twelve days.
const BINS: usize = 41;

/// When so much is known, what is older counts half.
const FULL: f32 = 10_000.0;

/// Share of the rewards that have come when a trial is called mature.
const MATURE: f32 = 0.99;

/// Delays of the rewards that came, in bins that grow geometrically.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Delays {
    /// Rewards per bin; empty until there is one.
    bins: Vec<f32>,
    total: f32,
    mature_after: f32,
}

impl Delays {
    /// Takes a reward's delay in, in seconds.
    pub(super) fn note(&mut self, seconds: f32) {
        if self.bins.len() != BINS {
            self.bins = vec![0.0; BINS];
        }
        self.bins[bin(seconds)] += 1.0;
        self.total += 1.0;
        if self.total >= FULL {
            for bin in &mut self.bins {
                *bin /= 2.0;
            }
            self.total = self.bins.iter().sum();
        }
        self.mature_after = self.quantile(MATURE);
    }

    /// Share of the rewards that have come so many seconds after the trial; all of them while nothing is known.
    pub(super) fn arrived(&self, seconds: f32) -> f32 {
        if seconds >= self.mature_after {
            return 1.0;
        }
        let mut below = 0.0;
        let mut from = 0.0;
        for (place, count) in self.bins.iter().enumerate() {
            let to = upper(place);
            // What comes within a second is there at once.
            if seconds < to && place > 0 {
                below += count * ((seconds - from) / (to - from)).max(0.0);
                break;
            }
            below += count;
            from = to;
        }
        (below / self.total).clamp(0.0, 1.0)
    }

    /// Seconds after which nearly all rewards have come.
    pub(super) fn mature_after(&self) -> f32 {
        self.mature_after
    }

    fn quantile(&self, share: f32) -> f32 {
        let mut below = 0.0;
        let wanted = share * self.total;
        let place = self.bins.iter().position(|count| {
            below += count;
            below >= wanted
        });
        upper(place.unwrap_or(BINS - 1))
    }
}

/// Upper bound of a bin, in seconds.
#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn upper(place: usize) -> f32 {
    (place as f32 / 2.0).exp2()
}

/// The bin of a delay.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the bins")]
fn bin(seconds: f32) -> usize {
    (2.0 * seconds.max(1.0).log2()).ceil().clamp(0.0, 40.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(delays: &[f32]) -> Delays {
        let mut all = Delays::default();
        for seconds in delays {
            all.note(*seconds);
        }
        all
    }

    #[test]
    fn nothing_known_means_nothing_is_waited_for() {
        assert!((after(&[]).arrived(0.0) - 1.0).abs() < f32::EPSILON);
        assert!(after(&[]).mature_after() < f32::EPSILON);
    }

    #[test]
    fn an_hour_late_means_an_hour_to_wait() {
        let delays = after(&[3600.0; 50]);
        assert!(delays.arrived(1800.0) < f32::EPSILON);
        assert!((delays.arrived(4096.0) - 1.0).abs() < f32::EPSILON);
        assert!((3600.0..=4096.0).contains(&delays.mature_after()));
    }

    #[test]
    fn what_has_come_grows_with_age_and_follows_the_truth() {
        // Exponential delays of mean 100 s, by their quantiles.
        let delays: Vec<f32> =
            (0..2000_u16).map(|i| -100.0 * (1.0 - (f32::from(i) + 0.5) / 2000.0).ln()).collect();
        let known = after(&delays);
        let mut last = 0.0;
        for age in (0..900_u16).map(f32::from) {
            let arrived = known.arrived(age);
            assert!(arrived >= last - 1e-6, "{age}");
            assert!((arrived - (1.0 - (-age / 100.0).exp())).abs() < 0.03, "{age}: {arrived}");
            last = arrived;
        }
    }

    #[test]
    fn old_habits_are_forgotten_and_nothing_breaks_the_bins() {
        let mut delays = after(&vec![3600.0; 20_000]);
        (0..200_000).for_each(|_| delays.note(5.0));
        assert!(delays.mature_after() < 10.0);
        let odd = after(&[f32::NAN, f32::INFINITY, -5.0, f32::MAX]);
        assert!((0.0..=1.0).contains(&odd.arrived(10.0)) && odd.mature_after().is_finite());
    }
}
