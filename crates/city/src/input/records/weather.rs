//! Weather as Open-Meteo (`hourly`, `daily`) and Visual Crossing (`days`) tell it.

mod open_meteo;
mod units;
mod visual_crossing;

use kernel::{Day, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::{body, document};
use crate::MetricType;
use crate::input::{InputError, Reason, Tally};
use crate::metrics::Coordinates;
use crate::metrics::weather::Weather;
use crate::record::{Last, Record};

const MICROS_OF_AN_HOUR: i64 = 3_600_000_000;

pub(super) fn parse(name: &str, data: &[u8], tally: &mut Tally) -> Result<Vec<Record>, InputError> {
    let document = document::read(MetricType::Weather, name, data)?;
    // Open-Meteo answers a list when it is asked for several places.
    let places: Vec<&Value> = match &document {
        Value::Array(list) => list.iter().collect(),
        Value::Object(_) => vec![&document],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let mut records = Vec::new();
    for told in &places {
        let has = |field: &str| told.get(field).is_some_and(|value| value.is_object() || value.is_array());
        if has("days") {
            records.extend(visual_crossing::read(told, &mut Rejects { name, tally }));
        } else if has("hourly") || has("daily") {
            records.extend(open_meteo::read(name, told, &mut Rejects { name, tally })?);
        } else {
            return Err(document::refuse(MetricType::Weather, name, data, &document));
        }
    }
    if places.is_empty() {
        return Err(document::refuse(MetricType::Weather, name, data, &document));
    }
    tally.read += records.len() as u64;
    Ok(records)
}

/// Where what makes no sense is counted.
struct Rejects<'a> {
    name: &'a str,
    tally: &'a mut Tally,
}

impl Rejects<'_> {
    /// One value or day, by its place in its list.
    fn reject(&mut self, reason: Reason, place: usize) {
        self.tally.read += 1;
        self.tally.reject(reason, self.name, place as u64 + 1);
    }
}

/// A day's weather at a place is one record for each source.
fn record(day: Day, weather: &Weather) -> Record {
    let place = weather.place.map_or(String::new(), |Coordinates { lon, lat }| format!("@{lat:.2},{lon:.2}"));
    let id = format!("{day}/{}{place}", weather.source);
    Record { kind: MetricType::Weather, id, from: day, to: Last::On(day), body: body(weather) }
}

/// The day in Paris of an instant and its hour, counted from the day's first.
fn slot(at: Timestamp) -> Option<(Day, u8)> {
    let day = at.paris_day();
    let slot = (at.micros() - day.start().micros()) / MICROS_OF_AN_HOUR;
    Some((day, u8::try_from(slot).ok()?))
}

/// Adds what another row says of the same day. What both say the same of is a duplicate, what they say otherwise a
/// conflict; parts of a day are neither.
pub(super) fn join(one: &mut Record, other: &Record, tally: &mut Tally) {
    let read = |record: &Record| Weather::deserialize(&record.body).unwrap_or_default();
    let (known, told) = (read(one), read(other));
    let together = known.clone().joined(told.clone());
    if together == known {
        tally.duplicates += 1;
    } else {
        tally.kept += 1;
    }
    // Whichever is taken to be the later one, it changes nothing unless they differ.
    if known.clone().corrected(told.clone()) != told.corrected(known) {
        tally.conflicts += 1;
    }
    one.body = body(&together);
}

fn place(told: &Value) -> Option<Coordinates> {
    let number = |field: &str| told.get(field).and_then(Value::as_f64);
    Some(Coordinates { lon: number("longitude")?, lat: number("latitude")? })
}
