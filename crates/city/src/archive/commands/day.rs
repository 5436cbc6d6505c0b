//! Writing a version of a day: claim, clear, stage, publish.
//!
//! The claim keeps two imports from staging rows of the same version. Whoever finds the claim of another that has run
//! out takes it over; the other then learns from its next step that it has been overtaken ([`Overtaken`]) and begins
//! that day again.

use kernel::{Day, Timestamp};
use serde::Serialize;
use store::{Call, DbError, Failure, Param, Tx, params};
use uuid::Uuid;

use super::super::{Changes, count, queries, to_json};
use super::numbering;
use crate::{CITY, MetricType, SOURCE};

/// The event that tells that a day of a type has a new version.
pub const DAY_READY: &str = "halles.city.day.ready";

/// So long a claim holds after each step. An import that lives takes a step within milliseconds; when the store is so
/// busy that it does not, the day is begun again, and nothing is lost but time.
pub const CLAIM_SECONDS: i64 = 15;
/// So many bytes are staged by one command: a millisecond on SQLite, two on PostgreSQL.
pub const STAGED_AT_ONCE: usize = 128 << 10;
/// So many rows that a cut-off import has left behind go at once: some two milliseconds.
pub const CLEARED_AT_ONCE: i64 = 100;

/// A version of a day that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The type.
    pub kind: MetricType,
    /// The day.
    pub day: Day,
    /// The version that it corrects; 0 when there is none yet.
    pub from: i64,
    /// The import.
    pub import: Uuid,
}

/// How claiming a day went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The day is ours.
    Ours {
        /// Whether a cut-off import has left rows behind, which are to be cleared away first.
        leftovers: bool,
    },
    /// Another import is at it.
    Held,
    /// It has another version by now: begin again from that.
    Moved,
}

/// The attempt is of no more use: another import has taken the day over, or what it was worked out from has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overtaken;

/// A call of [`claim`], [`clear`] or [`release`].
pub fn call(name: &'static str, attempt: &Attempt) -> Call {
    Call::new(name, CITY).lock("city.day", (attempt.kind.as_str(), attempt.day.number()))
}

/// A call of [`stage`].
pub fn stage_call(attempt: &Attempt) -> Call {
    numbering(call("city.day.stage", attempt))
}

/// A call of [`publish`].
pub fn publish_call(attempt: &Attempt) -> Call {
    numbering(call("city.day.publish", attempt))
}

/// Claims a day for an attempt.
pub fn claim(tx: &mut Tx<'_>, now: Timestamp, attempt: &Attempt) -> Result<Claim, DbError> {
    let Attempt { kind, day, from, .. } = *attempt;
    if queries::latest_version(tx, kind, day)? != from {
        return Ok(Claim::Moved);
    }
    if !take(tx, now, attempt)? {
        return Ok(Claim::Held);
    }
    let leftovers = tx.query_one(
        "SELECT EXISTS (SELECT 1 FROM city_block WHERE kind = $1 AND day = $2 AND version > $3)
             OR EXISTS (SELECT 1 FROM city_page WHERE kind = $1 AND day = $2 AND version > $3)",
        &params![kind.as_str(), day, from],
        |row| row.get(0),
    )?;
    Ok(Claim::Ours { leftovers })
}

/// Ends the claims of all imports: for the only process on a database, which has none yet. What they cover is begun again
/// or cleared as after a claim that has run out.
pub fn end_claims(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DbError> {
    tx.execute("UPDATE city_claim SET held_until = $1 WHERE held_until > $1", &params![now])?;
    Ok(())
}

/// Ends the claim of an attempt that is given up: what it has staged is cleared like what a cut-off import has left.
pub fn give_up(tx: &mut Tx<'_>, now: Timestamp, attempt: &Attempt) -> Result<(), DbError> {
    let Attempt { kind, day, import, .. } = *attempt;
    tx.execute(
        "UPDATE city_claim SET held_until = $4 WHERE kind = $1 AND day = $2 AND import_id = $3",
        &params![kind.as_str(), day, import, now],
    )?;
    Ok(())
}

/// Takes the claim, unless another import holds it.
pub(super) fn take(tx: &mut Tx<'_>, now: Timestamp, attempt: &Attempt) -> Result<bool, DbError> {
    let Attempt { kind, day, import, .. } = *attempt;
    let held = tx.query_opt(
        "SELECT 1 FROM city_claim WHERE kind = $1 AND day = $2 AND import_id <> $3 AND held_until > $4",
        &params![kind.as_str(), day, import, now],
        |_| Ok(()),
    )?;
    if held.is_some() {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO city_claim (kind, day, import_id, held_until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, day) DO UPDATE SET import_id = excluded.import_id, held_until = excluded.held_until",
        &params![kind.as_str(), day, import, now.plus_seconds(CLAIM_SECONDS)],
    )?;
    Ok(true)
}

/// Clears some of what a cut-off import has left away; returns whether there may be more.
pub fn clear(tx: &mut Tx<'_>, now: Timestamp, attempt: &Attempt) -> Result<bool, Failure<Overtaken>> {
    hold(tx, now, attempt)?;
    let Attempt { kind, day, from, .. } = *attempt;
    let which = params![kind.as_str(), day, from, CLEARED_AT_ONCE];
    let blocks = tx.execute(
        "DELETE FROM city_block WHERE number IN
         (SELECT number FROM city_block WHERE kind = $1 AND day = $2 AND version > $3 ORDER BY number LIMIT $4)",
        &which,
    )?;
    let pages = tx.execute(
        "DELETE FROM city_page WHERE number IN
         (SELECT number FROM city_page WHERE kind = $1 AND day = $2 AND version > $3 ORDER BY number LIMIT $4)",
        &which,
    )?;
    Ok(blocks.max(pages) >= CLEARED_AT_ONCE.unsigned_abs())
}

/// A row of a version that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Staged {
    /// The facts of some sensors.
    Block {
        /// Which sensors, see [`crate::archive::changed_blocks`].
        number: i64,
        /// Their facts.
        facts: Vec<u8>,
    },
    /// A page of the list of sensors.
    Page {
        /// From 0.
        number: i64,
        /// JSON, gzip.
        body: Vec<u8>,
    },
}

impl Staged {
    /// How many bytes it has.
    pub const fn size(&self) -> usize {
        match self {
            Self::Block { facts, .. } => facts.len(),
            Self::Page { body, .. } => body.len(),
        }
    }
}

/// Stages rows of the next version.
pub fn stage(
    tx: &mut Tx<'_>,
    now: Timestamp,
    attempt: &Attempt,
    rows: &[Staged],
) -> Result<(), Failure<Overtaken>> {
    hold(tx, now, attempt)?;
    let Attempt { kind, day, from, .. } = *attempt;
    let kind = kind.as_str();
    let (mut blocks, mut pages) = (Vec::new(), Vec::new());
    for row in rows {
        match row {
            Staged::Block { number, facts } => blocks.push((*number, facts)),
            Staged::Page { number, body } => pages.push((*number, body)),
        }
    }
    let next = tx.query_one("SELECT COALESCE(MAX(number), 0) + 1 FROM city_block", &[], |row| row.get(0))?;
    tx.execute_each(
        "INSERT INTO city_block (number, kind, day, block, version, facts) VALUES ($1, $2, $3, $4, $5, $6)",
        (next..).zip(&blocks).map(|(number, (block, facts))| {
            let number: i64 = number;
            params![number, kind, day, *block, from + 1, *facts]
        }),
    )?;
    let next = tx.query_one("SELECT COALESCE(MAX(number), 0) + 1 FROM city_page", &[], |row| row.get(0))?;
    tx.execute_each(
        "INSERT INTO city_page (number, kind, day, page, version, body) VALUES ($1, $2, $3, $4, $5, $6)",
        (next..).zip(&pages).map(|(number, (page, body))| {
            let number: i64 = number;
            params![number, kind, day, *page, from + 1, *body]
        }),
    )?;
    Ok(())
}

/// Everything that a version has besides its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// The day, and what it corrects.
    pub attempt: Attempt,
    /// How many sensors measured something.
    pub sensors: usize,
    /// How many hours they measured in all.
    pub hours: usize,
    /// How many pages their list has, those of earlier versions included.
    pub pages: usize,
    /// See [`super::super::Head::summary`].
    pub summary: String,
    /// See [`super::super::Version::totals`].
    pub totals: String,
    /// See [`super::super::Version::findings`].
    pub findings: String,
    /// What it changes.
    pub changes: Changes,
}

/// What [`DAY_READY`] tells.
#[derive(Serialize)]
struct DayReady {
    #[serde(rename = "type")]
    kind: MetricType,
    date: Day,
    version: i64,
}

/// Makes a staged version the one that is read, and ends the claim.
pub fn publish(tx: &mut Tx<'_>, now: Timestamp, publication: &Publication) -> Result<(), Failure<Overtaken>> {
    let Publication { attempt, sensors, hours, pages, summary, totals, findings, changes } = publication;
    let Attempt { kind, day, from, import } = *attempt;
    release(tx, attempt)?;
    let before = queries::latest(tx, kind, day)?;
    if before.map_or(0, |(version, _)| version) != from {
        return Err(Failure::Refused(Overtaken));
    }
    // Clocks of several processes differ; instants of versions must not.
    let known_at = before.map_or(now, |(_, known_at)| now.max(Timestamp::from_micros(known_at.micros() + 1)));
    let changes = to_json(changes)?;
    let next: i64 =
        tx.query_one("SELECT COALESCE(MAX(number), 0) + 1 FROM city_day", &[], |row| row.get(0))?;
    let row: [Param<'_>; 13] = params![
        next,
        kind.as_str(),
        day,
        from + 1,
        known_at,
        import,
        count(*sensors),
        count(*hours),
        count(*pages),
        summary,
        &changes,
        findings,
        totals
    ];
    tx.execute(
        "INSERT INTO city_day (number, kind, day, version, known_at, import_id, sensors, hours, pages, summary, changes,
                               findings, totals)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &row,
    )?;
    tx.emit(DAY_READY, SOURCE, format!("{kind}/{day}"), &DayReady { kind, date: day, version: from + 1 });
    Ok(())
}

/// Gives a day up, so that others need not wait.
pub fn release(tx: &mut Tx<'_>, attempt: &Attempt) -> Result<(), Failure<Overtaken>> {
    let released = tx.execute(
        "DELETE FROM city_claim WHERE kind = $1 AND day = $2 AND import_id = $3",
        &params![attempt.kind.as_str(), attempt.day, attempt.import],
    )?;
    if released == 1 { Ok(()) } else { Err(Failure::Refused(Overtaken)) }
}

/// Makes sure that the day is still claimed, and keeps it.
pub(super) fn hold(tx: &mut Tx<'_>, now: Timestamp, attempt: &Attempt) -> Result<(), Failure<Overtaken>> {
    let held = tx.execute(
        "UPDATE city_claim SET held_until = $4 WHERE kind = $1 AND day = $2 AND import_id = $3",
        &params![attempt.kind.as_str(), attempt.day, attempt.import, now.plus_seconds(CLAIM_SECONDS)],
    )?;
    if held == 1 { Ok(()) } else { Err(Failure::Refused(Overtaken)) }
}
