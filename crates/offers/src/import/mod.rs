//! Importing files of offers and of users: all records of a file or none.
//!
//! A file is read and checked by itself first ([`parse`], pure), every fault told with its line and column, then against
//! what is stored ([`check`]). After that its records are applied in chunks ([`apply`]), each a command of its own: offers are created or replaced, users are
//! told of by an event that the fold and the ranking index follow. The same file twice leaves the same state, so an
//! import that was interrupted is made good by importing again.

mod fields;
mod offers;
mod run;
mod source;
mod users;

use std::fmt;
use std::str::FromStr;

use kernel::Currency;

pub use offers::OfferRecord;
pub(crate) use run::tell_users;
pub use run::{Imported, apply, check};
pub use users::{MAX_STARTING_POINTS, UserRecord};

use fields::{Column, Fields, check_header};
use source::{Part, Record};

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 256 << 20;
/// The most records that a file may hold.
pub const MAX_RECORDS: usize = 2_000_000;
/// So many faults of a file are told; more are only counted.
pub const MAX_FAULTS: usize = 1_000;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Offers, as the API writes them.
    Offers,
    /// People: their segment and what they are known to like.
    Users,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offers => "offers",
            Self::Users => "users",
        })
    }
}

impl FromStr for Kind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "offers" => Ok(Self::Offers),
            "users" => Ok(Self::Users),
            _ => Err("must be offers or users"),
        }
    }
}

/// What is wrong with one value of a file, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line of the file, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// The column's or field's name; empty when the whole line is meant.
    pub column: String,
    /// What is expected.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        if !self.column.is_empty() {
            write!(f, "{}: ", self.column)?;
        }
        f.write_str(&self.message)
    }
}

/// How reading a file ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many records were read.
    pub read: usize,
    /// What is wrong, in the file's order: the first [`MAX_FAULTS`].
    pub faults: Vec<Fault>,
    /// How many faults there are in all.
    pub total: usize,
}

impl Report {
    fn add(&mut self, line: u64, column: &str, message: impl Into<String>) {
        self.total += 1;
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { line, column: column.to_owned(), message: message.into() });
        }
    }
}

/// The records of a file, all of them good.
#[derive(Debug, Clone, PartialEq)]
pub enum Records {
    /// Offers.
    Offers(Vec<OfferRecord>),
    /// People.
    Users(Vec<UserRecord>),
}

impl Records {
    /// What they are.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Offers(_) => Kind::Offers,
            Self::Users(_) => Kind::Users,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Offers(records) => records.len(),
            Self::Users(records) => records.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Progress is told every so many records.
const PROGRESS_EVERY: usize = 1000;

/// Reads and checks a file for a chain of this currency. What it holds is seen from the names of its columns, or
/// of its first object's fields, unless `kind` says it.
///
/// `on_progress` gets the number of records read so far.
///
/// # Errors
///
/// Everything that is wrong with the file.
pub fn parse(
    bytes: &[u8],
    kind: Option<Kind>,
    currency: Currency,
    mut on_progress: impl FnMut(usize),
) -> Result<Records, Report> {
    let mut report = Report::default();
    let mut reader = kind.map(|kind| Reader::new(kind, currency));
    source::read(bytes, &mut report, |part, report| {
        if reader.is_none() {
            reader = recognised(&part).map(|kind| Reader::new(kind, currency));
        }
        match (&mut reader, part) {
            (Some(reader), Part::Header(names)) => check_header(&names, reader.columns(), report),
            (Some(reader), Part::Record(record)) => reader.take(&record, report),
            (None, _) if report.total == 0 => report.add(1, "", UNRECOGNISED),
            (None, _) => {}
        }
        if report.read.is_multiple_of(PROGRESS_EVERY) {
            on_progress(report.read);
        }
    });
    on_progress(report.read);
    if report.total == 0 && report.read == 0 {
        report.add(0, "", "there are no records in it");
    }
    match reader {
        Some(reader) if report.total == 0 => Ok(reader.finish()),
        Some(_) | None => Err(report),
    }
}

const UNRECOGNISED: &str =
    "neither offers (offer_id, offer_name …) nor users (user_id, segment …): name the columns, or say --kind";

/// What a header or a record looks like. Both kinds have fields of their own that must be there.
fn recognised(part: &Part) -> Option<Kind> {
    let names: Vec<&str> = match part {
        Part::Header(names) => names.iter().map(String::as_str).collect(),
        Part::Record(record) => record.fields.iter().map(|field| field.name.as_str()).collect(),
    };
    match (names.contains(&"offer_id") || names.contains(&"offer_name"), names.contains(&"user_id")) {
        (true, false) => Some(Kind::Offers),
        (false, true) => Some(Kind::Users),
        (true, true) | (false, false) => None,
    }
}

/// Whoever makes something of each record.
enum Reader {
    Offers(offers::Reader),
    Users(users::Reader),
}

impl Reader {
    fn new(kind: Kind, currency: Currency) -> Self {
        match kind {
            Kind::Offers => Self::Offers(offers::Reader::new(currency)),
            Kind::Users => Self::Users(users::Reader::default()),
        }
    }

    fn columns(&self) -> &'static [Column] {
        match self {
            Self::Offers(_) => &offers::COLUMNS,
            Self::Users(_) => &users::COLUMNS,
        }
    }

    fn take(&mut self, record: &Record, report: &mut Report) {
        Fields::read(record, self.columns(), report, |fields| match self {
            Self::Offers(reader) => reader.take(fields),
            Self::Users(reader) => reader.take(fields),
        });
    }

    fn finish(self) -> Records {
        match self {
            Self::Offers(reader) => Records::Offers(reader.records),
            Self::Users(reader) => Records::Users(reader.records),
        }
    }
}

#[cfg(test)]
mod tests;
