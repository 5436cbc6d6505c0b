//! What the rows say, added up.

use std::collections::HashMap;

use kernel::{OrderId, PaymentId, SaleId};
use store::{DbError, Tx, params};

use super::Unfinished;
use crate::stock::Slot;

/// A stock level as it is stored, units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Units at the beginning.
    pub initial: i64,
    /// Units that are there.
    pub on_hand: i64,
    /// Units that are promised.
    pub reserved: i64,
}

/// What the movements of a place and product add up to, units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Units that came in less those that went out.
    pub moved: i64,
    /// Units that are promised to somebody.
    pub promised: i64,
}

/// All stock levels.
pub fn stored(tx: &mut Tx<'_>) -> Result<HashMap<Slot, Stored>, DbError> {
    let rows =
        tx.query("SELECT place_id, product_id, initial, on_hand, reserved FROM stock_level", &[], |row| {
            let stored = Stored { initial: row.get(2)?, on_hand: row.get(3)?, reserved: row.get(4)? };
            Ok(((row.get(0)?, row.get(1)?), stored))
        })?;
    Ok(rows.into_iter().collect())
}

/// Each statement adds up one kind of movement by place and product, with its sign.
const MOVEMENTS: [&str; 6] = [
    "SELECT place_id, product_id, CAST(SUM(quantity) AS BIGINT) FROM receipt GROUP BY place_id, product_id",
    "SELECT shop_id, product_id, CAST(SUM(quantity) AS BIGINT) FROM replenishment
     WHERE state IN ('VALIDEE', 'RECUE') GROUP BY shop_id, product_id",
    "SELECT CAST(0 AS BIGINT), product_id, CAST(-SUM(quantity) AS BIGINT) FROM replenishment
     WHERE state IN ('VALIDEE', 'RECUE') GROUP BY product_id",
    // In the order of an index first, so that only few rows are sorted.
    "SELECT shop_id, product_id, CAST(-SUM(units) AS BIGINT)
     FROM (SELECT day, shop_id, product_id, SUM(quantity) AS units FROM sale_line GROUP BY day, shop_id, product_id) AS g
     GROUP BY shop_id, product_id",
    "SELECT o.place_id, l.product_id, CAST(-SUM(l.quantity) AS BIGINT)
     FROM orders o JOIN order_line l ON l.order_id = o.id
     WHERE o.state = 'CONFIRMEE' GROUP BY o.place_id, l.product_id",
    "SELECT place_id, product_id, CAST(SUM(delta) AS BIGINT) FROM stock_correction GROUP BY place_id, product_id",
];

/// Each statement adds up one kind of promise by place and product.
const PROMISES: [&str; 2] = [
    "SELECT r.place_id, l.product_id, CAST(SUM(l.quantity) AS BIGINT)
     FROM reservation r JOIN reservation_line l ON l.reference = r.reference
     WHERE r.state = 'ACTIVE' GROUP BY r.place_id, l.product_id",
    "SELECT o.place_id, l.product_id, CAST(SUM(l.quantity) AS BIGINT)
     FROM orders o JOIN order_line l ON l.order_id = o.id
     WHERE o.state IN ('STOCK_RESERVE', 'PAYEE') GROUP BY o.place_id, l.product_id",
];

/// All movements and promises, added up.
pub fn counted(tx: &mut Tx<'_>) -> Result<HashMap<Slot, Counted>, DbError> {
    let mut counted: HashMap<Slot, Counted> = HashMap::new();
    for sql in MOVEMENTS {
        for (slot, units) in by_slot(tx, sql)? {
            counted.entry(slot).or_default().moved += units;
        }
    }
    for sql in PROMISES {
        for (slot, units) in by_slot(tx, sql)? {
            counted.entry(slot).or_default().promised += units;
        }
    }
    Ok(counted)
}

fn by_slot(tx: &mut Tx<'_>, sql: &'static str) -> Result<Vec<(Slot, i64)>, DbError> {
    tx.query(sql, &params![], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
}

/// A confirmed order and its payment's state and amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// The order.
    pub order: OrderId,
    /// What it costs, minor units.
    pub total_minor: i64,
    /// Whether its cancellation is under way.
    pub cancelling: bool,
    /// The state and the amount in minor units of its payment, if it has one.
    pub payment: Option<(String, i64)>,
}

/// The confirmed orders whose payment is not plainly captured in full; some of them may be right all the same.
pub fn payments(tx: &mut Tx<'_>) -> Result<Vec<Paid>, DbError> {
    tx.query(
        "SELECT o.id, o.total_minor, o.cancelling, p.state, p.amount_minor
         FROM orders o LEFT JOIN payment p ON p.id = o.payment_id
         WHERE o.state = 'CONFIRMEE' AND (p.id IS NULL OR p.state <> 'CAPTURE' OR p.amount_minor <> o.total_minor)",
        &[],
        |row| {
            Ok(Paid {
                order: row.get(0)?,
                total_minor: row.get(1)?,
                cancelling: row.get(2)?,
                payment: row.get_opt(3)?.zip(row.get_opt(4)?),
            })
        },
    )
}

/// An order about which the payment simulator's ledger says something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerFault {
    /// The order.
    pub order: OrderId,
    /// The state it is in.
    pub state: String,
    /// What should have been captured and not refunded, minor units.
    pub due_minor: i64,
    /// What was.
    pub kept_minor: i64,
    /// In how many charges.
    pub captured_charges: i64,
}

/// The orders at rest for which the simulator has not kept what is due, or has captured more than once.
///
/// Orders paid through another provider are left out: its ledger is not here. While a cancellation runs, the money may
/// be refunded already.
pub fn ledger(tx: &mut Tx<'_>) -> Result<Vec<LedgerFault>, DbError> {
    tx.query(
        "SELECT id, state, due, kept, charges FROM (
             SELECT o.id AS id, o.state AS state, o.cancelling AS cancelling,
                    CASE WHEN o.state = 'CONFIRMEE' THEN o.total_minor ELSE 0 END AS due,
                    CAST(COALESCE(SUM(c.captured_minor - c.refunded_minor), 0) AS BIGINT) AS kept,
                    CAST(COALESCE(SUM(CASE WHEN c.captured_minor > 0 THEN 1 ELSE 0 END), 0) AS BIGINT) AS charges
             FROM orders o JOIN payment p ON p.order_id = o.id LEFT JOIN simulated_charge c ON c.payment_id = p.id
             WHERE o.state IN ('CONFIRMEE', 'ANNULEE') AND p.provider = 'simulated'
             GROUP BY o.id, o.state, o.cancelling, o.total_minor) AS g
         WHERE charges > 1 OR (kept <> due AND NOT (cancelling AND kept = 0))",
        &[],
        |row| {
            Ok(LedgerFault {
                order: row.get(0)?,
                state: row.get(1)?,
                due_minor: row.get(2)?,
                kept_minor: row.get(3)?,
                captured_charges: row.get(4)?,
            })
        },
    )
}

/// A sale or order whose lines do not agree with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totalled {
    /// `sale` or `order`.
    pub what: &'static str,
    /// Its id.
    pub id: String,
    /// Its total, minor units.
    pub total_minor: i64,
    /// The sum of its lines, minor units.
    pub lines_minor: i64,
    /// Whether a line names another shop or day.
    pub misplaced: bool,
}

/// The sales and orders whose total is not the sum of their lines.
pub fn wrong_totals(tx: &mut Tx<'_>) -> Result<Vec<Totalled>, DbError> {
    let mut wrong = tx.query(
        "SELECT id, total_minor, lines, misplaced FROM (
             SELECT s.id AS id, s.total_minor AS total_minor,
                    CAST(COALESCE(SUM(l.quantity * l.unit_price_minor), 0) AS BIGINT) AS lines,
                    CAST(COALESCE(SUM(CASE WHEN l.shop_id <> s.shop_id OR l.day <> s.day THEN 1 ELSE 0 END), 0) AS BIGINT)
                        AS misplaced
             FROM sale s LEFT JOIN sale_line l ON l.sale_id = s.id GROUP BY s.id, s.total_minor) AS g
         WHERE total_minor <> lines OR misplaced > 0",
        &[],
        |row| {
            Ok(Totalled {
                what: "sale",
                id: row.get::<SaleId>(0)?.to_string(),
                total_minor: row.get(1)?,
                lines_minor: row.get(2)?,
                misplaced: row.get::<i64>(3)? > 0,
            })
        },
    )?;
    wrong.extend(tx.query(
        "SELECT id, total_minor, lines FROM (
             SELECT o.id AS id, o.total_minor AS total_minor,
                    CAST(COALESCE(SUM(l.quantity * l.unit_price_minor), 0) AS BIGINT) AS lines
             FROM orders o LEFT JOIN order_line l ON l.order_id = o.id GROUP BY o.id, o.total_minor) AS g
         WHERE total_minor <> lines",
        &[],
        |row| {
            Ok(Totalled {
                what: "order",
                id: row.get::<OrderId>(0)?.to_string(),
                total_minor: row.get(1)?,
                lines_minor: row.get(2)?,
                misplaced: false,
            })
        },
    )?);
    Ok(wrong)
}

/// The cancelled orders whose payment is held or taken by our own rows: the order, the payment's state, its amount.
pub fn paid_and_cancelled(tx: &mut Tx<'_>) -> Result<Vec<(OrderId, String, i64)>, DbError> {
    tx.query(
        "SELECT o.id, p.state, p.amount_minor FROM orders o JOIN payment p ON p.id = o.payment_id
         WHERE o.state = 'ANNULEE' AND p.state IN ('AUTORISE', 'CAPTURE')",
        &[],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// The charges that the simulator has kept and that no payment of ours knows of: the payment, the amount kept.
pub fn unknown_charges(tx: &mut Tx<'_>) -> Result<Vec<(PaymentId, i64)>, DbError> {
    tx.query(
        "SELECT c.payment_id, c.captured_minor - c.refunded_minor FROM simulated_charge c
         WHERE c.captured_minor > c.refunded_minor AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = c.payment_id)",
        &[],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The orders with something left to do, the longest waiting first.
pub(super) fn unfinished(tx: &mut Tx<'_>) -> Result<Vec<Unfinished>, DbError> {
    tx.query(
        "SELECT id, state, COALESCE(lease_until, created_at) FROM orders
         WHERE lease_until IS NOT NULL OR cancelling OR state NOT IN ('CONFIRMEE', 'ANNULEE') ORDER BY 3, id",
        &[],
        |row| Ok(Unfinished { id: row.get(0)?, state: row.get(1)?, lease_until: row.get(2)? }),
    )
}
