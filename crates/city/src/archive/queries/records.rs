//! Reading records, as they were at an edition of their type.
//!
//! Those that are in force now are found by an index of them alone, so that they take as long after years of history;
//! of an earlier edition those are added that have ended since.

use std::collections::HashMap;

use kernel::{Day, Timestamp};
use store::{DbError, RowRef, Tx, params};

use super::super::commands::records::Stored;
use super::super::{Extent, VersionInfo, from_json};
use crate::MetricType;
use crate::record::{Last, Record, Span};

/// The number of the last day of what has no end, or of what is still being told.
pub const FOREVER: i64 = i64::MAX;

/// An edition of a type's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edition {
    /// 1, 2, 3 …; 0 is the one before the first, which has nothing.
    pub number: i64,
    /// When it was published.
    pub known_at: Option<Timestamp>,
    /// The last day of which disruptions had been told.
    pub told_until: Option<Day>,
}

/// The edition of a type at an instant, or the latest.
pub fn edition(tx: &mut Tx<'_>, kind: MetricType, known: Option<Timestamp>) -> Result<Edition, DbError> {
    let found = tx.query_opt(
        "SELECT number, known_at, told_until FROM city_edition WHERE kind = $1 AND known_at <= $2
         ORDER BY known_at DESC LIMIT 1",
        &params![kind.as_str(), known.unwrap_or(Timestamp::from_micros(i64::MAX))],
        |row| Ok(Edition { number: row.get(0)?, known_at: row.get_opt(1)?, told_until: row.get_opt(2)? }),
    )?;
    Ok(found.unwrap_or_default())
}

/// The records of a type that concern a day, as they were known at an instant, or as they are known now, by id.
pub fn records_on(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    known: Option<Timestamp>,
) -> Result<Vec<Record>, DbError> {
    let edition = edition(tx, kind, known)?;
    let mut found = Vec::new();
    each_record(tx, kind, (day, day), &edition, |record| found.push(record))?;
    Ok(found)
}

/// Gives the records of an edition that concern any day of a span, one after the other, by id. An arc of the reference
/// concerns every day from its first on: sources give an end to arcs that still count.
pub fn each_record(
    tx: &mut Tx<'_>,
    kind: MetricType,
    (from, to): Span,
    edition: &Edition,
    mut each: impl FnMut(Record),
) -> Result<(), DbError> {
    tx.query(
        "SELECT id, from_day, to_day, told, body FROM (
             SELECT id, from_day, to_day, told, body FROM city_record
             WHERE kind = $1 AND until IS NULL AND since <= $4 AND to_day >= $3 AND from_day <= $2
             UNION ALL
             SELECT id, from_day, to_day, told, body FROM city_record
             WHERE kind = $1 AND until > $4 AND since <= $4 AND to_day >= $3 AND from_day <= $2
         ) alive ORDER BY id",
        &params![kind.as_str(), to, from, edition.number],
        |row| {
            let (id, first): (String, Day) = (row.get(0)?, row.get(1)?);
            let last = last(first, row.get(2)?, row.get(3)?, edition.told_until)?;
            if last.reaches(from) {
                let body = from_json(&row.get::<String>(4)?)?;
                each(Record { kind, id, from: first, to: last, body });
            }
            Ok(())
        },
    )?;
    Ok(())
}

/// The last day of a stored record; `told_until` is the last day that was told by then.
fn last(from: Day, to: i64, told: bool, told_until: Option<Day>) -> Result<Last, DbError> {
    let day = Day::from_number(to);
    match (told, to == FOREVER) {
        (false, true) => Ok(Last::Open),
        (true, true) => Ok(Last::Told(told_until.map_or(from, |day| day.max(from)))),
        (_, false) => {
            let day = day.ok_or_else(|| DbError::Decode(format!("{to} is no day")))?;
            Ok(if told { Last::Told(day) } else { Last::On(day) })
        }
    }
}

/// A row in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InForce {
    /// Its number.
    pub number: i64,
    /// The record's id.
    pub id: String,
    /// What it has.
    pub stored: Stored,
}

fn in_force(row: RowRef<'_>) -> Result<InForce, DbError> {
    let stored = Stored { from: row.get(2)?, to: row.get(3)?, told: row.get(4)?, body: row.get(5)? };
    Ok(InForce { number: row.get(0)?, id: row.get(1)?, stored })
}

/// Those of some records that are in force, by their place in the list. Only while nothing is staged.
pub fn in_force_of(
    tx: &mut Tx<'_>,
    kind: MetricType,
    ids: &[&str],
) -> Result<HashMap<usize, InForce>, DbError> {
    let found = tx.query_each(
        "SELECT number, id, from_day, to_day, told, body FROM city_record
         WHERE kind = $1 AND id = $2 AND until IS NULL",
        ids.iter().map(|id| params![kind.as_str(), *id]),
        |index, row| Ok((index, in_force(row)?)),
    )?;
    Ok(found.into_iter().collect())
}

/// Up to `limit` records in force that are still being told, by id, after one. Only while nothing is staged.
pub fn being_told(
    tx: &mut Tx<'_>,
    kind: MetricType,
    after: &str,
    limit: i64,
) -> Result<Vec<InForce>, DbError> {
    tx.query(
        "SELECT number, id, from_day, to_day, told, body FROM city_record
         WHERE kind = $1 AND until IS NULL AND to_day = $2 AND told AND id > $3 ORDER BY id LIMIT $4",
        &params![kind.as_str(), FOREVER, after, limit],
        in_force,
    )
}

/// The spans that an edition covers and that touch a span, in no order.
pub fn covered(
    tx: &mut Tx<'_>,
    kind: MetricType,
    edition: i64,
    (from, to): Span,
) -> Result<Vec<Span>, DbError> {
    tx.query(
        "SELECT from_day, to_day FROM city_coverage
         WHERE kind = $1 AND from_day <= $2 AND to_day >= $3 AND edition <= $4",
        &params![kind.as_str(), to, from, edition],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Up to `limit` of the editions that changed what is known of a day, the latest first, from before one on.
pub fn editions(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<VersionInfo>, DbError> {
    // What is still being told does not reach beyond the last day that was, or beyond its own first.
    tx.query(
        "SELECT number, known_at, import_id FROM city_edition e
         WHERE kind = $1 AND number < $3 AND from_day <= $2 AND to_day >= $2 AND (
             EXISTS (SELECT 1 FROM city_coverage c
                     WHERE c.kind = $1 AND c.edition = e.number AND c.from_day <= $2 AND c.to_day >= $2)
             OR EXISTS (SELECT 1 FROM city_record r
                        WHERE r.kind = $1 AND r.since = e.number AND r.from_day <= $2 AND r.to_day >= $2
                        AND (NOT r.told OR r.to_day < $5 OR r.from_day = $2 OR e.told_until >= $2))
             OR EXISTS (SELECT 1 FROM city_record r
                        WHERE r.kind = $1 AND r.until = e.number AND r.from_day <= $2 AND r.to_day >= $2
                        AND (NOT r.told OR r.to_day < $5 OR r.from_day = $2 OR e.told_until >= $2))
         ) ORDER BY number DESC LIMIT $4",
        &params![kind.as_str(), day, before.unwrap_or(i64::MAX), limit, FOREVER],
        |row| {
            Ok(VersionInfo {
                version: row.get(0)?,
                known_at: row.get(1)?,
                import_id: row.get(2)?,
                changes: None,
            })
        },
    )
}

/// How many records of a type are in force, and which days are known. What has no end is known until today.
pub fn extent(tx: &mut Tx<'_>, kind: MetricType, today: Day) -> Result<Extent, DbError> {
    let edition = edition(tx, kind, None)?;
    let (mut count, mut first, mut last) = (0, None, None);
    let mut reach = |from: Option<Day>, to: Option<Day>| {
        first = first.into_iter().chain(from).min();
        last = last.into_iter().chain(to).max();
    };
    tx.query(
        "SELECT COUNT(*), MIN(from_day), MAX(CASE WHEN to_day < $3 THEN to_day END),
                COUNT(CASE WHEN to_day = $3 AND NOT told THEN 1 END) FROM (
             SELECT from_day, to_day, told FROM city_record
             WHERE kind = $1 AND until IS NULL AND since <= $2
             UNION ALL
             SELECT from_day, to_day, told FROM city_record
             WHERE kind = $1 AND until > $2 AND since <= $2
         ) alive",
        &params![kind.as_str(), edition.number, FOREVER],
        |row| {
            count = row.get(0)?;
            let first: Option<Day> = row.get_opt(1)?;
            let open = row.get::<i64>(3)? > 0;
            reach(first, row.get_opt(2)?);
            reach(None, first.filter(|_| open).map(|first| today.max(first)));
            Ok(())
        },
    )?;
    tx.query(
        "SELECT MIN(from_day), MAX(to_day) FROM city_coverage WHERE kind = $1 AND edition <= $2",
        &params![kind.as_str(), edition.number],
        |row| {
            reach(row.get_opt(0)?, row.get_opt(1)?);
            Ok(())
        },
    )?;
    Ok(Extent { kind, count, first, last })
}
