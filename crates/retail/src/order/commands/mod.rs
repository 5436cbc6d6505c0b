//! The durable commits of an order's life.

mod advance;
mod lease;
mod place;

pub use advance::{Advance, Advanced, request_cancellation};
pub use lease::{postpone, renew_lease, take_lease, void_leases};
pub(crate) use place::distinct;
pub use place::{NewOrder, Place, PlaceRefusal, Placed};

use kernel::{OrderId, Timestamp};
use serde::Serialize;
use store::{DbError, Tx, params};

use super::{Order, Step};
use crate::SOURCE;

/// The stock is promised, the payment is intended.
pub const ORDER_RESERVED: &str = "halles.order.reserved";
/// The money is held.
pub const ORDER_PAID: &str = "halles.order.paid";
/// The order is complete.
pub const ORDER_CONFIRMED: &str = "halles.order.confirmed";
/// The order has ended without a trace.
pub const ORDER_CANCELLED: &str = "halles.order.cancelled";
/// A confirmed order is to be cancelled; the refund is under way.
pub const ORDER_CANCELLING: &str = "halles.order.cancelling";

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    order: &'a Order,
    /// The states this commit added.
    etats: Vec<&'static str>,
}

/// Writes an order's event: the order as it is now, and the last `added` states.
fn tell(tx: &mut Tx<'_>, kind: &'static str, order: &Order, added: usize) {
    let from = order.history.len().saturating_sub(added);
    let etats = order.history[from..].iter().map(|step| step.state.name()).collect();
    tx.emit(kind, SOURCE, order.id.to_string(), &Told { order, etats });
}

/// A step to be stored: whose, its number, and the step.
type NewStep<'a> = (OrderId, i64, &'a Step);

fn write_steps(tx: &mut Tx<'_>, steps: &[NewStep<'_>]) -> Result<(), DbError> {
    tx.execute_each(
        "INSERT INTO order_step (order_id, step, state, at, detail) VALUES ($1, $2, $3, $4, $5)",
        steps.iter().map(|(id, number, step)| params![id, number, step.state.name(), step.at, &step.detail]),
    )
}

fn step(state: super::State, at: Timestamp) -> Step {
    Step { state, at, detail: None }
}

/// Declares an order's key.
fn declare_order(locks: &mut store::Locks, id: OrderId) {
    locks.key("order", id);
}
