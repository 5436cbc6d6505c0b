//! Decisions that are stored, found by id and walked by time.

use kernel::Timestamp;
use store::{DbError, Tx, params};
use uuid::Uuid;

use super::{Decision, writer};

/// A decision, when it is stored (it may still be on its way, or lost).
pub fn by_id(tx: &mut Tx<'_>, id: Uuid) -> Result<Option<Decision>, DbError> {
    // Blocks that processes fill at the same time overlap, so that several may be the one; none spans more than
    // `writer::SPAN_MILLIS`, so that they all begin shortly before the id.
    let from = floor_of(millis_of(id).saturating_sub(writer::SPAN_MILLIS));
    let blocks = tx.query(
        "SELECT data FROM offer_decision_block WHERE id BETWEEN $2 AND $1 AND last_id >= $1",
        &params![id, from],
        |row| row.get::<String>(0),
    )?;
    for data in blocks {
        if let Some(found) = parse(&data)?.into_iter().find(|decision| decision.decision_id == id) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Where a walk through the blocks is: the earliest instant of the block before, and its id.
pub type Place = (Timestamp, Uuid);

/// The next blocks of a walk in order of time, at most `limit`, that begin before an instant; with each its place.
pub fn after(
    tx: &mut Tx<'_>,
    place: Place,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(Place, Vec<Decision>)>, DbError> {
    tx.query(
        "SELECT at, id, data FROM offer_decision_block
         WHERE at < $3 AND at >= $1 AND (at > $1 OR id > $2) ORDER BY at, id LIMIT $4",
        &params![place.0, place.1, before, limit],
        |row| Ok(((row.get(0)?, row.get(1)?), parse(&row.get::<String>(2)?)?)),
    )
}

fn parse(data: &str) -> Result<Vec<Decision>, DbError> {
    serde_json::from_str(data).map_err(|error| DbError::Decode(format!("a block of decisions: {error}")))
}

/// The milliseconds since 1970 in a `UUIDv7`: its first 48 bits (RFC 9562, 5.7).
pub(super) fn millis_of(id: Uuid) -> u64 {
    id.as_u64_pair().0 >> 16
}

/// The lowest `UUIDv7` of a millisecond.
pub(super) fn floor_of(millis: u64) -> Uuid {
    Uuid::from_u64_pair(millis << 16, 0)
}

/// The lowest `UUIDv7` of the millisecond that an instant falls in.
pub(super) fn floor_at(at: Timestamp) -> Uuid {
    floor_of(u64::try_from(at.micros() / 1000).unwrap_or(0))
}

/// The lowest `UUIDv7` of the first millisecond that begins at an instant or later.
pub(super) fn ceiling_at(at: Timestamp) -> Uuid {
    floor_at(Timestamp::from_micros(at.micros().saturating_add(999)))
}
