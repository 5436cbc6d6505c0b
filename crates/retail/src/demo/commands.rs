//! Loading the demonstration data in steps: one commit each, each exactly once.

use std::collections::BTreeMap;

use kernel::{Day, PlaceId, ProductId, Timestamp};
use serde::Serialize;
use store::{DbError, Failure, Tx, params};
use uuid::Uuid;

use super::plan::{DAYS, Plan, sold, transfers};
use crate::replenishment::{self, Replenishment};
use crate::stock::Slot;
use crate::{SOURCE, client, product, sale, shop};

/// The event that tells of the whole load; of sixty days of sales and requests it is the only one.
pub const DEMO_LOADED: &str = "halles.demo.loaded";

/// How many steps a load takes: catalogue, transfers, one per day of sales.
pub const STEPS: i64 = 2 + DAYS as i64;

/// How far a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The demonstration data of this day; so many steps are done.
    Begun {
        /// The day it was made up for.
        day: Day,
        /// The steps done.
        done: i64,
    },
    /// There is other data: nothing is loaded.
    NotEmpty,
}

/// Begins a load for a day, unless one has begun or there is other data.
pub fn begin(tx: &mut Tx<'_>, day: Day) -> Result<Progress, DbError> {
    if let Some(progress) = progress(tx)? {
        return Ok(progress);
    }
    let occupied = tx.query_one(
        "SELECT (SELECT COUNT(*) FROM product) + (SELECT COUNT(*) FROM shop) + (SELECT COUNT(*) FROM client)",
        &[],
        |row| row.get::<i64>(0),
    )?;
    if occupied > 0 {
        return Ok(Progress::NotEmpty);
    }
    tx.execute(
        "INSERT INTO demo (id, day, done, steps) VALUES (1, $1, 0, $2) ON CONFLICT DO NOTHING",
        &params![day, STEPS],
    )?;
    Ok(progress(tx)?.unwrap_or(Progress::Begun { day, done: 0 }))
}

/// How far the load has come, if one has begun.
pub fn progress(tx: &mut Tx<'_>) -> Result<Option<Progress>, DbError> {
    tx.query_opt("SELECT day, done FROM demo WHERE id = 1", &[], |row| {
        Ok(Progress::Begun { day: row.get(0)?, done: row.get(1)? })
    })
}

/// Takes one step (from 1), unless it is done already.
pub(super) fn advance(tx: &mut Tx<'_>, now: Timestamp, plan: &Plan, step: i64) -> Result<(), DbError> {
    let moved = tx.execute(
        "UPDATE demo SET done = $1 WHERE id = 1 AND done = $2 AND day = $3",
        &params![step, step - 1, plan.day],
    )?;
    if moved == 0 {
        return Ok(());
    }
    match step {
        1 => open(tx, now, plan)?,
        2 => transfer(tx, plan)?,
        _ => {
            let day = usize::try_from(step - 3).ok().and_then(|index| plan.days.get(index));
            sell(tx, day.map_or(&[][..], Vec::as_slice))?;
        }
    }
    if step == STEPS {
        tx.emit(DEMO_LOADED, SOURCE, "demo", &Loaded::of(plan));
    }
    Ok(())
}

/// The catalogue, the shops, the clients, and the stock before anything moved.
fn open(tx: &mut Tx<'_>, now: Timestamp, plan: &Plan) -> Result<(), DbError> {
    for details in &plan.products {
        product::commands::create(tx, now, details, true).map_err(unexpected)?;
    }
    for details in &plan.shops {
        shop::commands::create(tx, details)?;
    }
    for details in &plan.clients {
        client::commands::create(tx, now, details).map_err(unexpected)?;
    }
    tx.execute_each(
        "INSERT INTO stock_level (place_id, product_id, initial, on_hand, reserved, low, reorder, overstock)
         VALUES ($1, $2, $3, $3, 0, $4, $5, $6)",
        plan.openings.iter().map(|opening| {
            let ((place, product), thresholds) = (opening.slot, opening.thresholds);
            params![place, product, opening.units, thresholds.low, thresholds.reorder, thresholds.overstock]
        }),
    )
}

/// Nothing refuses what goes into an empty store.
fn unexpected<E: std::fmt::Display>(failure: Failure<E>) -> DbError {
    match failure {
        Failure::Refused(refusal) => DbError::Other(format!("demonstration data was refused: {refusal}")),
        Failure::Db(error) => error,
    }
}

/// The replenishment requests, and what they moved.
fn transfer(tx: &mut Tx<'_>, plan: &Plan) -> Result<(), DbError> {
    replenishment::commands::insert(tx, &plan.requests.iter().collect::<Vec<_>>())?;
    let differences: Vec<(&Replenishment, i64)> = plan
        .requests
        .iter()
        .filter_map(|request| {
            let delta = request.received_quantity? - request.quantity.get();
            (delta != 0).then_some((request, delta))
        })
        .collect();
    let references: Vec<String> = differences.iter().map(|(request, _)| request.id.to_string()).collect();
    tx.execute_each(
        "INSERT INTO stock_correction (id, place_id, product_id, delta, reason, reference, at)
         VALUES ($1, $2, $3, $4, 'approvisionnement', $5, $6)",
        differences.iter().zip(&references).map(|((request, delta), reference)| {
            // A request has at most one correction: its id serves for both.
            let id: Uuid = request.id.0;
            params![
                id,
                request.shop,
                request.product,
                *delta,
                reference,
                request.received_at.unwrap_or_default()
            ]
        }),
    )?;
    change(tx, plan.requests.iter().flat_map(transfers))
}

/// The sales of a day, and what they took.
fn sell(tx: &mut Tx<'_>, sales: &[sale::Sale]) -> Result<(), DbError> {
    sale::commands::insert(tx, &sales.iter().collect::<Vec<_>>())?;
    change(tx, sales.iter().flat_map(sold).map(|(slot, units)| (slot, -units)))
}

/// Changes what is on hand. History is told as one event, so no level's change is told here.
fn change(tx: &mut Tx<'_>, movements: impl Iterator<Item = (Slot, i64)>) -> Result<(), DbError> {
    let mut sums: BTreeMap<(PlaceId, ProductId), i64> = BTreeMap::new();
    for (slot, units) in movements {
        *sums.entry(slot).or_default() += units;
    }
    tx.execute_each_once(
        "UPDATE stock_level SET on_hand = on_hand + $3 WHERE place_id = $1 AND product_id = $2",
        sums.iter().map(|((place, product), units)| params![place, product, *units]),
    )
}

/// What a load consists of, as its event tells it.
#[derive(Debug, Serialize)]
struct Loaded {
    du: Day,
    au: Day,
    magasins: usize,
    produits: usize,
    clients: usize,
    ventes: usize,
    approvisionnements: BTreeMap<&'static str, usize>,
    mention: &'static str,
}

impl Loaded {
    fn of(plan: &Plan) -> Self {
        let mut requests: BTreeMap<&'static str, usize> = BTreeMap::new();
        for request in &plan.requests {
            *requests.entry(request.state.name()).or_default() += 1;
        }
        Self {
            du: plan.day.plus(-DAYS),
            au: plan.day.plus(-1),
            magasins: plan.shops.len(),
            produits: plan.products.len(),
            clients: plan.clients.len(),
            ventes: plan.sales(),
            approvisionnements: requests,
            mention: "données de démonstration, inventées",
        }
    }
}
