//! Writing an edition of a type's records: claim, clear, stage, publish.
//!
//! As with a day (see [`super::day`], whose claims these are), nobody sees what is staged, and one small command
//! publishes all of it.

use kernel::{Day, Timestamp};
use serde::Serialize;
use store::{Call, DbError, Failure, Tx, params};
use uuid::Uuid;

use super::super::count;
use super::super::queries::{self, FOREVER};
use super::day::{self, Attempt, Claim, Overtaken};
use super::numbering;
use crate::record::Span;
use crate::{MetricType, SOURCE};

/// The event that tells that there is a new edition of a type's records.
pub const RECORDS_READY: &str = "halles.city.records.ready";

/// So many records are staged by one command, at most: some four milliseconds …
pub const STAGED_RECORDS: usize = 100;
/// … or so many bytes of them.
pub const STAGED_BYTES: usize = 128 << 10;

/// An attempt of an import at the edition that follows another (0 when there is none). An edition is of all days; its
/// claim is that of the first of all, which no type of records has otherwise.
pub fn attempt(kind: MetricType, from: i64, import: Uuid) -> Attempt {
    Attempt { kind, day: Timestamp::from_micros(0).paris_day(), from, import }
}

/// A call of [`stage`].
pub fn stage_call(attempt: &Attempt) -> Call {
    numbering(day::call("city.records.stage", attempt))
}

/// Claims the next edition of a type.
pub fn claim(tx: &mut Tx<'_>, now: Timestamp, attempt: &Attempt) -> Result<Claim, DbError> {
    if queries::edition(tx, attempt.kind, None)?.number != attempt.from {
        return Ok(Claim::Moved);
    }
    if !day::take(tx, now, attempt)? {
        return Ok(Claim::Held);
    }
    let leftovers = tx.query_one(
        "SELECT EXISTS (SELECT 1 FROM city_record WHERE kind = $1 AND since > $2)
             OR EXISTS (SELECT 1 FROM city_record WHERE kind = $1 AND until > $2)",
        &params![attempt.kind.as_str(), attempt.from],
        |row| row.get(0),
    )?;
    Ok(Claim::Ours { leftovers })
}

/// Undoes some of what a cut-off import has staged; returns whether there may be more.
pub fn clear(tx: &mut Tx<'_>, now: Timestamp, attempt: &Attempt) -> Result<bool, Failure<Overtaken>> {
    day::hold(tx, now, attempt)?;
    let which = params![attempt.kind.as_str(), attempt.from, day::CLEARED_AT_ONCE];
    let deleted = tx.execute(
        "DELETE FROM city_record WHERE number IN
         (SELECT number FROM city_record WHERE kind = $1 AND since > $2 ORDER BY number LIMIT $3)",
        &which,
    )?;
    // Of each record one row at most has no end: those that were staged go before the others come back.
    if deleted > 0 {
        return Ok(true);
    }
    let restored = tx.execute(
        "UPDATE city_record SET until = NULL WHERE number IN
         (SELECT number FROM city_record WHERE kind = $1 AND until > $2 ORDER BY number LIMIT $3)",
        &which,
    )?;
    Ok(restored > 0)
}

/// A record as the next edition has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revised {
    /// The number of the row that it replaces.
    pub replaces: Option<i64>,
    /// The record's id.
    pub id: String,
    /// What is stored of it.
    pub stored: Stored,
}

/// What is stored of a record besides its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The first day.
    pub from: Day,
    /// The number of the last day; [`FOREVER`] when there is none, or while it is being told.
    pub to: i64,
    /// Whether it lasts for as long as it is told.
    pub told: bool,
    /// What it says: JSON.
    pub body: String,
}

impl Revised {
    /// About how many bytes it has.
    pub fn size(&self) -> usize {
        self.id.len() + self.stored.body.len()
    }
}

/// Stages records of the next edition.
pub fn stage(
    tx: &mut Tx<'_>,
    now: Timestamp,
    attempt: &Attempt,
    rows: &[Revised],
) -> Result<(), Failure<Overtaken>> {
    day::hold(tx, now, attempt)?;
    let (kind, edition) = (attempt.kind.as_str(), attempt.from + 1);
    tx.execute_each_once(
        "UPDATE city_record SET until = $2 WHERE number = $1 AND until IS NULL",
        rows.iter().filter_map(|row| Some(params![row.replaces?, edition])),
    )?;
    let next = tx.query_one("SELECT COALESCE(MAX(number), 0) + 1 FROM city_record", &[], |row| row.get(0))?;
    tx.execute_each(
        "INSERT INTO city_record (number, kind, id, since, from_day, to_day, told, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        (next..).zip(rows).map(|(number, Revised { id, stored, .. })| {
            let (number, Stored { from, to, told, body }): (i64, _) = (number, stored);
            params![number, kind, id, edition, *from, *to, *told, body]
        }),
    )?;
    Ok(())
}

/// Everything that an edition has besides its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The edition that it follows.
    pub attempt: Attempt,
    /// The last day of which disruptions have been told.
    pub told_until: Option<Day>,
    /// The first and the last day of which it changes something, or that it covers anew; [`FOREVER`] for no last day.
    pub days: Option<(Day, i64)>,
    /// How many records it changes.
    pub changed: usize,
    /// The days that it covers and that were not covered before.
    pub covered: Vec<Span>,
}

/// What [`RECORDS_READY`] tells: between which days (`au` is null when something without an end is among it) how many
/// records changed. There may be none, when days are known to be quiet that were unknown.
#[derive(Serialize)]
struct RecordsReady {
    #[serde(rename = "type")]
    kind: MetricType,
    edition: i64,
    du: Option<Day>,
    au: Option<Day>,
    nombre: i64,
}

/// Makes what was staged the edition that is read, and ends the claim.
pub fn publish(tx: &mut Tx<'_>, now: Timestamp, publication: &Publication) -> Result<(), Failure<Overtaken>> {
    let Publication { attempt, told_until, days, changed, covered } = publication;
    let Attempt { kind, from: base, import, .. } = *attempt;
    day::release(tx, attempt)?;
    let before = queries::edition(tx, kind, None)?;
    if before.number != base {
        return Err(Failure::Refused(Overtaken));
    }
    // Clocks of several processes differ; instants of editions must not.
    let known_at = before.known_at.map_or(now, |at| now.max(Timestamp::from_micros(at.micros() + 1)));
    let (edition, from, to) = (base + 1, days.map(|(from, _)| from), days.map(|(_, to)| to));
    tx.execute(
        "INSERT INTO city_edition (kind, number, known_at, import_id, told_until, from_day, to_day, changed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &params![kind.as_str(), edition, known_at, import, *told_until, from, to, count(*changed)],
    )?;
    tx.execute_each(
        "INSERT INTO city_coverage (kind, from_day, to_day, edition) VALUES ($1, $2, $3, $4)",
        covered.iter().map(|(from, to)| params![kind.as_str(), *from, *to, edition]),
    )?;
    let au = to.filter(|to| *to != FOREVER).and_then(Day::from_number);
    let told = RecordsReady { kind, edition, du: from, au, nombre: count(*changed) };
    tx.emit(RECORDS_READY, SOURCE, kind.as_str(), &told);
    Ok(())
}
