//! The values of environment variables: `HALLES_*`, and the `DB_*` that many installations already have.
//!
//! An empty variable counts as one that is not set.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroU16;

use super::{DatabaseUrl, FILE_VARIABLE, Found, KEYS, Layer, Mistake, Origin, find, nearest};

const PREFIX: &str = "HALLES_";

/// The parts of a database URL, used together when `DB_HOST` is set.
const DATABASE_PARTS: [&str; 6] = ["DB_TYPE", "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"];

pub(super) type Variables = BTreeMap<String, String>;

/// The variables that concern this program and are not empty.
pub(super) fn ours(all: impl IntoIterator<Item = (OsString, OsString)>) -> (Variables, Vec<Mistake>) {
    let mut variables = Variables::new();
    let mut mistakes = Vec::new();
    for (name, value) in all {
        let Ok(name) = name.into_string() else { continue };
        if value.is_empty() || !(name.starts_with(PREFIX) || DATABASE_PARTS.contains(&name.as_str())) {
            continue;
        }
        match value.into_string() {
            Ok(value) => drop(variables.insert(name, value)),
            Err(_) => mistakes.push(Mistake::NotText { name }),
        }
    }
    (variables, mistakes)
}

pub(super) fn read(variables: &Variables) -> Layer {
    let mut layer = Layer::default();
    if let Some(found) = database(variables).transpose() {
        layer.push(found);
    }
    for (name, value) in variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        if let Some(key) = KEYS.iter().find(|key| key.env == name) {
            layer.push(Found::from_text(key, value, Origin::Environment(name.clone())));
        } else if name != FILE_VARIABLE {
            let nearest = nearest::variable(name);
            layer.mistakes.push(Mistake::UnknownVariable { name: name.clone(), nearest });
        }
    }
    layer
}

/// The database that `DB_HOST` and its companions name.
fn database(variables: &Variables) -> Result<Option<Found>, Mistake> {
    let get = |name: &str| variables.get(name).map(String::as_str);
    let (Some(host), Some(key)) = (get("DB_HOST"), find("database")) else { return Ok(None) };
    if let Some(kind) = get("DB_TYPE").filter(|kind| !matches!(*kind, "postgresql" | "postgres")) {
        return Err(part("DB_TYPE", &format!("{kind:?}"), "postgresql, or no DB_HOST at all for SQLite"));
    }
    let port = get("DB_PORT").unwrap_or("5432");
    let port = port.parse::<NonZeroU16>();
    let port = port.map_err(|_| part("DB_PORT", "not a port", "a number from 1 to 65535"))?.get();
    let (name, user) = (get("DB_NAME").unwrap_or("halles"), get("DB_USER").unwrap_or("halles"));
    let url = DatabaseUrl::from_parts(host, port, name, user, get("DB_PASSWORD"))
        // Not repeated: somebody may have put a whole URL there, with its password.
        .ok_or_else(|| part("DB_HOST", "not valid", "the name or address of a machine"))?;
    let parts = DATABASE_PARTS.into_iter().filter(|name| variables.contains_key(*name)).collect::<Vec<_>>();
    Found::from_text(key, url.expose(), Origin::Environment(parts.join(", "))).map(Some)
}

fn part(name: &'static str, given: &str, expected: &str) -> Mistake {
    Mistake::Value {
        origin: Origin::Environment(name.to_owned()),
        name,
        given: given.to_owned(),
        expected: expected.to_owned(),
    }
}
