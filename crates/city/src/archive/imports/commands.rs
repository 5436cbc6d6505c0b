//! What changes imports.

use kernel::Timestamp;
use store::{Call, DbError, Tx, params};
use uuid::Uuid;

use super::super::to_json;
use super::{HELD_SECONDS, INTERRUPTED, New, Progress, State};
use crate::CITY;
use crate::input::Tally;
use crate::quality::Findings;

/// A call of one of the commands here.
pub fn call(name: &'static str) -> Call {
    Call::new(name, CITY)
}

/// Writes down an import that waits for its turn.
pub fn begin(tx: &mut Tx<'_>, now: Timestamp, new: &New) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO city_import (id, kind, source, state, asked_at, holder, held_until, days_done, days_all,
                                  days_changed)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0)",
        &params![
            new.id,
            new.kind.as_str(),
            &new.source,
            State::Waiting.as_str(),
            now,
            new.holder,
            now.plus_seconds(HELD_SECONDS)
        ],
    )?;
    Ok(())
}

/// Notes how far an import has come; one that has ended stays as it is.
pub fn note(tx: &mut Tx<'_>, now: Timestamp, id: Uuid, progress: &Progress) -> Result<(), DbError> {
    tx.execute(
        "UPDATE city_import SET state = $2, days_done = $3, days_all = $4, days_changed = $5, held_until = $6
         WHERE id = $1 AND ended_at IS NULL",
        &params![
            id,
            progress.state.as_str(),
            progress.days_done.cast_signed(),
            progress.days_all.cast_signed(),
            progress.days_changed.cast_signed(),
            now.plus_seconds(HELD_SECONDS)
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

/// Notes that an import has ended: well, or with an error. One that has ended stays as it is.
pub fn end(tx: &mut Tx<'_>, now: Timestamp, id: Uuid, error: Option<&str>) -> Result<(), DbError> {
    let state = if error.is_none() { State::Done } else { State::Failed };
    tx.execute(
        "UPDATE city_import SET state = $2, ended_at = $3, error = $4 WHERE id = $1 AND ended_at IS NULL",
        &params![id, state.as_str(), now, error],
    )?;
    Ok(())
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

const UNFINISHED: [State; 3] = [State::Waiting, State::Reading, State::Publishing];

/// Ends the imports of processes that have not been heard of any more; with `alone` set, those of every process but
/// this one. Returns how many there were.
pub fn fail_abandoned(tx: &mut Tx<'_>, now: Timestamp, holder: Uuid, alone: bool) -> Result<u64, DbError> {
    let mut failed = 0;
    for state in UNFINISHED {
        failed += tx.execute(
            "UPDATE city_import SET state = 'FAILED', ended_at = $2, error = $3
             WHERE state = $1 AND holder <> $4 AND (held_until < $2 OR $5)",
            &params![state.as_str(), now, INTERRUPTED, holder, alone],
        )?;
    }
    Ok(failed)
}
