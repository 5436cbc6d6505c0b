//! The six types of metrics.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A type of metrics, by the name it has on the wire and in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricType {
    /// Bicycles, by counter and hour.
    Bikes,
    /// Road traffic, by arc and hour.
    #[serde(rename = "comptages")]
    Roads,
    /// Disruptions of public transport.
    #[serde(rename = "traffic")]
    Transit,
    /// Weather.
    Weather,
    /// Roadworks.
    #[serde(rename = "chantiers")]
    Works,
    /// The arcs of the road network.
    #[serde(rename = "referentiel")]
    Reference,
}

impl MetricType {
    /// All of them, in the order they are told.
    pub const ALL: [Self; 6] =
        [Self::Bikes, Self::Roads, Self::Transit, Self::Weather, Self::Works, Self::Reference];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bikes => "bikes",
            Self::Roads => "comptages",
            Self::Transit => "traffic",
            Self::Weather => "weather",
            Self::Works => "chantiers",
            Self::Reference => "referentiel",
        }
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is none of the six.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no such type of metrics; the types are bikes, comptages, traffic, weather, chantiers and referentiel"
)]
pub struct UnknownType;

impl FromStr for MetricType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownType)
    }
}
