//! Logs of the Open Bandit Dataset: CSV, one row per slot that was shown.
//!
//! Saito, Aihara, Matsutani, Narita: *Open Bandit Dataset and Pipeline: Towards Realistic and Reproducible Off-Policy
//! Evaluation*, 35th conference on neural information processing systems, datasets and benchmarks, 2021. Columns are found by their names; others are passed over.

use std::collections::BTreeSet;
use std::io::Read;

use csv::{ByteRecord, ErrorKind, Position, ReaderBuilder};
use kernel::Timestamp;

use super::error::EvaluateError;
use super::input::{Faults, Input};
use super::log_format::{Format, RewardRule};
use super::rows::{Item, Log, MOST_SLOTS, Numbering, Row};
use crate::engagement::EventType;

/// The columns that are read.
pub(super) const COLUMNS: [&str; 5] = ["timestamp", "item_id", "position", "click", "propensity_score"];

/// Reads a log. Every row is a unit of sampling of its own.
pub(super) fn read(reader: &mut dyn Read, rewards: &RewardRule) -> Result<Log, EvaluateError> {
    let Input { text, faults } = Input::open(Format::Obd, reader)?;
    let mut csv = ReaderBuilder::new().from_reader(text);
    let columns = Columns::find(csv.byte_headers().map_err(|error| fault(error, 0, &faults))?)?;
    faults.line_done();

    let click_value = rewards.value(EventType::Click);
    let mut log = Log::default();
    let mut items = Numbering::default();
    let mut record = ByteRecord::new();
    let mut line = 1;
    while csv.read_byte_record(&mut record).map_err(|error| fault(error, line, &faults))? {
        faults.line_done();
        line = record.position().map_or(line + 1, Position::line);
        let cell = |column| Cell::new(&record, column, line);
        let id = cell(columns.item).text()?;
        let (item, new) = items.number(id, line, "items")?;
        if new {
            log.items.push(Item { id: id.to_owned(), category: id.to_owned() });
        }
        log.rows.push(Row {
            unit: u32::try_from(log.rows.len()).map_err(|_| EvaluateError::TooMany { line, what: "rows" })?,
            item,
            slot: cell(columns.position).parsed("a whole number below 256", |slot| slot < MOST_SLOTS)?,
            propensity: cell(columns.propensity).parsed("a chance above 0 and at most 1", is_chance)?,
            reward: if cell(columns.click).zero_or_one()? { click_value } else { 0.0 },
            at: cell(columns.timestamp)
                .parsed::<Timestamp>("an instant such as 2019-11-24 00:01:03+00:00", |_| true)?,
        });
    }
    log.units = log.rows.len();
    log.decisions = log.rows.len();
    number_slots(&mut log);
    log.check()
}

/// Whether a number can be the chance of something that happened.
pub(super) fn is_chance(number: f64) -> bool {
    number > 0.0 && number <= 1.0
}

/// Positions count from 0 or 1 or have gaps: slots count from 0 without gaps, in their order.
fn number_slots(log: &mut Log) {
    let positions: Vec<u32> =
        log.rows.iter().map(|row| row.slot).collect::<BTreeSet<_>>().into_iter().collect();
    log.slots = positions.len();
    for row in &mut log.rows {
        let before = positions.partition_point(|position| *position < row.slot);
        row.slot = u32::try_from(before).unwrap_or(row.slot);
    }
}

/// A column that is read: its name and where the header has it.
#[derive(Clone, Copy)]
struct Column {
    name: &'static str,
    place: usize,
}

#[derive(Clone, Copy)]
struct Columns {
    timestamp: Column,
    item: Column,
    position: Column,
    click: Column,
    propensity: Column,
}

impl Columns {
    fn find(header: &ByteRecord) -> Result<Self, EvaluateError> {
        let find = |name: &'static str| {
            let place = header.iter().position(|cell| cell.trim_ascii() == name.as_bytes());
            place.map(|place| Column { name, place }).ok_or(EvaluateError::NoColumn { column: name })
        };
        let [timestamp, item, position, click, propensity] = COLUMNS;
        Ok(Self {
            timestamp: find(timestamp)?,
            item: find(item)?,
            position: find(position)?,
            click: find(click)?,
            propensity: find(propensity)?,
        })
    }
}

/// A value and where it stands.
struct Cell<'r> {
    bytes: &'r [u8],
    column: &'static str,
    line: u64,
}

impl<'r> Cell<'r> {
    fn new(record: &'r ByteRecord, column: Column, line: u64) -> Self {
        Self { bytes: record.get(column.place).unwrap_or_default().trim_ascii(), column: column.name, line }
    }

    fn text(&self) -> Result<&'r str, EvaluateError> {
        match std::str::from_utf8(self.bytes) {
            Ok(text) if !text.is_empty() => Ok(text),
            Ok(_) | Err(_) => Err(self.refused("a name in UTF-8")),
        }
    }

    fn parsed<T: Copy + std::str::FromStr>(
        &self,
        expected: &'static str,
        holds: impl Fn(T) -> bool,
    ) -> Result<T, EvaluateError> {
        let parsed = std::str::from_utf8(self.bytes).ok().and_then(|text| text.parse().ok());
        parsed.filter(|value| holds(*value)).ok_or_else(|| self.refused(expected))
    }

    fn zero_or_one(&self) -> Result<bool, EvaluateError> {
        match self.bytes {
            b"0" | b"0.0" | b"False" | b"false" => Ok(false),
            b"1" | b"1.0" | b"True" | b"true" => Ok(true),
            _ => Err(self.refused("0 or 1")),
        }
    }

    fn refused(&self, expected: &'static str) -> EvaluateError {
        let found: String = String::from_utf8_lossy(self.bytes).chars().take(40).collect();
        EvaluateError::Value { line: self.line, column: self.column, found, expected }
    }
}

/// What an error of the CSV reader means, `line` being the last one that was whole.
fn fault(error: csv::Error, line: u64, faults: &Faults) -> EvaluateError {
    if let ErrorKind::UnequalLengths { pos, expected_len, len } = error.kind() {
        let line = pos.as_ref().map_or(line + 1, Position::line);
        return EvaluateError::Width { line, found: *len, expected: *expected_len };
    }
    let text = error.to_string();
    if let ErrorKind::Io(error) = error.into_kind() {
        return faults.explain(error, line);
    }
    EvaluateError::Read(std::io::Error::other(text))
}
