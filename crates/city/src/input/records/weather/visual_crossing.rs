//! Visual Crossing's timeline: a list of days, each with its hours
//! (<https://www.visualcrossing.com/resources/documentation/weather-api/timeline-weather-api/>). The answer does not say
//! its units; it has to be asked for with `unitGroup=metric`.

use kernel::Day;
use serde_json::Value;

use super::units::{Measure, NoSense, Values};
use super::{Rejects, place, record};
use crate::input::Reason;
use crate::metrics::number::count;
use crate::metrics::weather::Weather;
use crate::record::Record;

pub(super) fn read(told: &Value, rejects: &mut Rejects<'_>) -> Vec<Record> {
    let base = Weather { source: "visual-crossing".to_owned(), place: place(told), ..Weather::default() };
    let days = told.get("days").and_then(Value::as_array).into_iter().flatten();
    let mut records = Vec::new();
    for (at, told) in days.enumerate() {
        match of_day(told, &base) {
            Ok((day, weather)) => records.push(record(day, &weather)),
            Err(reason) => rejects.reject(reason, at),
        }
    }
    records
}

fn of_day(told: &Value, base: &Weather) -> Result<(Day, Weather), Reason> {
    let date = told.get("datetime").and_then(Value::as_str).ok_or(Reason::BadDate)?;
    let day = date.parse().map_err(|_| Reason::BadDate)?;
    let get = |measure: Measure, field: &str| {
        measure.read(told.get(field), "").map_err(|NoSense| Reason::BadNumber)
    };
    let hours = told.get("hours").and_then(Value::as_array);
    let max_wind = get(Measure::Wind, "windspeed")?;
    let mean_wind = get(Measure::Wind, "windspeedmean")?.or_else(|| mean_wind(hours?));
    let weather = Weather {
        hours: hours.map(|hours| count(hours.len())),
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
        ..base.clone()
    };
    Ok((day, weather))
}

fn mean_wind(hours: &[Value]) -> Option<f64> {
    let mut values = Values::default();
    let read = |hour: &Value| Measure::Wind.read(hour.get("windspeed"), "").ok().flatten();
    hours.iter().filter_map(read).for_each(|wind| values.add(wind));
    values.mean()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::input::Tally;

    fn parsed(days: &Value) -> (Vec<(Record, Weather)>, Tally) {
        let mut tally = Tally::default();
        let text = json!({"latitude": 48.8572, "longitude": 2.34141, "days": days}).to_string();
        let records = super::super::parse("vc.json", text.as_bytes(), &mut tally).unwrap();
        let with_weather = records.into_iter().map(|record| {
            let weather = Weather::deserialize(&record.body).unwrap();
            (record, weather)
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
        assert_eq!((record.id.as_str(), record.from), ("2024-06-04/visual-crossing@48.86,2.34", record.to));
        assert_eq!((weather.mean, weather.rain, weather.hours), (Some(15.5), None, None));
        assert_eq!((weather.wind, weather.is_gust), (Some(32.0), true));
        assert_eq!(weather.conditions.as_deref(), Some("Partially cloudy"));
    }

    #[test]
    fn the_mean_wind_is_of_its_hours() {
        let (found, _) = parsed(&json!([{
            "datetime": "2024-06-04", "windspeed": 32.0, "hours": [{"windspeed": 8.0}, {"windspeed": 32.0}, {}],
        }]));
        assert_eq!((found[0].1.wind, found[0].1.is_gust, found[0].1.hours), (Some(20.0), false, Some(3)));
    }

    #[test]
    fn days_without_a_date_or_with_nonsense_are_rejected() {
        let (found, tally) = parsed(
            &json!([{"temp": 1.0}, {"datetime": "2024-06-04", "temp": "mild"}, {"datetime": "2024-06-05"}]),
        );
        assert_eq!((found.len(), tally.read), (1, 3));
        assert_eq!(
            (tally.rejected[&Reason::BadDate].count, tally.rejected[&Reason::BadNumber].count),
            (1, 1)
        );
    }
}
