//! A day's metrics, worked out from its facts.
//!
//! Everything here is pure: the same facts give the same numbers to the last digit, in whatever order they came. Sums are
//! sums of integers; a number for people is one division at the end. Beside each number stand the hours and sensors that
//! it rests on. Values that cannot be (a negative count, an occupancy outside of 0 to 100 %) count as missing here and are
//! told by [`crate::quality`].

pub mod bikes;
mod clock;
pub mod geo;
pub(crate) mod number;
pub mod reference;
pub mod roads;
pub mod silence;
pub mod transit;
pub mod weather;
pub mod works;

use kernel::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use clock::{WallClock, hours_of};

use crate::MetricType;
use crate::hours::{Hours, OCCUPANCY_UNITS, Reading};
use crate::record::Record;
use crate::sensor::{About, Point};
use silence::{Silence, Silent};

/// What one sensor measured on a day.
#[derive(Debug, Clone, Copy)]
pub struct SensorDay<'a> {
    /// The counter's or the arc's id.
    pub id: &'a str,
    /// What is known of it.
    pub about: &'a About,
    /// Its hours.
    pub hours: &'a Hours,
}

impl SensorDay<'_> {
    /// The number of its arrondissement, when it is in Paris.
    fn arrondissement(&self) -> Option<u8> {
        geo::arrondissement(self.place()?)
    }

    /// Where it is; an arc without a place of its own is half way along its line.
    fn place(&self) -> Option<Point> {
        self.about.point.or_else(|| geo::middle(&self.about.line))
    }
}

/// The vehicles of an hour, unless the number is missing or negative.
pub(crate) fn flow(reading: Reading) -> Option<i32> {
    reading.flow.filter(|flow| *flow >= 0)
}

/// The occupancy of an hour, unless it is missing or outside of 0 to 100 %.
pub(crate) fn occupancy(reading: Reading) -> Option<i32> {
    reading.occupancy.filter(|occupancy| (0..=100 * OCCUPANCY_UNITS).contains(&i64::from(*occupancy)))
}

/// A place, as answers write it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityCoordinates)]
pub struct Coordinates {
    /// Longitude in degrees, east positive.
    #[schema(example = 2.37559)]
    pub lon: f64,
    /// Latitude in degrees, north positive.
    #[schema(example = 48.84613)]
    pub lat: f64,
}

impl From<Point> for Coordinates {
    fn from(Point { lon, lat }: Point) -> Self {
        Self { lon, lat }
    }
}

/// What stands behind the numbers of a day.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityCoverage)]
pub struct Coverage {
    /// Sensors that sent something that day.
    #[serde(rename = "capteurs")]
    #[schema(example = 90)]
    pub sensors: u32,
    /// Hours with a measurement, of all sensors together.
    #[serde(rename = "heures_mesurees")]
    #[schema(example = 2160)]
    pub measured: u32,
    /// Hours that the day has, times the sensors.
    #[serde(rename = "heures_attendues")]
    #[schema(example = 2160)]
    pub expected: u32,
    /// Hours with a measurement per hour expected, in percent.
    #[serde(rename = "couverture_pct")]
    #[schema(example = 100.0)]
    pub percent: f64,
}

impl Coverage {
    /// What was measured of what so many sensors can measure on a day of so many hours.
    pub(crate) fn new(sensors: u32, measured: u32, hours_of_day: usize) -> Self {
        let expected = sensors * number::count(hours_of_day);
        Self { sensors, measured, expected, percent: number::percent(measured, expected) }
    }
}

/// A sensor that says nothing, whatever it sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityFailingSensor)]
pub struct FailingSensor {
    /// The counter's id; only for counters.
    #[serde(rename = "id_compteur", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "100003098-101003098")]
    pub counter: Option<String>,
    /// The arc's id; only for arcs.
    #[serde(rename = "identifiant_arc", default, skip_serializing_if = "Option::is_none")]
    pub arc: Option<String>,
    /// What people call it.
    #[serde(rename = "libelle")]
    #[schema(example = "106 avenue Denfert Rochereau NE-SO")]
    pub name: String,
    /// `bike` or `comptage`.
    #[serde(rename = "type")]
    #[schema(example = "bike")]
    pub kind: String,
    /// Why it is listed.
    #[serde(rename = "raison")]
    pub reason: Silence,
    /// The value that it sent, in vehicles per hour (percent when only an arc's occupancy is stuck); none when it sent
    /// none.
    #[serde(rename = "valeur")]
    pub value: Option<f64>,
    /// For how many hours; of one that is absent those of the day.
    #[serde(rename = "heures")]
    #[schema(example = 24)]
    pub hours: u32,
}

/// What is counted of the records that concern a day, one after the other, where their lists are not wanted.
pub(crate) trait DayCount: Default {
    /// What a record says.
    type Body: serde::de::DeserializeOwned;
    /// The numbers of the day.
    type Numbers: Serialize;

    /// Adds a record that concerns the day.
    fn add(&mut self, day: Day, body: &Self::Body);

    /// What was counted.
    fn numbers(self) -> Self::Numbers;
}

impl FailingSensor {
    /// A sensor of a type, failing for a reason.
    pub(crate) fn new(kind: MetricType, id: &str, name: &str, silent: &Silent) -> Self {
        let is_counter = kind == MetricType::Bikes;
        Self {
            counter: is_counter.then(|| id.to_owned()),
            arc: (!is_counter).then(|| id.to_owned()),
            name: name.to_owned(),
            kind: if is_counter { "bike" } else { "comptage" }.to_owned(),
            reason: silent.why,
            value: silent.value,
            hours: silent.hours(),
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        self.counter.as_deref().or(self.arc.as_deref()).unwrap_or_default()
    }
}

/// The records of a type that concern a day, with what they say. A body of another form is not of this type.
pub(crate) fn in_force<T: serde::de::DeserializeOwned>(
    kind: MetricType,
    day: Day,
    records: &[Record],
) -> impl Iterator<Item = (&Record, T)> {
    let concerned = records.iter().filter(move |record| record.kind == kind && record.concerns(day));
    concerned.filter_map(|record| Some((record, T::deserialize(&record.body).ok()?)))
}
