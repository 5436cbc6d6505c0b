//! The plan: what an answer needs, worked out beforehand.

#![expect(clippy::similar_names, reason = "a shelf can be told from self")]

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::Timestamp;

use super::HANDS;
use super::beliefs::Beliefs;
use super::shelves::{Shelf, Shelves};
use super::signals::{self, Fixed};
use super::tops::{Entry, Order, Tops};
use crate::learn::{Hand, PolicyName, Sampler, Weights};

/// Offers of one category in an answer, at most.
pub(super) const PER_CATEGORY: usize = 2;
/// How many of a category are kept ready in each hand: the two shown, and a reserve for those that run out before the
/// next refresh.
const READY: usize = 8;
/// A shelf with no more offers than this is ranked when somebody asks.
const SMALL: usize = 16;
/// How many are kept ready over all categories, two of each at most: the longest answer, and as much again for what
/// is passed over because the user likes its category.
const READY_OVERALL: usize = 48;

/// Urgency is worked out again once a minute: in that time a score changes by less than a hundredth.
const URGENCY_SECONDS: i64 = 60;

/// Everything that answers are made from. It is never changed; a refresh puts another one in its place.
pub(super) struct Plan {
    /// When it was made.
    pub(super) at: Timestamp,
    /// When urgency was worked out.
    pub(super) urgency_at: Timestamp,
    pub(super) shelves: Arc<Shelves>,
    /// By slot number.
    pub(super) fixed: Vec<Fixed>,
    pub(super) default: Arc<PolicyPlan>,
    /// Those that experiments use besides.
    pub(super) others: Vec<Arc<PolicyPlan>>,
}

/// The hands of one policy and the lists that follow from them.
#[derive(Clone)]
pub(super) struct PolicyPlan {
    pub(super) name: PolicyName,
    pub(super) cards: Cards,
    /// By audience.
    pub(super) lists: Vec<Lists>,
    /// What the hands were last drawn from; nothing before the first were.
    pub(super) sampler: Option<Arc<dyn Sampler>>,
}

/// What the hands of a policy hold.
#[derive(Clone)]
pub(super) struct Cards {
    pub(super) hands: Vec<Arc<Dealt>>,
    /// Per slot and hand: a belief signal, or for [`Hand::Random`] a random number (both 0 to 100), or for
    /// [`Hand::Linear`] the part of the belief that is the same for all users.
    pub(super) beliefs: Beliefs,
}

/// One hand.
pub(super) struct Dealt {
    pub(super) hand: Hand,
    /// The mean of all offers when it was dealt.
    pub(super) mean: f32,
}

/// What is ready for an audience.
#[derive(Clone)]
pub(super) struct Lists {
    /// The best of each category, by the place of the shelf; none for small shelves.
    pub(super) shelves: Vec<Option<Tops>>,
    /// The best of all, two of a category at most.
    pub(super) overall: Tops,
}

/// What lists are made from.
pub(super) struct Scene<'a> {
    pub(super) shelves: &'a Shelves,
    pub(super) fixed: &'a [Fixed],
    /// By slot number: whether it may be shown.
    pub(super) live: &'a [bool],
}

/// Who comes first: the higher score, then the higher priority, then the lower id.
#[derive(Clone, Copy)]
pub(super) struct Ranking<'a> {
    pub(super) shelves: &'a Shelves,
    pub(super) fixed: &'a [Fixed],
}

impl Order for Ranking<'_> {
    fn ahead(&self, a: Entry, b: Entry) -> bool {
        let priority = |entry: Entry| self.fixed[entry.slot as usize].features.priority;
        // Adding zero makes the two zeros one.
        let by_key = (b.key + 0.0).total_cmp(&(a.key + 0.0));
        by_key
            .then_with(|| priority(b).total_cmp(&priority(a)))
            .then_with(|| self.shelves.slot(a.slot).id.cmp(&self.shelves.slot(b.slot).id))
            .is_lt()
    }
}

impl Plan {
    /// When the plan was made that an index begins with.
    pub(super) const NEVER: Timestamp = Timestamp::from_micros(i64::MIN);

    /// A plan without offers.
    pub(super) fn empty(default: PolicyPlan) -> Self {
        Self {
            at: Self::NEVER,
            urgency_at: Self::NEVER,
            shelves: Arc::default(),
            fixed: Vec::new(),
            default: Arc::new(default),
            others: Vec::new(),
        }
    }

    /// Whether time alone has changed something that this plan should know: an offer's time is over, offers have
    /// become more urgent, or the clock went back.
    pub(super) fn is_aged(&self, now: Timestamp) -> bool {
        now < self.at
            || self.is_urgency_due(now)
            || self.shelves.expired(self.at.micros(), now).next().is_some()
    }

    /// Whether urgency has to be worked out again.
    pub(super) fn is_urgency_due(&self, now: Timestamp) -> bool {
        let since = now.micros().saturating_sub(self.urgency_at.micros());
        self.shelves.any_expires() && !(0..URGENCY_SECONDS * 1_000_000).contains(&since)
    }

    pub(super) fn ranking(&self) -> Ranking<'_> {
        Ranking { shelves: &self.shelves, fixed: &self.fixed }
    }

    /// The plan of a policy, or of the default when that policy is not in use.
    pub(super) fn policy(&self, name: Option<PolicyName>) -> &PolicyPlan {
        let named = self.others.iter().find(|policy| Some(policy.name) == name);
        named.unwrap_or(&self.default)
    }

    /// All that are in use, the default first.
    pub(super) fn policies(&self) -> impl Iterator<Item = &Arc<PolicyPlan>> {
        std::iter::once(&self.default).chain(&self.others)
    }
}

impl Cards {
    /// What an offer scores in a hand, apart from the user.
    pub(super) fn key(&self, fixed: &[Fixed], slot: u32, hand: usize) -> f32 {
        let (dealt, fixed) = (&self.hands[hand], &fixed[slot as usize]);
        let belief = self.beliefs.get(slot, hand);
        match dealt.hand {
            Hand::Blend => fixed.sum + signals::BELIEF * belief,
            Hand::Linear(_) if fixed.boost > 0.0 => belief + signals::LINEAR_BOOST * dealt.mean,
            Hand::Random | Hand::Linear(_) => belief,
        }
    }

    pub(super) fn entry(&self, fixed: &[Fixed], slot: u32, hand: usize) -> Entry {
        Entry { slot, key: self.key(fixed, slot, hand) }
    }
}

impl Dealt {
    /// What a user's relevance (0 to 100) for a category and their segment add to a key. Segment and category are
    /// hashes of their names.
    pub(super) fn shift(&self, relevance: f32, segment: u32, category: u32) -> f32 {
        match &self.hand {
            Hand::Blend => signals::RELEVANCE * relevance,
            Hand::Random => 0.0,
            Hand::Linear(weights) => weights.relevance(relevance) + weights.segment(segment, category),
        }
    }

    /// The score, 0 to 100, that a sum of key and shift stands for.
    pub(super) fn score(&self, sum: f32) -> f32 {
        match self.hand {
            Hand::Blend | Hand::Random => sum.clamp(0.0, 100.0),
            Hand::Linear(_) => Weights::score(sum, self.mean),
        }
    }
}

impl Lists {
    fn new(shelves: &[Shelf]) -> Self {
        let ready = |shelf: &Shelf| (shelf.members.len() > SMALL).then(|| Tops::new(READY));
        let shown: usize = shelves.iter().map(|shelf| shelf.members.len().min(PER_CATEGORY)).sum();
        Self { shelves: shelves.iter().map(ready).collect(), overall: Tops::new(shown.min(READY_OVERALL)) }
    }
}

impl PolicyPlan {
    /// Makes all lists anew.
    pub(super) fn relist_all(&mut self, scene: &Scene<'_>) {
        self.lists = scene.shelves.audiences.iter().map(|audience| Lists::new(&audience.shelves)).collect();
        (0..HANDS).for_each(|hand| self.relist(scene, hand));
    }

    /// Makes the lists of one hand anew.
    pub(super) fn relist(&mut self, scene: &Scene<'_>, hand: usize) {
        for (lists, audience) in self.lists.iter_mut().zip(&scene.shelves.audiences) {
            for (tops, shelf) in lists.shelves.iter_mut().zip(&audience.shelves) {
                if let Some(tops) = tops {
                    self.cards.fill(tops, shelf, scene, hand);
                }
            }
            self.cards.fill_overall(lists, &audience.shelves, scene, hand);
        }
    }

    /// Brings all hands' lists up to date with some offers that have changed, in whatever way but by moving.
    pub(super) fn touch(&mut self, scene: &Scene<'_>, slots: &[u32]) {
        let mut touched = BTreeSet::new();
        for number in slots {
            for (audience, place) in scene.shelves.places(scene.shelves.slot(*number)) {
                let shelf = &scene.shelves.audiences[audience].shelves[place];
                if let Some(tops) = &mut self.lists[audience].shelves[place] {
                    self.cards.replace(tops, shelf, scene, *number);
                }
                touched.insert((audience, place));
            }
        }
        for (audience, place) in touched {
            let shelves = &scene.shelves.audiences[audience].shelves;
            self.cards.replace_overall(&mut self.lists[audience], shelves, scene, place);
        }
    }
}

impl Cards {
    fn fill(&self, tops: &mut Tops, shelf: &Shelf, scene: &Scene<'_>, hand: usize) {
        tops.clear(hand);
        for slot in shelf.members.iter().filter(|slot| scene.live[**slot as usize]) {
            tops.put(hand, self.entry(scene.fixed, *slot, hand), &scene.ranking());
        }
    }

    fn fill_overall(&self, lists: &mut Lists, shelves: &[Shelf], scene: &Scene<'_>, hand: usize) {
        let Lists { shelves: tops, overall } = lists;
        overall.clear(hand);
        for (tops, shelf) in tops.iter().zip(shelves) {
            for entry in self.first(tops.as_ref(), shelf, scene, hand).into_iter().flatten() {
                overall.put(hand, entry, &scene.ranking());
            }
        }
    }

    /// The first two of a shelf.
    fn first(
        &self,
        tops: Option<&Tops>,
        shelf: &Shelf,
        scene: &Scene<'_>,
        hand: usize,
    ) -> [Option<Entry>; PER_CATEGORY] {
        if let Some(tops) = tops {
            let mut ready = tops.get(hand).iter().copied();
            return std::array::from_fn(|_| ready.next());
        }
        let live = shelf.members.iter().filter(|slot| scene.live[**slot as usize]);
        best(live.map(|slot| self.entry(scene.fixed, *slot, hand)), &scene.ranking())
    }

    fn replace(&self, tops: &mut Tops, shelf: &Shelf, scene: &Scene<'_>, number: u32) {
        for hand in 0..HANDS {
            tops.remove(hand, |slot| slot == number);
            if scene.live[number as usize] {
                tops.put(hand, self.entry(scene.fixed, number, hand), &scene.ranking());
            }
            if tops.is_thin(hand) {
                self.fill(tops, shelf, scene, hand);
            }
        }
    }

    fn replace_overall(&self, lists: &mut Lists, shelves: &[Shelf], scene: &Scene<'_>, place: usize) {
        let shelf = &shelves[place];
        for hand in 0..HANDS {
            let first = self.first(lists.shelves[place].as_ref(), shelf, scene, hand);
            lists.overall.remove(hand, |slot| scene.shelves.category(slot) == shelf.category);
            for entry in first.into_iter().flatten() {
                lists.overall.put(hand, entry, &scene.ranking());
            }
            if lists.overall.is_thin(hand) {
                self.fill_overall(lists, shelves, scene, hand);
            }
        }
    }
}

impl<'a> Scene<'a> {
    fn ranking(&self) -> Ranking<'a> {
        Ranking { shelves: self.shelves, fixed: self.fixed }
    }
}

/// The first two of some entries.
pub(super) fn best(
    entries: impl Iterator<Item = Entry>,
    order: &impl Order,
) -> [Option<Entry>; PER_CATEGORY] {
    let mut first: [Option<Entry>; PER_CATEGORY] = [None; PER_CATEGORY];
    for entry in entries {
        let [one, two] = first;
        if one.is_none_or(|one| order.ahead(entry, one)) {
            first = [Some(entry), one];
        } else if two.is_none_or(|two| order.ahead(entry, two)) {
            first = [one, Some(entry)];
        }
    }
    first
}
