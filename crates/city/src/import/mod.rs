//! From a source to published days.
//!
//! An import reads its source to the end on a thread of its own; when anything in it is damaged, nothing of it counts.
//! Then it goes through the days: each that changes is worked out anew beside the store, staged in rows that nobody
//! sees, and published by one small command. Every command is short, and others run between them. An import that is
//! killed on the way leaves whole days behind, and importing again does the rest: what is published already does not
//! change again.

mod aside;
mod days;
mod ground;
mod importer;
pub mod jobs;
mod leftovers;
mod reader;
mod records;
mod register;
#[cfg(test)]
mod tests;

use uuid::Uuid;

pub use importer::Importer;

use store::Unavailable;

use crate::input::{InputError, Progress, Tally};
use crate::quality::Findings;

/// Who is told how far an import is.
pub trait Watch: Progress + Send + Sync + 'static {
    /// The source is good; so many of its days (of a record type: records) have been worked through.
    fn published(&self, done: u64, all: u64);
}

/// Nobody is told.
impl Watch for () {
    fn published(&self, _: u64, _: u64) {}
}

/// How an import ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Its id.
    pub id: Uuid,
    /// What became of the rows of its source.
    pub tally: Tally,
    /// What is wrong with them.
    pub findings: Findings,
    /// How many days (of a record type: records) its source has.
    pub days: u64,
    /// How many of them it changed.
    pub changed: u64,
}

/// Why an import ended early. What it had published by then stays; importing the same source again does the rest.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The source cannot be read to its end; nothing of it counts.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The portal does not give its file.
    #[error("{0}")]
    NotFetched(String),
    /// The store cannot be read or written.
    #[error("{0}; the days published by then stay: import the same source again")]
    Store(#[from] Unavailable),
    /// The process is ending.
    #[error("it was stopped; the days published by then stay: import the same source again")]
    Stopped,
    /// A thread cannot be started.
    #[error("no thread can be started: {0}; the days published by then stay: import the same source again")]
    Thread(#[source] std::io::Error),
    /// A fault of ours.
    #[error("an error of ours while {0}; nothing is published that is not whole")]
    Fault(&'static str),
}
