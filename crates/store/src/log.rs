//! The event log: what happened, in one order, without gaps.

use kernel::Timestamp;
use serde_json::{Value, json};

use crate::{DbError, RowRef, Tx, params};

/// An event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place in the log, from 1, without gaps.
    pub position: i64,
    /// Its CloudEvents type, such as `halles.order.confirmed`.
    pub kind: String,
    /// What speaks, such as `/retail`.
    pub source: String,
    /// What it is about: an order's id, a product's.
    pub subject: String,
    /// When its transaction ran.
    pub time: Timestamp,
    /// Its content, JSON.
    pub data: String,
}

impl StoredEvent {
    /// The event as CloudEvents 1.0 JSON. Its id is its position, unique within the log.
    pub fn to_cloud_event(&self) -> Value {
        json!({
            "specversion": "1.0",
            "id": self.position.to_string(),
            "source": self.source,
            "type": self.kind,
            "subject": self.subject,
            "time": self.time,
            "datacontenttype": "application/json",
            "position": self.position,
            "data": serde_json::from_str::<Value>(&self.data).unwrap_or(Value::Null),
        })
    }

    fn read(row: RowRef<'_>) -> Result<Self, DbError> {
        Ok(Self {
            position: row.get(0)?,
            kind: row.get(1)?,
            source: row.get(2)?,
            subject: row.get(3)?,
            time: row.get(4)?,
            data: row.get(5)?,
        })
    }
}

/// Up to `limit` events after a position, oldest first; of one type when `kind` says so.
pub fn after(
    tx: &mut Tx<'_>,
    position: i64,
    kind: Option<&str>,
    limit: i64,
) -> Result<Vec<StoredEvent>, DbError> {
    tx.query(
        "SELECT position, kind, source, subject, at, data FROM event
         WHERE position > $1 AND ($2 IS NULL OR kind = $2) ORDER BY position LIMIT $3",
        &params![position, kind, limit],
        StoredEvent::read,
    )
}

/// What an event is, without its content.
pub(crate) struct Outline {
    pub(crate) position: i64,
    pub(crate) kind: String,
    /// The length of its content.
    pub(crate) bytes: i64,
}

/// Up to `limit` events after a position, oldest first, without reading what is in them.
pub(crate) fn outlines(tx: &mut Tx<'_>, position: i64, limit: i64) -> Result<Vec<Outline>, DbError> {
    tx.query(
        "SELECT position, kind, CAST(octet_length(data) AS BIGINT) FROM event WHERE position > $1 ORDER BY position LIMIT $2",
        &params![position, limit],
        |row| Ok(Outline { position: row.get(0)?, kind: row.get(1)?, bytes: row.get(2)? }),
    )
}

/// The events at some positions, in the order given; those that are gone are left out.
pub(crate) fn at(tx: &mut Tx<'_>, positions: &[i64]) -> Result<Vec<StoredEvent>, DbError> {
    tx.query_each(
        "SELECT position, kind, source, subject, at, data FROM event WHERE position = $1",
        positions.iter().map(|position| params![*position]),
        |_, row| StoredEvent::read(row),
    )
}

/// The position of the last event committed, 0 when there is none.
pub fn head(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    tx.query_one("SELECT position FROM event_head WHERE id = 1", &[], |row| row.get(0))
}

/// How far a durable consumer has come; `None` before its first step.
pub fn cursor(tx: &mut Tx<'_>, name: &str) -> Result<Option<i64>, DbError> {
    tx.query_opt("SELECT position FROM event_cursor WHERE name = $1", &params![name], |row| row.get(0))
}

/// How many positions between the oldest kept and the head are not there: always 0.
pub fn missing(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    let (oldest, head) = (oldest(tx)?, head(tx)?);
    let kept: i64 = tx.query_one("SELECT COUNT(*) FROM event", &[], |row| row.get(0))?;
    Ok(head + 1 - oldest - kept)
}

/// By durable consumer, how many events it has still to pass.
pub fn lags(tx: &mut Tx<'_>) -> Result<Vec<(String, i64)>, DbError> {
    tx.query(
        "SELECT c.name, h.position - c.position FROM event_cursor c CROSS JOIN event_head h WHERE h.id = 1
         ORDER BY c.name",
        &[],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The lowest position still kept; one more than the head when nothing is.
pub fn oldest(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    tx.query_one(
        "SELECT COALESCE((SELECT MIN(position) FROM event), (SELECT position FROM event_head WHERE id = 1) + 1)",
        &[],
        |row| row.get(0),
    )
}

/// The last position before an instant, found by bisection: positions grow with time, up to the difference
/// between the clocks of processes, for which a second is allowed.
pub fn position_before(tx: &mut Tx<'_>, at: Timestamp) -> Result<i64, DbError> {
    let at = at.plus_seconds(-1);
    let (mut low, mut high) = (oldest(tx)? - 1, head(tx)?);
    while low < high {
        let middle = low + (high - low + 1) / 2;
        let time = tx.query_opt("SELECT at FROM event WHERE position = $1", &params![middle], |row| {
            row.get::<Timestamp>(0)
        })?;
        if time.is_none_or(|time| time < at) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

/// Deletes up to `limit` of the oldest events from before an instant, never past a durable consumer's cursor.
/// Returns how many went.
pub fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, DbError> {
    tx.execute(
        "DELETE FROM event WHERE position < (SELECT MIN(position) FROM event) + $2 AND at < $1
         AND position <= COALESCE((SELECT MIN(position) FROM event_cursor), position)",
        &params![before, limit],
    )
}
