//! Changing offers. No keys need be declared: see `Ledger`.

use std::collections::HashMap;

use kernel::Timestamp;
use store::{DbError, Failure, Tx};

use super::{Details, Offer, OfferError, Status, Stored, queries};
use crate::inventory::{Act, Change, Ledger, ProductStock};
use crate::names::OfferId;

/// The event that tells of a new offer: the whole of it.
pub const OFFER_CREATED: &str = "halles.offer.created";
/// The event that tells of an offer of which something else is said now: the whole of it.
pub const OFFER_CHANGED: &str = "halles.offer.changed";
/// The event that tells of an offer that is gone.
pub const OFFER_DELETED: &str = "halles.offer.deleted";
/// The event that tells of an offer whose time is over: the whole of it.
pub const OFFER_EXPIRED: &str = "halles.offer.expired";

/// Adds an offer; without an id it gets the next of `OFF001`, `OFF002` …
pub fn create(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    id: Option<OfferId>,
    details: &Details,
) -> Result<Offer, Failure<OfferError>> {
    let mut ledger = Ledger::open(tx, now, stock)?;
    let id = match id {
        Some(id) => id,
        None => next_id(ledger.tx())?,
    };
    if !ledger.stored(&[&id])?.is_empty() {
        return Err(Failure::Refused(OfferError::IdTaken(id)));
    }
    let offer = details.clone().into_offer(id, None, now);
    Ok(ledger.settle_one(Change { act: Act::Create, before: None, offer })?)
}

/// Replaces what is said of an offer, its own count included.
pub fn replace(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    id: &OfferId,
    details: &Details,
) -> Result<Offer, Failure<OfferError>> {
    let mut ledger = Ledger::open(tx, now, stock)?;
    let before = existing(&mut ledger, id)?;
    let offer = details.clone().into_offer(id.clone(), Some(&before.offer), now);
    Ok(ledger.settle_one(Change { act: Act::Replace, before: Some(before), offer })?)
}

/// Deletes an offer: nobody sees it any more, and its id stays taken.
pub fn delete(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    id: &OfferId,
) -> Result<(), Failure<OfferError>> {
    let mut ledger = Ledger::open(tx, now, stock)?;
    let before = existing(&mut ledger, id)?;
    ledger.settle_one(Change::of(Act::Delete, before, |_| {}))?;
    Ok(())
}

/// What became of one of many offers that were put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Created(Offer),
    /// It was there, and is now what was said.
    Replaced(Offer),
    /// Its id belongs to an offer that has been deleted.
    Refused(OfferError),
}

/// Adds or replaces many offers, one result for each; of an id given twice, the last counts.
pub fn put_all(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    offers: &[(OfferId, Details)],
) -> Result<Vec<Put>, DbError> {
    let last: HashMap<&OfferId, &Details> = offers.iter().map(|(id, details)| (id, details)).collect();
    let mut ledger = Ledger::open(tx, now, stock)?;
    let ids: Vec<&OfferId> = last.keys().copied().collect();
    let mut known: HashMap<OfferId, Stored> =
        ledger.stored(&ids)?.into_iter().map(|stored| (stored.offer.id.clone(), stored)).collect();
    let deleted: Vec<OfferId> =
        known.values().filter(|stored| stored.deleted).map(|stored| stored.offer.id.clone()).collect();
    let mut changes = Vec::with_capacity(last.len());
    // In the order given, so that events come in it.
    for (id, details) in offers.iter().filter(|(id, details)| std::ptr::eq(last[id], details)) {
        let before = known.remove(id);
        if before.as_ref().is_some_and(|before| before.deleted) {
            continue;
        }
        let act = if before.is_some() { Act::Replace } else { Act::Create };
        let offer = details.clone().into_offer(id.clone(), before.as_ref().map(|before| &before.offer), now);
        changes.push(Change { act, before, offer });
    }
    let acts: Vec<Act> = changes.iter().map(|change| change.act).collect();
    let settled = ledger.settle(changes)?.into_iter().zip(acts);
    let mut results: HashMap<OfferId, Put> = settled
        .map(|(offer, act)| {
            let id = offer.id.clone();
            (id, if act == Act::Create { Put::Created(offer) } else { Put::Replaced(offer) })
        })
        .collect();
    results.extend(deleted.into_iter().map(|id| (id.clone(), Put::Refused(OfferError::IdTaken(id)))));
    Ok(offers.iter().filter_map(|(id, _)| results.get(id).cloned()).collect())
}

/// Ends up to `limit` offers whose time is over; returns how many.
pub fn expire_due(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    limit: i64,
) -> Result<usize, DbError> {
    let mut ledger = Ledger::open(tx, now, stock)?;
    let due = queries::due(ledger.tx(), now, limit)?;
    let end = |stored| Change::of(Act::Expire, stored, |offer| offer.status = Status::Expired);
    Ok(ledger.settle(due.into_iter().map(end).collect())?.len())
}

/// An offer that exists and has not been deleted.
pub(crate) fn existing(ledger: &mut Ledger<'_, '_>, id: &OfferId) -> Result<Stored, Failure<OfferError>> {
    let found = ledger.stored(&[id])?.into_iter().find(|stored| !stored.deleted);
    found.ok_or_else(|| Failure::Refused(OfferError::Unknown(id.clone())))
}

fn next_id(tx: &mut Tx<'_>) -> Result<OfferId, DbError> {
    let next = queries::highest_number(tx)? + 1;
    u64::try_from(next).map(OfferId::numbered).map_err(|error| DbError::Decode(error.to_string()))
}
