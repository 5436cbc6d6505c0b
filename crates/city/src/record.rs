//! Facts that last from one day to another: a disruption, a day's weather, a roadwork, an arc of the reference.

use kernel::Day;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::MetricType;

/// One record of an import. A later import's record with the same type and id takes its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Transit, weather, works or reference.
    pub kind: MetricType,
    /// The source's own id; of weather the day and the place.
    pub id: String,
    /// The first day that it concerns.
    pub from: Day,
    /// The last day, itself included.
    pub to: Day,
    /// What it says, in the form that [`crate::metrics`] reads (one type of content per type of metrics).
    pub body: Value,
}
