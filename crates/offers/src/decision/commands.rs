//! Blocks of decisions, written and thrown away. A block is one row: decisions come by the thousand, are read by
//! time or one by one, and never change.

use kernel::Timestamp;
use store::{DbError, Tx, params};
use uuid::Uuid;

/// Decisions that are written together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// The lowest id in it, which is the block's own.
    pub(super) first: Uuid,
    /// The highest id in it.
    pub(super) last: Uuid,
    /// The earliest instant at which one of them was shown.
    pub(super) at: Timestamp,
    /// How many there are.
    pub(super) count: u32,
    /// A JSON array of [`super::Decision`].
    pub(super) data: String,
}

/// Writes a block; one that is there already stays as it is, since whoever was not answered writes again.
pub(super) fn insert(tx: &mut Tx<'_>, block: &Block) -> Result<(), DbError> {
    tx.execute(
        "INSERT INTO offer_decision_block (id, last_id, at, count, data) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO NOTHING",
        &params![block.first, block.last, block.at, i64::from(block.count), &block.data],
    )?;
    Ok(())
}

/// Deletes up to `limit` of the oldest blocks from before an instant. Returns how many went.
pub(super) fn prune(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<u64, DbError> {
    tx.execute(
        "DELETE FROM offer_decision_block WHERE id IN (
            SELECT id FROM offer_decision_block WHERE at < $1 ORDER BY at, id LIMIT $2
         )",
        &params![before, limit],
    )
}
