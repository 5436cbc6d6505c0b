//! What a run of the product committed, batch by batch, read back from its store.
//!
//! All rows of one batch carry the same instant, so the batches can be told apart afterwards without the product
//! having to say anything.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, OpenFlags, Row};

/// An order of two lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) id: [u8; 16],
    pub(super) payment: [u8; 16],
    pub(super) products: (i64, i64),
}

/// An event of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    /// The place of its type in [`Trace::kinds`].
    pub(super) kind: usize,
    /// How long its content is, in bytes.
    pub(super) length: usize,
}

/// One batch: the places in [`Trace::orders`] of the orders that were placed, charged and confirmed in it, and its
/// events.
#[derive(Debug, Clone, Default)]
pub(super) struct Commit {
    pub(super) at: i64,
    pub(super) placed: Vec<usize>,
    pub(super) charged: Vec<usize>,
    pub(super) confirmed: Vec<usize>,
    pub(super) events: Vec<Event>,
}

/// A whole run.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) orders: Vec<Order>,
    pub(super) commits: Vec<Commit>,
    /// Types of events.
    pub(super) kinds: Vec<String>,
}

impl Trace {
    /// Reads the store of a folder, in which every order has been confirmed.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let connection = open(folder)?;
        let orders = placed(&connection)?;
        let places: HashMap<[u8; 16], usize> =
            orders.iter().enumerate().map(|(place, (order, _))| (order.id, place)).collect();
        let payments: HashMap<[u8; 16], usize> =
            orders.iter().enumerate().map(|(place, (order, _))| (order.payment, place)).collect();
        let mut commits: BTreeMap<i64, Commit> = BTreeMap::new();
        for (place, (_, at)) in orders.iter().enumerate() {
            commits.entry(*at).or_default().placed.push(place);
        }
        for (payment, at) in rows(&connection, "SELECT payment_id, at FROM simulated_charge", id_and_instant)?
        {
            let place = *payments.get(&payment).context("a charge without order")?;
            commits.entry(at).or_default().charged.push(place);
        }
        let confirmed = "SELECT order_id, at FROM order_step WHERE state = 'CONFIRMEE'";
        for (order, at) in rows(&connection, confirmed, id_and_instant)? {
            let place = *places.get(&order).context("a step without order")?;
            commits.entry(at).or_default().confirmed.push(place);
        }
        let mut kinds = Vec::new();
        let events = "SELECT at, kind, length(CAST(data AS BLOB)) FROM event ORDER BY position";
        for (at, kind, length) in rows(&connection, events, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        })? {
            let kind = kinds.iter().position(|known| *known == kind).unwrap_or_else(|| {
                kinds.push(kind);
                kinds.len() - 1
            });
            commits.entry(at).or_default().events.push(Event { kind, length: usize::try_from(length)? });
        }
        let orders: Vec<Order> = orders.into_iter().map(|(order, _)| order).collect();
        let commits: Vec<Commit> = commits.into_iter().map(|(at, commit)| Commit { at, ..commit }).collect();
        let confirmed: usize = commits.iter().map(|commit| commit.confirmed.len()).sum();
        ensure!(confirmed == orders.len(), "{confirmed} of {} orders are confirmed", orders.len());
        Ok(Self { orders, commits, kinds })
    }

    /// The mean number of commands that share a commit.
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
    pub(super) fn mean_batch(&self) -> f64 {
        3.0 * self.orders.len() as f64 / self.commits.len().max(1) as f64
    }
}

/// The orders with the instant of the batch in which they were placed.
fn placed(connection: &Connection) -> Result<Vec<(Order, i64)>> {
    let sql = "SELECT o.id, o.payment_id, o.created_at, MIN(l.product_id), MAX(l.product_id)
               FROM orders o JOIN order_line l ON l.order_id = o.id GROUP BY o.id";
    rows(connection, sql, |row| {
        let order = Order { id: row.get(0)?, payment: row.get(1)?, products: (row.get(3)?, row.get(4)?) };
        Ok((order, row.get::<_, i64>(2)?))
    })
}

fn id_and_instant(row: &Row<'_>) -> rusqlite::Result<([u8; 16], i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[expect(clippy::disallowed_methods, reason = "reads what the store has left, on purpose not through it")]
fn open(folder: &Path) -> Result<Connection> {
    let file = folder.join("halles.db");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    Connection::open_with_flags(&file, flags).with_context(|| format!("opening {}", file.display()))
}
