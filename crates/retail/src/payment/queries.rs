//! Reading payments.

use kernel::{Currency, Money, PaymentId, Timestamp};
use store::{DbError, RowRef, Tx, params};

use super::{Payment, PaymentState};

/// One payment.
pub fn payment(tx: &mut Tx<'_>, currency: Currency, id: PaymentId) -> Result<Option<Payment>, DbError> {
    tx.query_opt(
        "SELECT id, order_id, reference, amount_minor, state, provider, provider_reference, reason, created_at, updated_at
         FROM payment WHERE id = $1",
        &params![id],
        |row| read(row, currency),
    )
}

/// The payment of a caller's reference.
pub fn by_reference(
    tx: &mut Tx<'_>,
    currency: Currency,
    reference: &str,
) -> Result<Option<Payment>, DbError> {
    tx.query_opt(
        "SELECT id, order_id, reference, amount_minor, state, provider, provider_reference, reason, created_at, updated_at
         FROM payment WHERE reference = $1",
        &params![reference],
        |row| read(row, currency),
    )
}

/// Payments of their own door whose outcome is not recorded and whose lease has passed.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<PaymentId>, DbError> {
    tx.query(
        "SELECT id FROM payment WHERE lease_until IS NOT NULL AND lease_until <= $1 ORDER BY lease_until LIMIT $2",
        &params![now, limit],
        |row| row.get(0),
    )
}

fn read(row: RowRef<'_>, currency: Currency) -> Result<Payment, DbError> {
    let state: String = row.get(4)?;
    Ok(Payment {
        id: row.get(0)?,
        order_id: row.get_opt(1)?,
        reference: row.get_opt(2)?,
        amount: Money::from_minor(row.get(3)?, currency),
        state: PaymentState::from_name(&state)
            .ok_or_else(|| DbError::Decode(format!("a payment cannot be in state {state}")))?,
        provider: row.get(5)?,
        provider_reference: row.get_opt(6)?,
        reason: row.get_opt(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
    })
}
