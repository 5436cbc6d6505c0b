//! The durable commits of a payment asked for at its own door.

use kernel::{Currency, Money, OrderId, PaymentId, Timestamp};
use store::idempotency::{self, Answer, Claim, Key};
use store::{DbError, Failure, Tx, params};

use super::provider::Outcome;
use super::{Payment, PaymentState, queries};
use crate::SOURCE;
use crate::order::queries::order;

/// A payment was asked for.
pub const PAYMENT_INTENDED: &str = "halles.payment.intended";
/// A payment's outcome is known.
pub const PAYMENT_SETTLED: &str = "halles.payment.settled";

/// A payment to be asked for.
#[derive(Debug, Clone)]
pub struct NewPayment {
    /// Its id, used only when the reference is new.
    pub id: PaymentId,
    /// The caller's name for it.
    pub reference: String,
    /// How much.
    pub amount: Money,
    /// The order it is for.
    pub order_id: Option<OrderId>,
    /// The provider's name.
    pub provider: &'static str,
    /// For how many seconds the caller drives it before the worker takes over.
    pub lease_seconds: i64,
}

/// Why a payment is not taken on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// No such payment.
    #[error("there is no payment {0}")]
    Unknown(PaymentId),
    /// No such order.
    #[error("there is no order {0}")]
    UnknownOrder(OrderId),
    /// The order's own saga pays for it, or it is over.
    #[error("order {0} is paid for by its own saga")]
    OrderHasPayment(OrderId),
    /// The reference was used for another amount or order.
    #[error("the reference {0} was used for another payment")]
    ReferenceReused(String),
}

/// Records the intent, or finds the payment that the reference already names. The caller has declared the
/// reference's key.
pub fn intend(
    tx: &mut Tx<'_>,
    now: Timestamp,
    currency: Currency,
    new: &NewPayment,
) -> Result<Payment, Failure<PaymentError>> {
    if let Some(existing) = queries::by_reference(tx, currency, &new.reference)? {
        let same = existing.amount == new.amount && existing.order_id == new.order_id;
        return if same {
            Ok(existing)
        } else {
            Err(Failure::Refused(PaymentError::ReferenceReused(new.reference.clone())))
        };
    }
    if let Some(id) = new.order_id {
        // An order that exists was placed by the saga, which pays for it or has given it up.
        let known = order(tx, currency, id)?.is_some();
        let refusal = if known { PaymentError::OrderHasPayment(id) } else { PaymentError::UnknownOrder(id) };
        return Err(Failure::Refused(refusal));
    }
    tx.execute(
        "INSERT INTO payment (id, reference, amount_minor, state, provider, created_at, updated_at, lease_until)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
        &params![
            new.id,
            &new.reference,
            new.amount.minor(),
            PaymentState::Intended.name(),
            new.provider,
            now,
            now.plus_seconds(new.lease_seconds)
        ],
    )?;
    let payment = Payment {
        id: new.id,
        order_id: None,
        reference: Some(new.reference.clone()),
        amount: new.amount,
        state: PaymentState::Intended,
        provider: new.provider.to_owned(),
        provider_reference: None,
        reason: None,
        created_at: now,
        updated_at: now,
    };
    tell(tx, PAYMENT_INTENDED, &payment);
    Ok(payment)
}

/// As [`intend`], once under an idempotency key. The key's row names the payment, whose state is the answer: to the first
/// call and to each that repeats it. The caller has declared the reference's key and the row's.
pub fn intend_once(
    tx: &mut Tx<'_>,
    now: Timestamp,
    currency: Currency,
    new: &NewPayment,
    key: Option<&Key>,
) -> Result<Result<Payment, Claim>, Failure<PaymentError>> {
    let Some(key) = key else { return intend(tx, now, currency, new).map(Ok) };
    match idempotency::claim(tx, now, key)? {
        Claim::New => {}
        Claim::Replay(answer) => {
            let id = answer
                .body
                .parse()
                .map_err(|_| DbError::Decode("a payment's key names no payment".into()))?;
            let payment =
                queries::payment(tx, currency, id)?.ok_or(Failure::Refused(PaymentError::Unknown(id)))?;
            return Ok(Ok(payment));
        }
        claim @ (Claim::Running | Claim::Reused) => return Ok(Err(claim)),
    }
    let payment = intend(tx, now, currency, new)?;
    let location = Some(format!("/paiement/{}", payment.id));
    idempotency::complete(tx, key, &Answer { status: 202, body: payment.id.to_string(), location })?;
    Ok(Ok(payment))
}

/// Records what the provider said; returns the payment as it is now. An outcome that says nothing new changes
/// nothing. The caller has declared the payment's key.
pub fn record(
    tx: &mut Tx<'_>,
    now: Timestamp,
    currency: Currency,
    id: PaymentId,
    outcome: &Outcome,
) -> Result<Payment, Failure<PaymentError>> {
    let mut payment =
        queries::payment(tx, currency, id)?.ok_or(Failure::Refused(PaymentError::Unknown(id)))?;
    let (state, reason) = match outcome {
        Outcome::Unknown | Outcome::Pending => return Ok(payment),
        Outcome::Authorised { .. } => (PaymentState::Authorised, None),
        Outcome::Captured { .. } => (PaymentState::Captured, None),
        Outcome::Refused { message, .. } => (PaymentState::Refused, Some(message.clone())),
        Outcome::Cancelled { .. } => (PaymentState::Cancelled, None),
        Outcome::Refunded { .. } => (PaymentState::Refunded, None),
    };
    if state == payment.state
        || (state == PaymentState::Authorised && payment.state != PaymentState::Intended)
    {
        // Nothing new, or an answer that was overtaken by a later one.
        return Ok(payment);
    }
    let held = state == PaymentState::Authorised;
    payment.state = state;
    payment.reason = reason;
    payment.provider_reference = outcome.reference().map(str::to_owned).or(payment.provider_reference);
    payment.updated_at = now;
    // Money that is only held must still be taken: such a payment stays with the worker.
    let lease_until = held.then_some(now);
    tx.execute(
        "UPDATE payment SET state = $2, provider_reference = $3, reason = $4, updated_at = $5, lease_until = $6 WHERE id = $1",
        &params![id, state.name(), &payment.provider_reference, &payment.reason, now, lease_until],
    )?;
    tell(tx, PAYMENT_SETTLED, &payment);
    Ok(payment)
}

/// Puts a payment aside until an instant.
pub fn postpone(tx: &mut Tx<'_>, id: PaymentId, until: Timestamp) -> Result<(), DbError> {
    tx.execute(
        "UPDATE payment SET lease_until = $2 WHERE id = $1 AND lease_until IS NOT NULL",
        &params![id, until],
    )?;
    Ok(())
}

/// The provider has something to say about a payment: whoever waits for it is due at once.
pub fn noticed(tx: &mut Tx<'_>, now: Timestamp, id: PaymentId) -> Result<(), DbError> {
    tx.execute(
        "UPDATE payment SET lease_until = $2 WHERE id = $1 AND lease_until IS NOT NULL",
        &params![id, now],
    )?;
    tx.execute(
        "UPDATE orders SET lease_until = $2
         WHERE id = (SELECT order_id FROM payment WHERE id = $1) AND lease_until IS NOT NULL",
        &params![id, now],
    )?;
    Ok(())
}

/// Makes every unfinished payment of its own door due at once; see `order::commands::void_leases`.
pub fn void_leases(tx: &mut Tx<'_>, now: Timestamp) -> Result<u64, DbError> {
    tx.execute("UPDATE payment SET lease_until = $1 WHERE lease_until IS NOT NULL", &params![now])
}

fn tell(tx: &mut Tx<'_>, kind: &'static str, payment: &Payment) {
    tx.emit(kind, SOURCE, payment.id.to_string(), payment);
}
