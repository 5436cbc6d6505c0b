//! Tracking: which events count, written down as one event of the log.

pub mod fold;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kernel::{Quantity, Timestamp};
use store::idempotency::{self, Answer, Claim, Key};
use store::{DbError, Lane, Locks, Slice, Tx, params};
use uuid::Uuid;

use super::api::{batch_reply, tracked_answer};
use super::queries::{Standing, standings};
use super::{ENGAGEMENT, Engagement, EventType, Signals, Tracked};
use crate::SOURCE;
use crate::inventory::ProductStock;
use crate::inventory::commands::take;
use crate::names::{Category, EventId, OfferId, UserId};
use crate::offer::OfferError;

/// How long events' names are remembered, in seconds: seven days.
pub const REMEMBERED_SECONDS: i64 = 7 * 24 * 3600;

/// How many events of people one event of the log tells: so much a consumer of the log takes in some five milliseconds,
/// the longest that anybody holds the writer.
pub const TOLD_AT_ONCE: usize = 200;

/// Something that somebody did with an offer, to be tracked. Ids are drawn by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackItem {
    /// The event's name: the caller's, or one made up for it.
    pub event_id: EventId,
    /// Whether the name is the caller's, so that the event may come again.
    pub named: bool,
    /// Who.
    pub user_id: UserId,
    /// With which offer.
    pub offer_id: OfferId,
    /// What.
    pub event_type: EventType,
    /// The decision that had shown the offer.
    pub decision_id: Option<Uuid>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tracking {
    /// It counts.
    Tracked,
    /// It had been counted already: nothing has changed.
    Duplicate,
    /// There is no such offer: nothing has changed.
    UnknownOffer,
    /// A redemption of which there are none left: nothing has changed, and the same name may come again.
    OutOfStock,
}

/// Tracks events, in order, as if one after the other. Nothing is read or written per event but the names that callers
/// gave; all that count are one event of the log, or as few as [`TOLD_AT_ONCE`] allows.
///
/// `mark` is an id that no other run has: it tells the names that this run was the first to bring.
pub fn track(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    mark: Uuid,
    items: &[&TrackItem],
) -> Result<Vec<Tracking>, DbError> {
    let offers = standings(tx, &distinct(items.iter().map(|item| &item.offer_id)))?;
    let mut outcomes: Vec<Tracking> = items
        .iter()
        .map(
            |item| {
                if offers.contains_key(&item.offer_id) { Tracking::Tracked } else { Tracking::UnknownOffer }
            },
        )
        .collect();
    claim(tx, now, mark, items, &mut outcomes)?;
    redeem(tx, now, stock, items, &mut outcomes)?;
    give_back(tx, mark, items, &outcomes)?;
    settle_repeated(items, &mut outcomes);
    tell(tx, now, items, &outcomes, &offers);
    Ok(outcomes)
}

/// Each once, in order.
fn distinct<'a, T: Ord>(all: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut all: Vec<&T> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Finds the events that were counted before, here or earlier, and remembers the names of the others.
fn claim(
    tx: &mut Tx<'_>,
    now: Timestamp,
    mark: Uuid,
    items: &[&TrackItem],
    outcomes: &mut [Tracking],
) -> Result<(), DbError> {
    let mut first: HashMap<&EventId, usize> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        if item.named
            && outcomes[index] == Tracking::Tracked
            && *first.entry(&item.event_id).or_insert(index) != index
        {
            outcomes[index] = Tracking::Duplicate;
        }
    }
    // In the one order that everybody takes: on PostgreSQL two processes that bring the same names wait for each other.
    let mut names: Vec<(&EventId, usize)> = first.into_iter().collect();
    names.sort_unstable();
    tx.execute_each(
        "INSERT INTO offer_event_seen (event_id, at, mark) VALUES ($1, $2, $3) ON CONFLICT (event_id) DO NOTHING",
        names.iter().map(|(name, _)| params![*name, now, mark]),
    )?;
    let ours = tx.query_each(
        "SELECT 1 FROM offer_event_seen WHERE event_id = $1 AND mark = $2",
        names.iter().map(|(name, _)| params![*name, mark]),
        |index, _| Ok(names[index].1),
    )?;
    let ours: HashSet<usize> = ours.into_iter().collect();
    for (_, index) in names.iter().filter(|(_, index)| !ours.contains(index)) {
        outcomes[*index] = Tracking::Duplicate;
    }
    Ok(())
}

/// Takes a unit for every redemption that still counts.
fn redeem(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    items: &[&TrackItem],
    outcomes: &mut [Tracking],
) -> Result<(), DbError> {
    let counts = |index: &usize| outcomes[*index] == Tracking::Tracked;
    let redemptions: Vec<usize> = (0..items.len())
        .filter(|index| items[*index].event_type == EventType::Redemption)
        .filter(counts)
        .collect();
    if redemptions.is_empty() {
        return Ok(());
    }
    let unit = Quantity::new(1).map_err(|error| DbError::Other(error.to_string()))?;
    let wishes: Vec<(OfferId, Quantity)> =
        redemptions.iter().map(|index| (items[*index].offer_id.clone(), unit)).collect();
    let taken = take(tx, now, stock, &wishes)?;
    for (index, taken) in redemptions.into_iter().zip(taken) {
        match taken {
            Ok(_) => {}
            Err(OfferError::OutOfStock { .. }) => outcomes[index] = Tracking::OutOfStock,
            // Deleted by another process since its category was read.
            Err(OfferError::Unknown(_) | OfferError::IdTaken(_)) => outcomes[index] = Tracking::UnknownOffer,
        }
    }
    Ok(())
}

/// Whether an event was refused, though its name was taken for it.
fn is_refused(item: &TrackItem, outcome: Tracking) -> bool {
    item.named && matches!(outcome, Tracking::OutOfStock | Tracking::UnknownOffer)
}

/// Forgets the names of redemptions that were refused: they may come again when there is stock.
fn give_back(
    tx: &mut Tx<'_>,
    mark: Uuid,
    items: &[&TrackItem],
    outcomes: &[Tracking],
) -> Result<(), DbError> {
    let refused = items.iter().zip(outcomes).filter(|(item, outcome)| is_refused(item, **outcome));
    tx.execute_each(
        "DELETE FROM offer_event_seen WHERE event_id = $1 AND mark = $2",
        refused.map(|(item, _)| params![&item.event_id, mark]),
    )
}

/// What repeats an event of the same run that was refused is refused like it.
fn settle_repeated(items: &[&TrackItem], outcomes: &mut [Tracking]) {
    let refused: HashMap<&EventId, Tracking> = items
        .iter()
        .zip(outcomes.iter())
        .filter(|(item, outcome)| is_refused(item, **outcome))
        .map(|(item, outcome)| (&item.event_id, *outcome))
        .collect();
    if refused.is_empty() {
        return;
    }
    for (item, outcome) in items.iter().zip(outcomes) {
        if let (Tracking::Duplicate, Some(refusal)) = (*outcome, refused.get(&item.event_id)) {
            *outcome = *refusal;
        }
    }
}

/// Writes the log events, if anything counted.
fn tell(
    tx: &mut Tx<'_>,
    now: Timestamp,
    items: &[&TrackItem],
    outcomes: &[Tracking],
    offers: &HashMap<&OfferId, Standing>,
) {
    let counted = items.iter().zip(outcomes).filter(|(_, outcome)| **outcome == Tracking::Tracked);
    let mut events =
        counted.filter_map(|(item, _)| Some(written(item, offers.get(&item.offer_id)?, now))).peekable();
    while events.peek().is_some() {
        let events = events.by_ref().take(TOLD_AT_ONCE).collect();
        tx.emit(ENGAGEMENT, SOURCE, "engagement", &Engagement { events });
    }
}

fn written<'a>(item: &'a TrackItem, offer: &'a Standing, now: Timestamp) -> Tracked<'a> {
    let category: &'a Category = &offer.category;
    Tracked {
        event_id: item.event_id.as_str().into(),
        user_id: item.user_id.as_str().into(),
        offer_id: item.offer_id.as_str().into(),
        category: category.as_str().into(),
        event_type: item.event_type,
        decision_id: item.decision_id,
        signals: Signals(offer.features(now)),
    }
}

/// One event that came alone, under its request's idempotency key.
#[derive(Clone)]
pub struct TrackOne {
    /// The event.
    pub item: TrackItem,
    /// The request's key.
    pub key: Option<Key>,
    /// An id that no other item has.
    pub mark: Uuid,
    /// Who knows what the stores have.
    pub stock: Arc<dyn ProductStock>,
}

/// How tracking under an idempotency key ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told<T> {
    /// What became of it now.
    Now(T),
    /// What the key's row says.
    Before(Claim),
}

impl Slice for TrackOne {
    type Item = Self;
    type Output = Told<Tracking>;
    const NAME: &'static str = "offers.event.track";
    const LANE: Lane = crate::OFFERS;

    /// Names are guarded by their table, inventory by the turn that [`take`] takes.
    fn locks(one: &Self, locks: &mut Locks) {
        if let Some(key) = &one.key {
            key.declare(locks);
        }
    }

    fn run(tx: &mut Tx<'_>, now: Timestamp, items: &[&Self]) -> Result<Vec<Told<Tracking>>, DbError> {
        let claims = claims(tx, now, items)?;
        let fresh: Vec<&Self> = items
            .iter()
            .zip(&claims)
            .filter(|(_, claim)| **claim == Claim::New)
            .map(|(one, _)| *one)
            .collect();
        let events: Vec<&TrackItem> = fresh.iter().map(|one| &one.item).collect();
        let outcomes = match fresh.first() {
            Some(one) => track(tx, now, one.stock.as_ref(), one.mark, &events)?,
            None => Vec::new(),
        };
        settle_keys(tx, &fresh, &outcomes)?;
        let mut outcomes = outcomes.into_iter();
        let output = |claim| match claim {
            Claim::New => outcomes.next().map(Told::Now),
            Claim::Replay(_) | Claim::Running | Claim::Reused => Some(Told::Before(claim)),
        };
        Ok(claims.into_iter().filter_map(output).collect())
    }
}

/// Tracks a batch, under its request's idempotency key.
pub fn track_batch(
    tx: &mut Tx<'_>,
    now: Timestamp,
    stock: &dyn ProductStock,
    mark: Uuid,
    items: &[TrackItem],
    key: Option<&Key>,
) -> Result<Told<Vec<Tracking>>, DbError> {
    let claim = key.map_or(Ok(Claim::New), |key| idempotency::claim(tx, now, key))?;
    if claim != Claim::New {
        return Ok(Told::Before(claim));
    }
    let outcomes = track(tx, now, stock, mark, &items.iter().collect::<Vec<_>>())?;
    if let Some(key) = key {
        idempotency::complete(tx, key, batch_reply(items, &outcomes).answer())?;
    }
    Ok(Told::Now(outcomes))
}

fn claims(tx: &mut Tx<'_>, now: Timestamp, items: &[&TrackOne]) -> Result<Vec<Claim>, DbError> {
    let keys: Vec<&Key> = items.iter().filter_map(|one| one.key.as_ref()).collect();
    let mut claims = idempotency::claim_each(tx, now, &keys)?.into_iter();
    let claim = |one: &&TrackOne| one.key.as_ref().and_then(|_| claims.next()).unwrap_or(Claim::New);
    Ok(items.iter().map(claim).collect())
}

/// Keeps the answers of what was done, and gives back the keys of what was refused.
fn settle_keys(tx: &mut Tx<'_>, items: &[&TrackOne], outcomes: &[Tracking]) -> Result<(), DbError> {
    for (one, outcome) in items.iter().zip(outcomes) {
        let Some(key) = &one.key else { continue };
        let answer: Option<Answer> = match outcome {
            Tracking::Tracked => Some(tracked_answer(&one.item, false)),
            Tracking::Duplicate => Some(tracked_answer(&one.item, true)),
            Tracking::UnknownOffer | Tracking::OutOfStock => None,
        };
        match answer {
            Some(answer) => idempotency::complete(tx, key, &answer)?,
            None => idempotency::release(tx, key)?,
        }
    }
    Ok(())
}

/// Forgets up to `limit` of the oldest names, of seven days ago or more; returns how many.
pub fn prune(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<u64, DbError> {
    tx.execute(
        "DELETE FROM offer_event_seen WHERE event_id IN
           (SELECT event_id FROM offer_event_seen WHERE at < $1 ORDER BY at LIMIT $2)",
        &params![now.plus_seconds(-REMEMBERED_SECONDS), limit],
    )
}
