//! The table of keys as documents: a JSON schema for editors, a page for people.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Form, KEYS, Key};

/// The JSON schema (draft 2020-12) of `halles.toml`.
pub fn json_schema() -> Value {
    let mut root = group();
    for key in KEYS {
        insert(&mut root, key.name, key);
    }
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("halles.toml");
    root
}

fn group() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {}})
}

fn insert(object: &mut Value, name: &str, key: &Key) {
    let properties = &mut object["properties"];
    match name.split_once('.') {
        None => properties[name] = property(key),
        Some((first, rest)) => {
            if properties[first].is_null() {
                properties[first] = group();
            }
            insert(&mut properties[first], rest, key);
        }
    }
}

fn property(key: &Key) -> Value {
    let mut schema = key.form.schema();
    schema["description"] = json!(format!("{}. Environment: {}", key.doc, key.env));
    schema["default"] = json!(key.form.read_text(key.default));
    schema
}

/// A page in Markdown with all keys.
pub fn markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    for key in KEYS {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {}{} | {} | `{}` | {} | {} |",
            key.name,
            key.form.expected(),
            if key.secret { "; secret" } else { "" },
            default(key),
            key.env,
            key.flag.map_or_else(String::new, |flag| format!("`{flag}`")),
            key.doc,
        );
    }
    page
}

fn default(key: &Key) -> String {
    match key.default {
        "" if matches!(key.form, Form::List(_)) => "none".to_owned(),
        "" => "nothing".to_owned(),
        text => format!("`{text}`"),
    }
}

const INTRODUCTION: &str = "\
# Configuration

A value is taken from the first of: a flag, an environment variable, the file `halles.toml`, the default.
The file is the one named by `--config`, else by `HALLES_CONFIG`, else `./halles.toml` where there is one.
`halles config` prints every value and where it came from, secrets masked; `config.schema.json` beside this page
describes the file to editors. Dots are tables in the file: `http.body_limit` is `body_limit` under `[http]`.
An empty variable counts as one that is not set. Unknown keys and unknown `HALLES_*` variables are errors.

`DB_HOST` with `DB_PORT` (5432), `DB_NAME` (halles), `DB_USER` (halles) and `DB_PASSWORD` names a PostgreSQL database
too; `HALLES_DATABASE` is stronger.

| key | value | default | variable | flag | meaning |
|---|---|---|---|---|---|
";
