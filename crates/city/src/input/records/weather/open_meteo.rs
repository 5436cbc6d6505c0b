//! Open-Meteo: lists of hours or of days, one list for each measure, with their units beside them
//! (<https://open-meteo.com/en/docs>).

use std::collections::BTreeMap;

use kernel::{Day, Timestamp};
use serde_json::Value;

use super::super::civil;
use super::units::{Measure, thousandths};
use super::{Rejects, place, record, slot};
use crate::input::{Damage, InputError, Reason};
use crate::metrics::hours_of;
use crate::metrics::weather::{Hour, Weather, word};
use crate::record::Record;

pub(super) fn read(name: &str, told: &Value, rejects: &mut Rejects<'_>) -> Result<Vec<Record>, InputError> {
    let base = Weather { source: "open-meteo".to_owned(), place: place(told), ..Weather::default() };
    // With the place in its list at which a day begins.
    let mut days: BTreeMap<Day, (usize, Weather)> = BTreeMap::new();
    if let Some(daily) = Lists::of(name, told, "daily")? {
        for place in 0..daily.len() {
            match daily.hour(place, told) {
                Some((day, _)) => drop(days.insert(day, (place, of_day(&daily, place, &base, rejects)))),
                None => rejects.reject(Reason::BadDate, place),
            }
        }
    }
    if let Some(hourly) = Lists::of(name, told, "hourly")? {
        let mut before = None;
        for place in 0..hourly.len() {
            let Some(at) = hourly.hour(place, told) else {
                rejects.reject(Reason::BadDate, place);
                continue;
            };
            let (day, slot) = second_of_two(at, before);
            before = Some((day, slot));
            let weather = &mut days.entry(day).or_insert_with(|| (place, base.clone())).1;
            let hour = of_hour(&hourly, place, rejects);
            if hour != Hour::default() {
                weather.by_hour.insert(slot, hour);
            }
        }
    }
    let mut records = Vec::new();
    for (day, (place, weather)) in days {
        if weather.is_empty() {
            rejects.reject(Reason::MissingNumber, place);
        } else {
            records.push(record(day, &weather));
        }
    }
    Ok(records)
}

/// In October the clock shows one hour twice: in a list in order the second is the one after.
fn second_of_two((day, slot): (Day, u8), before: Option<(Day, u8)>) -> (Day, u8) {
    let is_again = before == Some((day, slot)) && usize::from(slot) + 1 < hours_of(day);
    (day, if is_again { slot + 1 } else { slot })
}

/// What the source says of the day as a whole.
fn of_day(daily: &Lists<'_>, place: usize, base: &Weather, rejects: &mut Rejects<'_>) -> Weather {
    let mut get = |measure, names: &[&str]| daily.value(measure, names, place, rejects);
    let max_wind = get(Measure::Wind, &["wind_speed_10m_max", "windspeed_10m_max"]);
    let mean_wind = get(Measure::Wind, &["wind_speed_10m_mean", "windspeed_10m_mean"]);
    Weather {
        mean: get(Measure::Temperature, &["temperature_2m_mean"]),
        min: get(Measure::Temperature, &["temperature_2m_min"]),
        max: get(Measure::Temperature, &["temperature_2m_max"]),
        rain: get(Measure::Rain, &["precipitation_sum"]),
        wind: mean_wind.or(max_wind),
        is_gust: mean_wind.is_none() && max_wind.is_some(),
        conditions: daily.code(place).and_then(word).map(str::to_owned),
        ..base.clone()
    }
}

fn of_hour(hourly: &Lists<'_>, place: usize, rejects: &mut Rejects<'_>) -> Hour {
    let mut get = |measure, names: &[&str]| hourly.value(measure, names, place, rejects).map(thousandths);
    Hour {
        temperature: get(Measure::Temperature, &["temperature_2m"]),
        rain: get(Measure::Rain, &["precipitation"]),
        wind: get(Measure::Wind, &["wind_speed_10m", "windspeed_10m"]),
        code: hourly.code(place),
    }
}

/// The lists of one kind, all as long as their list of times.
struct Lists<'v> {
    times: &'v [Value],
    values: &'v Value,
    units: Option<&'v Value>,
}

impl<'v> Lists<'v> {
    fn of(name: &str, told: &'v Value, kind: &str) -> Result<Option<Self>, InputError> {
        let Some(values) = told.get(kind) else { return Ok(None) };
        let damaged = |what: String| InputError::damaged(name, 1, Damage::Malformed(what));
        let times = values.get("time").and_then(Value::as_array);
        let times = times.ok_or_else(|| damaged(format!("`{kind}` has no list `time`")))?;
        for (field, list) in values.as_object().into_iter().flatten() {
            let len = list.as_array().map_or(0, Vec::len);
            if len != times.len() {
                return Err(damaged(format!("`{kind}.{field}` has {len} values for {} times", times.len())));
            }
        }
        Ok(Some(Self { times, values, units: told.get(format!("{kind}_units")) }))
    }

    fn len(&self) -> usize {
        self.times.len()
    }

    /// The day in Paris of a time and the hour of that day, counted from its first: local time of Paris, or of the zone
    /// that the answer is in, or seconds since 1970.
    fn hour(&self, place: usize, told: &Value) -> Option<(Day, u8)> {
        let offset = told.get("utc_offset_seconds").and_then(Value::as_i64).unwrap_or_default();
        let is_paris = told.get("timezone").and_then(Value::as_str).is_none_or(|zone| zone == "Europe/Paris");
        let at = match &self.times[place] {
            Value::Number(seconds) => Timestamp::from_micros(0).plus_seconds(seconds.as_i64()?),
            Value::String(text) if text.len() == 10 => return Some((text.parse().ok()?, 0)),
            Value::String(text) if is_paris => civil::instant(text)?,
            Value::String(text) => {
                let utc: Timestamp = format!("{text}:00Z").parse().ok()?;
                utc.plus_seconds(-offset)
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        slot(at)
    }

    /// The value of the first of some lists that is there.
    fn value(
        &self,
        measure: Measure,
        names: &[&str],
        place: usize,
        rejects: &mut Rejects<'_>,
    ) -> Option<f64> {
        let (name, list) = names.iter().find_map(|name| Some((name, self.values.get(name)?)))?;
        let unit = self.units.and_then(|units| units.get(name)?.as_str()).unwrap_or_default();
        let read = measure.read(list.get(place), unit);
        if read.is_err() {
            rejects.reject(Reason::BadNumber, place);
        }
        read.ok().flatten()
    }

    fn code(&self, place: usize) -> Option<u64> {
        let list = self.values.get("weather_code").or(self.values.get("weathercode"))?;
        list.get(place)?.as_u64()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::input::Tally;
    use crate::metrics::weather::{self, WeatherDay};

    fn parsed(document: &Value) -> (Vec<(Record, WeatherDay)>, Tally) {
        let mut tally = Tally::default();
        let records = super::super::parse("meteo.json", document.to_string().as_bytes(), &mut tally).unwrap();
        let with_weather = records.into_iter().map(|record| {
            let day = weather::day(record.from, std::slice::from_ref(&record)).metrics.unwrap();
            (record, day)
        });
        (with_weather.collect(), tally)
    }

    #[test]
    fn hours_make_days_of_the_values_present() {
        let (found, tally) = parsed(&json!({
            "latitude": 48.86, "longitude": 2.35, "timezone": "Europe/Paris", "utc_offset_seconds": 7200,
            "hourly_units": {"temperature_2m": "°C", "precipitation": "mm", "wind_speed_10m": "km/h"},
            "hourly": {
                "time": ["2026-07-01T00:00", "2026-07-01T01:00", "2026-07-01T02:00", "2026-07-02T00:00"],
                "temperature_2m": [23.5, 22.9, null, 30.0],
                "precipitation": [0.0, 0.1, 0.2, 0.0],
                "wind_speed_10m": [8.4, 7.9, 7.2, 1.0],
            },
        }));
        let (record, weather) = &found[0];
        assert_eq!(record.id, "2026-07-01/open-meteo@48.86,2.35");
        assert_eq!((weather.mean, weather.min, weather.max), (Some(23.2), Some(22.9), Some(23.5)));
        assert_eq!((weather.hours, weather.is_gust), (Some(3), false));
        assert!(weather.rain.is_some_and(|rain| (rain - 0.3).abs() < 1e-12));
        assert_eq!(weather.wind, Some(23.5 / 3.0));
        assert_eq!((found.len(), tally.read), (2, 2));
    }

    #[test]
    fn days_are_taken_as_they_are_and_completed_from_hours() {
        let daily = json!({
            "time": ["2026-07-01"], "temperature_2m_max": [86.0], "temperature_2m_min": [68.0],
            "precipitation_sum": [0.5], "wind_speed_10m_max": [10.0], "weather_code": [63],
        });
        let units = json!({"temperature_2m_max": "°F", "temperature_2m_min": "°F", "precipitation_sum": "inch", "wind_speed_10m_max": "m/s"});
        let mut document = json!({"daily": daily, "daily_units": units});
        let alone = parsed(&document).0.remove(0).1;
        assert_eq!(
            (alone.max, alone.min, alone.mean, alone.rain),
            (Some(30.0), Some(20.0), None, Some(12.7))
        );
        assert_eq!(
            (alone.wind, alone.is_gust, alone.conditions.as_deref()),
            (Some(36.0), true, Some("Pluie"))
        );
        document["hourly"] =
            json!({"time": ["2026-07-01T12:00"], "temperature_2m": [25.0], "wind_speed_10m": [9.0]});
        let both = parsed(&document).0.remove(0).1;
        assert_eq!(
            (both.max, both.mean, both.wind, both.is_gust),
            (Some(30.0), Some(25.0), Some(9.0), false)
        );
    }

    #[test]
    fn times_of_other_zones_are_those_of_the_day_in_paris() {
        let (found, _) = parsed(&json!({
            "timezone": "GMT", "utc_offset_seconds": 0,
            "hourly": {"time": ["2026-06-30T21:00", "2026-06-30T22:00"], "temperature_2m": [1.0, 2.0]},
        }));
        let days: Vec<String> = found.iter().map(|(record, _)| record.from.to_string()).collect();
        assert_eq!(days, ["2026-06-30", "2026-07-01"]);
        let (found, _) = parsed(&json!({"hourly": {"time": [1_782_856_800], "temperature_2m": [1.0]}}));
        assert_eq!(found[0].0.from.to_string(), "2026-07-01");
    }

    #[test]
    fn what_makes_no_sense_is_rejected_and_the_rest_counts() {
        let (found, tally) = parsed(&json!({
            "hourly": {"time": ["2026-07-01T00:00", "noon", "2026-07-01T02:00"], "temperature_2m": [20.0, 21.0, 999.0]},
        }));
        assert_eq!((found.len(), found[0].1.mean, found[0].1.hours), (1, Some(20.0), Some(1)));
        assert_eq!(tally.rejected[&Reason::BadDate].first[0].line, 2);
        assert_eq!(tally.rejected[&Reason::BadNumber].first[0].line, 3);
        assert_eq!(tally.read, 3);
    }

    #[test]
    fn a_day_without_any_value_is_rejected() {
        let (found, tally) = parsed(&json!({
            "hourly": {"time": ["2026-07-01T00:00", "2026-07-02T00:00"], "temperature_2m": [null, 20.0]},
            "daily": {"time": ["2026-07-03"], "temperature_2m_max": [null]},
        }));
        assert_eq!((found.len(), tally.read), (1, 3));
        assert_eq!(tally.rejected[&Reason::MissingNumber].count, 2);
    }

    #[test]
    fn the_hour_that_comes_twice_is_two_hours() {
        let times: Vec<String> = ["01", "02", "02", "03"].map(|hour| format!("2026-10-25T{hour}:00")).into();
        let (found, _) = parsed(&json!({"hourly": {"time": times, "temperature_2m": [1.0, 2.0, 3.0, 4.0]}}));
        assert_eq!((found[0].1.hours, found[0].1.mean), (Some(4), Some(2.5)));
    }

    #[test]
    fn lists_of_different_lengths_are_damage() {
        let text = json!({"hourly": {"time": ["2026-07-01T00:00"], "temperature_2m": []}}).to_string();
        let error = super::super::parse("m.json", text.as_bytes(), &mut Tally::default()).unwrap_err();
        assert_eq!(error.to_string(), "m.json, line 1: `hourly.temperature_2m` has 0 values for 1 times");
        for (text, part) in
            [("{\"days\": 3}", "neither"), ("[]", "no `hourly`"), ("{\"disruptions\": []}", "type traffic")]
        {
            let error = super::super::parse("m.json", text.as_bytes(), &mut Tally::default())
                .unwrap_err()
                .to_string();
            assert!(error.contains(part) || part == "neither", "{error}");
        }
    }
}
