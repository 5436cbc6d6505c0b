//! Time that vehicles lose on an arc because they are slower than they may be.
//!
//! Without a sensor for speed, the speed is taken from the occupancy in four steps (specification of the metrics): 50 km/h
//! below 30 %, 40 below 50 %, 30 below 70 %, else 20. A vehicle that drives L metres at v instead of the 50 km/h that
//! were the limit in Paris loses max(0, L/v − L/50). In minutes that is L · w / 10,000 with w = 0, 3, 8 and 18 for the
//! four speeds, so the vehicles of a day can be summed up as whole numbers and only the length is not one.

use crate::hours::{FLOW_UNITS, OCCUPANCY_UNITS};
use crate::metrics::number::{billionths, ratio};

/// w of each metre: ten-thousandths of a minute lost by one vehicle.
const WEIGHTS_PER_MINUTE: i64 = 10_000;

/// One of the four speeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Speed {
    /// In km/h.
    pub(super) kmh: u32,
    /// 600 · (50 − v) / (50 · v): a vehicle's loss in ten-thousandths of a minute per metre.
    weight: i64,
}

impl Speed {
    pub(super) const FREE: Self = Self { kmh: 50, weight: 0 };
    const SLOWED: Self = Self { kmh: 40, weight: 3 };
    const SLOW: Self = Self { kmh: 30, weight: 8 };
    const CREEPING: Self = Self { kmh: 20, weight: 18 };

    /// At the mean of some occupancies: their sum in [`OCCUPANCY_UNITS`] and how many they are.
    pub(super) fn at(sum: i64, hours: u32) -> Option<Self> {
        let below = |percent: i64| sum < percent * OCCUPANCY_UNITS * i64::from(hours);
        match hours {
            0 => None,
            _ if below(30) => Some(Self::FREE),
            _ if below(50) => Some(Self::SLOWED),
            _ if below(70) => Some(Self::SLOW),
            _ => Some(Self::CREEPING),
        }
    }

    /// What one vehicle loses on so many metres, in minutes.
    pub(super) fn minutes(self, metres: f64) -> f64 {
        metres * ratio(self.weight, WEIGHTS_PER_MINUTE)
    }

    /// What the vehicles of an hour (in [`FLOW_UNITS`]) lose on each metre, to be summed up and given to [`total`].
    pub(super) fn loss(self, flow: i32) -> i64 {
        self.weight * i64::from(flow)
    }
}

/// What vehicles lose on so many metres, in billionths of a minute: whole, so that sums over arcs are exact.
pub(super) fn total(metres: f64, losses: i64) -> i64 {
    billionths(metres * ratio(losses, WEIGHTS_PER_MINUTE * FLOW_UNITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(percent: f64) -> Speed {
        #[expect(clippy::cast_possible_truncation, reason = "tests")]
        Speed::at((percent * 100_000.0).round() as i64, 1).expect("an hour")
    }

    #[test]
    fn published_examples_come_out() {
        assert!((at(99.99).minutes(136.305_223_9) - 0.245_349_4).abs() < 5e-8);
        assert!((at(99.99).minutes(136.305) - 0.245_349_4).abs() < 1e-6);
        assert!((at(31.03).minutes(358.725_783_1) - 0.107_617_73).abs() < 5e-9);
        assert!((at(31.03).minutes(358.726) - 0.107_617_73).abs() < 1e-6);
    }

    #[test]
    fn the_weights_are_the_formula() {
        for speed in [Speed::FREE, Speed::SLOWED, Speed::SLOW, Speed::CREEPING] {
            let hours = |kmh: f64| 0.25 / kmh;
            let expected = (hours(f64::from(speed.kmh)) - hours(50.0)) * 60.0;
            assert!((speed.minutes(250.0) - expected).abs() < 1e-12, "{speed:?}");
        }
    }

    #[test]
    fn the_steps_are_where_they_are() {
        let speeds =
            [0.0, 29.999_99, 30.0, 49.999_99, 50.0, 69.999_99, 70.0, 100.0].map(|percent| at(percent).kmh);
        assert_eq!(speeds, [50, 50, 40, 40, 30, 30, 20, 20]);
        assert_eq!(Speed::at(0, 0), None);
    }
}
