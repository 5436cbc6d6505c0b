//! The register of counters and arcs: their numbers, and what is known of them.

use std::collections::HashMap;

use store::{Call, DbError, Tx, params};

use super::super::{Attributes, count, from_json, queries, to_json};
use crate::sensor::About;
use crate::{CITY, MetricType};

/// So many sensors are registered at once: some two milliseconds when all are new.
pub const REGISTERED_AT_ONCE: usize = 100;

/// A call of [`register`] or [`settle`].
pub fn call(name: &'static str, kind: MetricType) -> Call {
    lock(Call::new(name, CITY), kind)
}

/// Declares a type's register.
pub(super) fn lock(call: Call, kind: MetricType) -> Call {
    call.lock("city.register", kind.as_str())
}

/// A sensor as an import has seen it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The source's id.
    pub id: String,
    /// The hour (since 1970, UTC) of the latest reading.
    pub measured_at: i64,
    /// What came with that reading.
    pub about: About,
}

struct Known {
    revision: i64,
    attributes: Attributes,
}

/// Registers sensors and what is said of them; no two may have the same id. When attributes of known ones change, the
/// register gets a new revision.
pub fn register(tx: &mut Tx<'_>, kind: MetricType, seen: &[Sighting]) -> Result<(), DbError> {
    let known = known(tx, kind, seen)?;
    let revision = queries::register(tx, kind)?.revision;
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (index, Sighting { id, measured_at, about }) in seen.iter().enumerate() {
        let before = known.get(&index);
        let mut attributes = before.map(|known| known.attributes.clone()).unwrap_or_default();
        attributes.learn(*measured_at, about.clone());
        match before {
            None => new.push((id, to_json(&attributes)?)),
            Some(before) if before.attributes == attributes => {}
            Some(before) => {
                // The same attributes, of a later hour, change nothing that is published.
                let same = before.attributes.about() == attributes.about();
                let revision = if same { before.revision } else { revision + 1 };
                changed.push((id, revision, to_json(&attributes)?));
            }
        }
    }
    add(tx, kind, &new)?;
    tx.execute_each_once(
        "UPDATE city_sensor SET revision = $3, attributes = $4 WHERE kind = $1 AND id = $2",
        changed.iter().map(|(id, revision, text)| params![kind.as_str(), *id, *revision, text]),
    )?;
    if changed.iter().any(|(_, of, _)| *of > revision) {
        tx.execute(
            "INSERT INTO city_register (kind, revision, settled) VALUES ($1, $2, 0)
             ON CONFLICT (kind) DO UPDATE SET revision = excluded.revision",
            &params![kind.as_str(), revision + 1],
        )?;
    }
    Ok(())
}

fn known(tx: &mut Tx<'_>, kind: MetricType, seen: &[Sighting]) -> Result<HashMap<usize, Known>, DbError> {
    let found = tx.query_each(
        "SELECT revision, attributes FROM city_sensor WHERE kind = $1 AND id = $2",
        seen.iter().map(|sensor| params![kind.as_str(), &sensor.id]),
        |index, row| Ok((index, row.get(0)?, row.get::<String>(1)?)),
    )?;
    found
        .into_iter()
        .map(|(index, revision, text)| Ok((index, Known { revision, attributes: from_json(&text)? })))
        .collect()
}

fn add(tx: &mut Tx<'_>, kind: MetricType, new: &[(&String, String)]) -> Result<(), DbError> {
    let next = tx.query_one(
        "SELECT COALESCE(MAX(number), -1) + 1 FROM city_sensor WHERE kind = $1",
        &params![kind.as_str()],
        |row| row.get::<i64>(0),
    )?;
    tx.execute_each(
        "INSERT INTO city_sensor (kind, id, number, revision, attributes) VALUES ($1, $2, $3, 0, $4)",
        new.iter()
            .enumerate()
            .map(|(index, (id, text))| params![kind.as_str(), *id, next + count(index), text]),
    )
}

/// Notes that every published day has been worked out anew with a revision of the register.
pub fn settle(tx: &mut Tx<'_>, kind: MetricType, revision: i64) -> Result<(), DbError> {
    tx.execute(
        "UPDATE city_register SET settled = $2 WHERE kind = $1 AND settled < $2",
        &params![kind.as_str(), revision],
    )?;
    Ok(())
}
