//! Reading the city's open data: files of any size, as they are published, into exact facts.
//!
//! [`read`] takes sources (files, uploads; packed or not) of one type to their end, and gives facts only when nothing
//! was damaged. A row that makes no sense is rejected and counted in the [`Tally`]; a file that makes no sense is an
//! [`InputError`] that names the file, the line and what to do.

mod buffer;
mod counts;
mod csv;
mod detect;
mod error;
mod facts;
mod feed;
mod instant;
mod json;
mod ledger;
mod number;
mod open;
mod page;
mod pipeline;
mod reading;
pub mod records;
mod roster;
mod shape;
mod source;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod texts;

use kernel::Day;

use crate::MetricType;
use crate::record::Records;

pub use error::{Damage, InputError, Refusal};
pub use facts::{Days, OfDay, SensorDays, SensorOfDay};
use open::Files;
pub use source::{Source, sources_in};
pub use tally::{Place, Reason, Rejected, Tally};

/// What reading may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Threads that read and parse.
    pub threads: usize,
    /// Bytes of facts in memory, of all threads together, before they are written to temporary files.
    pub memory: usize,
    /// Bytes of one row, at most.
    pub line: usize,
    /// Bytes that a thread takes from a file at a time.
    pub block: usize,
    /// Bytes that may come out of one archive.
    pub expanded: u64,
    /// Bytes of a JSON file, which is read as a whole, and of all files together of the types that are not hours of
    /// sensors, since their records are kept until the last file has been read.
    pub records: u64,
    /// The last day that hours of sensors can be of, as nothing is measured before it happens.
    pub until: Option<Day>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: 128 << 20,
            line: 1 << 20,
            block: 512 << 10,
            expanded: 64 << 30,
            records: 64 << 20,
            until: None,
        }
    }
}

/// Who is told how far reading is.
pub trait Progress: Sync {
    /// So many bytes will be read from the sources (packed as they are).
    fn begin(&self, bytes: u64);
    /// So many more have been.
    fn advance(&self, bytes: u64);
}

/// Nobody is told.
impl Progress for () {
    fn begin(&self, _: u64) {}
    fn advance(&self, _: u64) {}
}

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// What the sources say.
    pub facts: Facts,
    /// What became of the rows.
    pub tally: Tally,
}

/// Facts, as the type has them.
#[derive(Debug)]
pub enum Facts {
    /// Of bikes and roads.
    Hours(SensorDays),
    /// Of the others, ascending by id.
    Records(Records),
}

/// Reads sources of one type to their end.
///
/// The result does not depend on threads, on the size of blocks or on how rows are spread over sources. An hour that
/// several rows tell counts once, with the greatest of their readings (see [`crate::hours::Hours::add`]); what is said
/// of a sensor on a day comes from the latest of that day's rows that say anything of it, of several rows of one hour
/// the one with the greatest text.
///
/// # Errors
/// When a source cannot be read to its end, is damaged, or is not of this type.
pub fn read(
    kind: MetricType,
    sources: &[Source],
    limits: &Limits,
    progress: &dyn Progress,
) -> Result<Read, InputError> {
    let files = Files::of(sources, limits, progress)?;
    let read = match kind {
        MetricType::Bikes | MetricType::Roads => pipeline::read(kind, files, limits),
        MetricType::Transit | MetricType::Weather | MetricType::Works | MetricType::Reference => {
            read_records(kind, files, limits)
        }
    }?;
    match read.tally.nothing_kept() {
        Some(error) => Err(error),
        None => Ok(read),
    }
}

/// Reads files of facts that last, each as a whole.
fn read_records(kind: MetricType, mut files: Files<'_>, limits: &Limits) -> Result<Read, InputError> {
    let mut tally = Tally::default();
    let mut records = Records::default();
    while let Some(content) = files.next() {
        let content = content?;
        let name = content.name.clone();
        let text = feed::whole(content, limits)?;
        tally.bytes += text.len() as u64;
        if tally.bytes > limits.records {
            return Err(InputError::refused(&name, Refusal::TooMuchTogether(limits.records)));
        }
        records.append(records::parse(kind, &name, &text, &mut tally)?);
        if records.list.len() > records::MOST {
            return Err(InputError::refused(&name, Refusal::TooManyRecords(records::MOST)));
        }
    }
    let Records { list, covered } = records;
    let facts = Facts::Records(Records { list: records::join(list, &mut tally), covered });
    Ok(Read { facts, tally })
}
