//! Who drives an unfinished order: the lease keeps two processes from doing the same work, never from doing it
//! right (every step is safe to repeat).

use kernel::{OrderId, Timestamp};
use store::{DbError, Tx, params};
use uuid::Uuid;

/// Takes an order whose lease has passed. False when somebody else was faster.
pub fn take_lease(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: OrderId,
    owner: Uuid,
    seconds: i64,
) -> Result<bool, DbError> {
    let taken = tx.execute(
        "UPDATE orders SET lease_owner = $2, lease_until = $3 WHERE id = $1 AND lease_until <= $4",
        &params![id, owner, now.plus_seconds(seconds), now],
    )?;
    Ok(taken == 1)
}

/// Keeps the orders that `owner` is driving from being taken over.
pub fn renew_lease(
    tx: &mut Tx<'_>,
    now: Timestamp,
    ids: &[OrderId],
    owner: Uuid,
    seconds: i64,
) -> Result<(), DbError> {
    tx.execute_each(
        "UPDATE orders SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 AND lease_until IS NOT NULL",
        ids.iter().map(|id| params![id, owner, now.plus_seconds(seconds)]),
    )
}

/// Puts an order aside until an instant: its provider had nothing to say yet.
pub fn postpone(tx: &mut Tx<'_>, id: OrderId, owner: Uuid, until: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "UPDATE orders SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 AND lease_until IS NOT NULL",
        &params![id, owner, until],
    )?;
    Ok(())
}

/// Makes every unfinished order due at once: on SQLite the leases of an earlier process mean nothing, since it
/// held the data folder alone and is gone.
pub fn void_leases(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    tx.execute("UPDATE orders SET lease_until = $1 WHERE lease_until IS NOT NULL", &params![now])
}
