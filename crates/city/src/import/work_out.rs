//! A day's metrics as they are stored.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::Day;
use serde::Serialize;

use crate::MetricType;
use crate::archive::PAGE_SENSORS;
use crate::metrics::{Coverage, SensorDay, bikes, roads};
use crate::quality;

/// Half the time of the usual level, for a tenth more bytes.
const LEVEL: Compression = Compression::new(4);

/// The types whose facts are hours of sensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SensorType {
    Bikes,
    Roads,
}

impl SensorType {
    pub(super) const fn of(kind: MetricType) -> Option<Self> {
        match kind {
            MetricType::Bikes => Some(Self::Bikes),
            MetricType::Roads => Some(Self::Roads),
            MetricType::Transit | MetricType::Weather | MetricType::Works | MetricType::Reference => None,
        }
    }

    pub(super) const fn metric(self) -> MetricType {
        match self {
            Self::Bikes => MetricType::Bikes,
            Self::Roads => MetricType::Roads,
        }
    }
}

/// What is stored of a day besides its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) summary: String,
    pub(super) totals: String,
    pub(super) findings: String,
    /// Each JSON, gzip.
    pub(super) pages: Vec<Vec<u8>>,
}

/// Works a day out; the sensors are in the order of their ids.
pub(super) fn work_out(kind: SensorType, day: Day, sensors: &[SensorDay<'_>]) -> io::Result<Tables> {
    let findings = json(&quality::of_day(kind.metric(), day, sensors))?;
    match kind {
        SensorType::Bikes => {
            let (counters, totals) = bikes::day(day, sensors);
            let summary = json(&BikeSummary { total: totals.total, coverage: totals.coverage })?;
            Ok(Tables { summary, totals: json(&totals)?, findings, pages: pages(&counters)? })
        }
        SensorType::Roads => {
            let (arcs, totals) = roads::day(day, sensors);
            let summary = json(&totals.global_metrics)?;
            Ok(Tables { summary, totals: json(&totals)?, findings, pages: pages(&arcs)? })
        }
    }
}

/// What a range of days tells of each.
#[derive(Serialize)]
struct BikeSummary {
    #[serde(rename = "total_velos")]
    total: Option<f64>,
    #[serde(flatten)]
    coverage: Coverage,
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
