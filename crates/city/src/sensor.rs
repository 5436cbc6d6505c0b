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

impl About {
    /// What a source says that says nothing.
    pub const NOTHING: Self =
        Self { name: String::new(), point: None, line: Vec::new(), upstream: None, downstream: None };

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::NOTHING
    }

    /// As it is stored, and by which it is compared with what other rows say: JSON.
    pub fn to_text(&self) -> String {
        // A struct of texts and finite numbers is always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From [`About::to_text`].
    ///
    /// # Errors
    ///
    /// When the text is none.
    pub fn of_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Which description of a sensor counts on a day: that of the day's latest row that says anything of the sensor. So a
/// day rests on its own rows, and what a later day's rows say changes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described {
    /// The slot of that row (see [`crate::hours::Hours`]).
    pub slot: usize,
    /// The description's number among those of its sensor.
    pub number: u32,
}
