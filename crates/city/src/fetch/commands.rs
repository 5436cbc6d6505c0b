//! What is remembered of each portal. A portal is named by its address as it is configured.

use kernel::Timestamp;
use store::{Call, DbError, Tx, params};

use super::Known;
use crate::CITY;

/// The outcome while a portal is being asked. Whoever asks says so again and again; one that has not been heard of for
/// [`HELD_SECONDS`] was cut off.
const ASKING: &str = "ASKING";

/// So long whoever asks a portal is believed to be at it after it has said so.
pub const HELD_SECONDS: i64 = 60;

/// How asking a portal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was a file, and it was taken in.
    Imported,
    /// The file was still the one that we have.
    Unchanged,
    /// There was none, or it could not be taken in.
    Failed,
}

impl Outcome {
    /// Its name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Imported => "IMPORTED",
            Self::Unchanged => "UNCHANGED",
            Self::Failed => "FAILED",
        }
    }

    /// Its name in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

/// What is remembered of a portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// When it was asked last.
    pub asked_at: Timestamp,
    /// What it said of the last file that was taken in.
    pub known: Known,
}

/// A command on what is remembered of a portal.
pub fn call(name: &'static str, source: &str) -> Call {
    Call::new(name, CITY).lock("city.fetch", source)
}

/// What is remembered of a portal; nothing when it was never asked.
pub fn remembered(tx: &mut Tx<'_>, source: &str) -> Result<Option<Remembered>, DbError> {
    tx.query_opt(
        "SELECT fetched_at, etag, last_modified FROM city_fetch WHERE source = $1",
        &params![source],
        |row| {
            let known = Known { etag: row.get_opt(1)?, last_modified: row.get_opt(2)? };
            Ok(Remembered { asked_at: row.get(0)?, known })
        },
    )
}

/// Says that a portal is being asked, unless somebody else is asking it, or has asked it since `seen`. Whoever gets
/// `false` leaves it.
pub fn claim(
    tx: &mut Tx<'_>,
    now: Timestamp,
    source: &str,
    seen: Option<Timestamp>,
) -> Result<bool, DbError> {
    let claimed = match seen {
        None => tx.execute(
            "INSERT INTO city_fetch (source, fetched_at, outcome) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &params![source, now, ASKING],
        )?,
        Some(seen) => tx.execute(
            "UPDATE city_fetch SET fetched_at = $2, outcome = $3
             WHERE source = $1 AND fetched_at = $4 AND (outcome <> $3 OR fetched_at < $5)",
            &params![source, now, ASKING, seen, now.plus_seconds(-HELD_SECONDS)],
        )?,
    };
    Ok(claimed > 0)
}

/// Says that a portal is still being asked.
pub fn renew(tx: &mut Tx<'_>, now: Timestamp, source: &str) -> Result<(), DbError> {
    tx.execute(
        "UPDATE city_fetch SET fetched_at = $2 WHERE source = $1 AND outcome = $3",
        &params![source, now, ASKING],
    )?;
    Ok(())
}

/// Notes that nobody asks any portal: for the only process on a database, which asks none yet.
pub fn end_claims(tx: &mut Tx<'_>, _now: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "UPDATE city_fetch SET outcome = $1 WHERE outcome = $2",
        &params![Outcome::Failed.as_str(), ASKING],
    )?;
    Ok(())
}

/// Remembers how asking ended; `known` is what the portal said of a file that was taken in to its end.
pub fn settle(
    tx: &mut Tx<'_>,
    now: Timestamp,
    source: &str,
    outcome: Outcome,
    known: Option<&Known>,
) -> Result<(), DbError> {
    tx.execute(
        "UPDATE city_fetch SET fetched_at = $2, outcome = $3 WHERE source = $1",
        &params![source, now, outcome.as_str()],
    )?;
    if let Some(known) = known {
        tx.execute(
            "UPDATE city_fetch SET etag = $2, last_modified = $3 WHERE source = $1",
            &params![source, known.etag.as_deref(), known.last_modified.as_deref()],
        )?;
    }
    Ok(())
}
