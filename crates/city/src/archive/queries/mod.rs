//! Reading days: the latest version, or the one that was known at an instant.
//!
//! All are looked up by index, so that they take as long after ten years as after one.

pub mod invariants;
mod record_rules;
mod records;
mod register;

use std::collections::{BTreeMap, HashMap};

use kernel::{Day, Timestamp};
use store::{DbError, RowRef, Tx, params};

pub use records::{
    Edition, FOREVER, InForce, being_told, covered, each_record, edition, editions, extent, in_force_of,
    records_on,
};
pub use register::{descriptions, ids, sensor, sensors};

use super::block::{self, Facts, SensorFacts};
use super::{Extent, Head, Version, VersionInfo, from_json};
use crate::MetricType;

/// The latest version of a day, and when it was published.
pub(super) fn latest(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
) -> Result<Option<(i64, Timestamp)>, DbError> {
    tx.query_opt(
        "SELECT version, known_at FROM city_day WHERE kind = $1 AND day = $2 ORDER BY version DESC LIMIT 1",
        &params![kind.as_str(), day],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The latest version of a day; 0 when it has none.
pub fn latest_version(tx: &mut Tx<'_>, kind: MetricType, day: Day) -> Result<i64, DbError> {
    Ok(latest(tx, kind, day)?.map_or(0, |(version, _)| version))
}

/// A day as it was known at an instant, or as it is known now.
pub fn day(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    known: Option<Timestamp>,
) -> Result<Option<Version>, DbError> {
    tx.query_opt(
        "SELECT day, version, known_at, sensors, hours, pages, summary, totals, findings FROM city_day
         WHERE kind = $1 AND day = $2 AND ($3 IS NULL OR known_at <= $3)
         ORDER BY version DESC LIMIT 1",
        &params![kind.as_str(), day, known],
        |row| Ok(Version { head: head(row)?, totals: row.get(7)?, findings: row.get(8)? }),
    )
}

fn head(row: RowRef<'_>) -> Result<Head, DbError> {
    Ok(Head {
        day: row.get(0)?,
        version: row.get(1)?,
        known_at: row.get(2)?,
        sensors: row.get(3)?,
        hours: row.get(4)?,
        pages: row.get(5)?,
        summary: row.get(6)?,
    })
}

/// A version of a day.
pub fn version(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    version: i64,
) -> Result<Option<Version>, DbError> {
    tx.query_opt(
        "SELECT day, version, known_at, sensors, hours, pages, summary, totals, findings FROM city_day
         WHERE kind = $1 AND day = $2 AND version = $3",
        &params![kind.as_str(), day, version],
        |row| Ok(Version { head: head(row)?, totals: row.get(7)?, findings: row.get(8)? }),
    )
}

/// Up to `limit` versions of a day, the latest first, from before a version on.
pub fn versions(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<VersionInfo>, DbError> {
    tx.query(
        "SELECT version, known_at, import_id, changes FROM city_day
         WHERE kind = $1 AND day = $2 AND version < $3 ORDER BY version DESC LIMIT $4",
        &params![kind.as_str(), day, before.unwrap_or(i64::MAX), limit],
        |row| {
            Ok(VersionInfo {
                version: row.get(0)?,
                known_at: row.get(1)?,
                import_id: row.get(2)?,
                changes: Some(from_json(&row.get::<String>(3)?)?),
            })
        },
    )
}

/// A page (from 0) of the list of a version's sensors: JSON, gzip.
pub fn page(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    version: i64,
    page: i64,
) -> Result<Option<Vec<u8>>, DbError> {
    tx.query_opt(
        "SELECT body FROM city_page WHERE kind = $1 AND day = $2 AND page = $3 AND version <= $4
         ORDER BY version DESC LIMIT 1",
        &params![kind.as_str(), day, page, version],
        |row| row.get(0),
    )
}

/// What all sensors measured on a day, in a version of it. Not a quick one: some milliseconds for 3,500 arcs.
pub fn facts(tx: &mut Tx<'_>, kind: MetricType, day: Day, version: i64) -> Result<Facts, DbError> {
    let rows = tx.query(
        "SELECT b.block, b.facts FROM city_block b
         WHERE b.kind = $1 AND b.day = $2 AND b.version <= $3 AND NOT EXISTS (
             SELECT 1 FROM city_block l WHERE l.kind = $1 AND l.day = $2 AND l.block = b.block
             AND l.version > b.version AND l.version <= $3
         )",
        &params![kind.as_str(), day, version],
        |row| Ok((row.get::<i64>(0)?, row.get::<Vec<u8>>(1)?)),
    )?;
    let mut facts = Facts::new();
    for (number, bytes) in rows {
        block::read_into(&mut facts, number, &bytes)?;
    }
    Ok(facts)
}

/// The days of a range that there are, in order, each as it was known at an instant, or as it is known now.
pub fn range(
    tx: &mut Tx<'_>,
    kind: MetricType,
    (from, to): (Day, Day),
    known: Option<Timestamp>,
) -> Result<Vec<Head>, DbError> {
    tx.query(
        "SELECT d.day, d.version, d.known_at, d.sensors, d.hours, d.pages, d.summary FROM city_day d
         WHERE d.kind = $1 AND d.day BETWEEN $2 AND $3 AND ($4 IS NULL OR d.known_at <= $4) AND NOT EXISTS (
             SELECT 1 FROM city_day l WHERE l.kind = $1 AND l.day = d.day AND l.version > d.version
             AND ($4 IS NULL OR l.known_at <= $4)
         ) ORDER BY d.day",
        &params![kind.as_str(), from, to, known],
        head,
    )
}

/// What the rows of one sensor say on the days of a range, in order, each as it was known at an instant, or as it is known
/// now. Days on which it measured nothing are left out.
pub fn sensor_range(
    tx: &mut Tx<'_>,
    kind: MetricType,
    sensor: i64,
    (from, to): (Day, Day),
    known: Option<Timestamp>,
) -> Result<Vec<(Day, SensorFacts)>, DbError> {
    let of_days = params![kind.as_str(), from, to, known];
    let versions: HashMap<Day, i64> = tx
        .query(
            "SELECT day, MAX(version) FROM city_day
             WHERE kind = $1 AND day BETWEEN $2 AND $3 AND ($4 IS NULL OR known_at <= $4) GROUP BY day",
            &of_days,
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .into_iter()
        .collect();
    let rows = tx.query(
        "SELECT day, version, facts FROM city_block WHERE kind = $1 AND block = $4 AND day BETWEEN $2 AND $3
         ORDER BY day, version",
        &params![kind.as_str(), from, to, block::of(sensor)],
        |row| {
            let (day, version) = (row.get::<Day>(0)?, row.get::<i64>(1)?);
            let counts = versions.get(&day).is_some_and(|known| version <= *known);
            let facts = if counts { block::read_one(sensor, &row.get::<Vec<u8>>(2)?)? } else { None };
            Ok(facts.map(|facts| (day, facts)))
        },
    )?;
    // Of each day the last row that counts: what a sensor has measured is never taken back, only corrected.
    let last: BTreeMap<Day, SensorFacts> = rows.into_iter().flatten().collect();
    Ok(last.into_iter().collect())
}

/// Up to `limit` days whose claim has run out: an import was cut off there.
pub fn claims_run_out(
    tx: &mut Tx<'_>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(MetricType, Day)>, DbError> {
    tx.query(
        "SELECT kind, day FROM city_claim WHERE held_until < $1 ORDER BY kind, day LIMIT $2",
        &params![now, limit],
        |row| {
            let kind: String = row.get(0)?;
            Ok((kind.parse().map_err(|error| DbError::Decode(format!("{kind}: {error}")))?, row.get(1)?))
        },
    )
}

/// The last day of a type that has been published.
pub fn last_day(
    tx: &mut Tx<'_>,
    kind: MetricType,
    until: Day,
    known: Option<Timestamp>,
) -> Result<Option<Day>, DbError> {
    let known = known.unwrap_or(Timestamp::from_micros(i64::MAX));
    tx.query_opt(
        "SELECT day FROM city_day WHERE kind = $1 AND day <= $2 AND known_at <= $3 ORDER BY day DESC LIMIT 1",
        &params![kind.as_str(), until, known],
        |row| row.get(0),
    )
}

/// Of how many days something was measured by counters or arcs.
pub fn report_days(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM (SELECT DISTINCT day FROM city_day) days";
    tx.query_one(sql, &[], |row| row.get(0))
}

/// What the archive has of each type.
pub fn stats(tx: &mut Tx<'_>, today: Day) -> Result<Vec<Extent>, DbError> {
    MetricType::ALL
        .into_iter()
        .map(|kind| if kind.has_sensors() { days_of(tx, kind) } else { records::extent(tx, kind, today) })
        .collect()
}

fn days_of(tx: &mut Tx<'_>, kind: MetricType) -> Result<Extent, DbError> {
    // The first versions: each day has one.
    tx.query_one(
        "SELECT COUNT(*), MIN(day), MAX(day) FROM city_day WHERE kind = $1 AND version = 1",
        &params![kind.as_str()],
        |row| Ok(Extent { kind, count: row.get(0)?, first: row.get_opt(1)?, last: row.get_opt(2)? }),
    )
}
