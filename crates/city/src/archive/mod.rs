//! The facts and the metrics of every day, in numbered versions.
//!
//! A day of a sensor type is written in steps, each a short command: an import claims the day ([`commands::day`]),
//! stages the rows of the next version, which nobody sees, and publishes it with one small row. The highest version
//! that was known at an instant is what the day was at that instant; of blocks and pages, which are only written when
//! they change, the row with the highest version up to that one.
//!
//! What a sensor is called, where it is and what its line is are facts of each day as well: those of the day's own
//! latest row. So a day rests on its own rows only, and stays as it is whatever other days bring.
//!
//! Records (disruptions, weather, works, arcs) have editions instead, which are of all days of a type at once: an import
//! claims the next one, stages its records ([`commands::records`]) and publishes it with one small row. Each record has
//! the editions from and until which it was in force.

pub mod answers;
mod block;
mod codec;
pub mod commands;
mod correction;
pub mod imports;
pub mod queries;
mod sensor_range;
#[cfg(test)]
mod tests;
mod work_out;

use kernel::{Day, Timestamp};
use serde::{Deserialize, Serialize};
use store::DbError;
use utoipa::ToSchema;
use uuid::Uuid;

pub use block::{Facts, SensorFacts, changed as changed_blocks};
pub use correction::Corrected;
pub use work_out::Abouts;
pub(crate) use work_out::{SensorType, Tables, named, sensors_of_day, work_out};

use crate::MetricType;

/// How many sensors a page of a day's list holds.
pub const PAGE_SENSORS: usize = 500;
/// The longest range of days that is answered at once.
pub const RANGE_DAYS: i32 = 400;

/// A published version of a day, without what is large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The day.
    pub day: Day,
    /// 1, 2, 3 …
    pub version: i64,
    /// When it was published; it grows with the version.
    pub known_at: Timestamp,
    /// How many sensors measured something.
    pub sensors: i64,
    /// How many hours they measured in all.
    pub hours: i64,
    /// How many pages their list has.
    pub pages: i64,
    /// The city's own numbers: JSON, the form is that of the type.
    pub summary: String,
}

/// A published version of a day, as a whole but for the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// What is small.
    pub head: Head,
    /// Everything of the day but the list of its sensors: JSON, the form is that of the type.
    pub totals: String,
    /// What is wrong with its facts: JSON of [`crate::quality`].
    pub findings: String,
}

/// What a version changed, against the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityChanges)]
pub struct Changes {
    /// Sensors that had measured nothing on that day.
    #[serde(rename = "capteurs_ajoutes")]
    pub sensors_added: u64,
    /// Sensors of which some hour was added or is different.
    #[serde(rename = "capteurs_modifies")]
    pub sensors_changed: u64,
    /// Hours that were missing.
    #[serde(rename = "heures_ajoutees")]
    pub hours_added: u64,
    /// Hours that were different.
    #[serde(rename = "heures_modifiees")]
    pub hours_changed: u64,
    /// Sensors of the day of which this day's rows give another name, place or line.
    #[serde(rename = "capteurs_redecrits")]
    pub sensors_described: u64,
    /// All flows together before; nothing in the first version.
    #[serde(rename = "total_avant", skip_serializing_if = "Option::is_none")]
    pub total_before: Option<f64>,
    /// All flows together.
    #[serde(rename = "total_apres")]
    pub total_after: f64,
}

/// One of a day's versions; of records an edition that changed something of the day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = CityVersion)]
pub struct VersionInfo {
    /// 1, 2, 3 …; of editions those are left out that changed nothing of the day.
    pub version: i64,
    /// When it was published.
    #[serde(rename = "connu_le")]
    pub known_at: Timestamp,
    /// The import that it comes from.
    pub import_id: Uuid,
    /// What it changed; nothing of an edition of records, which is not of one day alone.
    #[serde(rename = "modifications")]
    pub changes: Option<Changes>,
}

/// A counter or an arc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensor {
    /// Its number among those of its type, from 0.
    pub number: i64,
    /// The source's id.
    pub id: String,
}

/// What the archive has of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CityExtent)]
pub struct Extent {
    /// The type.
    #[serde(rename = "type")]
    pub kind: MetricType,
    /// How many days (of a record type: records) there are.
    #[serde(rename = "nombre")]
    pub count: i64,
    /// The first day.
    #[serde(rename = "premier_jour")]
    pub first: Option<Day>,
    /// The last day.
    #[serde(rename = "dernier_jour")]
    pub last: Option<Day>,
}

impl MetricType {
    /// Whether its facts are hours of sensors; of the others they are records.
    pub const fn has_sensors(self) -> bool {
        match self {
            Self::Bikes | Self::Roads => true,
            Self::Transit | Self::Weather | Self::Works | Self::Reference => false,
        }
    }
}

fn to_json<T: Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Other(error.to_string()))
}

/// Reads what the store holds as JSON.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Decode(error.to_string()))
}

/// A number for the store; there are never so many things that it does not fit.
pub(crate) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of the store that is never large.
fn small(number: i64) -> Result<u32, DbError> {
    u32::try_from(number).map_err(|_| DbError::Decode(format!("{number} is no number of a description")))
}
