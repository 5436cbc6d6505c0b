//! What sources say of a day's weather, hour by hour and as a whole, and what that comes to.

use std::collections::BTreeMap;

use kernel::Day;
use serde::{Deserialize, Serialize};

use super::super::number::{count, mean, ratio};
use super::super::{Coordinates, hours_of};
use super::WeatherDay;

/// Thousandths, in which sums are exact.
const UNITS: i64 = 1_000;

/// What is said of a day's weather at a place: the body of a record. Degrees Celsius, millimetres, km/h.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Weather {
    /// Who says it: `open-meteo` or `visual-crossing`.
    pub source: String,
    /// The place it is of.
    pub place: Option<Coordinates>,
    /// Mean temperature of the day as a whole (all from here to `conditions`).
    pub mean: Option<f64>,
    /// Lowest temperature.
    pub min: Option<f64>,
    /// Highest temperature.
    pub max: Option<f64>,
    /// Rain, and snow as water.
    pub rain: Option<f64>,
    /// Mean wind, or its maximum when the source has no mean.
    pub wind: Option<f64>,
    /// Whether the wind is the maximum.
    pub is_gust: bool,
    /// How the source calls it.
    pub conditions: Option<String>,
    /// What is said of the hours, counted from the day's first.
    #[serde(default)]
    pub by_hour: BTreeMap<u8, Hour>,
}

/// What is said of an hour: thousandths of the units of [`Weather`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hour {
    /// Temperature.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<i64>,
    /// Rain, and snow as water.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub rain: Option<i64>,
    /// Mean wind.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub wind: Option<i64>,
    /// WMO code of what it is like.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u64>,
}

impl Hour {
    /// Whether nothing is measured.
    pub const fn is_empty(&self) -> bool {
        self.temperature.is_none() && self.rain.is_none() && self.wind.is_none()
    }

    fn merged(self, other: Self, rule: Rule) -> Self {
        Self {
            temperature: rule.of(self.temperature, other.temperature),
            rain: rule.of(self.rain, other.rain),
            wind: rule.of(self.wind, other.wind),
            code: rule.of(self.code, other.code),
        }
    }
}

/// Which of two values counts when both are there.
#[derive(Clone, Copy)]
enum Rule {
    /// Of one import: the greater, so that it does not matter which came first.
    Greater,
    /// Of a later import: the other.
    Other,
}

impl Rule {
    fn of<T: PartialOrd>(self, one: Option<T>, other: Option<T>) -> Option<T> {
        match (self, one, other) {
            (Self::Greater, Some(one), Some(other)) => Some(if one > other { one } else { other }),
            (Self::Other, Some(_), Some(other)) => Some(other),
            (_, one, other) => other.or(one),
        }
    }
}

impl Weather {
    /// Whether nothing is measured.
    pub fn is_empty(&self) -> bool {
        let whole = [self.mean, self.min, self.max, self.rain, self.wind];
        whole.iter().all(Option::is_none) && self.hours().is_none()
    }

    /// How many hours have a measurement; nothing when none has.
    pub fn hours(&self) -> Option<u32> {
        let hours = count(self.by_hour.values().filter(|hour| !hour.is_empty()).count());
        (hours > 0).then_some(hours)
    }

    /// What two rows of one import say together.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        self.merged(other, Rule::Greater)
    }

    /// What is known after a later import: what it says replaces, what it does not say stays.
    #[must_use]
    pub fn corrected(self, by: Self) -> Self {
        self.merged(by, Rule::Other)
    }

    fn merged(self, other: Self, rule: Rule) -> Self {
        let (wind, is_gust) = match (self.wind, other.wind) {
            // A mean is better than a maximum, whoever says it.
            (Some(_), Some(_)) if self.is_gust != other.is_gust => {
                (if self.is_gust { other.wind } else { self.wind }, false)
            }
            (Some(_), None) => (self.wind, self.is_gust),
            (one, two) => (rule.of(one, two), other.is_gust),
        };
        let mut by_hour = self.by_hour;
        for (slot, hour) in other.by_hour {
            let known = by_hour.entry(slot).or_default();
            *known = known.merged(hour, rule);
        }
        let lon_lat = |place: Coordinates| (place.lon, place.lat);
        let place = rule.of(self.place.map(lon_lat), other.place.map(lon_lat));
        Self {
            source: other.source,
            place: place.map(|(lon, lat)| Coordinates { lon, lat }),
            mean: rule.of(self.mean, other.mean),
            min: rule.of(self.min, other.min),
            max: rule.of(self.max, other.max),
            rain: rule.of(self.rain, other.rain),
            wind,
            is_gust,
            conditions: rule.of(self.conditions, other.conditions),
            by_hour,
        }
    }

    /// What it comes to on its day. Each number is that of the hours when all of them are there, else what the source
    /// says of the day as a whole, else that of the hours there are; a mean wind of any hours is better than a maximum.
    pub(super) fn on(self, date: Day) -> WeatherDay {
        let of = |value: fn(&Hour) -> Option<i64>| Values(self.by_hour.values().filter_map(value).collect());
        let (temperature, rain, wind) =
            (of(|hour| hour.temperature), of(|hour| hour.rain), of(|hour| hour.wind));
        let best = |hours: &Values, value: fn(&Values) -> Option<f64>, whole: Option<f64>| {
            let of_hours = value(hours);
            if hours.0.len() >= hours_of(date) { of_hours } else { whole.or(of_hours) }
        };
        let mean_wind = best(&wind, Values::mean, self.wind.filter(|_| !self.is_gust));
        let hours = self.hours();
        let code = self.by_hour.values().filter_map(|hour| hour.code).max();
        WeatherDay {
            date,
            mean: best(&temperature, Values::mean, self.mean),
            min: best(&temperature, Values::min, self.min),
            max: best(&temperature, Values::max, self.max),
            rain: best(&rain, Values::sum, self.rain),
            wind: mean_wind.or(self.wind),
            is_gust: mean_wind.is_none() && self.wind.is_some(),
            conditions: self.conditions.or_else(|| Some(word(code?)?.to_owned())),
            source: self.source,
            hours,
            coordinates: self.place,
        }
    }
}

/// Values of a day's hours, in thousandths.
struct Values(Vec<i64>);

impl Values {
    fn mean(&self) -> Option<f64> {
        mean(self.0.iter().sum(), count(self.0.len()), UNITS)
    }

    fn sum(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| ratio(self.0.iter().sum(), UNITS))
    }

    fn min(&self) -> Option<f64> {
        self.0.iter().min().map(|value| ratio(*value, UNITS))
    }

    fn max(&self) -> Option<f64> {
        self.0.iter().max().map(|value| ratio(*value, UNITS))
    }
}

/// What a weather code stands for (WMO code table 4677, as far as Open-Meteo uses it); nothing for others.
pub(crate) const fn word(code: u64) -> Option<&'static str> {
    Some(match code {
        0 => "Ensoleillé",
        1 | 2 => "Partiellement nuageux",
        3 => "Couvert",
        45 | 48 => "Brouillard",
        51..=57 => "Bruine",
        61 | 80 => "Pluie faible",
        63 | 66 | 81 => "Pluie",
        65 | 67 | 82 => "Pluie forte",
        71..=77 | 85 | 86 => "Neige",
        95..=99 => "Orage",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn date() -> Day {
        "2024-06-04".parse().unwrap()
    }

    fn with_hours(hours: &[(u8, i64)]) -> Weather {
        let hour = |(slot, value): &(u8, i64)| {
            (*slot, Hour { temperature: Some(*value), rain: Some(value / 7), ..Hour::default() })
        };
        Weather { by_hour: hours.iter().map(hour).collect(), ..Weather::default() }
    }

    fn hours() -> impl Strategy<Value = Vec<(u8, i64)>> {
        proptest::collection::btree_map(0_u8..24, -20_000_i64..40_000, 0..24)
            .prop_map(|hours| hours.into_iter().collect())
    }

    #[test]
    fn a_later_poorer_source_corrects_its_hours_only() {
        let all: Vec<(u8, i64)> = (0..24).map(|slot| (slot, 10_000)).collect();
        let known = with_hours(&all).corrected(with_hours(&[(0, 22_000), (1, 22_000)]));
        let told = known.on(date());
        assert_eq!((told.mean, told.max, told.hours), (Some(11.0), Some(22.0), Some(24)));
        let nulls = Weather { by_hour: [(0, Hour::default())].into(), ..Weather::default() };
        assert_eq!(with_hours(&all).corrected(nulls), with_hours(&all), "what is missing takes nothing away");
    }

    #[test]
    fn the_day_as_a_whole_counts_until_all_hours_are_there() {
        let whole = Weather { mean: Some(7.5), wind: Some(40.0), is_gust: true, ..Weather::default() };
        let some: Vec<(u8, i64)> = (0..23).map(|slot| (slot, 10_000)).collect();
        let partly = whole.clone().corrected(with_hours(&some)).on(date());
        assert_eq!(
            (partly.mean, partly.max, partly.wind, partly.is_gust),
            (Some(7.5), Some(10.0), Some(40.0), true)
        );
        let all: Vec<(u8, i64)> = (0..24).map(|slot| (slot, 10_000)).collect();
        assert_eq!(whole.clone().corrected(with_hours(&all)).on(date()).mean, Some(10.0));
        assert_eq!(with_hours(&all).corrected(whole).on(date()).mean, Some(10.0), "in any order");
    }

    #[test]
    fn a_mean_wind_is_better_than_a_maximum() {
        let wind = |wind, is_gust| Weather { wind: Some(wind), is_gust, ..Weather::default() };
        for (one, other) in [(wind(9.0, false), wind(30.0, true)), (wind(30.0, true), wind(9.0, false))] {
            let known = one.corrected(other);
            assert_eq!((known.wind, known.is_gust), (Some(9.0), false));
        }
    }

    proptest! {
        #[test]
        fn parts_in_any_order_are_the_whole(hours in hours(), parts in proptest::collection::vec(0_usize..3, 24)) {
            let whole = with_hours(&hours).on(date());
            for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
                let part = |part: usize| {
                    let of_part = hours.iter().zip(&parts).filter(|(_, of)| **of == part);
                    with_hours(&of_part.map(|(hour, _)| *hour).collect::<Vec<_>>())
                };
                let imports = order.into_iter().map(part).reduce(Weather::corrected).unwrap();
                prop_assert_eq!(imports.on(date()), whole.clone());
                let files = order.into_iter().map(part).reduce(Weather::joined).unwrap();
                prop_assert_eq!(files.on(date()), whole.clone());
            }
        }

        #[test]
        fn of_one_import_the_order_means_nothing(one in hours(), other in hours()) {
            let (one, other) = (with_hours(&one), with_hours(&other));
            prop_assert_eq!(one.clone().joined(other.clone()), other.joined(one));
        }

        #[test]
        fn a_correction_is_as_if_it_had_been_right_from_the_start(first in hours(), later in hours()) {
            let mut right: BTreeMap<u8, i64> = first.iter().copied().collect();
            right.extend(later.iter().copied());
            let right: Vec<(u8, i64)> = right.into_iter().collect();
            prop_assert_eq!(with_hours(&first).corrected(with_hours(&later)), with_hours(&right));
        }
    }
}
