//! One user's answer under every hand, and the chance that each offer had.
//!
//! A user's relevance is the same for all offers of a category, so it moves whole categories up (or under
//! `linear-thompson` also down) and leaves the order within them alone. A slate is therefore a merge: the two best of
//! each category that this user likes, moved, with the list of the best of everything else.

use kernel::Timestamp;

use super::HANDS;
use super::plan::{PER_CATEGORY, Plan, PolicyPlan, best};
use super::shelves::Mine;
use super::tops::{Entry, Order as _};
use crate::learn::Hand;

/// What is known of who asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Taste {
    pub(super) mine: Mine,
    /// The hash of the segment's name.
    pub(super) segment: u32,
    /// Categories by number, and how relevant they are, above 0 to 100.
    pub(super) liked: Vec<(u32, f32)>,
}

/// What it takes to make slates.
pub(super) struct Table<'a> {
    pub(super) plan: &'a Plan,
    pub(super) policy: &'a PolicyPlan,
    pub(super) taste: &'a Taste,
    pub(super) now: Timestamp,
    /// How many offers are wanted.
    pub(super) limit: usize,
}

/// An offer in an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pick {
    pub(super) slot: u32,
    pub(super) category: u32,
    /// Key and shift together.
    pub(super) sum: f32,
    /// What the user added to it.
    pub(super) shift: f32,
}

/// The slates of all hands.
pub(super) struct Slates {
    limit: usize,
    lengths: [usize; HANDS],
    picks: Vec<Pick>,
}

/// The chance that an offer had to be in its slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chance {
    /// In how many of the hands it is there.
    pub(super) hands: usize,
    /// Whether another offer is there in more of them.
    pub(super) explores: bool,
}

/// Where one hand's slate is made; used again for the next.
#[derive(Default)]
struct Bench {
    slate: Vec<Pick>,
    /// Ranked apart from the overall lists, best first.
    apart: Vec<Pick>,
    /// How many of those have been passed.
    passed: usize,
    /// Categories that are ranked apart because an offer of theirs has run out.
    categories: Vec<u32>,
}

/// The overall lists end before the slate is full.
struct TooShort;

impl Slates {
    /// A hand's slate.
    pub(super) fn get(&self, hand: usize) -> &[Pick] {
        let start = hand * self.limit;
        &self.picks[start..start + self.lengths[hand]]
    }

    /// The chance that the offer in some place of a hand's slate had to be there.
    pub(super) fn chance(&self, hand: usize, place: usize) -> Chance {
        let shown = self.get(hand).get(place).map(|pick| pick.slot);
        let mut there = [None; HANDS];
        for (other, slot) in there.iter_mut().enumerate() {
            *slot = self.get(other).get(place).map(|pick| pick.slot);
        }
        let hands = there.iter().filter(|slot| **slot == shown).count();
        // Only when less than half of the hands agree can others agree more.
        let explores = hands * 2 < HANDS && {
            there.sort_unstable();
            there.chunk_by(|a, b| a == b).any(|same| same.len() > hands)
        };
        Chance { hands, explores }
    }
}

impl Table<'_> {
    /// The slates of all hands.
    pub(super) fn deal(&self) -> Slates {
        let mut slates =
            Slates { limit: self.limit, lengths: [0; HANDS], picks: Vec::with_capacity(self.limit * HANDS) };
        let mut bench = Bench::default();
        for hand in 0..HANDS {
            self.slate(hand, &mut bench);
            slates.lengths[hand] = bench.slate.len();
            slates.picks.extend_from_slice(&bench.slate);
            slates.picks.resize((hand + 1) * self.limit, Pick { slot: 0, category: 0, sum: 0.0, shift: 0.0 });
        }
        slates
    }

    fn slate(&self, hand: usize, bench: &mut Bench) {
        bench.clear();
        let every_category_moves = matches!(self.policy.cards.hands[hand].hand, Hand::Linear(_));
        if every_category_moves {
            return self.rank_all(hand, bench);
        }
        for (category, _) in &self.taste.liked {
            self.rank_apart(hand, *category, bench);
        }
        if self.merge(hand, bench).is_err() {
            bench.clear();
            self.rank_all(hand, bench);
        }
    }

    /// Ranks every category: exact whatever has changed since the lists were made.
    fn rank_all(&self, hand: usize, bench: &mut Bench) {
        let shelves = |audience: usize| self.plan.shelves.audiences[audience].shelves.iter();
        let [everybody, segment] = self.taste.mine;
        for shelf in everybody.into_iter().flat_map(shelves) {
            self.rank_apart(hand, shelf.category, bench);
        }
        for shelf in segment.into_iter().flat_map(shelves) {
            let known = everybody.is_some_and(|everybody| {
                self.plan.shelves.audiences[everybody].place(shelf.category).is_some()
            });
            if !known {
                self.rank_apart(hand, shelf.category, bench);
            }
        }
        bench.slate.clone_from(&bench.apart);
    }

    /// Puts the best of a category that are not on the slate yet among those ranked apart.
    fn rank_apart(&self, hand: usize, category: u32, bench: &mut Bench) {
        let shift = self.shift(hand, category);
        let room = PER_CATEGORY - bench.count(category).min(PER_CATEGORY);
        let fresh = self.first(hand, category).into_iter().flatten().filter(|entry| !bench.shows(entry.slot));
        let fresh: [Option<Entry>; PER_CATEGORY] = collect(fresh.take(room));
        for entry in fresh.into_iter().flatten() {
            let pick = Pick { slot: entry.slot, category, sum: entry.key + shift, shift };
            let waiting = &bench.apart[bench.passed..];
            let place = bench.passed + waiting.partition_point(|other| self.ahead(*other, pick));
            if place < bench.passed + self.limit {
                bench.apart.insert(place, pick);
                bench.apart.truncate(bench.passed + self.limit);
            }
        }
    }

    fn shift(&self, hand: usize, category: u32) -> f32 {
        let liked = self.taste.liked.iter().find(|(other, _)| *other == category);
        let hash = self.plan.shelves.hashes.get(category as usize).copied().unwrap_or(0);
        let relevance = liked.map_or(0.0, |(_, relevance)| *relevance);
        self.policy.cards.hands[hand].shift(relevance, self.taste.segment, hash)
    }

    /// The first two of a category that may be shown now.
    fn first(&self, hand: usize, category: u32) -> [Option<Entry>; PER_CATEGORY] {
        let places = self.taste.mine.iter().flatten().filter_map(|audience| {
            self.plan.shelves.audiences[*audience].place(category).map(|place| (*audience, place))
        });
        let entries = places.flat_map(|(audience, place)| self.first_of_shelf(hand, audience, place));
        best(entries.flatten(), &self.plan.ranking())
    }

    fn first_of_shelf(&self, hand: usize, audience: usize, place: usize) -> [Option<Entry>; PER_CATEGORY] {
        let cards = &self.policy.cards;
        if let Some(tops) = &self.policy.lists[audience].shelves[place] {
            let ready = tops.get(hand).iter().filter(|entry| self.is_live(entry.slot)).copied();
            let ready: [Option<Entry>; PER_CATEGORY] = collect(ready);
            if tops.is_complete(hand) || ready.iter().all(Option::is_some) {
                return ready;
            }
        }
        // The shelf is small, or its reserve has run out.
        let members = self.plan.shelves.audiences[audience].shelves[place].members.iter();
        let live = members.filter(|slot| self.is_live(**slot));
        best(live.map(|slot| cards.entry(&self.plan.fixed, *slot, hand)), &self.plan.ranking())
    }

    /// Fills the slate from those ranked apart and from the overall lists.
    fn merge(&self, hand: usize, bench: &mut Bench) -> Result<(), TooShort> {
        let mut passed = [0; 2];
        while bench.slate.len() < self.limit {
            let categories_apart = bench.categories.len();
            let mut listed = None;
            for (audience, passed) in self.taste.mine.iter().zip(&mut passed) {
                let Some(audience) = audience else { continue };
                let found = self.next_overall(hand, *audience, passed, bench)?;
                listed = self.better(listed, found);
            }
            if bench.categories.len() > categories_apart {
                // What was found in one list may be of a category that the other list has set apart.
                continue;
            }
            let apart = bench.apart.get(bench.passed).copied();
            let Some(pick) = self.better(apart, listed) else { break };
            bench.passed += usize::from(apart == Some(pick));
            bench.slate.push(pick);
        }
        Ok(())
    }

    /// The next of an overall list that is live and not ranked apart.
    fn next_overall(
        &self,
        hand: usize,
        audience: usize,
        passed: &mut usize,
        bench: &mut Bench,
    ) -> Result<Option<Pick>, TooShort> {
        let overall = &self.policy.lists[audience].overall;
        while let Some(entry) = overall.get(hand).get(*passed) {
            let category = self.plan.shelves.category(entry.slot);
            if !self.is_apart(category, bench)
                && bench.count(category) < PER_CATEGORY
                && !bench.shows(entry.slot)
            {
                if self.is_live(entry.slot) {
                    return Ok(Some(Pick { slot: entry.slot, category, sum: entry.key, shift: 0.0 }));
                }
                // It ran out since the list was made: others of its category may take its place.
                bench.categories.push(category);
                self.rank_apart(hand, category, bench);
            }
            *passed += 1;
        }
        if overall.is_complete(hand) { Ok(None) } else { Err(TooShort) }
    }

    fn is_apart(&self, category: u32, bench: &Bench) -> bool {
        bench.categories.contains(&category) || self.taste.liked.iter().any(|(liked, _)| *liked == category)
    }

    fn better(&self, a: Option<Pick>, b: Option<Pick>) -> Option<Pick> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if self.ahead(b, a) { b } else { a }),
            (a, b) => a.or(b),
        }
    }

    fn ahead(&self, a: Pick, b: Pick) -> bool {
        let entry = |pick: Pick| Entry { slot: pick.slot, key: pick.sum };
        self.plan.ranking().ahead(entry(a), entry(b))
    }

    fn is_live(&self, slot: u32) -> bool {
        self.plan.shelves.slot(slot).is_live(self.now)
    }
}

impl Bench {
    fn clear(&mut self) {
        self.slate.clear();
        self.apart.clear();
        self.categories.clear();
        self.passed = 0;
    }

    fn count(&self, category: u32) -> usize {
        self.slate.iter().filter(|pick| pick.category == category).count()
    }

    fn shows(&self, slot: u32) -> bool {
        self.slate.iter().any(|pick| pick.slot == slot)
    }
}

fn collect(entries: impl Iterator<Item = Entry>) -> [Option<Entry>; PER_CATEGORY] {
    let mut entries = entries;
    std::array::from_fn(|_| entries.next())
}
