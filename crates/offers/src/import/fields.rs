//! The values of one record, read by their names, with a note of everything that is wrong with them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::str::FromStr;

use serde_json::Value;

use super::source::{Field, Record};
use super::{Fault, Report};

/// A column that a kind of file has.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) required: bool,
}

pub(super) const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

pub(super) const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// Checks the names of a CSV file's columns, which stand on its first line.
pub(super) fn check_header(names: &[String], columns: &[Column], report: &mut Report) {
    for (place, name) in names.iter().enumerate() {
        if !columns.iter().any(|column| column.name == *name) {
            report.add(1, name, unknown(columns));
        } else if names.iter().take(place).any(|other| other == name) {
            report.add(1, name, "is there twice");
        }
    }
    for column in columns.iter().filter(|column| column.required) {
        if !names.iter().any(|name| name == column.name) {
            report.add(1, column.name, "is missing");
        }
    }
}

fn unknown(columns: &[Column]) -> String {
    let known: Vec<&str> = columns.iter().map(|column| column.name).collect();
    format!("not a column of this file; known: {}", known.join(", "))
}

/// Between the items of a list that is written as one text.
const ITEMS: char = '|';

/// One record's values, and what is wrong with them.
pub(super) struct Fields<'r> {
    record: &'r Record,
    faults: Vec<Fault>,
}

impl<'r> Fields<'r> {
    /// Has `parse` read a record, after the names of its fields have been compared with the columns.
    pub(super) fn read(
        record: &'r Record,
        columns: &[Column],
        report: &mut Report,
        parse: impl FnOnce(&mut Self) -> Option<()>,
    ) {
        let mut fields = Self { record, faults: Vec::new() };
        fields.check_names(columns);
        let read = parse(&mut fields).is_some();
        debug_assert!(read || !fields.faults.is_empty(), "a record that cannot be read says why");
        for fault in fields.faults {
            report.add(fault.line, &fault.column, fault.message);
        }
    }

    fn check_names(&mut self, columns: &[Column]) {
        for field in &self.record.fields {
            if !columns.iter().any(|column| column.name == field.name) {
                self.wrong(&field.name, unknown(columns));
            }
        }
        for column in columns.iter().filter(|column| column.required) {
            if self.field(column.name).is_none() {
                self.wrong(column.name, "is missing");
            }
        }
    }

    /// The line the record begins on.
    pub(super) fn line(&self) -> u64 {
        self.record.line
    }

    /// Whether anything is wrong so far.
    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Notes that a value is wrong.
    pub(super) fn wrong(&mut self, column: &str, message: impl Display) {
        let line = self.field(column).map_or(self.record.line, |field| field.line);
        self.faults.push(Fault { line, column: column.to_owned(), message: message.to_string() });
    }

    /// A field that is there and not null.
    fn field(&self, column: &str) -> Option<&'r Field> {
        self.record.fields.iter().find(|field| field.name == column && !field.value.is_null())
    }

    /// A value; `None` when there is none or when it is wrong, which is noted. That a required one is missing has
    /// been noted already.
    pub(super) fn get<T: FromStr<Err: Display>>(&mut self, column: &str) -> Option<T> {
        let text = self.text(column)?;
        self.parsed(column, text.trim())
    }

    /// A decimal number; a decimal comma is taken too.
    pub(super) fn decimal<T: FromStr<Err: Display>>(&mut self, column: &str) -> Option<T> {
        let text = self.text(column)?;
        self.parsed(column, &text.trim().replacen(',', ".", 1))
    }

    /// A whole number within the bounds of its type.
    pub(super) fn whole<T, E: Display>(
        &mut self,
        column: &str,
        bounded: impl FnOnce(i64) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(column)?;
        let Ok(number) = text.trim().parse() else {
            self.wrong(column, format!("{text:?}: must be a whole number"));
            return None;
        };
        match bounded(number) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(column, format!("{number}: {error}"));
                None
            }
        }
    }

    /// A value as text; numbers are written out.
    pub(super) fn text(&mut self, column: &str) -> Option<Cow<'r, str>> {
        match &self.field(column)?.value {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Null => {
                self.wrong(column, "must be a text or a number");
                None
            }
        }
    }

    /// A list: an array of texts, or one text with `|` between the items; empty when it is not there.
    pub(super) fn list<T: FromStr<Err: Display>>(&mut self, column: &str) -> Vec<T> {
        let Some(field) = self.field(column) else { return Vec::new() };
        let items: Option<Vec<&str>> = match &field.value {
            Value::String(text) => Some(items(text).collect()),
            Value::Array(items) => items.iter().map(Value::as_str).collect(),
            Value::Number(_) | Value::Bool(_) | Value::Object(_) | Value::Null => None,
        };
        let Some(items) = items else {
            self.wrong(column, "must be a list of texts: [\"a\", \"b\"] in JSON, a|b in CSV");
            return Vec::new();
        };
        items.into_iter().filter_map(|item| self.parsed(column, item)).collect()
    }

    /// Numbers by name: an object, or one text such as `a:1|b:2`; empty when it is not there.
    pub(super) fn numbers<K: FromStr<Err: Display>>(&mut self, column: &str) -> Vec<(K, f64)> {
        let Some(field) = self.field(column) else { return Vec::new() };
        let pairs: Option<Vec<(&str, f64)>> = match &field.value {
            Value::String(text) => items(text)
                .map(|item| item.rsplit_once(':').and_then(|(name, number)| Some((name, finite(number)?))))
                .collect(),
            Value::Object(object) => {
                object.iter().map(|(name, number)| Some((name.as_str(), number.as_f64()?))).collect()
            }
            Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Null => None,
        };
        let Some(pairs) = pairs else {
            self.wrong(column, "must be numbers by name: {\"food\": 12.5} in JSON, food:12.5|home:3 in CSV");
            return Vec::new();
        };
        pairs.into_iter().filter_map(|(name, number)| Some((self.parsed(column, name)?, number))).collect()
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, column: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(column, format!("{text:?}: {error}"));
                None
            }
        }
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(ITEMS).map(str::trim).filter(|item| !item.is_empty())
}

fn finite(text: &str) -> Option<f64> {
    text.trim().replacen(',', ".", 1).parse().ok().filter(|number: &f64| number.is_finite())
}

/// On which line each value came first.
pub(super) struct Seen<T>(HashMap<T, u64>);

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone + Eq + Hash> Seen<T> {
    /// Notes a value that an earlier record has already.
    pub(super) fn check(&mut self, fields: &mut Fields<'_>, column: &str, value: &T) {
        match self.0.get(value) {
            Some(first) => fields.wrong(column, format!("the same as on line {first}: keep one of the two")),
            None => drop(self.0.insert(value.clone(), fields.line())),
        }
    }
}
