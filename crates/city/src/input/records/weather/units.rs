//! Units, and numbers that can be weather.

use std::ops::RangeInclusive;

use serde_json::Value;

/// What is measured, with what is credible of it: outside lies everything that was ever measured in France (−41 °C at
/// Mouthe, 1985; 46 °C at Vérargues, 2019; some 300 km/h on Mont Ventoux and Cap Corse; 400 mm in an hour), with a margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Temperature,
    Rain,
    Wind,
}

impl Measure {
    fn credible(self) -> RangeInclusive<f64> {
        match self {
            Self::Temperature => -60.0..=60.0,
            Self::Rain => 0.0..=1_000.0,
            Self::Wind => 0.0..=400.0,
        }
    }

    /// A value in a unit as °C, mm or km/h; `None` when the unit is not known or the value is not credible.
    pub(super) fn convert(self, value: f64, unit: &str) -> Option<f64> {
        let converted = match (self, unit) {
            (Self::Temperature, "°C" | "") | (Self::Rain, "mm" | "") | (Self::Wind, "km/h" | "") => value,
            (Self::Temperature, "°F") => (value - 32.0) / 1.8,
            (Self::Rain, "inch") => value * 25.4,
            (Self::Rain, "cm") => value * 10.0,
            (Self::Wind, "m/s") => value * 3.6,
            (Self::Wind, "mp/h" | "mph") => value * 1.609_344,
            (Self::Wind, "kn") => value * 1.852,
            (Self::Temperature | Self::Rain | Self::Wind, _) => return None,
        };
        self.credible().contains(&converted).then_some(converted)
    }

    /// The same of a field that may be missing; `Err` when it is there and makes no sense.
    pub(super) fn read(self, value: Option<&Value>, unit: &str) -> Result<Option<f64>, NoSense> {
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let number = value.as_f64().and_then(|number| self.convert(number, unit));
                number.map(Some).ok_or(NoSense)
            }
        }
    }
}

/// A value that is no number, or none that weather can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoSense;

/// A value in thousandths, in which sums are exact.
#[expect(clippy::cast_possible_truncation, reason = "credible values are far below 2^53 thousandths")]
pub(super) fn thousandths(value: f64) -> i64 {
    (value * 1_000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_units_are_converted() {
        let close =
            |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-9);
        assert!(close(Measure::Temperature.convert(50.0, "°F"), 10.0));
        assert!(close(Measure::Rain.convert(0.5, "inch"), 12.7));
        assert!(close(Measure::Wind.convert(10.0, "m/s"), 36.0));
        assert!(close(Measure::Wind.convert(10.0, "mp/h"), 16.093_44));
        assert!(close(Measure::Wind.convert(10.0, "kn"), 18.52));
    }

    #[test]
    fn unknown_units_and_incredible_values_are_none() {
        assert_eq!(Measure::Temperature.convert(10.0, "K"), None);
        assert_eq!(Measure::Temperature.convert(95.0, "°C"), None);
        assert_eq!(Measure::Rain.convert(-0.1, "mm"), None);
        assert_eq!(Measure::Wind.read(Some(&Value::from("calm")), "km/h"), Err(NoSense));
        assert_eq!(Measure::Wind.read(Some(&Value::Null), "km/h"), Ok(None));
    }
}
