//! The one way in which offers change: all at once, one writer after the other.
//!
//! Whatever is decided about offers rests on other rows too: the pivots of a category on all of its offers, a stock-out
//! on what the stores have. So that two decisions never pass each other on PostgreSQL (READ COMMITTED), whoever opens
//! the ledger first updates the one row of `offer_turn`, and holds it to the commit: from then on each of its statements
//! sees everything that was committed before. Declared keys come before it and the log's head after it. Only the names of
//! tracked events may be claimed on either side: two processes that bring the same names, in batches that also change
//! offers, can wait in a circle, which the server ends and the store's retry heals.
//!
//! The stores' own rows are only read. A sale may be committed between that and our commit; its event then comes after,
//! and [`crate::inventory::watch`] looks again.

use std::collections::BTreeMap;

use kernel::Timestamp;
use store::{DbError, Param, Tx, params};

use crate::SOURCE;
use crate::inventory::evaluate::{Transition, evaluate};
use crate::inventory::{
    Availability, Counted, Low, OFFER_LOW, OFFER_RESTOCKED, OFFER_STOCK, OFFER_STOCKOUT, ProductStock, Turned,
};
use crate::names::{Category, OfferId};
use crate::offer::commands::{OFFER_CHANGED, OFFER_CREATED, OFFER_DELETED, OFFER_EXPIRED};
use crate::offer::{Offer, Status, Stored, queries};
use crate::pivot::{self, Step};

/// What is done to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// It is made.
    Create,
    /// What is said of it is replaced.
    Replace,
    /// Its counts change, or only what the stores have of its product.
    Count,
    /// Its time is over.
    Expire,
    /// It is deleted.
    Delete,
}

/// A change of one offer that has been decided on.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// What is done.
    pub(crate) act: Act,
    /// The offer as it is stored; nothing when it is new.
    pub(crate) before: Option<Stored>,
    /// The offer as it is to be, but for its effective inventory, which is found when the change is settled.
    pub(crate) offer: Offer,
}

impl Change {
    /// A change of an offer that exists.
    pub(crate) fn of(act: Act, before: Stored, change: impl FnOnce(&mut Offer)) -> Self {
        let mut offer = before.offer.clone();
        change(&mut offer);
        Self { act, before: Some(before), offer }
    }
}

/// The right to change offers, until the end of the transaction.
pub(crate) struct Ledger<'t, 'c> {
    tx: &'t mut Tx<'c>,
    now: Timestamp,
    stock: &'t dyn ProductStock,
}

impl<'t, 'c> Ledger<'t, 'c> {
    /// Waits for whoever has it open.
    pub(crate) fn open(
        tx: &'t mut Tx<'c>,
        now: Timestamp,
        stock: &'t dyn ProductStock,
    ) -> Result<Self, DbError> {
        // In this form it needs no round trip of its own.
        tx.execute_each_once(
            "UPDATE offer_turn SET number = number + $2 WHERE id = $1",
            [params![1_i64, 1_i64]],
        )?;
        Ok(Self { tx, now, stock })
    }

    /// The transaction, for what is read along.
    pub(crate) fn tx(&mut self) -> &mut Tx<'c> {
        self.tx
    }

    /// Some offers as they are stored, deleted ones too; unknown ones are absent.
    pub(crate) fn stored(&mut self, ids: &[&OfferId]) -> Result<Vec<Stored>, DbError> {
        queries::stored(self.tx, ids)
    }

    /// What the stores have of the products of some offers.
    pub(crate) fn availability<'o>(
        &mut self,
        offers: impl Iterator<Item = &'o Offer>,
    ) -> Result<Availability, DbError> {
        Availability::read(self.tx, self.stock, offers)
    }

    /// Settles changes of different offers: finds their effective inventory, writes them, and tells what happened, to
    /// them and to the pivots of their categories. Returns the offers as they are now, in the order given; one that
    /// is as it was before is neither written nor told.
    pub(crate) fn settle(mut self, changes: Vec<Change>) -> Result<Vec<Offer>, DbError> {
        let availability = self.availability(changes.iter().map(|change| &change.offer))?;
        self.settle_with(changes, &availability)
    }

    /// As [`Ledger::settle`], for one offer.
    pub(crate) fn settle_one(self, change: Change) -> Result<Offer, DbError> {
        let settled = self.settle(vec![change])?.pop();
        settled.ok_or_else(|| DbError::Other("a change was settled without a result".to_owned()))
    }

    /// As [`Ledger::settle`], with what the stores have of all products concerned.
    pub(crate) fn settle_with(
        self,
        changes: Vec<Change>,
        availability: &Availability,
    ) -> Result<Vec<Offer>, DbError> {
        let Self { tx, now, .. } = self;
        let settled: Vec<Settled> =
            changes.into_iter().map(|change| Settled::of(change, availability, now)).collect();
        let different: Vec<&Settled> = settled.iter().filter(|one| one.is_change()).collect();
        write(tx, now, &different)?;
        let moved: Vec<&Category> = different.iter().flat_map(|one| one.moved_categories()).collect();
        let pivots = pivot::commands::settle(tx, now, &moved)?;
        tell(tx, now, &different, pivots);
        Ok(settled.into_iter().map(|one| one.after.offer).collect())
    }
}

/// Tells what happened: first all changes themselves, then category by category what they mean for the offers and for
/// the pivots, so that people read an offer's pivot next to its stock-out.
fn tell(tx: &mut Tx<'_>, now: Timestamp, changed: &[&Settled], mut pivots: BTreeMap<&Category, Vec<Step>>) {
    for one in changed {
        tell_change(tx, one);
    }
    pivot::commands::tell_ended(tx, now, &pivots);
    for (category, of_category) in by_category(changed) {
        for one in of_category {
            tell_transitions(tx, one);
        }
        pivot::commands::tell(tx, now, category, &pivots.remove(category).unwrap_or_default());
    }
    // Categories that offers have only left.
    for (category, steps) in &pivots {
        pivot::commands::tell(tx, now, category, steps);
    }
}

/// A change with what it means.
struct Settled {
    act: Act,
    before: Option<Stored>,
    after: Stored,
    transitions: Vec<Transition>,
}

impl Settled {
    fn of(change: Change, availability: &Availability, now: Timestamp) -> Self {
        let Change { act, before, offer } = change;
        let (after, transitions) = evaluate(before.as_ref(), offer, act == Act::Delete, availability, now);
        Self { act, before, after, transitions }
    }

    /// Whether anything differs. The low flag alone never does: it changes with the effective inventory.
    fn is_change(&self) -> bool {
        self.before
            .as_ref()
            .is_none_or(|before| before.offer != self.after.offer || before.deleted != self.after.deleted)
    }

    /// The categories whose pivots may have to change: none when the offer stands in its category as it did.
    fn moved_categories(&self) -> Vec<&Category> {
        let before = self.before.as_ref();
        if before.is_some_and(|before| standing(before) == standing(&self.after)) {
            return Vec::new();
        }
        let categories = before.into_iter().chain([&self.after]).map(|stored| &stored.offer.category);
        categories.collect()
    }
}

/// What the pivots of a category know of an offer. (That its time is over is known by the status, which is changed
/// by the sweep and settles the pivots then.)
fn standing(stored: &Stored) -> (&Category, Status, bool, bool, bool) {
    let Stored { offer, out_since, deleted, .. } = stored;
    (&offer.category, offer.status, *deleted, offer.inventory.is_zero(), out_since.is_some())
}

fn by_category<'s>(changed: &[&'s Settled]) -> BTreeMap<&'s Category, Vec<&'s Settled>> {
    let mut categories: BTreeMap<&Category, Vec<&Settled>> = BTreeMap::new();
    for settled in changed {
        categories.entry(&settled.after.offer.category).or_default().push(settled);
    }
    categories
}

/// Tells what was done to an offer.
fn tell_change(tx: &mut Tx<'_>, settled: &Settled) {
    let offer = &settled.after.offer;
    let subject = offer.id.to_string();
    match settled.act {
        Act::Create => tx.emit(OFFER_CREATED, SOURCE, subject, offer),
        Act::Replace => tx.emit(OFFER_CHANGED, SOURCE, subject, offer),
        Act::Count => tx.emit(OFFER_STOCK, SOURCE, subject, &Counted::from(offer)),
        Act::Expire => tx.emit(OFFER_EXPIRED, SOURCE, subject, offer),
        Act::Delete => tx.emit(OFFER_DELETED, SOURCE, subject, &Turned::from(offer)),
    }
}

/// Tells what a change means for an offer's inventory.
fn tell_transitions(tx: &mut Tx<'_>, settled: &Settled) {
    let offer = &settled.after.offer;
    for transition in &settled.transitions {
        let subject = offer.id.to_string();
        match transition {
            Transition::Out => tx.emit(OFFER_STOCKOUT, SOURCE, subject, &Turned::from(offer)),
            Transition::Restocked => tx.emit(OFFER_RESTOCKED, SOURCE, subject, &Turned::from(offer)),
            Transition::Low(remaining) => {
                tx.emit(OFFER_LOW, SOURCE, subject, &Low { offer: offer.id.clone(), remaining: *remaining });
            }
        }
    }
}

fn write(tx: &mut Tx<'_>, now: Timestamp, changed: &[&Settled]) -> Result<(), DbError> {
    let of = |acts: &'static [Act]| {
        let chosen = changed.iter().filter(move |settled| acts.contains(&settled.act));
        chosen.map(|settled| &settled.after).collect::<Vec<_>>()
    };
    insert(tx, now, &of(&[Act::Create]))?;
    replace(tx, now, &of(&[Act::Replace, Act::Expire, Act::Delete]))?;
    count(tx, now, &of(&[Act::Count]))
}

fn insert(tx: &mut Tx<'_>, now: Timestamp, offers: &[&Stored]) -> Result<(), DbError> {
    let segments = segments(offers)?;
    tx.execute_each(
        "INSERT INTO offer (id, number, name, category, discount_type, discount_value, priority, inventory_own,
             inventory_effective, out_since, low_told, expires_at, min_purchase, max_discount, target_segments,
             margin_percent, product_id, status, deleted, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $21)",
        offers.iter().zip(&segments).map(|(stored, segments)| row(stored, segments, now)),
    )
}

/// Each row is written only if it is still the one that was read.
fn replace(tx: &mut Tx<'_>, now: Timestamp, offers: &[&Stored]) -> Result<(), DbError> {
    let segments = segments(offers)?;
    tx.execute_each_once(
        "UPDATE offer SET number = $2, name = $3, category = $4, discount_type = $5, discount_value = $6,
             priority = $7, inventory_own = $8, inventory_effective = $9, out_since = $10, low_told = $11,
             expires_at = $12, min_purchase = $13, max_discount = $14, target_segments = $15, margin_percent = $16,
             product_id = $17, status = $18, deleted = $19, version = $20, updated_at = $21
         WHERE id = $1 AND version = $20 - 1",
        offers.iter().zip(&segments).map(|(stored, segments)| row(stored, segments, now)),
    )
}

/// Everything that is stored of an offer, in the order of its columns; the last is when.
fn row<'p>(stored: &'p Stored, segments: &'p str, now: Timestamp) -> [Param<'p>; 21] {
    let offer = &stored.offer;
    params![
        &offer.id,
        offer.id.number().and_then(|number| i64::try_from(number).ok()),
        &offer.name,
        &offer.category,
        offer.discount_type.name(),
        offer.discount_value,
        i64::from(offer.priority.get()),
        offer.inventory_own,
        offer.inventory,
        stored.out_since,
        stored.low_told,
        offer.expires_at,
        offer.min_purchase,
        offer.max_discount,
        segments,
        offer.margin_percent,
        offer.product,
        offer.status.name(),
        stored.deleted,
        stored.version,
        now
    ]
}

/// As [`replace`], for the one kind of change that is frequent.
fn count(tx: &mut Tx<'_>, now: Timestamp, offers: &[&Stored]) -> Result<(), DbError> {
    tx.execute_each_once(
        "UPDATE offer SET inventory_own = $3, inventory_effective = $4, out_since = $5, low_told = $6, version = $2,
             updated_at = $7
         WHERE id = $1 AND version = $2 - 1",
        offers.iter().map(|stored| {
            let offer = &stored.offer;
            params![
                &offer.id,
                stored.version,
                offer.inventory_own,
                offer.inventory,
                stored.out_since,
                stored.low_told,
                now
            ]
        }),
    )
}

fn segments(offers: &[&Stored]) -> Result<Vec<String>, DbError> {
    let written = offers.iter().map(|stored| serde_json::to_string(&stored.offer.target_segments));
    written.collect::<Result<_, _>>().map_err(|error| DbError::Other(error.to_string()))
}
