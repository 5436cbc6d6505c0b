//! What must be true of records and their editions at any moment.
//!
//! 1. A row is in force for one edition at least; of those of a record one is in force at a time.
//! 2. The editions of a type are 1, 2, 3 … without a gap, each published later than the one before; disruptions are
//!    never told less long than before.
//!
//! Rows above the latest edition are none: an import is staging them, or was cut off.

use kernel::Timestamp;
use store::{DbError, Tx};

use super::invariants::{Rule, Violation};

/// Checks all rules over all records.
pub(super) fn check(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    Ok([in_force(tx)?, at_a_time(tx)?, gaps(tx)?, disorder(tx)?].concat())
}

fn violation(subject: String, expected: &str, found: String) -> Violation {
    Violation { rule: Rule::CityRecords, subject, expected: expected.to_owned(), found }
}

fn in_force(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    tx.query("SELECT kind, id, since, until FROM city_record WHERE until <= since", &[], |row| {
        let subject = format!("{} {}", row.get::<String>(0)?, row.get::<String>(1)?);
        let found = format!("{} to {}", row.get::<i64>(2)?, row.get::<i64>(3)?);
        Ok(violation(subject, "in force for one edition at least", found))
    })
}

fn at_a_time(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    tx.query(
        "SELECT e.kind, e.id, l.since FROM city_record e JOIN city_record l ON l.kind = e.kind AND l.id = e.id
         AND l.since >= e.since AND l.number <> e.number
         WHERE (e.until IS NULL OR e.until > l.since) AND (l.since > e.since OR l.number > e.number)
         AND l.since <= (SELECT COALESCE(MAX(number), 0) FROM city_edition WHERE kind = l.kind)",
        &[],
        |row| {
            let subject = format!("{} {}", row.get::<String>(0)?, row.get::<String>(1)?);
            Ok(violation(subject, "one row at a time", format!("two from edition {} on", row.get::<i64>(2)?)))
        },
    )
}

fn gaps(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    tx.query(
        "SELECT kind, COUNT(*), MAX(number) FROM city_edition GROUP BY kind
         HAVING COUNT(*) <> MAX(number) OR MIN(number) <> 1",
        &[],
        |row| {
            let found = format!("{} editions up to {}", row.get::<i64>(1)?, row.get::<i64>(2)?);
            Ok(violation(row.get(0)?, "editions without a gap", found))
        },
    )
}

fn disorder(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    tx.query(
        "SELECT l.kind, l.number, l.known_at FROM city_edition e JOIN city_edition l
         ON l.kind = e.kind AND l.number = e.number + 1
         WHERE l.known_at <= e.known_at OR l.told_until < e.told_until
         OR (l.told_until IS NULL AND e.told_until IS NOT NULL)",
        &[],
        |row| {
            let subject = format!("{} {}", row.get::<String>(0)?, row.get::<i64>(1)?);
            let found = format!("published at {}", row.get::<Timestamp>(2)?);
            Ok(violation(subject, "an edition later than the one before it", found))
        },
    )
}
