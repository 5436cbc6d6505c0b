//! Reading imports.

use kernel::{Cursor, Limit, Page, Timestamp};
use store::{DbError, RowRef, Tx, params};
use uuid::Uuid;

use super::super::from_json;
use super::Import;

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
