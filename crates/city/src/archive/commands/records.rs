//! Records: a later import's takes the place of the one with the same id, which stays readable as it was known.

use std::collections::HashMap;

use kernel::{Day, Timestamp};
use serde::Serialize;
use store::{Call, DbError, Tx, params};
use uuid::Uuid;

use super::super::{count, to_json};
use super::numbering;
use crate::record::Record;
use crate::{CITY, MetricType, SOURCE};

/// The event that tells that records of a type are new or different.
pub const RECORDS_READY: &str = "halles.city.records.ready";

/// So many records are written at once: some four milliseconds when all of them change.
pub const WRITTEN_AT_ONCE: usize = 100;

/// A call of [`put`].
pub fn call(kind: MetricType) -> Call {
    numbering(Call::new("city.records.put", CITY).lock("city.records", kind.as_str()))
}

/// What [`RECORDS_READY`] tells: between which days how many records changed.
#[derive(Serialize)]
struct RecordsReady {
    #[serde(rename = "type")]
    kind: MetricType,
    du: Day,
    au: Day,
    nombre: i64,
}

struct Known {
    since: Timestamp,
    from: Day,
    to: Day,
    body: String,
}

/// A record and its content as text.
struct Changed<'r> {
    record: &'r Record,
    body: String,
    /// The instant from which it is known, and since when the one that it replaces was.
    at: Timestamp,
    replaces: Option<Timestamp>,
}

/// Writes those of some records of one type that are not known like that already; no two may have the same id. Returns
/// how many there were.
pub fn put(
    tx: &mut Tx<'_>,
    now: Timestamp,
    kind: MetricType,
    import: Uuid,
    records: &[Record],
) -> Result<usize, DbError> {
    let known = known(tx, kind, records)?;
    let mut changed = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let body = to_json(&record.body)?;
        let before = known.get(&index);
        if before.is_some_and(|known| (known.from, known.to, &known.body) == (record.from, record.to, &body))
        {
            continue;
        }
        let replaces = before.map(|known| known.since);
        // Clocks of several processes differ; the order of what was known must not.
        let at = replaces.map_or(now, |since| now.max(Timestamp::from_micros(since.micros() + 1)));
        changed.push(Changed { record, body, at, replaces });
    }
    write(tx, kind, import, &changed)?;
    tell(tx, kind, &changed);
    Ok(changed.len())
}

fn known(tx: &mut Tx<'_>, kind: MetricType, records: &[Record]) -> Result<HashMap<usize, Known>, DbError> {
    let found = tx.query_each(
        "SELECT known_from, from_day, to_day, body FROM city_record
         WHERE kind = $1 AND id = $2 AND known_until IS NULL",
        records.iter().map(|record| params![kind.as_str(), &record.id]),
        |index, row| {
            let known = Known { since: row.get(0)?, from: row.get(1)?, to: row.get(2)?, body: row.get(3)? };
            Ok((index, known))
        },
    )?;
    Ok(found.into_iter().collect())
}

fn write(tx: &mut Tx<'_>, kind: MetricType, import: Uuid, changed: &[Changed<'_>]) -> Result<(), DbError> {
    let kind = kind.as_str();
    tx.execute_each_once(
        "UPDATE city_record SET known_until = $4 WHERE kind = $1 AND id = $2 AND known_from = $3",
        changed.iter().filter_map(|it| Some(params![kind, &it.record.id, it.replaces?, it.at])),
    )?;
    let next = tx.query_one("SELECT COALESCE(MAX(number), 0) + 1 FROM city_record", &[], |row| row.get(0))?;
    tx.execute_each(
        "INSERT INTO city_record (number, kind, id, known_from, from_day, to_day, import_id, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        (next..).zip(changed).map(|(number, Changed { record, body, at, .. })| {
            let number: i64 = number;
            params![number, kind, &record.id, *at, record.from, record.to, import, body]
        }),
    )
}

fn tell(tx: &mut Tx<'_>, kind: MetricType, changed: &[Changed<'_>]) {
    let first = changed.iter().map(|it| it.record.from).min();
    let last = changed.iter().map(|it| it.record.to).max();
    if let Some((du, au)) = first.zip(last) {
        let told = RecordsReady { kind, du, au, nombre: count(changed.len()) };
        tx.emit(RECORDS_READY, SOURCE, kind.as_str(), &told);
    }
}
