//! What the OpenAPI document says of each operation.

use anyhow::{Context, Result};
use serde_json::Value;

/// One operation.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// The method, in capitals.
    pub(super) method: String,
    /// The path with its `{parameters}`.
    pub(super) path: String,
    /// The query parameters.
    pub(super) query: Vec<String>,
    /// An example of its body, if it takes one: what the document gives, or what follows from the schema.
    pub(super) body: Option<Value>,
    /// The media type of its body.
    pub(super) media_type: String,
    /// The statuses of its successes.
    pub(super) successes: Vec<u16>,
    /// Whether its success is a stream that does not end.
    pub(super) streams: bool,
}

/// All operations of a document.
pub(super) fn operations(document: &Value) -> Result<Vec<Operation>> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let paths = document["paths"].as_object().context("a document has paths")?;
    let mut operations = Vec::new();
    for (path, item) in paths {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                operations.push(read(document, method, path, operation)?);
            }
        }
    }
    Ok(operations)
}

fn read(document: &Value, method: &str, path: &str, operation: &Value) -> Result<Operation> {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let parameters = parameters.iter().map(|parameter| resolve(document, parameter));
    let query = parameters
        .filter(|parameter| parameter["in"] == "query")
        .filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned()));
    let content =
        resolve(document, &operation["requestBody"])["content"].as_object().cloned().unwrap_or_default();
    let (media_type, body) = match content.iter().next() {
        None => ("application/json".to_owned(), None),
        Some((media_type, media)) => (media_type.clone(), Some(example(document, media, 0))),
    };
    let responses = operation["responses"].as_object().context("an operation has responses")?;
    let successes: Vec<u16> =
        responses.keys().filter_map(|status| status.parse().ok()).filter(|status| *status < 400).collect();
    let streams = responses
        .values()
        .any(|response| resolve(document, response)["content"].get("text/event-stream").is_some());
    Ok(Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        query: query.collect(),
        body,
        media_type,
        successes,
        streams,
    })
}

/// The thing itself where the document only refers to it.
fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let target = value["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// An example of a media type or schema.
fn example(document: &Value, described: &Value, depth: usize) -> Value {
    /// Schemas that contain themselves end here.
    const DEEPEST: usize = 8;
    let described = resolve(document, described);
    if let Some(example) = described.get("example") {
        return example.clone();
    }
    if let Some(first) = described["examples"].as_object().and_then(|examples| examples.values().next()) {
        return first["value"].clone();
    }
    if depth > DEEPEST {
        return Value::Null;
    }
    let go_on = |inner: &Value| example(document, inner, depth + 1);
    if let Some(schema) = described.get("schema") {
        return go_on(schema);
    }
    for composed in ["allOf", "oneOf", "anyOf"] {
        if let Some(parts) = described[composed].as_array() {
            // A choice between nothing and something is shown by something.
            return parts.last().map_or(Value::Null, go_on);
        }
    }
    if let Some(properties) = described["properties"].as_object() {
        return properties
            .iter()
            .map(|(name, inner)| (name.clone(), go_on(inner)))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    let kinds = described["type"].as_array().map(Vec::as_slice).unwrap_or_default();
    let kind = kinds.iter().find(|kind| **kind != "null").unwrap_or(&described["type"]);
    match kind.as_str() {
        Some("array") => Value::Array(vec![go_on(&described["items"])]),
        Some("integer" | "number") => Value::from(1),
        Some("boolean") => Value::Bool(true),
        Some("string") => Value::from("texte"),
        _ => Value::Null,
    }
}
