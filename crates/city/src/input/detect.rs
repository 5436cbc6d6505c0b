//! Which of the six types data looks like, so that a file given as another type is told apart from a broken one.

use serde_json::Value;

use crate::MetricType;

/// By the names of columns, or of the fields of a list's records: exports and API have different ones.
pub(super) fn by_columns<T: AsRef<str>>(names: &[T]) -> Option<MetricType> {
    let has = |name: &str| names.iter().any(|known| known.as_ref() == name);
    let any = |known: &[&str]| known.iter().any(|name| has(name));
    if any(&["Comptage horaire", "sum_counts"]) {
        Some(MetricType::Bikes)
    } else if has("Débit horaire") || (has("iu_ac") && has("q") && has("k")) {
        Some(MetricType::Roads)
    } else if any(&["Impact sur la circulation", "impact_circulation"]) {
        Some(MetricType::Works)
    } else if any(&["Identifiant arc", "iu_ac"]) && any(&["Date debut dispo data", "date_debut"]) {
        Some(MetricType::Reference)
    } else {
        None
    }
}

/// By the fields of a JSON record of a list.
pub(super) fn by_record(record: &Value) -> Option<MetricType> {
    let names: Vec<&String> = record.as_object()?.keys().collect();
    by_columns(&names)
}

/// By the fields of a JSON document.
pub(super) fn by_fields(document: &Value) -> Option<MetricType> {
    let list = match document {
        Value::Array(list) => list,
        Value::Object(fields) => {
            let any = |known: &[&str]| known.iter().any(|name| fields.contains_key(*name));
            if any(&["disruptions", "line_reports", "applicationPeriods", "application_periods"]) {
                return Some(MetricType::Transit);
            }
            if any(&["hourly", "daily", "days", "currentConditions"]) {
                return Some(MetricType::Weather);
            }
            fields.get("results")?.as_array()?
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    list.first().and_then(by_record)
}

/// The first line of a text, shortened, for people.
pub(super) fn beginning(text: &[u8]) -> String {
    const MOST: usize = 80;
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * MOST)]);
    let line = text.trim().lines().next().unwrap_or_default();
    if line.chars().count() > MOST {
        line.chars().take(MOST).chain(['…']).collect()
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_told_apart_by_columns() {
        for (names, kind) in [
            (&["Identifiant du compteur", "Comptage horaire"][..], Some(MetricType::Bikes)),
            (&["Identifiant arc", "Débit horaire", "Date debut dispo data"], Some(MetricType::Roads)),
            (&["Identifiant arc", "Date debut dispo data"], Some(MetricType::Reference)),
            (&["Identifiant", "Impact sur la circulation"], Some(MetricType::Works)),
            (&["a", "b"], None),
        ] {
            assert_eq!(by_columns(names), kind, "{names:?}");
        }
    }

    #[test]
    fn types_are_told_apart_by_fields() {
        for (document, kind) in [
            (json!({"results": [{"id_compteur": "1", "sum_counts": 1}]}), Some(MetricType::Bikes)),
            (json!([{"iu_ac": "1", "q": null, "k": 2.5}]), Some(MetricType::Roads)),
            (json!({"disruptions": []}), Some(MetricType::Transit)),
            (json!({"hourly": {}}), Some(MetricType::Weather)),
            (json!({"results": []}), None),
            (json!(7), None),
        ] {
            assert_eq!(by_fields(&document), kind, "{document}");
        }
    }

    #[test]
    fn a_beginning_is_short() {
        assert_eq!(beginning("é;b\nc".as_bytes()), "é;b");
        assert_eq!(beginning("é".repeat(500).as_bytes()).chars().count(), 81);
    }
}
