//! The commits after the first: what the payment provider said, made durable.

use std::collections::{HashMap, HashSet};

use kernel::{Currency, OrderId, Timestamp};
use store::idempotency::{self, Answer, Key};
use store::{DbError, Failure, Lane, Locks, Slice, Tx, params};
use uuid::Uuid;

use super::super::plan::{AbortReason, Transition};
use super::super::{Cancellation, Order, State, Step, queries};
use super::{
    NewStep, ORDER_CANCELLED, ORDER_CANCELLING, ORDER_CONFIRMED, ORDER_PAID, declare_order, step, tell,
    write_steps,
};
use crate::order::api::{OrderError, final_answer};
use crate::stock::commands::{declare, move_units};
use crate::stock::queries::levels;
use crate::stock::{Movement, Slot};

/// An order and the transition it is to make.
#[derive(Debug, Clone)]
pub struct Advance {
    /// The order as last read; its lines, place and client never change.
    pub order: Order,
    /// The transition.
    pub transition: Transition,
    /// How long the driving process keeps the order if something is left to do, in seconds.
    pub lease_seconds: i64,
}

/// How a transition ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advanced {
    /// It was made.
    Done {
        /// The order as it is now.
        order: Box<Order>,
        /// What whoever began the saga is answered, when it has ended.
        answer: Option<Answer>,
    },
    /// Somebody else has moved the order meanwhile: read it again.
    Elsewhere,
}

/// What is stored of an order besides what never changes.
#[derive(Debug, Clone)]
struct Stored {
    state: State,
    cancelling: bool,
    key: Option<(String, String)>,
}

/// How an order's units move when it makes a transition.
type Move = fn(Slot, i64) -> Movement;

/// A transition that is allowed: the order after it and what it moves.
struct Change<'a> {
    before: &'a Stored,
    after: Order,
    added: usize,
    movements: Vec<Movement>,
    payment: Option<PaymentChange>,
    kind: &'static str,
    lease_until: Option<Timestamp>,
    answer: Option<Answer>,
}

struct PaymentChange {
    state: &'static str,
    reference: Option<String>,
    reason: Option<String>,
}

impl Slice for Advance {
    type Item = Self;
    type Output = Advanced;
    const NAME: &'static str = "retail.order.advance";
    const LANE: Lane = crate::STOCK;

    fn locks(item: &Self, locks: &mut Locks) {
        declare_order(locks, item.order.id);
        for (slot, _) in item.order.slots() {
            declare(locks, slot);
        }
        if let Some(client) = item.order.client_id.filter(|_| item.order.from_basket) {
            locks.key("basket", client);
        }
    }

    fn run(tx: &mut Tx<'_>, now: Timestamp, items: &[&Self]) -> Result<Vec<Advanced>, DbError> {
        let stored = stored(tx, items)?;
        let mut moved = HashSet::new();
        let changes: Vec<Option<Change<'_>>> = items
            .iter()
            .map(|item| {
                let before = stored.get(&item.order.id)?;
                let change = decide(item, before, now)?;
                // An order makes one transition per commit; a second caller reads it again.
                moved.insert(item.order.id).then_some(change)
            })
            .collect();
        write(tx, now, &changes)?;
        Ok(changes
            .into_iter()
            .map(|change| match change {
                None => Advanced::Elsewhere,
                Some(Change { after, answer, .. }) => Advanced::Done { order: Box::new(after), answer },
            })
            .collect())
    }
}

fn stored(tx: &mut Tx<'_>, items: &[&Advance]) -> Result<HashMap<OrderId, Stored>, DbError> {
    let rows = tx.query_each(
        "SELECT id, state, cancelling, key_caller, key_name FROM orders WHERE id = $1",
        items.iter().map(|item| params![item.order.id]),
        |_, row| {
            let key = row.get_opt::<String>(3)?.zip(row.get_opt::<String>(4)?);
            let state = queries::state(&row.get::<String>(1)?)?;
            Ok((row.get::<OrderId>(0)?, Stored { state, cancelling: row.get(2)?, key }))
        },
    )?;
    Ok(rows.into_iter().collect())
}

/// The order after its transition, or `None` when what is stored does not allow it.
fn decide<'a>(item: &'a Advance, before: &'a Stored, now: Timestamp) -> Option<Change<'a>> {
    let mut after = item.order.clone();
    // The caller's copy may be older than what is stored: then its history is not the whole one.
    let current = after.state == before.state && after.cancellation.is_some() == before.cancelling;
    if !current {
        return None;
    }
    let reserved = matches!(before.state, State::StockReserved);
    let payment = |state, reference: &Option<String>, reason| {
        Some(PaymentChange { state, reference: reference.clone(), reason })
    };
    let (steps, movement, payment, kind): (Vec<Step>, Option<Move>, _, _) = match &item.transition {
        Transition::Pay { reference } if reserved => (
            vec![step(State::Paid, now)],
            None,
            payment("AUTORISE", &Some(reference.clone()), None),
            ORDER_PAID,
        ),
        Transition::Confirm { reference } if reserved || before.state == State::Paid => {
            let mut steps = vec![step(State::Confirmed, now)];
            if reserved {
                steps.insert(0, step(State::Paid, now));
            }
            (
                steps,
                Some(Movement::fulfil),
                payment("CAPTURE", &Some(reference.clone()), None),
                ORDER_CONFIRMED,
            )
        }
        Transition::Abort { reason, reference } if reserved || before.state == State::Paid => {
            let (state, detail) = match reason {
                AbortReason::Refused { message, .. } => ("REFUSE", format!("paiement refusé: {message}")),
                AbortReason::Expired => ("ANNULE", "réservation expirée".to_owned()),
                AbortReason::PaymentGone => ("ANNULE", "paiement annulé".to_owned()),
            };
            let steps = vec![Step { state: State::Cancelled, at: now, detail: Some(detail.clone()) }];
            (steps, Some(Movement::release), payment(state, reference, Some(detail)), ORDER_CANCELLED)
        }
        Transition::FinishCancellation if before.state == State::Confirmed && before.cancelling => {
            let steps =
                vec![Step {
                    state: State::Cancelled, at: now, detail: Some("annulée et remboursée".into())
                }];
            after.cancellation = None;
            (
                steps,
                Some(Movement::bring),
                payment("REMBOURSE", &after.payment_reference, None),
                ORDER_CANCELLED,
            )
        }
        Transition::Pay { .. }
        | Transition::Confirm { .. }
        | Transition::Abort { .. }
        | Transition::FinishCancellation => return None,
    };
    after.state = steps.last()?.state;
    let added = steps.len();
    after.history.extend(steps);
    if let Some(reference) = payment.as_ref().and_then(|payment| payment.reference.clone()) {
        after.payment_reference = Some(reference);
    }
    let movements =
        movement.map_or_else(Vec::new, |to| after.slots().map(|(slot, units)| to(slot, units)).collect());
    let lease_until = (!after.is_settled()).then(|| now.plus_seconds(item.lease_seconds));
    let answer = after.is_settled().then(|| final_answer(&after, &item.transition));
    Some(Change { before, after, added, movements, payment, kind, lease_until, answer })
}

fn write(tx: &mut Tx<'_>, now: Timestamp, changes: &[Option<Change<'_>>]) -> Result<(), DbError> {
    let changes = || changes.iter().flatten();
    tx.execute_each_once(
        "UPDATE orders SET state = $2, cancelling = $3, lease_until = $4 WHERE id = $1 AND state = $5 AND cancelling = $6",
        changes().map(|change| {
            let before = change.before;
            params![change.after.id, change.after.state.name(), false, change.lease_until, before.state.name(), before.cancelling]
        }),
    )?;
    let steps: Vec<NewStep<'_>> = changes()
        .flat_map(|change| {
            let from = change.after.history.len() - change.added;
            change.after.history[from..].iter().map(|step| (change.after.id, step.state.step(), step))
        })
        .collect();
    write_steps(tx, &steps)?;
    tx.execute_each_once(
        "UPDATE payment SET state = $2, provider_reference = COALESCE($3, provider_reference), reason = $4, updated_at = $5
         WHERE id = $1",
        changes().filter_map(|change| {
            let payment = change.payment.as_ref()?;
            Some(params![change.after.payment_id?, payment.state, &payment.reference, &payment.reason, now])
        }),
    )?;
    let movements: Vec<Movement> = changes().flat_map(|change| change.movements.iter().copied()).collect();
    let mut slots: Vec<_> = movements.iter().map(|movement| movement.slot).collect();
    slots.sort_unstable();
    slots.dedup();
    let mut levels = levels(tx, &slots)?;
    move_units(tx, &mut levels, &movements)?;
    for change in changes() {
        finish(tx, change)?;
    }
    Ok(())
}

/// The rarer effects of a transition: its event, its idempotency row, the client's basket.
fn finish(tx: &mut Tx<'_>, change: &Change<'_>) -> Result<(), DbError> {
    let order = &change.after;
    tell(tx, change.kind, order, change.added);
    if let (State::Confirmed, true, Some(client)) = (order.state, order.from_basket, order.client_id) {
        let bought: Vec<_> = order.lines.iter().map(|line| (line.product, line.quantity)).collect();
        crate::basket::commands::take_out(tx, client, &bought)?;
    }
    if let (Some((caller, key)), Some(answer)) = (&change.before.key, &change.answer) {
        idempotency::complete_named(tx, caller, key, answer)?;
    }
    Ok(())
}

/// Begins the cancellation of a confirmed order; the refund comes next. The caller has declared the order's key
/// and `key`'s.
///
/// The order remembers `key` instead of the one it was placed with, whose answer is stored already.
pub fn request_cancellation(
    tx: &mut Tx<'_>,
    now: Timestamp,
    currency: Currency,
    id: OrderId,
    lease: (Uuid, i64),
    key: Option<&Key>,
) -> Result<Order, Failure<OrderError>> {
    let mut order = queries::order(tx, currency, id)?.ok_or(Failure::Refused(OrderError::Unknown(id)))?;
    if order.state != State::Confirmed || order.cancellation.is_some() {
        return Err(Failure::Refused(OrderError::NotCancellable {
            state: order.state,
            running: order.cancellation.is_some(),
        }));
    }
    let (owner, seconds) = lease;
    tx.execute(
        "UPDATE orders SET cancelling = $2, lease_owner = $3, lease_until = $4, key_caller = $5, key_name = $6 WHERE id = $1",
        &params![
            id,
            true,
            owner,
            now.plus_seconds(seconds),
            key.map(|key| key.caller.as_str()),
            key.map(|key| key.key.as_str())
        ],
    )?;
    order.cancellation = Some(Cancellation::Running);
    tell(tx, ORDER_CANCELLING, &order, 0);
    Ok(order)
}
