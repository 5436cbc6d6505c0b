//! Reading imports.

use kernel::{Cursor, Limit, Page, Timestamp};
use store::{DbError, RowRef, Tx, params};
use uuid::Uuid;

use super::super::from_json;
use super::commands::UNFINISHED;
use super::{Import, Unfinished};

const ONE: &str =
    "SELECT id, kind, source, state, asked_at, ended_at, days_done, days_all, days_changed, tally, findings,
                          error FROM city_import WHERE id = $1";

/// An import by its id.
pub fn get(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Import>, DbError> {
    tx.query_opt(ONE, &params![id], read)
}

/// A page of the imports, the latest first.
pub fn list(
    tx: &mut Tx<'_>,
    limit: Limit,
    after: Option<(Timestamp, Uuid)>,
) -> Result<Page<Import>, DbError> {
    let (at, id) = after.unwrap_or((Timestamp::from_micros(i64::MAX), Uuid::max()));
    let found = tx.query(
        "SELECT id, kind, source, state, asked_at, ended_at, days_done, days_all, days_changed, tally, findings, error
         FROM city_import WHERE (asked_at, id) < ($1, $2) ORDER BY asked_at DESC, id DESC LIMIT $3",
        &params![at, id, limit.probe()],
        read,
    )?;
    Ok(Page::cut(found, limit, |import| (import.asked_at.micros(), import.id)))
}

/// The last element that a page of [`list`] had, from its cursor.
pub fn after(cursor: &Cursor) -> Result<(Timestamp, Uuid), kernel::CursorError> {
    let (micros, id) = cursor.key()?;
    Ok((Timestamp::from_micros(micros), id))
}

/// Imports of processes that have not been heard of any more, or with `alone` set of every process but this one that
/// could be taken over: those asked for first come first.
pub fn unfinished(
    tx: &mut Tx<'_>,
    now: Timestamp,
    holder: Uuid,
    alone: bool,
) -> Result<Vec<Unfinished>, DbError> {
    let mut found = Vec::new();
    for state in UNFINISHED {
        found.extend(tx.query(
            "SELECT asked_at, id, kind, source, origin FROM city_import
             WHERE state = $1 AND holder <> $2 AND origin IS NOT NULL AND (held_until <= $3 OR $4)",
            &params![state.as_str(), holder, now, alone],
            |row| {
                let asked_at: Timestamp = row.get(0)?;
                let import = Unfinished {
                    id: row.get(1)?,
                    kind: row
                        .get::<String>(2)?
                        .parse()
                        .map_err(|error| DbError::Decode(format!("{error}")))?,
                    source: row.get(3)?,
                    origin: from_json(&row.get::<String>(4)?)?,
                };
                Ok((asked_at, import))
            },
        )?);
    }
    found.sort_by_key(|(asked_at, import)| (*asked_at, import.id));
    Ok(found.into_iter().map(|(_, import)| import).collect())
}

fn read(row: RowRef<'_>) -> Result<Import, DbError> {
    let json = |index| row.get_opt::<String>(index);
    Ok(Import {
        id: row.get(0)?,
        kind: row.get::<String>(1)?.parse().map_err(|error| DbError::Decode(format!("{error}")))?,
        source: row.get(2)?,
        state: row.get::<String>(3)?.parse()?,
        asked_at: row.get(4)?,
        ended_at: row.get_opt(5)?,
        days_done: row.get(6)?,
        days_all: row.get(7)?,
        days_changed: row.get(8)?,
        tally: json(9)?.as_deref().map(from_json).transpose()?,
        findings: json(10)?.as_deref().map(from_json).transpose()?,
        error: row.get_opt(11)?,
    })
}
