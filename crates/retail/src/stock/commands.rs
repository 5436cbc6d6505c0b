//! Changing stock. Whoever moves units has declared the slots' keys ([`declare`]).

use std::collections::BTreeMap;

use kernel::{PlaceId, ProductId, Quantity, Timestamp};
use serde::Serialize;
use store::{Call, DbError, Failure, Locks, Tx, params};
use uuid::Uuid;

use super::{DEFAULT_THRESHOLDS, Levels, Movement, Receipt, Slot, Unusable, queries};
use crate::SOURCE;

/// The event that tells of changed levels.
pub const STOCK_CHANGED: &str = "halles.stock.changed";

/// The event that tells of goods that came in from outside.
pub const RECEIPT_RECORDED: &str = "halles.receipt.recorded";
/// The event that tells of units found to be missing or too many.
pub const STOCK_CORRECTED: &str = "halles.stock.corrected";

/// Declares a slot's key.
pub fn declare(locks: &mut Locks, (place, product): Slot) {
    locks.key("stock", (place, product));
}

/// The same call with the keys of some slots declared.
pub fn lock_slots(call: Call, slots: impl IntoIterator<Item = Slot>) -> Call {
    slots.into_iter().fold(call, |call, slot| call.lock("stock", slot))
}

#[derive(Serialize)]
struct Changed {
    niveaux: Vec<ChangedLevel>,
}

#[derive(Serialize)]
struct ChangedLevel {
    emplacement_id: PlaceId,
    produit_id: ProductId,
    en_main: i64,
    reserve: i64,
    disponible: i64,
}

/// Moves units, all movements or none, and writes one event with the new levels. `levels` are those read in this
/// transaction and are brought up to date; a slot that is not among them is made.
///
/// The caller has made sure that every level stays possible; the guards of the statements hold it to that.
pub fn move_units(tx: &mut Tx<'_>, levels: &mut Levels, movements: &[Movement]) -> Result<(), DbError> {
    let mut sums: BTreeMap<Slot, (i64, i64)> = BTreeMap::new();
    for movement in movements {
        let sum = sums.entry(movement.slot).or_default();
        sum.0 += movement.on_hand;
        sum.1 += movement.reserved;
    }
    sums.retain(|_, sum| *sum != (0, 0));
    if sums.is_empty() {
        return Ok(());
    }
    open_slots(tx, levels, sums.keys().copied())?;
    tx.execute_each_once(
        "UPDATE stock_level SET on_hand = on_hand + $3, reserved = reserved + $4
         WHERE place_id = $1 AND product_id = $2 AND reserved + $4 >= 0 AND on_hand + $3 >= reserved + $4",
        sums.iter().map(|((place, product), (on_hand, reserved))| params![place, product, on_hand, reserved]),
    )?;
    let mut changed = Changed { niveaux: Vec::with_capacity(sums.len()) };
    for (slot, (on_hand, reserved)) in sums {
        let level = levels.entry(slot).or_default();
        level.on_hand += on_hand;
        level.reserved += reserved;
        changed.niveaux.push(ChangedLevel {
            emplacement_id: slot.0,
            produit_id: slot.1,
            en_main: level.on_hand,
            reserve: level.reserved,
            disponible: level.available(),
        });
    }
    tx.emit(STOCK_CHANGED, SOURCE, "stock", &changed);
    Ok(())
}

/// Makes the slots that have never held stock, empty and with the default thresholds.
fn open_slots(tx: &mut Tx<'_>, levels: &Levels, slots: impl Iterator<Item = Slot>) -> Result<(), DbError> {
    let fresh: Vec<Slot> = slots.filter(|slot| !levels.contains_key(slot)).collect();
    let thresholds = DEFAULT_THRESHOLDS;
    tx.execute_each(
        "INSERT INTO stock_level (place_id, product_id, initial, on_hand, reserved, low, reorder, overstock)
         VALUES ($1, $2, 0, 0, 0, $3, $4, $5) ON CONFLICT DO NOTHING",
        fresh.iter().map(|(place, product)| {
            params![place, product, thresholds.low, thresholds.reorder, thresholds.overstock]
        }),
    )
}

/// Takes goods in that came to the logistics centre from outside. The caller has declared the slot's key.
pub fn receive(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: Uuid,
    product: ProductId,
    quantity: Quantity,
) -> Result<Receipt, Failure<Unusable>> {
    let slot = (PlaceId::CENTRE, product);
    queries::usable(tx, slot.0, &[product])?;
    let mut levels = queries::levels(tx, &[slot])?;
    tx.execute(
        "INSERT INTO receipt (id, place_id, product_id, quantity, at) VALUES ($1, $2, $3, $4, $5)",
        &params![id, slot.0, product, quantity, now],
    )?;
    move_units(tx, &mut levels, &[Movement::bring(slot, quantity.get())])?;
    let level = levels.get(&slot).copied().unwrap_or_default();
    let receipt = Receipt {
        id,
        place: slot.0,
        product,
        quantity,
        on_hand: level.on_hand,
        reserved: level.reserved,
        available: level.available(),
        at: now,
    };
    tx.emit(RECEIPT_RECORDED, SOURCE, id.to_string(), &receipt);
    Ok(receipt)
}

/// A difference between what should be there and what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// Its id.
    pub id: Uuid,
    /// Where.
    #[serde(rename = "emplacement_id")]
    pub place: PlaceId,
    /// Of which product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Units too many, or missing when negative; never 0.
    #[serde(rename = "ecart")]
    pub delta: i64,
    /// What kind of difference, such as `approvisionnement`.
    #[serde(rename = "motif")]
    pub reason: &'static str,
    /// What it was found with.
    pub reference: String,
}

/// Records a correction and moves its units. The caller has declared the slot's key and made sure that no
/// promised unit is among those that are missing.
pub fn correct(
    tx: &mut Tx<'_>,
    now: Timestamp,
    levels: &mut Levels,
    correction: &Correction,
) -> Result<(), DbError> {
    let Correction { id, place, product, delta, reason, reference } = correction;
    tx.execute(
        "INSERT INTO stock_correction (id, place_id, product_id, delta, reason, reference, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &params![id, place, product, delta, *reason, reference, now],
    )?;
    move_units(tx, levels, &[Movement::bring((*place, *product), *delta)])?;
    tx.emit(STOCK_CORRECTED, SOURCE, id.to_string(), correction);
    Ok(())
}
