//! What changes imports.

use kernel::Timestamp;
use store::{Call, DbError, Tx, params};
use uuid::Uuid;

use super::super::to_json;
use super::{GONE_SECONDS, HELD_SECONDS, INTERRUPTED, New, Progress, State};
use crate::CITY;
use crate::input::Tally;
use crate::quality::Findings;

/// A call of one of the commands here.
pub fn call(name: &'static str) -> Call {
    Call::new(name, CITY)
}

/// Writes down an import that waits for its turn.
pub fn begin(tx: &mut Tx<'_>, now: Timestamp, new: &New) -> Result<(), DbError> {
    let origin = new.origin.as_ref().map(to_json).transpose()?;
    tx.execute(
        "INSERT INTO city_import (id, kind, source, state, asked_at, holder, held_until, days_done, days_all,
                                  days_changed, origin)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, $8)",
        &params![
            new.id,
            new.kind.as_str(),
            &new.source,
            State::Waiting.as_str(),
            now,
            new.holder,
            now.plus_seconds(HELD_SECONDS),
            origin.as_deref()
        ],
    )?;
    Ok(())
}

/// Notes how far an import has come; one that has ended stays as it is, unless it was only taken for dead.
pub fn note(tx: &mut Tx<'_>, now: Timestamp, id: Uuid, progress: &Progress) -> Result<(), DbError> {
    tx.execute(
        "UPDATE city_import SET state = $2, days_done = $3, days_all = $4, days_changed = $5, held_until = $6,
                ended_at = NULL, error = NULL
         WHERE id = $1 AND (ended_at IS NULL OR error = $7)",
        &params![
            id,
            progress.state.as_str(),
            progress.days_done.cast_signed(),
            progress.days_all.cast_signed(),
            progress.days_changed.cast_signed(),
            now.plus_seconds(HELD_SECONDS),
            INTERRUPTED
        ],
    )?;
    Ok(())
}

/// Notes what became of the rows of an import's source, and what is wrong with them.
pub fn note_tally(tx: &mut Tx<'_>, id: Uuid, tally: &Tally, findings: &Findings) -> Result<(), DbError> {
    tx.execute(
        "UPDATE city_import SET tally = $2, findings = $3 WHERE id = $1",
        &params![id, &to_json(tally)?, &to_json(findings)?],
    )?;
    Ok(())
}

/// Notes that an import has ended: well, or with an error. One that has ended stays as it is, unless it was only taken
/// for dead.
pub fn end(tx: &mut Tx<'_>, now: Timestamp, id: Uuid, error: Option<&str>) -> Result<(), DbError> {
    let state = if error.is_none() { State::Done } else { State::Failed };
    tx.execute(
        "UPDATE city_import SET state = $2, ended_at = $3, error = $4
         WHERE id = $1 AND (ended_at IS NULL OR error = $5)",
        &params![id, state.as_str(), now, error, INTERRUPTED],
    )?;
    Ok(())
}

/// Notes that an import was stopped with its process: it waits for another when its data can still be had, and has
/// failed otherwise.
pub fn stop(tx: &mut Tx<'_>, now: Timestamp, id: Uuid, error: &str) -> Result<(), DbError> {
    let waiting = tx.execute(
        "UPDATE city_import SET state = $2, held_until = $3 WHERE id = $1 AND ended_at IS NULL AND origin IS NOT NULL",
        &params![id, State::Waiting.as_str(), now],
    )?;
    if waiting == 0 { end(tx, now, id, Some(error)) } else { Ok(()) }
}

/// Lets go of all imports of a process that ends, so that another need not wait until it is taken for dead.
pub fn let_go(tx: &mut Tx<'_>, now: Timestamp, holder: Uuid) -> Result<(), DbError> {
    tx.execute(
        "UPDATE city_import SET held_until = $2 WHERE state = $3 AND holder = $1",
        &params![holder, now, State::Waiting.as_str()],
    )?;
    Ok(())
}

/// Takes over an import whose process has not been heard of any more, or with `alone` set that of any other process.
/// Returns whether it is ours now: another may have been quicker, or it may have ended.
pub fn take_over(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: Uuid,
    holder: Uuid,
    alone: bool,
) -> Result<bool, DbError> {
    let taken = tx.execute(
        "UPDATE city_import SET state = $2, holder = $3, held_until = $4, days_done = 0, days_all = 0, days_changed = 0
         WHERE id = $1 AND ended_at IS NULL AND holder <> $3 AND (held_until <= $5 OR $6)",
        &params![id, State::Waiting.as_str(), holder, now.plus_seconds(HELD_SECONDS), now, alone],
    )?;
    Ok(taken == 1)
}

/// Says that a process is still at work on its imports.
pub fn renew(tx: &mut Tx<'_>, now: Timestamp, holder: Uuid) -> Result<(), DbError> {
    for state in UNFINISHED {
        tx.execute(
            "UPDATE city_import SET held_until = $3 WHERE state = $1 AND holder = $2",
            &params![state.as_str(), holder, now.plus_seconds(HELD_SECONDS)],
        )?;
    }
    Ok(())
}

/// The states of imports that have not ended.
pub(super) const UNFINISHED: [State; 3] = [State::Waiting, State::Reading, State::Publishing];

/// Ends the imports of processes that have not been heard of any more; with `alone` set, those of every process but
/// this one. Those whose data another process may still have are waited for a while longer. Returns how many there were.
pub fn fail_abandoned(tx: &mut Tx<'_>, now: Timestamp, holder: Uuid, alone: bool) -> Result<u64, DbError> {
    let mut failed = 0;
    for state in UNFINISHED {
        failed += tx.execute(
            "UPDATE city_import SET state = 'FAILED', ended_at = $2, error = $3
             WHERE state = $1 AND holder <> $4 AND (held_until < $2 AND origin IS NULL OR held_until < $6 OR $5)",
            &params![state.as_str(), now, INTERRUPTED, holder, alone, now.plus_seconds(-GONE_SECONDS)],
        )?;
    }
    Ok(failed)
}
