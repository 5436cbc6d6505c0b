//! The steps of an import, each a bounded command.

use std::collections::HashMap;

use kernel::{Ean13, PlaceId, ProductId, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::idempotency::{self, Claim, Key};
use store::{DbError, Failure, Param, Tx, params};
use uuid::Uuid;
use web::Reply;

use super::{Imported, LineError, Opening, ProductKey, ProductLine, StockLine};
use crate::SOURCE;
use crate::product::commands::{insert, next_id, update};
use crate::product::{Details, Product, queries};
use crate::stock::Movement;
use crate::stock::commands::move_units;
use crate::stock::queries::levels;

/// The event that tells that a whole file has been imported.
pub const IMPORT_FINISHED: &str = "halles.import.finished";

/// So many lines are worked on by one command: a few milliseconds.
pub(super) const CHUNK: usize = 250;
/// Whoever works on an import keeps it for so many seconds with each step.
const LEASE_SECONDS: i64 = 30;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Products,
    Stock,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Products => "PRODUITS",
            Self::Stock => "STOCK",
        }
    }

    fn parse(name: &str) -> Result<Self, DbError> {
        [Self::Products, Self::Stock]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| DbError::Decode(format!("{name} is no kind of import")))
    }
}

/// An import, by which its steps find each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) id: Uuid,
    pub(super) kind: Kind,
}

/// The import is not what this step needs it to be: it was given up for dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost;

/// Begins an import of so many lines. Nothing has begun when the key was used before.
pub(super) fn begin(
    tx: &mut Tx<'_>,
    now: Timestamp,
    run: Run,
    lines: usize,
    key: Option<&Key>,
) -> Result<Claim, DbError> {
    if let Some(key) = key {
        let claim = idempotency::claim(tx, now, key)?;
        if claim != Claim::New {
            return Ok(claim);
        }
    }
    tx.execute(
        "INSERT INTO import_run (id, kind, state, line_count, applied, key_caller, key_name, lease_until)
         VALUES ($1, $2, 'EN_PREPARATION', $3, 0, $4, $5, $6)",
        &params![
            run.id,
            run.kind.name(),
            count(lines),
            key.map(|key| &key.caller),
            key.map(|key| &key.key),
            now.plus_seconds(LEASE_SECONDS)
        ],
    )?;
    Ok(Claim::New)
}

/// Checks some lines of products against what is stored and stages them, or says what is wrong with them. The caller
/// has declared all article numbers.
pub(super) fn stage_products(
    tx: &mut Tx<'_>,
    now: Timestamp,
    run: Uuid,
    lines: &[ProductLine],
) -> Result<Vec<LineError>, Failure<Lost>> {
    keep_staging(tx, now, run)?;
    let mut errors = [unknown_products(tx, lines)?, taken_numbers(tx, lines)?].concat();
    errors.sort_by_key(|error| error.line);
    if errors.is_empty() {
        let data = lines.iter().map(|line| to_json(&line.details)).collect::<Result<Vec<_>, _>>()?;
        tx.execute_each(
            "INSERT INTO import_line (import_id, line, product_id, ean13, data) VALUES ($1, $2, $3, $4, $5)",
            lines
                .iter()
                .zip(&data)
                .map(|(line, data)| params![run, number(line.line), line.id, &line.details.ean13, data]),
        )?;
    }
    Ok(errors)
}

fn unknown_products(tx: &mut Tx<'_>, lines: &[ProductLine]) -> Result<Vec<LineError>, DbError> {
    let named: Vec<(u64, ProductId)> = lines.iter().filter_map(|line| Some((line.line, line.id?))).collect();
    let known = tx.query_each(
        "SELECT id FROM product WHERE id = $1",
        named.iter().map(|(_, id)| params![id]),
        |index, _| Ok(index),
    )?;
    Ok(missing(&known, &named)
        .map(|(line, id)| error(*line, "id", format!("there is no product {id}")))
        .collect())
}

/// The elements whose index is not among those found, which are in order.
fn missing<'a, T>(found: &'a [usize], all: &'a [T]) -> impl Iterator<Item = &'a T> {
    all.iter()
        .enumerate()
        .filter(|(index, _)| found.binary_search(index).is_err())
        .map(|(_, element)| element)
}

/// Article numbers that another product has, or that another import brings.
fn taken_numbers(tx: &mut Tx<'_>, lines: &[ProductLine]) -> Result<Vec<LineError>, DbError> {
    let numbered: Vec<(&ProductLine, &Ean13)> =
        lines.iter().filter_map(|line| Some((line, line.details.ean13.as_ref()?))).collect();
    let taken = tx.query_each(
        "SELECT id FROM product WHERE ean13 = $1",
        numbered.iter().map(|(_, ean13)| params![*ean13]),
        |index, row| Ok((index, row.get::<ProductId>(0)?)),
    )?;
    let announced = tx.query_each(
        "SELECT line FROM import_line WHERE ean13 = $1",
        numbered.iter().map(|(_, ean13)| params![*ean13]),
        |index, _| Ok(index),
    )?;
    let taken = taken
        .into_iter()
        .filter(|(index, holder)| numbered[*index].0.id != Some(*holder))
        .map(|(index, holder)| error(numbered[index].0.line, "ean13", format!("product {holder} has it")));
    let announced = announced
        .into_iter()
        .map(|index| error(numbered[index].0.line, "ean13", "another import under way brings it".to_owned()));
    Ok(taken.chain(announced).collect())
}

/// Checks some lines of opening stock against what is stored and stages them, or says what is wrong with them. The
/// caller has declared the whole of the stock.
pub(super) fn stage_stock(
    tx: &mut Tx<'_>,
    now: Timestamp,
    run: Uuid,
    lines: &[StockLine],
) -> Result<Vec<LineError>, Failure<Lost>> {
    keep_staging(tx, now, run)?;
    let mut errors = unknown_places(tx, lines)?;
    let products = products(tx, lines)?;
    let mut slots: HashMap<(PlaceId, ProductId), &StockLine> = HashMap::new();
    for (line, product) in lines.iter().zip(&products) {
        match product {
            None => errors.push(unknown_key(line)),
            Some(product) => {
                if let Some(first) = slots.insert((line.place, *product), line) {
                    errors.push(error(line.line, "", format!("the same as on line {}", first.line)));
                }
            }
        }
    }
    errors.extend(opened_slots(tx, &slots)?);
    if errors.is_empty() {
        let data = lines.iter().map(|line| to_json(&line.opening)).collect::<Result<Vec<_>, _>>()?;
        tx.execute_each(
            "INSERT INTO import_line (import_id, line, place_id, product_id, data) VALUES ($1, $2, $3, $4, $5)",
            lines.iter().zip(&products).zip(&data).map(|((line, product), data)| {
                params![run, number(line.line), line.place, *product, data]
            }),
        )?;
    }
    errors.sort_by_key(|error| error.line);
    Ok(errors)
}

fn unknown_places(tx: &mut Tx<'_>, lines: &[StockLine]) -> Result<Vec<LineError>, DbError> {
    let shops: Vec<&StockLine> = lines.iter().filter(|line| line.place != PlaceId::CENTRE).collect();
    let known = tx.query_each(
        "SELECT id FROM shop WHERE id = $1",
        shops.iter().map(|line| params![line.place]),
        |index, _| Ok(index),
    )?;
    let unknown = |line: &&StockLine| {
        error(
            line.line,
            "emplacement_id",
            format!("there is no shop {}; 0 is the logistics centre", line.place),
        )
    };
    Ok(missing(&known, &shops).map(unknown).collect())
}

/// The product of each line, if there is one.
fn products(tx: &mut Tx<'_>, lines: &[StockLine]) -> Result<Vec<Option<ProductId>>, DbError> {
    let keys = lines.iter().map(|line| match &line.product {
        ProductKey::Id(id) => params![*id, None::<&Ean13>],
        ProductKey::Ean13(ean13) => params![None::<ProductId>, ean13],
    });
    let found = tx.query_each("SELECT id FROM product WHERE id = $1 OR ean13 = $2", keys, |index, row| {
        Ok((index, row.get(0)?))
    })?;
    let mut products = vec![None; lines.len()];
    for (index, product) in found {
        products[index] = Some(product);
    }
    Ok(products)
}

fn unknown_key(line: &StockLine) -> LineError {
    match &line.product {
        ProductKey::Id(id) => error(line.line, "produit_id", format!("there is no product {id}")),
        ProductKey::Ean13(ean13) => error(line.line, "ean13", format!("no product has {ean13}")),
    }
}

/// Slots that have held stock already, or are about to: opening stock comes before everything else.
fn opened_slots(
    tx: &mut Tx<'_>,
    slots: &HashMap<(PlaceId, ProductId), &StockLine>,
) -> Result<Vec<LineError>, DbError> {
    let slots: Vec<_> = slots.iter().collect();
    let keys = || slots.iter().map(|((place, product), _)| params![place, product]);
    let opened = tx.query_each(
        "SELECT on_hand FROM stock_level WHERE place_id = $1 AND product_id = $2",
        keys(),
        |index, _| Ok(index),
    )?;
    let announced = tx.query_each(
        "SELECT line FROM import_line WHERE place_id = $1 AND product_id = $2",
        keys(),
        |index, _| Ok(index),
    )?;
    let opened = opened.into_iter().map(|index| (index, "this place has had stock of this product already"));
    let announced =
        announced.into_iter().map(|index| (index, "the stock of an earlier line, or of another import"));
    Ok(opened.chain(announced).map(|(index, told)| error(slots[index].1.line, "", told.to_owned())).collect())
}

/// Decides that the whole file counts: from here on it will be imported, whatever happens.
pub(super) fn publish(tx: &mut Tx<'_>, now: Timestamp, run: Uuid) -> Result<(), Failure<Lost>> {
    let published = tx.execute(
        "UPDATE import_run SET state = 'PUBLIE', lease_until = $2 WHERE id = $1 AND state = 'EN_PREPARATION'",
        &params![run, now.plus_seconds(LEASE_SECONDS)],
    )?;
    if published == 1 { Ok(()) } else { Err(Failure::Refused(Lost)) }
}

/// How far a published import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) lines: usize,
    pub(super) finished: bool,
}

/// Moves the next lines of a published import to where they belong. Nothing happens when it is finished already. The
/// caller has declared everything that such lines may touch.
pub(super) fn apply(tx: &mut Tx<'_>, now: Timestamp, run: Run) -> Result<Applied, DbError> {
    let Some(state) = published(tx, run.id)? else { return Ok(Applied { lines: 0, finished: true }) };
    let staged = next_lines(tx, run.id)?;
    match run.kind {
        Kind::Products => apply_products(tx, now, &staged)?,
        Kind::Stock => apply_stock(tx, &staged)?,
    }
    tx.execute_each_once(
        "DELETE FROM import_line WHERE import_id = $1 AND line = $2",
        staged.iter().map(|line| params![run.id, line.line]),
    )?;
    let applied = state.applied + count(staged.len());
    tx.execute(
        "UPDATE import_run SET applied = $2, lease_until = $3 WHERE id = $1",
        &params![run.id, applied, now.plus_seconds(LEASE_SECONDS)],
    )?;
    let finished = applied == state.lines;
    if finished {
        finish(tx, run, &state)?;
    }
    Ok(Applied { lines: usize::try_from(applied).unwrap_or(usize::MAX), finished })
}

struct Published {
    lines: i64,
    applied: i64,
    key: Option<(String, String)>,
}

fn published(tx: &mut Tx<'_>, run: Uuid) -> Result<Option<Published>, DbError> {
    tx.query_opt(
        "SELECT line_count, applied, key_caller, key_name FROM import_run WHERE id = $1 AND state = 'PUBLIE'",
        &params![run],
        |row| {
            let key = row.get_opt(2)?.zip(row.get_opt(3)?);
            Ok(Published { lines: row.get(0)?, applied: row.get(1)?, key })
        },
    )
}

/// A staged line, whatever its kind.
struct Staged {
    line: i64,
    place: Option<PlaceId>,
    product: Option<ProductId>,
    data: String,
}

fn next_lines(tx: &mut Tx<'_>, run: Uuid) -> Result<Vec<Staged>, DbError> {
    tx.query(
        "SELECT line, place_id, product_id, data FROM import_line WHERE import_id = $1 ORDER BY line LIMIT $2",
        &params![run, count(CHUNK)],
        |row| {
            Ok(Staged { line: row.get(0)?, place: row.get_opt(1)?, product: row.get_opt(2)?, data: row.get(3)? })
        },
    )
}

fn apply_products(tx: &mut Tx<'_>, now: Timestamp, staged: &[Staged]) -> Result<(), DbError> {
    let mut new = Vec::new();
    let mut changed = Vec::new();
    let mut id = next_id(tx)?;
    for line in staged {
        let details: Details = from_json(&line.data)?;
        match line.product {
            None => {
                new.push(details.into_product(id, true));
                id = ProductId(id.0 + 1);
            }
            Some(product) => changed.push(replaced(tx, product, details)?),
        }
    }
    update(tx, now, &changed)?;
    insert(tx, now, &new)
}

/// A product as it is and as a line wants it; whether it is sold stays as it is.
fn replaced(tx: &mut Tx<'_>, id: ProductId, details: Details) -> Result<(Product, Product), DbError> {
    let before = queries::product(tx, details.price.currency(), id)?
        .ok_or_else(|| DbError::Decode(format!("product {id} of a staged line is not there")))?;
    let after = details.into_product(id, before.active);
    Ok((before, after))
}

fn apply_stock(tx: &mut Tx<'_>, staged: &[Staged]) -> Result<(), DbError> {
    let mut openings = Vec::with_capacity(staged.len());
    for line in staged {
        let slot = line.place.zip(line.product);
        let slot = slot.ok_or_else(|| DbError::Decode("a staged line of stock has no slot".into()))?;
        openings.push((slot, from_json::<Opening>(&line.data)?));
    }
    // A slot may have been opened by a movement since the line was checked: what it opens with is then added.
    tx.execute_each(
        "INSERT INTO stock_level (place_id, product_id, initial, on_hand, reserved, low, reorder, overstock)
         VALUES ($1, $2, $3, 0, 0, $4, $5, $6)
         ON CONFLICT (place_id, product_id) DO UPDATE SET initial = stock_level.initial + excluded.initial,
         low = excluded.low, reorder = excluded.reorder, overstock = excluded.overstock",
        openings.iter().map(|((place, product), Opening { quantity, thresholds })| -> [Param<'_>; 6] {
            params![place, product, quantity, thresholds.low, thresholds.reorder, thresholds.overstock]
        }),
    )?;
    let slots: Vec<_> = openings.iter().map(|(slot, _)| *slot).collect();
    let mut levels = levels(tx, &slots)?;
    let movements: Vec<_> =
        openings.iter().map(|(slot, opening)| Movement::bring(*slot, opening.quantity)).collect();
    move_units(tx, &mut levels, &movements)
}

#[derive(Serialize)]
struct Finished {
    import_id: Uuid,
    genre: &'static str,
    importes: i64,
}

fn finish(tx: &mut Tx<'_>, run: Run, state: &Published) -> Result<(), DbError> {
    tx.execute("DELETE FROM import_run WHERE id = $1", &params![run.id])?;
    let told = Finished { import_id: run.id, genre: run.kind.name(), importes: state.lines };
    tx.emit(IMPORT_FINISHED, SOURCE, run.id.to_string(), &told);
    if let Some((caller, key)) = &state.key {
        let imported = Imported::all(usize::try_from(state.lines).unwrap_or_default());
        idempotency::complete_named(tx, caller, key, Reply::ok(&imported).answer())?;
    }
    Ok(())
}

/// Takes some lines of an import that will not be published away; returns whether there are none left, so that
/// nothing of it remains. Its idempotency key may be used again.
pub(super) fn abandon(tx: &mut Tx<'_>, now: Timestamp, run: Uuid) -> Result<bool, DbError> {
    let kept = tx.execute(
        "UPDATE import_run SET state = 'ABANDONNE', lease_until = $2 WHERE id = $1 AND state <> 'PUBLIE'",
        &params![run, now.plus_seconds(LEASE_SECONDS)],
    )?;
    if kept == 0 {
        return Ok(true);
    }
    let deleted = tx.execute(
        "DELETE FROM import_line WHERE import_id = $1 AND line IN
         (SELECT line FROM import_line WHERE import_id = $1 ORDER BY line LIMIT $2)",
        &params![run, count(CHUNK)],
    )?;
    if deleted == CHUNK as u64 {
        return Ok(false);
    }
    if let Some(key) = key_of(tx, run)? {
        idempotency::release(tx, &key)?;
    }
    tx.execute("DELETE FROM import_run WHERE id = $1", &params![run])?;
    Ok(true)
}

/// The idempotency key that an import holds. Its row is found by caller and name alone.
fn key_of(tx: &mut Tx<'_>, run: Uuid) -> Result<Option<Key>, DbError> {
    let key = tx.query_opt(
        "SELECT key_caller, key_name FROM import_run WHERE id = $1 AND key_name IS NOT NULL",
        &params![run],
        |row| Ok(Key { caller: row.get(0)?, key: row.get(1)?, route: String::new(), body_hash: [0; 32] }),
    )?;
    Ok(key)
}

/// Imports that nobody works on any more, and whether each is published; with `all`, every one.
pub(super) fn unfinished(tx: &mut Tx<'_>, now: Timestamp, all: bool) -> Result<Vec<(Run, bool)>, DbError> {
    tx.query(
        "SELECT id, kind, state FROM import_run WHERE lease_until < $1 OR $2 ORDER BY id",
        &params![now, all],
        |row| {
            let run = Run { id: row.get(0)?, kind: Kind::parse(&row.get::<String>(1)?)? };
            Ok((run, row.get::<String>(2)? == "PUBLIE"))
        },
    )
}

/// Makes sure that the import is still being staged, and keeps it.
fn keep_staging(tx: &mut Tx<'_>, now: Timestamp, run: Uuid) -> Result<(), Failure<Lost>> {
    let kept = tx.execute(
        "UPDATE import_run SET lease_until = $2 WHERE id = $1 AND state = 'EN_PREPARATION'",
        &params![run, now.plus_seconds(LEASE_SECONDS)],
    )?;
    if kept == 1 { Ok(()) } else { Err(Failure::Refused(Lost)) }
}

fn error(line: u64, column: &str, message: String) -> LineError {
    LineError { line, column: column.to_owned(), message }
}

fn count(lines: usize) -> i64 {
    i64::try_from(lines).unwrap_or(i64::MAX)
}

fn number(line: u64) -> i64 {
    i64::try_from(line).unwrap_or(i64::MAX)
}

fn to_json<T: Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Other(error.to_string()))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Decode(error.to_string()))
}
