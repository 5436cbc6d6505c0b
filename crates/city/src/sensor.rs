//! What is known of a counter or an arc itself.

use serde::{Deserialize, Serialize};

/// A place on the ground, in degrees of WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Longitude, east positive.
    pub lon: f64,
    /// Latitude, north positive.
    pub lat: f64,
}

/// What a source says of a counter or an arc, beside what it measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct About {
    /// What people call it; empty when the source has no name.
    pub name: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
    /// An arc's line, as places in order; empty for counters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line: Vec<Point>,
    /// Id and name of the node where an arc begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Node>,
    /// Id and name of the node where an arc ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downstream: Option<Node>,
}

/// An end of an arc.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
}
