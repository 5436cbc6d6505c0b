//! Imports: who asked for what, how far it has come, how it ended.
//!
//! The process at work on an import says so every now and then ([`renew`]); one that has not been heard of for
//! [`HELD_SECONDS`] is taken for dead. Its imports whose data can still be had are taken over ([`take_over`]), the
//! others have failed ([`fail_abandoned`]). What they had published by then stays, and importing again does the rest.

mod commands;
mod queries;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use store::DbError;
use utoipa::ToSchema;
use uuid::Uuid;

pub use commands::{begin, call, end, fail_abandoned, let_go, note, note_tally, renew, stop, take_over};
pub use queries::{after, get, list, unfinished};

use crate::MetricType;
use crate::input::Tally;
use crate::quality::Findings;

/// So long a process is believed to be at work after it has said so.
pub const HELD_SECONDS: i64 = 60;

/// So long the data of an import is waited for whose process has ended: only the machine that took an upload has it.
pub const GONE_SECONDS: i64 = 600;

/// What is told of an import whose process has ended.
pub const INTERRUPTED: &str = "the process that was at work on it has ended; the days published by then stay: import the same source again";

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = CityImportState)]
pub enum State {
    /// Others come first.
    Waiting,
    /// Its source is being read; nothing of it counts yet.
    Reading,
    /// Its source is good, and its days are being published.
    Publishing,
    /// All of it counts.
    Done,
    /// It ended early; `error` says why.
    Failed,
}

impl State {
    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Reading => "READING",
            Self::Publishing => "PUBLISHING",
            Self::Done => "DONE",
            Self::Failed => "FAILED",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = DbError;

    fn from_str(text: &str) -> Result<Self, DbError> {
        [Self::Waiting, Self::Reading, Self::Publishing, Self::Done, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| DbError::Decode(format!("{text} is no state of an import")))
    }
}

/// Where a waiting import finds its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// In the file that was sent, see [`crate::spool::Upload`].
    Upload,
    /// At the portal that is configured.
    Portal,
    /// Under this path of the folder whose files may be named.
    Inbox(PathBuf),
}

/// An import that has been accepted and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Its id.
    pub id: Uuid,
    /// The type of what it reads.
    pub kind: MetricType,
    /// What people call its source.
    pub source: String,
    /// Where its data is.
    pub origin: Origin,
}

/// An import that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// Its id.
    pub id: Uuid,
    /// The type of what it reads.
    pub kind: MetricType,
    /// What people call its source.
    pub source: String,
    /// Where its data is, when another process could carry it out.
    pub origin: Option<Origin>,
    /// The process at work on it.
    pub holder: Uuid,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = CityImport)]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// The type of what it reads.
    #[serde(rename = "type")]
    pub kind: MetricType,
    /// What people call its source.
    pub source: String,
    /// How far it has come.
    #[serde(rename = "etat")]
    pub state: State,
    /// When it was asked for.
    #[serde(rename = "demande_le")]
    pub asked_at: Timestamp,
    /// When it ended.
    #[serde(rename = "termine_le", skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How many days (of a record type: records) have been worked through.
    #[serde(rename = "jours_traites")]
    pub days_done: i64,
    /// How many days (or records) its source has.
    #[serde(rename = "jours_total")]
    pub days_all: i64,
    /// On how many days (or in how many records) it changed something.
    #[serde(rename = "jours_modifies")]
    pub days_changed: i64,
    /// What became of the rows of its source.
    #[serde(rename = "bilan", skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// What is wrong with them, see [`crate::quality`].
    #[serde(rename = "constats", skip_serializing_if = "Option::is_none")]
    pub findings: Option<Findings>,
    /// Why it failed.
    #[serde(rename = "erreur", skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub state: State,
    /// See [`Import::days_done`].
    pub days_done: u64,
    /// See [`Import::days_all`].
    pub days_all: u64,
    /// See [`Import::days_changed`].
    pub days_changed: u64,
}
