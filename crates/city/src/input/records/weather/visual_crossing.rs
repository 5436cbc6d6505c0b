//! Visual Crossing's timeline: a list of days, each with its hours
//! (<https://www.visualcrossing.com/resources/documentation/weather-api/timeline-weather-api/>). The answer does not say
//! its units; it has to be asked for with `unitGroup=metric`.

use kernel::{Day, Timestamp};
use serde_json::Value;

use super::super::civil;
use super::units::{Measure, NoSense, thousandths};
use super::{Rejects, place, record, slot};
use crate::input::Reason;
use crate::metrics::weather::{Hour, Weather};
use crate::record::Record;

pub(super) fn read(told: &Value, rejects: &mut Rejects<'_>) -> Vec<Record> {
    let base = Weather { source: "visual-crossing".to_owned(), place: place(told), ..Weather::default() };
    let days = told.get("days").and_then(Value::as_array).into_iter().flatten();
    let mut records = Vec::new();
    for (at, told) in days.enumerate() {
        match of_day(told, &base) {
            Ok((_, weather)) if weather.is_empty() => rejects.reject(Reason::MissingNumber, at),
            Ok((day, weather)) => records.push(record(day, &weather)),
            Err(reason) => rejects.reject(reason, at),
        }
    }
    records
}

fn of_day(told: &Value, base: &Weather) -> Result<(Day, Weather), Reason> {
    let date = told.get("datetime").and_then(Value::as_str).ok_or(Reason::BadDate)?;
    let day: Day = date.parse().map_err(|_| Reason::BadDate)?;
    let get = |measure: Measure, field: &str| {
        measure.read(told.get(field), "").map_err(|NoSense| Reason::BadNumber)
    };
    let hours = told.get("hours").and_then(Value::as_array).into_iter().flatten();
    let max_wind = get(Measure::Wind, "windspeed")?;
    let mean_wind = get(Measure::Wind, "windspeedmean")?;
    let weather = Weather {
        mean: get(Measure::Temperature, "temp")?,
        min: get(Measure::Temperature, "tempmin")?,
        max: get(Measure::Temperature, "tempmax")?,
        rain: get(Measure::Rain, "precip")?,
        // The wind of a day is here the highest of its hours.
        wind: mean_wind.or(max_wind),
        is_gust: mean_wind.is_none() && max_wind.is_some(),
        conditions: told
            .get("conditions")
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        by_hour: hours.filter_map(|told| of_hour(day, told)).collect(),
        ..base.clone()
    };
    Ok((day, weather))
}

/// What is said of an hour; nothing when it does not say which, or nothing that makes sense.
fn of_hour(day: Day, told: &Value) -> Option<(u8, Hour)> {
    let at = match told.get("datetimeEpoch").and_then(Value::as_i64) {
        Some(seconds) => Timestamp::from_micros(0).plus_seconds(seconds),
        None => civil::instant(&format!("{day}T{}", told.get("datetime")?.as_str()?))?,
    };
    let (_, slot) = slot(at).filter(|(of, _)| *of == day)?;
    let get =
        |measure: Measure, field: &str| measure.read(told.get(field), "").ok().flatten().map(thousandths);
    let hour = Hour {
        temperature: get(Measure::Temperature, "temp"),
        rain: get(Measure::Rain, "precip"),
        wind: get(Measure::Wind, "windspeed"),
        code: None,
    };
    (!hour.is_empty()).then_some((slot, hour))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::input::Tally;
    use crate::metrics::weather::{self, WeatherDay};

    fn parsed(days: &Value) -> (Vec<(Record, WeatherDay)>, Tally) {
        let mut tally = Tally::default();
        let text = json!({"latitude": 48.8572, "longitude": 2.34141, "days": days}).to_string();
        let records = super::super::parse("vc.json", text.as_bytes(), &mut tally).unwrap();
        let with_weather = records.into_iter().map(|record| {
            let day = weather::day(record.from, std::slice::from_ref(&record)).metrics.unwrap();
            (record, day)
        });
        (with_weather.collect(), tally)
    }

    #[test]
    fn a_day_is_taken_as_it_is() {
        let (found, _) = parsed(&json!([{
            "datetime": "2024-06-04", "temp": 15.5, "tempmin": 12.0, "tempmax": 18.0, "precip": null,
            "windspeed": 32.0, "conditions": "Partially cloudy",
        }]));
        let (record, weather) = &found[0];
        assert_eq!(
            (record.id.as_str(), record.from),
            ("2024-06-04/visual-crossing@48.86,2.34", weather.date)
        );
        assert_eq!((weather.mean, weather.rain, weather.hours), (Some(15.5), None, None));
        assert_eq!((weather.wind, weather.is_gust), (Some(32.0), true));
        assert_eq!(weather.conditions.as_deref(), Some("Partially cloudy"));
    }

    #[test]
    fn the_mean_wind_is_of_its_hours() {
        let (found, _) = parsed(&json!([{
            "datetime": "2024-06-04", "windspeed": 32.0, "hours": [
                {"datetime": "00:00:00", "windspeed": 8.0}, {"datetimeEpoch": 1_717_455_600, "windspeed": 32.0},
                {"datetime": "02:00:00"}, {"windspeed": 90.0}, {"datetime": "99:00:00", "windspeed": 90.0},
            ],
        }]));
        assert_eq!((found[0].1.wind, found[0].1.is_gust, found[0].1.hours), (Some(20.0), false, Some(2)));
    }

    #[test]
    fn days_without_a_date_or_with_nonsense_are_rejected() {
        let (found, tally) = parsed(
            &json!([{"temp": 1.0}, {"datetime": "2024-06-04", "temp": "mild"}, {"datetime": "2024-06-05"}]),
        );
        assert_eq!((found.len(), tally.read), (0, 3));
        for reason in [Reason::BadDate, Reason::BadNumber, Reason::MissingNumber] {
            assert_eq!(tally.rejected[&reason].count, 1, "{reason}");
        }
    }
}
