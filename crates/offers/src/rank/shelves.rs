//! Who may see which offers, by category.
//!
//! An *audience* is everybody, or one segment. An offer without target segments belongs to everybody's audience, any
//! other to those of its segments; so a person's offers are those of at most two audiences, and an offer for
//! everybody is kept once, however many segments there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kernel::Timestamp;

use super::slot::{Counter, Slot};

/// All offers at one moment, by audience and category.
#[derive(Default)]
pub(super) struct Shelves {
    /// By slot number; numbers without an offer hold a slot that is never shown.
    pub(super) slots: Vec<Arc<Slot>>,
    /// By slot number.
    pub(super) categories: Vec<u32>,
    /// By category number: the hash of its name that learning goes by.
    pub(super) hashes: Vec<u32>,
    /// The first is everybody's.
    pub(super) audiences: Vec<Audience>,
    by_segment: HashMap<u32, usize>,
    /// Offers with an end that is still to come or not yet told of, the earliest first.
    expiring: Vec<(i64, u32)>,
}

/// Some people, and the offers for all of them.
pub(super) struct Audience {
    /// By category number, ascending.
    pub(super) shelves: Vec<Shelf>,
    counter: Counter,
}

/// The offers of one category for one audience.
pub(super) struct Shelf {
    pub(super) category: u32,
    pub(super) members: Box<[u32]>,
}

/// At most two audiences: everybody's and that of a segment.
pub(super) type Mine = [Option<usize>; 2];

impl Shelves {
    /// Sorts the slots that are in use into shelves. `counters` are those of everybody (`None`) and of segments.
    pub(super) fn new(
        slots: Vec<Arc<Slot>>,
        used: impl Iterator<Item = u32>,
        hashes: Vec<u32>,
        counters: &HashMap<Option<u32>, Counter>,
        now: Timestamp,
    ) -> Self {
        let mut sorted: BTreeMap<Option<u32>, BTreeMap<u32, Vec<u32>>> = BTreeMap::new();
        sorted.insert(None, BTreeMap::new());
        let mut expiring = Vec::new();
        for number in used {
            let slot = &slots[number as usize];
            let mut shelve = |audience| {
                sorted.entry(audience).or_default().entry(slot.category).or_default().push(number);
            };
            if slot.segments.is_empty() {
                shelve(None);
            }
            slot.segments.iter().for_each(|segment| shelve(Some(*segment)));
            // One that was closed at its end opens again only with another end, and then all this is made anew.
            if slot.expires_at() != i64::MAX && !slot.is_closed_for_good(now) {
                expiring.push((slot.expires_at(), number));
            }
        }
        expiring.sort_unstable();
        let by_segment =
            sorted.keys().enumerate().filter_map(|(place, segment)| segment.map(|segment| (segment, place)));
        let by_segment = by_segment.collect();
        let audience = |(segment, shelves): (Option<u32>, BTreeMap<u32, Vec<u32>>)| Audience {
            shelves: shelves
                .into_iter()
                .map(|(category, members)| Shelf { category, members: members.into() })
                .collect(),
            counter: counters.get(&segment).cloned().unwrap_or_default(),
        };
        let audiences = sorted.into_iter().map(audience).collect();
        let categories = slots.iter().map(|slot| slot.category).collect();
        Self { slots, categories, hashes, audiences, by_segment, expiring }
    }

    pub(super) fn slot(&self, number: u32) -> &Slot {
        &self.slots[number as usize]
    }

    pub(super) fn category(&self, slot: u32) -> u32 {
        self.categories[slot as usize]
    }

    /// The audiences that somebody of a segment belongs to.
    pub(super) fn mine(&self, segment: Option<u32>) -> Mine {
        let everybody = (!self.audiences.is_empty()).then_some(0);
        [everybody, segment.and_then(|segment| self.by_segment.get(&segment)).copied()]
    }

    /// The segments that some offers aim at.
    pub(super) fn segments(&self) -> impl Iterator<Item = u32> {
        self.by_segment.keys().copied()
    }

    /// Where an offer is: the audience, and the place of the shelf in it.
    pub(super) fn places(&self, slot: &Slot) -> impl Iterator<Item = (usize, usize)> {
        let everybody = slot.segments.is_empty().then_some(0);
        let segments = slot.segments.iter().filter_map(|segment| self.by_segment.get(segment).copied());
        let category = slot.category;
        everybody
            .into_iter()
            .chain(segments)
            .filter_map(move |audience| Some((audience, self.audiences.get(audience)?.place(category)?)))
    }

    /// How many offers somebody of these audiences may be shown now.
    pub(super) fn available(&self, mine: Mine, now: Timestamp) -> u64 {
        let counted: i64 = mine
            .iter()
            .flatten()
            .map(|audience| self.audiences[*audience].counter.load(Ordering::Acquire))
            .sum();
        let over = self
            .expired(i64::MIN, now)
            .map(|number| self.slot(number))
            .filter(|slot| slot.is_counted() && !slot.is_live(now) && self.is_for(slot, mine))
            .count();
        u64::try_from(counted).unwrap_or(0).saturating_sub(over as u64)
    }

    fn is_for(&self, slot: &Slot, mine: Mine) -> bool {
        self.places(slot).any(|(audience, _)| mine.contains(&Some(audience)))
    }

    /// The offers whose end is after an instant and not after another.
    pub(super) fn expired(&self, after: i64, until: Timestamp) -> impl Iterator<Item = u32> {
        let from = self.expiring.partition_point(|(end, _)| *end <= after);
        self.expiring[from..]
            .iter()
            .take_while(move |(end, _)| *end <= until.micros())
            .map(|(_, number)| *number)
    }

    /// Whether any offer has an end.
    pub(super) fn any_expires(&self) -> bool {
        !self.expiring.is_empty()
    }
}

impl Audience {
    /// Where a category's shelf is.
    pub(super) fn place(&self, category: u32) -> Option<usize> {
        self.shelves.binary_search_by_key(&category, |shelf| shelf.category).ok()
    }
}
