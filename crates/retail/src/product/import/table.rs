//! Reading a CSV file line by line, with every fault at its line and column.
//!
//! UTF-8, with or without a byte order mark; values separated by `;` or `,`, whichever the header line has more of;
//! a header that names the columns, in any order, whatever their accents and case. Lines without any value are
//! passed over.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord};
use kernel::table;

use super::{ImportReport, LineError, MAX_BYTES, MAX_LINES};
use crate::product::search_key;

/// A column that a kind of file has.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) required: bool,
}

/// Progress is told every so many lines.
const PROGRESS_EVERY: usize = 1000;

/// One line's values, and what is wrong with them.
pub(super) struct Row<'a> {
    /// The line of the file, from 1.
    pub(super) line: u64,
    record: &'a StringRecord,
    places: &'a BTreeMap<&'static str, usize>,
    errors: Vec<LineError>,
}

impl Row<'_> {
    /// A value without white space around it; empty when there is none.
    pub(super) fn text(&self, column: &'static str) -> &str {
        self.places.get(column).and_then(|place| self.record.get(*place)).unwrap_or("").trim()
    }

    /// Notes that a value is wrong.
    pub(super) fn wrong(&mut self, column: &'static str, message: impl Display) {
        let (line, column) = (self.line, column.to_owned());
        self.errors.push(LineError { line, column, message: message.to_string() });
    }

    /// A value that must be there; `None` when it is wrong, which is noted.
    pub(super) fn parse<T: FromStr<Err: Display>>(&mut self, column: &'static str) -> Option<T> {
        match self.text(column).parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(column, error);
                None
            }
        }
    }

    /// A value that may be absent; `None` too when it is wrong, which is noted.
    pub(super) fn parse_opt<T: FromStr<Err: Display>>(&mut self, column: &'static str) -> Option<T> {
        if self.text(column).is_empty() { None } else { self.parse(column) }
    }
}

/// Reads all lines with `parse`, which returns `None` only after it has noted what is wrong. `on_progress` gets the
/// number of lines read so far.
pub(super) fn read<T>(
    bytes: &[u8],
    columns: &[Column],
    mut on_progress: impl FnMut(usize),
    mut parse: impl FnMut(&mut Row<'_>) -> Option<T>,
) -> Result<Vec<T>, ImportReport> {
    let text = decoded(bytes)?;
    let mut lines = ReaderBuilder::new()
        .delimiter(table::separator(text, b";,"))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
        .into_records();
    let Some(Ok(header)) = lines.next() else {
        return Err(refused(1, "", "the file is empty: a header line is expected"));
    };
    let places = places(&header, columns)?;
    let mut report = ImportReport::default();
    let mut values = Vec::new();
    for record in lines {
        let record = record.map_err(|error| refused(0, "", &format!("not CSV: {error}")))?;
        if record.iter().all(|value| value.trim().is_empty()) {
            continue;
        }
        let place = record.position().map_or((0, 0), |place| (place.line(), place.byte()));
        let line = table::line_of_record(text, place.0, place.1);
        if report.read == MAX_LINES {
            report.add(LineError {
                line,
                column: String::new(),
                message: format!("more than {MAX_LINES} lines"),
            });
            break;
        }
        report.read += 1;
        let mut row = Row { line, record: &record, places: &places, errors: Vec::new() };
        match row_values(&mut row, header.len(), &mut parse) {
            Some(value) if row.errors.is_empty() => values.push(value),
            Some(_) | None => row.errors.into_iter().for_each(|error| report.add(error)),
        }
        if report.read.is_multiple_of(PROGRESS_EVERY) {
            on_progress(report.read);
        }
    }
    on_progress(report.read);
    report.or(values)
}

fn row_values<T>(
    row: &mut Row<'_>,
    width: usize,
    parse: &mut impl FnMut(&mut Row<'_>) -> Option<T>,
) -> Option<T> {
    if row.record.len() == width {
        return parse(row);
    }
    row.wrong("", format!("{} values where the header has {width}", row.record.len()));
    None
}

fn refused(line: u64, column: &str, message: &str) -> ImportReport {
    let mut report = ImportReport::default();
    report.add(LineError { line, column: column.to_owned(), message: message.to_owned() });
    report
}

fn decoded(bytes: &[u8]) -> Result<&str, ImportReport> {
    if bytes.len() > MAX_BYTES {
        return Err(refused(0, "", &format!("the file has more than {MAX_BYTES} bytes")));
    }
    table::utf8(bytes).map_err(|line| refused(line, "", "not UTF-8: save the file with that encoding"))
}

/// Where each column is, or what is wrong with the header.
fn places(header: &StringRecord, columns: &[Column]) -> Result<BTreeMap<&'static str, usize>, ImportReport> {
    let mut report = ImportReport::default();
    let mut places = BTreeMap::new();
    let mut wrong = |column: &str, message: String| {
        report.add(LineError { line: 1, column: column.to_owned(), message });
    };
    for (place, name) in header.iter().enumerate() {
        let name = search_key(name.trim());
        match columns.iter().find(|column| column.name == name) {
            Some(column) if places.insert(column.name, place).is_some() => {
                wrong(&name, "the column is there twice".to_owned());
            }
            Some(_) => {}
            None => wrong(&name, format!("not a column of this file; known: {}", names(columns))),
        }
    }
    for column in columns.iter().filter(|column| column.required && !places.contains_key(column.name)) {
        wrong(column.name, "the column is missing".to_owned());
    }
    report.or(places)
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}
