//! JSON that is read as a whole: how much memory it would take, and forms of it that are not read.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

use super::{Damage, InputError, Refusal};

/// Bytes that a document may take as a tree of values: documents of 20 MB and more, several times what the portals publish.
const MOST_MEMORY: usize = 192 << 20;
/// Bytes that a value takes in a list or an object, with what grows with it; those of an object come in nodes that
/// may be half empty.
const VALUE: usize = 4 * size_of::<Value>();
/// Bytes that an object takes before it has a second value: a node for eleven of them with their names.
const OBJECT: usize = 12 * (size_of::<Value>() + size_of::<String>());
/// Bytes that a list takes at least.
const LIST: usize = 4 * size_of::<Value>();
/// Bytes that a text takes beside its letters.
const TEXT: usize = 32;

/// Reads a document into a tree of values, when that does not take too much memory.
pub(super) fn read(name: &str, text: &[u8]) -> Result<Value, InputError> {
    if memory(text) > MOST_MEMORY {
        return Err(InputError::refused(name, Refusal::TooMuch(MOST_MEMORY)));
    }
    serde_json::from_slice(text).map_err(|error| match other_form(text) {
        Some(form) => InputError::refused(name, Refusal::OtherForm(form)),
        None => InputError::damaged(name, error.line() as u64, Damage::Json(error.to_string())),
    })
}

/// Bytes that a document takes at most as a tree of values, counted without building it.
fn memory(text: &[u8]) -> usize {
    let (mut bytes, mut is_text, mut is_escaped) = (VALUE, false, false);
    for byte in text {
        if is_text {
            bytes += 1;
            is_text = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
        } else {
            is_text = *byte == b'"';
            bytes += match byte {
                b',' => VALUE,
                b'{' => OBJECT,
                b'[' => LIST,
                b'"' => TEXT,
                _ => 0,
            };
        }
    }
    bytes
}

/// Forms of JSON that portals offer beside those that are read.
pub(super) fn other_form(text: &[u8]) -> Option<&'static str> {
    /// What an answer of the first version of the Explore API has.
    #[derive(Deserialize)]
    struct First {
        #[serde(rename = "records")]
        _records: Vec<FirstRecord>,
    }
    #[derive(Deserialize)]
    struct FirstRecord {
        #[serde(rename = "fields")]
        _fields: IgnoredAny,
    }
    #[derive(Deserialize)]
    struct Features {
        #[serde(rename = "features")]
        _features: IgnoredAny,
    }
    let mut documents = Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    if matches!((documents.next(), documents.next()), (Some(Ok(_)), Some(Ok(_)))) {
        Some(
            "this is one JSON document after the other (JSON lines), which is not read; ask the portal for CSV",
        )
    } else if serde_json::from_slice::<First>(text).is_ok() {
        Some(
            "this is an answer of version 1 of the portal's API, which is not read; ask version 2.1, or for CSV",
        )
    } else if serde_json::from_slice::<Features>(text).is_ok() {
        Some("this is GeoJSON, which is not read; ask the portal for CSV, or for JSON")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn little_text_that_takes_much_memory_is_refused_before_it_is_read() {
        let zeros = format!("[{}0]", "0,".repeat(2 << 20));
        let objects = format!("[{}0]", "{\"\":0},".repeat(1 << 20));
        for text in [zeros, objects] {
            let error = read("file", text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("file: this JSON would take more than 201326592 bytes"), "{error}");
        }
        let text = serde_json::to_vec(&"\\\",{[".repeat(1 << 20)).unwrap();
        assert!(memory(&text) < text.len() + 200, "what is in texts takes no more than itself");
        read("file", &text).unwrap();
    }

    #[test]
    fn other_forms_are_named() {
        for (text, part) in [
            ("{\"iu_ac\": \"1\"}\n{\"iu_ac\": \"2\"}\n", "JSON lines"),
            (r#"{"nhits": 1, "records": [{"recordid": "x", "fields": {"q": 1}}]}"#, "version 1"),
            (r#"{"type": "FeatureCollection", "features": []}"#, "GeoJSON"),
        ] {
            assert!(other_form(text.as_bytes()).is_some_and(|form| form.contains(part)), "{text}");
        }
        assert_eq!(other_form(b"{\"results\": []}"), None);
        assert_eq!(other_form(b"{\"results\": [\n"), None);
    }
}
