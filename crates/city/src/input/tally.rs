//! What was read, kept and rejected.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::InputError;

/// Why a row or a record is rejected. The rest of its file counts all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It does not say which counter, arc, roadwork … it concerns.
    MissingId,
    /// An id that is longer than 200 bytes, or has control characters in it.
    BadId,
    /// A date or time that is missing, not written as expected, or that does not exist.
    BadDate,
    /// An hour that is yet to come, later than tomorrow.
    Future,
    /// A time within an hour, where counts of whole hours are expected.
    PartOfHour,
    /// Something else than a number, or one that no sensor can mean.
    BadNumber,
    /// The number that the row is for is not there.
    MissingNumber,
    /// More or fewer fields than the header has.
    FieldCount,
    /// A name of more than 1,000 letters, a shape of more than 64 KiB, or a text with a NUL in it.
    BadText,
    /// A record of JSON without the shape that it should have.
    BadRecord,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingId => "no id",
            Self::BadId => "no valid id (too long, or with control characters)",
            Self::BadDate => "no valid date",
            Self::Future => "an hour in the future",
            Self::PartOfHour => "not a whole hour",
            Self::BadNumber => "no valid number",
            Self::MissingNumber => "a missing number",
            Self::FieldCount => "a wrong number of fields",
            Self::BadText => "a text that is too long",
            Self::BadRecord => "an unexpected form of record",
        })
    }
}

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// The file, or the archive and the file in it.
    pub file: String,
    /// The line in it, from 1. Of JSON the record's place in its list, from 1.
    pub line: u64,
}

/// Rows that were rejected for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Rejected {
    /// How many.
    pub count: u64,
    /// The first of them, at most [`Rejected::PLACES`], in the order of reading.
    pub first: Vec<Place>,
}

impl Rejected {
    /// How many places are named for each reason.
    pub const PLACES: usize = 5;
}

/// What became of the rows (or records) of an import: `read` = `kept` + `duplicates` + all rejected ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// Rows that were looked at; headers and blank lines are none.
    pub read: u64,
    /// Distinct facts: hours of a sensor, or records.
    pub kept: u64,
    /// Rows that were rejected, by reason.
    pub rejected: BTreeMap<Reason, Rejected>,
    /// Rows about an hour (or with an id) that another row of the same import is about too.
    pub duplicates: u64,
    /// Hours (or ids) about which rows of the same import say different things.
    pub conflicts: u64,
    /// Rows whose hour is before that of the same sensor's row before them in the same file.
    pub disorder: u64,
    /// Bytes of content, after unpacking.
    pub bytes: u64,
}

impl Tally {
    /// Counts a rejected row; call in the order of reading.
    pub fn reject(&mut self, reason: Reason, file: &str, line: u64) {
        let rejected = self.rejected.entry(reason).or_default();
        rejected.count += 1;
        if rejected.first.len() < Rejected::PLACES {
            rejected.first.push(Place { file: file.to_owned(), line });
        }
    }

    /// Of a source with rows of which none is kept: what is wrong with most of them.
    pub(super) fn nothing_kept(&self) -> Option<InputError> {
        let (reason, most) = self.rejected.iter().max_by_key(|(_, rejected)| rejected.count)?;
        let place = most.first.first()?.clone();
        let refused = || InputError::NothingKept { rows: self.read, reason: *reason, place };
        (self.kept == 0).then(refused)
    }

    /// All rows that were rejected.
    pub fn rejected_rows(&self) -> u64 {
        self.rejected.values().map(|rejected| rejected.count).sum()
    }
}
