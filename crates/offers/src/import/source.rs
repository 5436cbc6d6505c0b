//! Reading a file record by record: CSV with a header line, a JSON array of objects, or JSON objects one after the
//! other (JSON lines). Which of the three is seen from its first character.
//!
//! Every value keeps the line that it stands on, so that a fault can be told by file, line and column.

use csv::{ReaderBuilder, StringRecord};
use kernel::table;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{MAX_BYTES, MAX_RECORDS, Report};

/// What is read: the names of a CSV file's columns first, then each record. The objects of JSON name their own fields.
pub(super) enum Part {
    /// The columns' names, in their order.
    Header(Vec<String>),
    /// The next record.
    Record(Record),
}

/// One object of a JSON file, or one line of a CSV file.
pub(super) struct Record {
    /// The line it begins on, from 1.
    pub(super) line: u64,
    /// Its values by the name of their column; of a CSV file all are texts, and empty ones are left out.
    pub(super) fields: Vec<Field>,
}

/// A value and where it stands.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) line: u64,
    pub(super) value: Value,
}

/// Reads all records, in order. `each` gets them with the report it may add to; what stops the reading is added too.
/// When anything is wrong with the header no record is read.
pub(super) fn read(bytes: &[u8], report: &mut Report, mut each: impl FnMut(Part, &mut Report)) {
    let text = match decoded(bytes) {
        Ok(text) => text,
        Err((line, message)) => return report.add(line, "", message),
    };
    let mut counted = |part: Part, report: &mut Report| {
        let is_header = matches!(part, Part::Header(_));
        report.read += usize::from(!is_header);
        each(part, report);
        if is_header { report.total == 0 } else { report.read < MAX_RECORDS }
    };
    let complete = match text.trim_start().chars().next() {
        None => return report.add(1, "", "the file is empty"),
        Some('[' | '{') => read_json(text, report, &mut counted),
        Some(_) => read_csv(text, report, &mut counted),
    };
    if !complete && report.read == MAX_RECORDS {
        report.add(0, "", format!("more than {MAX_RECORDS} records: split the file"));
    }
}

/// The text of the file, or the line and what is wrong there.
fn decoded(bytes: &[u8]) -> Result<&str, (u64, String)> {
    if bytes.len() > MAX_BYTES {
        return Err((0, format!("larger than {} MiB: split the file", MAX_BYTES >> 20)));
    }
    table::utf8(bytes).map_err(|line| (line, "not UTF-8: save the file with that encoding".to_owned()))
}

/// Whoever gets what is read; false when no more is wanted.
type Each<'e> = &'e mut dyn FnMut(Part, &mut Report) -> bool;

/// Reads CSV; false when `each` wanted no more.
fn read_csv(text: &str, report: &mut Report, each: Each<'_>) -> bool {
    let mut lines = ReaderBuilder::new()
        .delimiter(table::separator(text, b",;\t"))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
        .into_records();
    let header = match lines.next() {
        Some(Ok(header)) => header,
        Some(Err(error)) => return stop(report, 1, format!("not CSV: {error}")),
        None => return stop(report, 1, "a header line is expected".to_owned()),
    };
    let names: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
    if !each(Part::Header(names.clone()), report) {
        return false;
    }
    for line in lines {
        let line = match line {
            Ok(line) => line,
            Err(error) => return stop(report, 0, format!("not CSV: {error}")),
        };
        if line.iter().all(|value| value.trim().is_empty()) {
            continue;
        }
        let place = line.position().map_or((0, 0), |place| (place.line(), place.byte()));
        let number = table::line_of_record(text, place.0, place.1);
        if line.len() != names.len() {
            let message = format!("{} values where the header has {}", line.len(), names.len());
            report.add(number, "", message);
            continue;
        }
        if !each(Part::Record(csv_record(number, &names, &line)), report) {
            return false;
        }
    }
    true
}

/// Adds what stops the reading.
fn stop(report: &mut Report, line: u64, message: String) -> bool {
    report.add(line, "", message);
    true
}

fn csv_record(line: u64, names: &[String], values: &StringRecord) -> Record {
    let filled = names.iter().zip(values).map(|(name, value)| (name, value.trim()));
    let fields = filled
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| Field { name: name.clone(), line, value: Value::from(value) })
        .collect();
    Record { line, fields }
}

/// Reads JSON; false when `each` wanted no more. The first fault ends it: what follows cannot be trusted.
fn read_json(text: &str, report: &mut Report, each: Each<'_>) -> bool {
    let mut json = Json { text, place: 0, line: 1, counted: 0 };
    match json.records(report, each) {
        Ok(complete) => complete,
        Err(message) => stop(report, json.line(), message),
    }
}

/// A walk through a JSON text that knows its line.
struct Json<'t> {
    text: &'t str,
    /// The byte that comes next.
    place: usize,
    line: u64,
    /// The byte up to which lines are counted.
    counted: usize,
}

impl Json<'_> {
    fn records(&mut self, report: &mut Report, each: Each<'_>) -> Result<bool, String> {
        let array = self.take('[');
        if array && self.take(']') {
            return self.end().map(|()| true);
        }
        loop {
            let record = self.record()?;
            if !each(Part::Record(record), report) {
                return Ok(false);
            }
            if array {
                if self.take(']') {
                    return self.end().map(|()| true);
                }
                self.expect(',')?;
            } else if self.peek().is_none() {
                return Ok(true);
            }
        }
    }

    fn record(&mut self) -> Result<Record, String> {
        self.expect('{')?;
        let mut record = Record { line: self.line(), fields: Vec::new() };
        if self.take('}') {
            return Ok(record);
        }
        loop {
            self.peek();
            let line = self.line();
            let name: String = self.value("the name of a field")?;
            self.expect(':')?;
            let value: Value = self.value("a value")?;
            if record.fields.iter().any(|field| field.name == name) {
                return Err(format!("{name} is there twice"));
            }
            record.fields.push(Field { name, line, value });
            if self.take('}') {
                return Ok(record);
            }
            self.expect(',')?;
        }
    }

    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.place += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.place += wanted.len_utf8();
        }
        there
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) {
            return Ok(());
        }
        let found =
            self.peek().map_or_else(|| "the end of the file".to_owned(), |found| format!("'{found}'"));
        Err(format!("not JSON: '{wanted}' expected, {found} found"))
    }

    fn end(&mut self) -> Result<(), String> {
        self.peek().map_or(Ok(()), |found| Err(format!("not JSON: '{found}' after the end of the array")))
    }

    fn value<T: DeserializeOwned>(&mut self, what: &str) -> Result<T, String> {
        self.peek();
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<T>();
        let value = values.next();
        let read = values.byte_offset();
        match value {
            Some(Ok(value)) => {
                self.place += read;
                Ok(value)
            }
            Some(Err(error)) => {
                // The line within what was left to read, where the parser stopped.
                let lines = u64::try_from(error.line()).unwrap_or(1);
                self.line();
                self.line += lines.saturating_sub(1);
                let text = error.to_string();
                let message = text.split(" at line ").next().unwrap_or_default();
                Err(format!("not JSON: {what} expected: {message}"))
            }
            None => Err(format!("not JSON: {what} expected, the file ends here")),
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.place..).unwrap_or_default()
    }

    /// The line of the next byte.
    fn line(&mut self) -> u64 {
        let passed = self.text.as_bytes().get(self.counted..self.place).unwrap_or_default();
        self.line += table::newlines(passed);
        self.counted = self.place;
        self.line
    }
}
