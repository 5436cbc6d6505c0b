//! Reading records.

use kernel::{Day, Timestamp};
use store::{DbError, Tx, params};

use super::super::{Extent, from_json};
use crate::MetricType;
use crate::record::Record;

/// The records of a type that concern a day, as they were known at an instant, or as they are known now, by id.
pub fn records_on(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    known: Option<Timestamp>,
) -> Result<Vec<Record>, DbError> {
    records_between(tx, kind, (day, day), known)
}

/// The records of a type that concern any day of a range, as they were known at an instant, or as they are known now,
/// by id. An arc of the reference concerns every day from its first on: sources give an end to arcs that still count.
pub fn records_between(
    tx: &mut Tx<'_>,
    kind: MetricType,
    (from, to): (Day, Day),
    known: Option<Timestamp>,
) -> Result<Vec<Record>, DbError> {
    let last_needed = if kind == MetricType::Reference { i64::MIN } else { from.number() };
    tx.query(
        "SELECT id, from_day, to_day, body FROM city_record
         WHERE kind = $1 AND from_day <= $2 AND to_day >= $3
         AND CASE WHEN $4 IS NULL THEN known_until IS NULL
             ELSE known_from <= $4 AND (known_until IS NULL OR known_until > $4) END ORDER BY id",
        &params![kind.as_str(), to, last_needed, known],
        |row| {
            Ok(Record {
                kind,
                id: row.get(0)?,
                from: row.get(1)?,
                to: row.get(2)?,
                body: from_json(&row.get::<String>(3)?)?,
            })
        },
    )
}

/// From the first to the last day that records of a type concern, as they were known at an instant, or as they are
/// known now.
pub fn coverage(
    tx: &mut Tx<'_>,
    kind: MetricType,
    known: Option<Timestamp>,
) -> Result<Option<(Day, Day)>, DbError> {
    let which = params![kind.as_str(), known];
    let first = tx.query_opt(
        "SELECT from_day FROM city_record
         WHERE kind = $1 AND CASE WHEN $2 IS NULL THEN known_until IS NULL
             ELSE known_from <= $2 AND (known_until IS NULL OR known_until > $2) END
         ORDER BY from_day LIMIT 1",
        &which,
        |row| row.get(0),
    )?;
    let last = tx.query_opt(
        "SELECT to_day FROM city_record
         WHERE kind = $1 AND CASE WHEN $2 IS NULL THEN known_until IS NULL
             ELSE known_from <= $2 AND (known_until IS NULL OR known_until > $2) END
         ORDER BY to_day DESC LIMIT 1",
        &which,
        |row| row.get(0),
    )?;
    Ok(first.zip(last))
}

/// How many current records of a type there are, and which days they concern.
pub(super) fn stats(tx: &mut Tx<'_>, kind: MetricType) -> Result<Extent, DbError> {
    tx.query_one(
        "SELECT COUNT(*), MIN(from_day), MAX(to_day) FROM city_record WHERE kind = $1 AND known_until IS NULL",
        &params![kind.as_str()],
        |row| Ok(Extent { kind, count: row.get(0)?, first: row.get_opt(1)?, last: row.get_opt(2)? }),
    )
}
