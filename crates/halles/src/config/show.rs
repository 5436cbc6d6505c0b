//! The configuration as `halles config` prints it: every value with its origin, secrets masked.

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::{Config, DatabaseUrl, Form, Found, Syntax};

impl fmt::Display for Config {
    /// Lines that `halles.toml` would accept, each with its origin as a comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> =
            self.resolved.iter().map(|found| format!("{} = {}", found.key.name, shown(found))).collect();
        let width = lines.iter().map(|line| line.chars().count()).filter(|width| *width <= 60).max();
        let width = width.unwrap_or_default();
        for (line, found) in lines.iter().zip(&self.resolved) {
            writeln!(f, "{line:<width$}  # {}", found.origin)?;
        }
        Ok(())
    }
}

impl Serialize for Config {
    /// An object by key, in the order of the table.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.resolved.len()))?;
        for found in &self.resolved {
            let entry = json!({"value": shown(found), "source": found.origin.to_string()});
            object.serialize_entry(found.key.name, &entry)?;
        }
        object.end()
    }
}

/// The value as it may be shown.
fn shown(found: &Found) -> Cow<'_, Value> {
    match found.value.as_str() {
        None | Some("") => Cow::Borrowed(&found.value),
        Some(_) if found.key.secret => Cow::Owned(Value::from("***")),
        Some(url) if found.key.form == Form::Text(Syntax::Database) => {
            let masked = url.parse().map_or_else(|_| "***".to_owned(), |url: DatabaseUrl| url.to_string());
            Cow::Owned(Value::from(masked))
        }
        Some(_) => Cow::Borrowed(&found.value),
    }
}
