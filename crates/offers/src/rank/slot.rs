//! One offer as answers see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arc_swap::ArcSwap;
use kernel::{Line, Timestamp};

use super::signals::{self, Fixed};
use crate::learn::OfferFeatures;
use crate::names::OfferId;
use crate::offer::{Amount, DiscountType, Offer};

/// How many offers of an audience are active and in stock.
pub(super) type Counter = Arc<AtomicI64>;

/// What an answer says of an offer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Card {
    pub(super) name: Line,
    pub(super) discount_type: DiscountType,
    pub(super) discount_value: Amount,
    pub(super) priority: u8,
    /// How much of the price is off, 0 to 1, as far as that can be known.
    pub(super) discount: f32,
}

/// An offer, in the category and for the people it has; when those change, another slot takes its place.
///
/// Whether it may be shown is read from here in the moment of each answer. Only the holder of the catalogue writes.
pub(super) struct Slot {
    pub(super) id: OfferId,
    pub(super) category: u32,
    pub(super) category_name: Arc<str>,
    /// Whom it is for, by number; everybody when empty.
    pub(super) segments: Box<[u32]>,
    card: ArcSwap<Card>,
    open: AtomicBool,
    stock: AtomicI64,
    /// Microseconds; `i64::MAX` for never.
    expires_at: AtomicI64,
    /// Whether it is the target of a pivot.
    boosted: AtomicBool,
    counters: Arc<[Counter]>,
}

impl Slot {
    /// A slot that is not shown yet.
    pub(super) fn new(
        offer: &Offer,
        (category, category_name): (u32, Arc<str>),
        segments: Box<[u32]>,
        counters: Arc<[Counter]>,
    ) -> Self {
        Self {
            id: offer.id.clone(),
            category,
            category_name,
            segments,
            card: ArcSwap::from_pointee(Card::of(offer)),
            open: AtomicBool::new(false),
            stock: AtomicI64::new(0),
            expires_at: AtomicI64::new(end_of(offer)),
            boosted: AtomicBool::new(false),
            counters,
        }
    }

    /// Whether it may be shown now.
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.is_counted() && now.micros() < self.expires_at()
    }

    /// Whether it is active and in stock, be its time over or not.
    pub(super) fn is_counted(&self) -> bool {
        self.open.load(Ordering::Acquire) && self.stock() > 0
    }

    /// Whether its time is over and it has been closed.
    pub(super) fn is_closed_for_good(&self, now: Timestamp) -> bool {
        !self.open.load(Ordering::Acquire) && self.expires_at() <= now.micros()
    }

    /// Units left.
    pub(super) fn stock(&self) -> i64 {
        self.stock.load(Ordering::Acquire)
    }

    pub(super) fn expires_at(&self) -> i64 {
        self.expires_at.load(Ordering::Acquire)
    }

    /// The signals that are the same for everybody, as they are now.
    pub(super) fn fixed(&self, now: Timestamp) -> Fixed {
        let card = self.card();
        let end = Some(self.expires_at()).filter(|end| *end != i64::MAX).map(Timestamp::from_micros);
        let features = OfferFeatures {
            priority: f32::from(card.priority),
            urgency: signals::urgency(end, now),
            inventory: signals::inventory(self.stock()),
            discount: card.discount,
        };
        Fixed::new(features, self.boosted.load(Ordering::Acquire))
    }

    /// Sets whether it is the target of a pivot.
    pub(super) fn set_boosted(&self, boosted: bool) {
        self.boosted.store(boosted, Ordering::Release);
    }

    /// What an answer says of it.
    pub(super) fn card(&self) -> arc_swap::Guard<Arc<Card>> {
        self.card.load()
    }

    /// Takes over what an offer says of itself, its inventory apart. One that is over already at that instant counts
    /// as closed; later its end is looked at in each answer.
    pub(super) fn describe(&self, offer: &Offer, at: Timestamp) {
        self.card.store(Arc::new(Card::of(offer)));
        self.expires_at.store(end_of(offer), Ordering::Release);
        self.settle(offer.is_live(at), self.stock());
    }

    /// Sets how many are left.
    pub(super) fn set_stock(&self, units: i64) {
        self.settle(self.open.load(Ordering::Acquire), units);
    }

    /// Never shows it again.
    pub(super) fn retire(&self) {
        self.settle(false, 0);
    }

    fn settle(&self, open: bool, stock: i64) {
        let was = self.is_counted();
        self.open.store(open, Ordering::Release);
        self.stock.store(stock, Ordering::Release);
        let change = i64::from(self.is_counted()) - i64::from(was);
        if change != 0 {
            for counter in &*self.counters {
                counter.fetch_add(change, Ordering::AcqRel);
            }
        }
    }
}

impl Card {
    fn of(offer: &Offer) -> Self {
        Self {
            name: offer.name.clone(),
            discount_type: offer.discount_type,
            discount_value: offer.discount_value,
            priority: offer.priority.get(),
            discount: signals::discount(offer),
        }
    }
}

fn end_of(offer: &Offer) -> i64 {
    offer.expires_at.map_or(i64::MAX, Timestamp::micros)
}
