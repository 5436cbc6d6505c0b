//! The offers, and what has changed of them since the hands were dealt. Written by the subscriber alone.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kernel::{ProductId, Timestamp};

use super::names::Names;
use super::products::Products;
use super::slot::{Counter, Slot};
use crate::engagement::fold::OfferState;
use crate::engagement::{Counts, Numbers, Rewards, Touched, Tracked};
use crate::learn::{Arm, Shared};
use crate::names::OfferId;
use crate::offer::Offer;
use crate::trending::Windows;
use crate::user::Profile;

/// All offers that are not deleted, each with a number.
#[derive(Default)]
pub(super) struct Catalog {
    numbers: HashMap<ById, u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    counters: HashMap<Option<u32>, Counter>,
    /// The counter that offers for everybody share.
    everybody: Option<Arc<[Counter]>>,
    /// Where the traffic of offers that ran out goes.
    pivots: HashMap<OfferId, OfferId>,
    pub(super) products: Products,
    pub(super) shared: Shared,
    changes: Changes,
}

/// An offer's slot, found by the offer's id without keeping that twice.
struct ById(Arc<Slot>);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        self.0.id.as_str()
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As the text that it is looked up by.
        self.0.id.as_str().hash(state);
    }
}

struct Entry {
    slot: Arc<Slot>,
    arm: Arc<Arm>,
    counts: Counts,
    windows: Windows,
    /// Units that the merchant has given it.
    own: i64,
    product: Option<ProductId>,
    /// Whether the number is in use.
    used: bool,
}

/// What has changed since somebody asked.
#[derive(Default)]
struct Changes {
    /// Offers came, went or moved to another shelf.
    structure: bool,
    /// New ones.
    fresh: Vec<u32>,
    /// Offers whose signals have changed.
    touched: HashSet<u32>,
    /// Offers of which something was learned.
    learned: HashSet<u32>,
}

/// What whoever deals the hands has to know.
pub(super) struct News {
    /// All slots and those in use, when offers came, went or moved.
    pub(super) structure: Option<Structure>,
    /// New offers: nobody believes anything of them yet.
    pub(super) fresh: Vec<u32>,
    pub(super) touched: Vec<u32>,
    pub(super) learned: Vec<(u32, Arc<Arm>)>,
    pub(super) shared: Shared,
}

/// All slots, by number.
pub(super) struct Structure {
    pub(super) slots: Vec<Arc<Slot>>,
    pub(super) used: Vec<u32>,
    pub(super) arms: Vec<Arc<Arm>>,
    /// By category number: the hash of its name that learning goes by.
    pub(super) hashes: Vec<u32>,
    pub(super) counters: HashMap<Option<u32>, Counter>,
}

/// One offer as [`Catalog::find`] shows it.
pub(super) struct Found<'a> {
    pub(super) number: u32,
    pub(super) slot: &'a Arc<Slot>,
    pub(super) counts: Counts,
    pub(super) windows: &'a Windows,
    pub(super) own: i64,
}

impl Catalog {
    /// Takes in an offer as it is at an instant, new or changed.
    pub(super) fn put(&mut self, offer: &Offer, at: Timestamp, categories: &Names, segments: &Names) {
        let known = self.numbers.get(offer.id.as_str()).copied();
        let category = categories.number(offer.category.as_str());
        let mut targets: Box<[u32]> =
            offer.target_segments.iter().map(|segment| segments.number(segment.as_str())).collect();
        targets.sort_unstable();
        let stays = |slot: &Slot| slot.category == category && slot.segments == targets;
        let number = match known {
            Some(number) if stays(&self.entries[number as usize].slot) => {
                let slot = &self.entries[number as usize].slot;
                let end = slot.expires_at();
                slot.describe(offer, at);
                // What is over is no longer looked for among those whose end comes.
                self.changes.structure |= end != slot.expires_at() || slot.expires_at() <= at.micros();
                number
            }
            Some(number) => {
                let slot = self.open_slot(offer, at, (category, categories), targets);
                self.numbers.remove(offer.id.as_str());
                self.numbers.insert(ById(Arc::clone(&slot)), number);
                std::mem::replace(&mut self.entries[number as usize].slot, slot).retire();
                number
            }
            None => {
                let slot = self.open_slot(offer, at, (category, categories), targets);
                self.admit(slot)
            }
        };
        self.tie(number, offer.product);
        self.entries[number as usize].own = offer.inventory_own.get();
        self.restock(number);
        self.boost(&offer.id);
    }

    fn open_slot(
        &mut self,
        offer: &Offer,
        at: Timestamp,
        (category, names): (u32, &Names),
        segments: Box<[u32]>,
    ) -> Arc<Slot> {
        self.changes.structure = true;
        let mut counter = |audience| Arc::clone(self.counters.entry(audience).or_default());
        let counters = if segments.is_empty() {
            Arc::clone(self.everybody.get_or_insert_with(|| Arc::from([counter(None)])))
        } else {
            segments.iter().map(|segment| counter(Some(*segment))).collect()
        };
        let slot = Slot::new(offer, (category, names.name(category)), segments, counters);
        slot.describe(offer, at);
        Arc::new(slot)
    }

    fn admit(&mut self, slot: Arc<Slot>) -> u32 {
        let entry = Entry {
            slot: Arc::clone(&slot),
            arm: Arc::default(),
            counts: Counts::default(),
            windows: Windows::default(),
            own: 0,
            product: None,
            used: true,
        };
        let number = if let Some(number) = self.free.pop() {
            self.entries[number as usize] = entry;
            number
        } else {
            if self.entries.len() == self.entries.capacity() {
                // An eighth more at a time: twice as many would leave room for what never comes.
                self.entries.reserve_exact(64 + self.entries.len() / 8);
            }
            self.entries.push(entry);
            // Four billion offers do not fit into memory anyway.
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        };
        self.numbers.insert(ById(slot), number);
        self.changes.fresh.push(number);
        number
    }

    fn tie(&mut self, number: u32, product: Option<ProductId>) {
        let before = std::mem::replace(&mut self.entries[number as usize].product, product);
        if before == product {
            return;
        }
        if let Some(before) = before {
            self.products.untie(before, number);
        }
        if let Some(product) = product {
            self.products.tie(product, number);
        }
    }

    /// Forgets an offer.
    pub(super) fn remove(&mut self, id: &str) {
        let Some(number) = self.numbers.remove(id) else { return };
        self.tie(number, None);
        let entry = &mut self.entries[number as usize];
        entry.slot.retire();
        entry.used = false;
        entry.arm = Arc::default();
        self.free.push(number);
        self.changes.structure = true;
    }

    /// Takes over what the merchant's count is now.
    pub(super) fn set_own(&mut self, id: &str, units: i64) {
        if let Some(number) = self.numbers.get(id).copied() {
            self.entries[number as usize].own = units;
            self.restock(number);
        }
    }

    /// Works out again how many are left of some offers.
    pub(super) fn restock_all(&mut self, numbers: &[u32]) {
        for number in numbers {
            self.restock(*number);
        }
    }

    fn restock(&mut self, number: u32) {
        let entry = &self.entries[number as usize];
        let units =
            entry.product.map_or(entry.own, |product| entry.own.min(self.products.available(product)));
        entry.slot.set_stock(units);
        self.changes.touched.insert(number);
    }

    /// The traffic of one offer goes to another from now on, or (`None`) nowhere in particular.
    pub(super) fn pivot(&mut self, from: &OfferId, to: Option<&OfferId>) {
        let before = match to {
            Some(to) => self.pivots.insert(from.clone(), to.clone()),
            None => self.pivots.remove(from),
        };
        before.iter().chain(to).for_each(|target| self.boost(target));
    }

    fn boost(&mut self, id: &OfferId) {
        if let Some(number) = self.numbers.get(id.as_str()).copied() {
            let boosted = self.pivots.values().any(|target| target == id);
            self.entries[number as usize].slot.set_boosted(boosted);
            self.changes.touched.insert(number);
        }
    }

    /// Sets what is known of an offer.
    pub(super) fn recall(&mut self, id: &str, state: OfferState) {
        if let Some(number) = self.numbers.get(id).copied() {
            let entry = &mut self.entries[number as usize];
            (entry.arm, entry.counts, entry.windows) = (Arc::new(state.arm), state.counts, state.windows);
            self.changes.learned.insert(number);
        }
    }

    /// Takes in something that somebody did with an offer. The same is done for offers that are gone: the person and
    /// the learner know of it all the same.
    pub(super) fn engage(
        &mut self,
        person: &mut Profile,
        event: &Tracked<'_>,
        at: Timestamp,
        numbers: Numbers,
        rewards: &Rewards,
    ) {
        let number = self.numbers.get(event.offer_id.as_ref()).copied();
        let mut gone = (Counts::default(), Windows::default(), Arc::default());
        let (counts, windows, arm) = match number {
            Some(number) => {
                let entry = &mut self.entries[number as usize];
                (&mut entry.counts, &mut entry.windows, &mut entry.arm)
            }
            None => (&mut gone.0, &mut gone.1, &mut gone.2),
        };
        // Whoever deals the hands holds the arm as it was: the first change since then makes a copy.
        let arm = Arc::make_mut(arm);
        Touched { person, counts, windows, arm, shared: &mut self.shared }.apply(event, at, numbers, rewards);
        if rewards.lesson(event.event_type).is_some() {
            self.changes.learned.extend(number);
        }
    }

    /// An offer by its id.
    pub(super) fn find(&self, id: &str) -> Option<Found<'_>> {
        self.numbers.get(id).map(|number| self.found(*number))
    }

    /// The offers whose numbers begin at one, of so many numbers; `None` after the last.
    pub(super) fn part(&self, from: usize, numbers: usize) -> Option<impl Iterator<Item = Found<'_>>> {
        let entries = self.entries.get(from..).filter(|rest| !rest.is_empty())?;
        let part = (from..).zip(entries).take(numbers).filter(|(_, entry)| entry.used);
        Some(part.filter_map(|(number, _)| Some(self.found(u32::try_from(number).ok()?))))
    }

    fn found(&self, number: u32) -> Found<'_> {
        let Entry { slot, counts, windows, own, .. } = &self.entries[number as usize];
        Found { number, slot, counts: *counts, windows, own: *own }
    }

    /// How many offers there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether anything has changed that the hands do not know yet.
    pub(super) fn has_news(&self) -> bool {
        self.changes.structure || !self.changes.touched.is_empty() || !self.changes.learned.is_empty()
    }

    /// Tells what has changed since the last time, in the order of the slots.
    pub(super) fn news(&mut self, categories: &Names) -> News {
        let Changes { structure, fresh, touched, learned } = std::mem::take(&mut self.changes);
        let learned = sorted(learned).into_iter();
        News {
            structure: structure.then(|| self.structure(categories)),
            fresh,
            touched: sorted(touched),
            learned: learned.map(|number| (number, Arc::clone(&self.entries[number as usize].arm))).collect(),
            shared: self.shared.clone(),
        }
    }

    fn structure(&self, categories: &Names) -> Structure {
        let used = (0_u32..).zip(&self.entries).filter(|(_, entry)| entry.used);
        Structure {
            slots: self.entries.iter().map(|entry| Arc::clone(&entry.slot)).collect(),
            used: used.map(|(number, _)| number).collect(),
            arms: self.entries.iter().map(|entry| Arc::clone(&entry.arm)).collect(),
            hashes: categories.hashes(),
            counters: self.counters.clone(),
        }
    }
}

fn sorted(numbers: HashSet<u32>) -> Vec<u32> {
    let mut numbers: Vec<u32> = numbers.into_iter().collect();
    numbers.sort_unstable();
    numbers
}
