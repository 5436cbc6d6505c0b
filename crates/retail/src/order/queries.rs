//! Reading orders.

use std::collections::HashMap;

use kernel::{ClientId, Currency, Limit, Money, OrderId, Timestamp};
use store::{DbError, RowRef, Tx, params};
use uuid::Uuid;

use super::{Cancellation, Order, OrderLine, State, Step};

/// Which orders a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of one client.
    pub client: Option<ClientId>,
    /// In one state.
    pub state: Option<State>,
    /// Placed at or after an instant.
    pub since: Option<Timestamp>,
    /// Placed before this one (the last of the page before).
    pub before: Option<OrderId>,
}

/// Some orders by id, in the order asked for; unknown ones are left out.
pub fn orders(tx: &mut Tx<'_>, currency: Currency, ids: &[OrderId]) -> Result<Vec<Order>, DbError> {
    let money = |minor| Money::from_minor(minor, currency);
    let mut found = tx.query_each(
        "SELECT o.id, o.client_id, o.place_id, o.total_minor, o.state, o.cancelling, o.payment_id, o.from_basket, o.expires_at,
                p.provider_reference, p.provider
         FROM orders o LEFT JOIN payment p ON p.id = o.payment_id WHERE o.id = $1",
        ids.iter().map(|id| params![id]),
        |_, row| head(row, currency),
    )?;
    let lines = tx.query_each(
        "SELECT product_id, quantity, unit_price_minor FROM order_line WHERE order_id = $1 ORDER BY product_id",
        ids.iter().map(|id| params![id]),
        |index, row| {
            Ok((ids[index], OrderLine { product: row.get(0)?, quantity: row.get(1)?, unit_price: money(row.get(2)?) }))
        },
    )?;
    let steps = tx.query_each(
        "SELECT state, at, detail FROM order_step WHERE order_id = $1 ORDER BY step",
        ids.iter().map(|id| params![id]),
        |index, row| {
            Ok((
                ids[index],
                Step { state: state(&row.get::<String>(0)?)?, at: row.get(1)?, detail: row.get_opt(2)? },
            ))
        },
    )?;
    let places: HashMap<OrderId, usize> =
        found.iter().enumerate().map(|(place, order)| (order.id, place)).collect();
    for (id, line) in lines {
        if let Some(place) = places.get(&id) {
            found[*place].lines.push(line);
        }
    }
    for (id, step) in steps {
        if let Some(place) = places.get(&id) {
            found[*place].history.push(step);
        }
    }
    Ok(found)
}

/// One order.
pub fn order(tx: &mut Tx<'_>, currency: Currency, id: OrderId) -> Result<Option<Order>, DbError> {
    Ok(orders(tx, currency, &[id])?.pop())
}

/// A page of orders, newest first.
pub fn page(
    tx: &mut Tx<'_>,
    currency: Currency,
    filter: &Filter,
    limit: Limit,
) -> Result<Vec<Order>, DbError> {
    // Ids sort by time, so a page before the first one starts after every id there can be.
    let before = filter.before.map_or(Uuid::max(), |id| id.0);
    let state = filter.state.map(State::name);
    let since = filter.since.map_or(0, Timestamp::micros);
    let ids = match filter.client {
        Some(client) => tx.query(
            "SELECT id FROM orders WHERE client_id = $1 AND id < $2 AND ($3 IS NULL OR state = $3) AND created_at >= $4
             ORDER BY id DESC LIMIT $5",
            &params![client, before, state, since, limit.probe()],
            |row| row.get(0),
        )?,
        None => tx.query(
            "SELECT id FROM orders WHERE id < $1 AND ($2 IS NULL OR state = $2) AND created_at >= $3 ORDER BY id DESC LIMIT $4",
            &params![before, state, since, limit.probe()],
            |row| row.get(0),
        )?,
    };
    orders(tx, currency, &ids)
}

/// Orders with something left to do whose lease has passed, the longest waiting first.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<OrderId>, DbError> {
    tx.query(
        "SELECT id FROM orders WHERE lease_until IS NOT NULL AND lease_until <= $1 ORDER BY lease_until LIMIT $2",
        &params![now, limit],
        |row| row.get(0),
    )
}

fn head(row: RowRef<'_>, currency: Currency) -> Result<Order, DbError> {
    Ok(Order {
        id: row.get(0)?,
        client_id: row.get_opt(1)?,
        place: row.get(2)?,
        lines: Vec::new(),
        total: Money::from_minor(row.get(3)?, currency),
        state: state(&row.get::<String>(4)?)?,
        cancellation: row.get::<bool>(5)?.then_some(Cancellation::Running),
        history: Vec::new(),
        payment_id: row.get_opt(6)?,
        from_basket: row.get(7)?,
        expires_at: row.get(8)?,
        payment_reference: row.get_opt(9)?,
        provider: row.get_opt(10)?,
    })
}

pub(super) fn state(name: &str) -> Result<State, DbError> {
    State::from_name(name).ok_or_else(|| DbError::Decode(format!("an order cannot be in state {name}")))
}
