//! The bare loop: the statements of the product, in the batches of the product, with nothing around them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rusqlite::{CachedStatement, Connection, OpenFlags, params};

use super::trace::{Commit, Trace};
use crate::halles::Data;
use crate::store_view::StoreView;

/// The statements that complete an order, as the product writes them; a test compares them with its source.
mod sql {
    pub(super) const GROUND: &str = "SELECT p.active, p.price_minor, s.on_hand, s.reserved
        FROM product p LEFT JOIN stock_level s ON s.product_id = p.id AND s.place_id = $1 WHERE p.id = $2";
    pub(super) const ORDER: &str = "INSERT INTO orders (id, client_id, place_id, total_minor, state, cancelling, from_basket, payment_id, expires_at,
        lease_owner, lease_until, key_caller, key_name, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    pub(super) const LINE: &str =
        "INSERT INTO order_line (order_id, product_id, quantity, unit_price_minor) VALUES ($1, $2, $3, $4)";
    pub(super) const STEP: &str =
        "INSERT INTO order_step (order_id, step, state, at, detail) VALUES ($1, $2, $3, $4, $5)";
    pub(super) const PAYMENT: &str =
        "INSERT INTO payment (id, order_id, amount_minor, state, provider, created_at, updated_at)
        VALUES ($1, $2, $3, 'EN_COURS', $4, $5, $5)";
    pub(super) const MOVE: &str = "UPDATE stock_level SET on_hand = on_hand + $3, reserved = reserved + $4
        WHERE place_id = $1 AND product_id = $2 AND reserved + $4 >= 0 AND on_hand + $3 >= reserved + $4";
    pub(super) const CHARGE_STATE: &str = "SELECT state FROM simulated_charge WHERE payment_id = $1";
    pub(super) const CHARGE: &str = "INSERT INTO simulated_charge (payment_id, amount_minor, state, captured_minor, refunded_minor, at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (payment_id) DO UPDATE SET state = excluded.state, captured_minor = excluded.captured_minor,
        refunded_minor = excluded.refunded_minor, at = excluded.at";
    pub(super) const STORED: &str =
        "SELECT id, state, cancelling, key_caller, key_name FROM orders WHERE id = $1";
    pub(super) const ADVANCE: &str = "UPDATE orders SET state = $2, cancelling = $3, lease_until = $4 WHERE id = $1 AND state = $5 AND cancelling = $6";
    pub(super) const PAID: &str = "UPDATE payment SET state = $2, provider_reference = COALESCE($3, provider_reference), reason = $4, updated_at = $5
        WHERE id = $1";
    pub(super) const LEVEL: &str =
        "SELECT on_hand, reserved FROM stock_level WHERE place_id = $1 AND product_id = $2";
    pub(super) const HEAD: &str =
        "UPDATE event_head SET position = position + $1, at = $2 WHERE id = 1 RETURNING position";
    pub(super) const EVENT: &str =
        "INSERT INTO event (position, kind, source, subject, at, data) VALUES ($1, $2, $3, $4, $5, $6)";

    #[cfg(test)]
    pub(super) const ALL: [&str; 14] = [
        GROUND,
        ORDER,
        LINE,
        STEP,
        PAYMENT,
        MOVE,
        CHARGE_STATE,
        CHARGE,
        STORED,
        ADVANCE,
        PAID,
        LEVEL,
        HEAD,
        EVENT,
    ];
}

/// An order's total in the bench: two lines of one unit.
const TOTAL: i64 = 1_400;
const PRICE: i64 = 700;
/// The product's bound for the length of the write-ahead log.
const WAL_LIMIT: u64 = 64 << 20;
const CHECKPOINT_EVERY: Duration = Duration::from_millis(50);

/// Runs the statements of a trace on a copy of the store that the trace's run began with, and returns how many
/// orders per second they make.
///
/// # Errors
/// When they leave other rows than the product did: then they are not its statements any more.
pub(super) fn replay(folder: &Path, trace: &Trace, original: &Path) -> Result<f64> {
    let stop = Arc::new(AtomicBool::new(false));
    let checkpointer = {
        let (connection, stop) = (open(folder)?, Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Acquire) {
                std::thread::sleep(CHECKPOINT_EVERY);
                // It does nothing while the loop is checkpointing itself.
                let _ = checkpoint(&connection, "PASSIVE");
            }
        })
    };
    let connection = open(folder)?;
    let content = "x".repeat(longest_event(trace));
    let start = Instant::now();
    for commit in &trace.commits {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        place(&connection, trace, commit)?;
        charge(&connection, trace, commit)?;
        confirm(&connection, trace, commit)?;
        append(&connection, trace, commit, &content)?;
        connection.execute_batch("COMMIT")?;
        if std::fs::metadata(folder.join("halles.db-wal")).is_ok_and(|wal| wal.len() > WAL_LIMIT) {
            checkpoint(&connection, "TRUNCATE")?;
        }
    }
    let time = start.elapsed();
    stop.store(true, Ordering::Release);
    checkpointer.join().map_err(|_| anyhow::anyhow!("the checkpointer panicked"))?;
    drop(connection);
    let (ours, theirs) = (footprint(folder)?, footprint(original)?);
    ensure!(ours == theirs, "the bare loop left other rows than the product: {ours:?} instead of {theirs:?}");
    Ok(per_second(trace.orders.len(), time))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are far below 2^52")]
fn per_second(orders: usize, time: Duration) -> f64 {
    orders as f64 / time.as_secs_f64()
}

fn place(connection: &Connection, trace: &Trace, commit: &Commit) -> Result<()> {
    if commit.placed.is_empty() {
        return Ok(());
    }
    let slots = slots(trace, &commit.placed);
    let mut ground = prepare(connection, sql::GROUND)?;
    for (product, _) in &slots {
        ground
            .query_row(params![0, product], |row| row.get::<_, i64>(2))
            .context("a product without stock")?;
    }
    let (mut order, mut line) = (prepare(connection, sql::ORDER)?, prepare(connection, sql::LINE)?);
    let (mut step, mut payment) = (prepare(connection, sql::STEP)?, prepare(connection, sql::PAYMENT)?);
    let (at, later) = (commit.at, commit.at + 10_000_000);
    let nobody: Option<i64> = None;
    let no_text: Option<&str> = None;
    for placed in commit.placed.iter().map(|place| trace.orders[*place]) {
        order.execute(params![
            placed.id,
            nobody,
            0,
            TOTAL,
            "STOCK_RESERVE",
            false,
            false,
            placed.payment,
            later,
            placed.id,
            later,
            no_text,
            no_text,
            at
        ])?;
    }
    for placed in commit.placed.iter().map(|place| trace.orders[*place]) {
        for product in [placed.products.0, placed.products.1] {
            line.execute(params![placed.id, product, 1, PRICE])?;
        }
    }
    for placed in commit.placed.iter().map(|place| trace.orders[*place]) {
        for (number, state) in [(0, "CREEE"), (1, "STOCK_VERIFIE"), (2, "STOCK_RESERVE")] {
            step.execute(params![placed.id, number, state, at, no_text])?;
        }
    }
    for placed in commit.placed.iter().map(|place| trace.orders[*place]) {
        payment.execute(params![placed.payment, placed.id, TOTAL, "simulated", at])?;
    }
    let mut moved = prepare(connection, sql::MOVE)?;
    for (product, units) in &slots {
        moved.execute(params![0, product, 0, units])?;
    }
    Ok(())
}

fn charge(connection: &Connection, trace: &Trace, commit: &Commit) -> Result<()> {
    let (mut state, mut charge) =
        (prepare(connection, sql::CHARGE_STATE)?, prepare(connection, sql::CHARGE)?);
    for charged in commit.charged.iter().map(|place| trace.orders[*place]) {
        let known = state.query(params![charged.payment])?.next()?.is_some();
        ensure!(!known, "charged twice");
    }
    for charged in commit.charged.iter().map(|place| trace.orders[*place]) {
        charge.execute(params![charged.payment, TOTAL, "captured", TOTAL, 0, commit.at])?;
    }
    Ok(())
}

fn confirm(connection: &Connection, trace: &Trace, commit: &Commit) -> Result<()> {
    let (mut stored, mut advance) = (prepare(connection, sql::STORED)?, prepare(connection, sql::ADVANCE)?);
    let (mut step, mut paid) = (prepare(connection, sql::STEP)?, prepare(connection, sql::PAID)?);
    let no_text: Option<&str> = None;
    let no_instant: Option<i64> = None;
    for confirmed in commit.confirmed.iter().map(|place| trace.orders[*place]) {
        stored.query_row(params![confirmed.id], |row| row.get::<_, String>(1))?;
    }
    for confirmed in commit.confirmed.iter().map(|place| trace.orders[*place]) {
        advance.execute(params![confirmed.id, "CONFIRMEE", false, no_instant, "STOCK_RESERVE", false])?;
    }
    for confirmed in commit.confirmed.iter().map(|place| trace.orders[*place]) {
        for (number, state) in [(3, "PAYEE"), (4, "CONFIRMEE")] {
            step.execute(params![confirmed.id, number, state, commit.at, no_text])?;
        }
    }
    for confirmed in commit.confirmed.iter().map(|place| trace.orders[*place]) {
        // As long as the simulator's: `sim_` and a UUID.
        let reference = "sim_00000000-0000-0000-0000-000000000000";
        paid.execute(params![confirmed.payment, "CAPTURE", reference, no_text, commit.at])?;
    }
    let slots = slots(trace, &commit.confirmed);
    let (mut level, mut moved) = (prepare(connection, sql::LEVEL)?, prepare(connection, sql::MOVE)?);
    for (product, _) in &slots {
        level.query_row(params![0, product], |row| row.get::<_, i64>(0))?;
    }
    for (product, units) in &slots {
        moved.execute(params![0, product, -units, -units])?;
    }
    Ok(())
}

fn append(connection: &Connection, trace: &Trace, commit: &Commit, content: &str) -> Result<()> {
    if commit.events.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(commit.events.len())?;
    let last: i64 = prepare(connection, sql::HEAD)?.query_row(params![count, commit.at], |row| row.get(0))?;
    let mut insert = prepare(connection, sql::EVENT)?;
    for (position, event) in (last - count + 1..).zip(&commit.events) {
        let (kind, subject) = (&trace.kinds[event.kind], "00000000-0000-0000-0000-000000000000");
        insert.execute(params![position, kind, "/retail", subject, commit.at, &content[..event.length]])?;
    }
    Ok(())
}

/// The products that some orders draw on, each once, with the units.
fn slots(trace: &Trace, orders: &[usize]) -> Vec<(i64, i64)> {
    let orders = orders.iter().map(|place| trace.orders[*place].products);
    let mut products: Vec<i64> = orders.flat_map(|(first, second)| [first, second]).collect();
    products.sort_unstable();
    products
        .chunk_by(|left, right| left == right)
        .map(|same| (same[0], same.len().try_into().unwrap_or(0)))
        .collect()
}

fn longest_event(trace: &Trace) -> usize {
    trace.commits.iter().flat_map(|commit| &commit.events).map(|event| event.length).max().unwrap_or(0)
}

fn prepare<'c>(connection: &'c Connection, text: &str) -> Result<CachedStatement<'c>> {
    // SQLite numbers `$n` by first occurrence.
    Ok(connection.prepare_cached(&text.replace('$', "?"))?)
}

/// Opened as the product opens its own.
#[expect(clippy::disallowed_methods, reason = "this is what the store is compared with")]
fn open(folder: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(
        folder.join("halles.db"),
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 0",
    )?;
    Ok(connection)
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}

/// How many rows there are, and the stock: equal after the same work.
fn footprint(folder: &Path) -> Result<Vec<i64>> {
    let view = StoreView::of(&Data::Folder(folder.to_path_buf()))?;
    let tables = ["orders", "order_line", "order_step", "payment", "simulated_charge", "event"];
    let counts = tables.into_iter().map(|table| format!("SELECT COUNT(*) FROM {table}"));
    let sums = [
        "SELECT SUM(on_hand) FROM stock_level",
        "SELECT SUM(reserved) FROM stock_level",
        "SELECT position FROM event_head",
        "SELECT SUM(length(CAST(data AS BLOB))) FROM event",
    ];
    counts.chain(sums.map(str::to_owned)).map(|sql| view.number(&sql)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    /// Every source file of a crate in one text, with single spaces.
    fn source(of: &str) -> String {
        let mut folders =
            vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates").join(of).join("src")];
        let mut text = String::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    text += &fs::read_to_string(entry.path()).expect("a text");
                }
            }
        }
        single_spaced(&text)
    }

    fn single_spaced(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_statements_are_those_of_the_product() {
        let source = source("retail") + &source("store");
        let missing: Vec<&str> =
            sql::ALL.into_iter().filter(|text| !source.contains(&single_spaced(text))).collect();
        assert!(missing.is_empty(), "the product does not run these any more: {missing:#?}");
    }
}
