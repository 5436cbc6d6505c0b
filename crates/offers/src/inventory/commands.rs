//! Changing how many of an offer are left. No keys need be declared: see `Ledger`.

pub(crate) mod ledger;

use std::collections::BTreeMap;

use kernel::{ProductId, Quantity, Timestamp};
use store::{DbError, Failure, Tx, params};

use super::{Act, Change, Ledger, ProductStock, Units};
use crate::names::OfferId;
use crate::offer::commands::existing;
use crate::offer::{Offer, OfferError, Stored, queries};

/// Sets an offer's own count.
pub fn set_inventory(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    id: &OfferId,
    own: Units,
) -> Result<Offer, Failure<OfferError>> {
    let mut ledger = Ledger::open(tx, now, stock)?;
    let before = existing(&mut ledger, id)?;
    Ok(ledger.settle_one(Change::of(Act::Count, before, |offer| offer.inventory_own = own))?)
}

/// Takes units of offers, one wish after the other, as redemptions do; says for each how many are left for the next, or
/// why it was refused. A wish is granted whole or not at all, and the own count never goes below zero.
///
/// What the stores have of a product bounds every wish, but is not lessened: that is done by the sale itself.
pub fn take(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    wishes: &[(OfferId, Quantity)],
) -> Result<Vec<Result<Units, OfferError>>, DbError> {
    if wishes.is_empty() {
        return Ok(Vec::new());
    }
    let mut ledger = Ledger::open(tx, now, stock)?;
    let mut ids: Vec<&OfferId> = wishes.iter().map(|(id, _)| id).collect();
    ids.sort_unstable();
    ids.dedup();
    let found: Vec<Stored> = ledger.stored(&ids)?.into_iter().filter(|stored| !stored.deleted).collect();
    let availability = ledger.availability(found.iter().map(|stored| &stored.offer))?;
    let mut changes: BTreeMap<OfferId, Change> = found
        .into_iter()
        .map(|stored| (stored.offer.id.clone(), Change::of(Act::Count, stored, |_| {})))
        .collect();
    let mut taken = Vec::with_capacity(wishes.len());
    for (id, wish) in wishes {
        let Some(change) = changes.get_mut(id) else {
            taken.push(Err(OfferError::Unknown(id.clone())));
            continue;
        };
        let offer = &mut change.offer;
        let left = availability.bound(offer.inventory_own, offer.product);
        if left.get() < wish.get() {
            let (asked, left) = (wish.get(), left.get());
            taken.push(Err(OfferError::OutOfStock { offer: id.clone(), asked, left }));
            continue;
        }
        offer.inventory_own = Units::saturating(offer.inventory_own.get() - wish.get());
        taken.push(Ok(availability.bound(offer.inventory_own, offer.product)));
    }
    // Also those of which nothing was taken: what the stores have may have changed without us.
    ledger.settle_with(changes.into_values().collect(), &availability)?;
    Ok(taken)
}

/// Looks again at what the stores have of some products, and settles the offers that are tied to them.
pub fn reevaluate(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    products: &[ProductId],
) -> Result<(), DbError> {
    if products.is_empty() {
        return Ok(());
    }
    // Opened before looking which offers there are: one that is being tied to a product has perhaps seen its stock
    // before the change that brings us here.
    let mut ledger = Ledger::open(tx, now, stock)?;
    let tied = queries::tied(ledger.tx(), products)?;
    ledger.settle(tied.into_iter().map(|stored| Change::of(Act::Count, stored, |_| {})).collect())?;
    Ok(())
}

/// Makes it due to look again at all products, bit by bit ([`recheck`]).
pub fn begin_recheck(tx: &mut Tx<'_>) -> Result<(), DbError> {
    tx.execute("UPDATE offer_turn SET recheck_after = $1 WHERE id = 1", &params![ProductId(i64::MIN)])?;
    Ok(())
}

/// Looks again at up to `limit` products, if it is due; returns whether there may be more.
pub fn recheck(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    limit: i64,
) -> Result<bool, DbError> {
    let mut ledger = Ledger::open(tx, now, stock)?;
    let Some(after) = recheck_due(ledger.tx())? else { return Ok(false) };
    let products = queries::tied_products(ledger.tx(), after, limit)?;
    let last = products.last().copied();
    ledger.tx().execute("UPDATE offer_turn SET recheck_after = $1 WHERE id = 1", &params![last])?;
    let tied = queries::tied(ledger.tx(), &products)?;
    ledger.settle(tied.into_iter().map(|stored| Change::of(Act::Count, stored, |_| {})).collect())?;
    Ok(last.is_some())
}

/// After which product it is due to look again, if it is.
pub(super) fn recheck_due(tx: &mut Tx<'_>) -> Result<Option<ProductId>, DbError> {
    tx.query_one("SELECT recheck_after FROM offer_turn WHERE id = 1", &[], |row| row.get_opt(0))
}
