//! JSON of records.

use kernel::table::unmarked;
use serde_json::Value;

use super::utf8;
use crate::MetricType;
use crate::input::{InputError, Refusal};
use crate::input::{detect, json};

/// Reads a document.
pub(super) fn read(kind: MetricType, name: &str, data: &[u8]) -> Result<Value, InputError> {
    let data = unmarked(data);
    match data.trim_ascii_start().first() {
        None => return Err(InputError::refused(name, Refusal::Empty)),
        Some(b'<') => return Err(InputError::refused(name, Refusal::Html)),
        Some(b'{' | b'[') => {}
        Some(_) => {
            let header =
                std::str::from_utf8(data).ok().and_then(|text| text.lines().next()).unwrap_or_default();
            let columns: Vec<&str> =
                header.split(';').map(|column| column.trim_matches(['"', ' ', '\r'])).collect();
            return Err(InputError::refused(name, other(kind, detect::by_columns(&columns), data)));
        }
    }
    utf8(name, data)?;
    json::read(name, data)
}

/// A document that has nothing of this type.
pub(super) fn refuse(kind: MetricType, name: &str, data: &[u8], document: &Value) -> InputError {
    let form = json::other_form(data).map(Refusal::OtherForm);
    InputError::refused(name, form.unwrap_or_else(|| other(kind, detect::by_fields(document), data)))
}

fn other(kind: MetricType, found: Option<MetricType>, data: &[u8]) -> Refusal {
    let missing = match kind {
        MetricType::Transit => "list of `disruptions` or `line_reports`",
        MetricType::Weather => "`hourly` or `daily` (Open-Meteo) nor `days` (Visual Crossing)",
        MetricType::Bikes | MetricType::Roads | MetricType::Works | MetricType::Reference => "known fields",
    };
    match found {
        Some(found) if found != kind => Refusal::WrongType { found, wanted: kind },
        Some(_) | None => {
            Refusal::Unknown { wanted: kind, missing: missing.to_owned(), begins: detect::beginning(data) }
        }
    }
}
