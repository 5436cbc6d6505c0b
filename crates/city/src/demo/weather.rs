//! Hourly weather, as Open-Meteo answers.

use kernel::Day;
use serde_json::json;

use super::noise;

/// Whether it rains on a day: on about every fourth.
pub(super) fn is_rainy(day: Day) -> bool {
    noise::once_in(4, [day.number(), 1, 1])
}

/// The hours of all days.
pub(super) fn hours(days: &[Day]) -> String {
    let (mut time, mut temperature, mut rain, mut wind) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for day in days {
        for hour in 0..24 {
            time.push(format!("{day}T{hour:02}:00"));
            temperature.push(tenths(degrees(*day, hour)));
            rain.push(tenths(if is_rainy(*day) { noise::between(0, 9, [day.number(), hour, 2]) } else { 0 }));
            wind.push(tenths(gusts(*day) + noise::between(0, 60, [day.number(), hour, 3])));
        }
    }
    json!({
        "latitude": 48.86, "longitude": 2.35, "utc_offset_seconds": 3600, "timezone": "Europe/Paris",
        "comment": "inventé",
        "hourly_units": {"time": "iso8601", "temperature_2m": "°C", "precipitation": "mm", "wind_speed_10m": "km/h"},
        "hourly": {"time": time, "temperature_2m": temperature, "precipitation": rain, "wind_speed_10m": wind},
    })
    .to_string()
}

/// Tenths of a degree: colder in January, colder at night, every day a little different.
fn degrees(day: Day, hour: i64) -> i64 {
    // A year of the sun is a triangle here: from 30 tenths in the middle of January to 210 in the middle of July.
    let of_year = (day.number() - 15).rem_euclid(365);
    let season = 30 + 180 * (182 - (of_year - 182).abs()) / 182;
    let daily = 40 - 8 * (hour - 15).abs();
    season + daily + noise::between(-30, 30, [day.number(), 4, 4])
}

/// Tenths of a km/h, above which the hours of a day lie: on some days it is windy.
fn gusts(day: Day) -> i64 {
    if noise::once_in(9, [day.number(), 5, 5]) { 320 } else { noise::between(50, 180, [day.number(), 6, 6]) }
}

/// A number of tenths as JSON.
fn tenths(number: i64) -> serde_json::Value {
    // One decimal place is written exactly as it is meant.
    let text = format!("{}{}.{}", if number < 0 { "-" } else { "" }, number.abs() / 10, number.abs() % 10);
    text.parse::<f64>().map_or(serde_json::Value::Null, serde_json::Value::from)
}
