//! A day's metrics as they are stored.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::Day;
use serde::Serialize;
use store::DbError;

use super::{Facts, PAGE_SENSORS, SensorFacts};
use crate::MetricType;
use crate::metrics::{SensorDay, bikes, roads};
use crate::quality;
use crate::sensor::{About, Described};

/// Half the time of the usual level, for a tenth more bytes.
const LEVEL: Compression = Compression::new(4);

/// The types whose facts are hours of sensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SensorType {
    Bikes,
    Roads,
}

impl SensorType {
    pub(crate) const fn of(kind: MetricType) -> Option<Self> {
        match kind {
            MetricType::Bikes => Some(Self::Bikes),
            MetricType::Roads => Some(Self::Roads),
            MetricType::Transit | MetricType::Weather | MetricType::Works | MetricType::Reference => None,
        }
    }

    pub(crate) const fn metric(self) -> MetricType {
        match self {
            Self::Bikes => MetricType::Bikes,
            Self::Roads => MetricType::Roads,
        }
    }
}

/// What descriptions say, by the numbers of the sensor and of the description.
pub type Abouts = HashMap<(i64, u32), Arc<About>>;

/// Something that facts name and nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missing {
    /// The sensor of a number.
    #[error("there is no sensor of number {0}")]
    Sensor(i64),
    /// The description of a number among those of a sensor.
    #[error("there is no description {1} of the sensor of number {0}")]
    Description(i64, u32),
}

impl From<Missing> for DbError {
    fn from(missing: Missing) -> Self {
        Self::Decode(missing.to_string())
    }
}

/// The descriptions that some facts name.
pub(crate) fn named(facts: &Facts) -> impl Iterator<Item = (i64, u32)> {
    facts.iter().filter_map(|(sensor, of_day)| Some((*sensor, of_day.described?.number)))
}

/// The sensors of a day's facts with what they are called, by id.
pub(crate) fn sensors_of_day<'a>(
    facts: &'a Facts,
    id: impl Fn(i64) -> Option<&'a str>,
    abouts: &'a Abouts,
) -> Result<Vec<SensorDay<'a>>, Missing> {
    let named = facts.iter().map(|(number, of_day)| {
        let id = id(*number).ok_or(Missing::Sensor(*number))?;
        sensor_of_day(*number, id, of_day, abouts)
    });
    let mut sensors = named.collect::<Result<Vec<_>, _>>()?;
    sensors.sort_unstable_by_key(|sensor| sensor.id);
    Ok(sensors)
}

/// A sensor of a day with what it is called.
pub(super) fn sensor_of_day<'a>(
    number: i64,
    id: &'a str,
    facts: &'a SensorFacts,
    abouts: &'a Abouts,
) -> Result<SensorDay<'a>, Missing> {
    static NOTHING: About = About::NOTHING;
    let about = match facts.described {
        Some(Described { number: description, .. }) => {
            abouts.get(&(number, description)).ok_or(Missing::Description(number, description))?
        }
        None => &NOTHING,
    };
    Ok(SensorDay { id, about, hours: &facts.hours })
}

/// What is stored of a day besides its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tables {
    pub(crate) summary: String,
    pub(crate) totals: String,
    pub(crate) findings: String,
    /// Each JSON, gzip.
    pub(crate) pages: Vec<Vec<u8>>,
}

/// Works a day out; the sensors are in the order of their ids.
pub(crate) fn work_out(kind: SensorType, day: Day, sensors: &[SensorDay<'_>]) -> io::Result<Tables> {
    let findings = json(&quality::of_day(kind.metric(), day, sensors))?;
    match kind {
        SensorType::Bikes => {
            let (counters, totals) = bikes::day(day, sensors);
            let summary = json(&totals.summary())?;
            Ok(Tables { summary, totals: json(&totals)?, findings, pages: pages(&counters)? })
        }
        SensorType::Roads => {
            let (arcs, totals) = roads::day(day, sensors);
            let summary = json(&totals.global_metrics)?;
            Ok(Tables { summary, totals: json(&totals)?, findings, pages: pages(&arcs)? })
        }
    }
}

fn json(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

fn pages(rows: &[impl Serialize]) -> io::Result<Vec<Vec<u8>>> {
    rows.chunks(PAGE_SENSORS)
        .map(|rows| {
            let mut packed = GzEncoder::new(Vec::new(), LEVEL);
            packed.write_all(json(&rows)?.as_bytes())?;
            packed.finish()
        })
        .collect()
}
