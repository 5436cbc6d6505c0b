//! Dealing hands: who believes what, and the plan that follows from it.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use kernel::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use super::HANDS;
use super::beliefs::Beliefs;
use super::catalog::{News, Structure};
use super::plan::{Cards, Dealt, Plan, PolicyPlan, Scene};
use super::shelves::Shelves;
use super::signals::Fixed;
use crate::learn::{
    Arm, ArmView, Hand, OfferFeatures, Policy, PolicyName, PolicySettings, Sampler, Shared, policy, signal,
};

/// How much one refresh may do. What is new of an offer's stock, priority or place is always taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// How many hands are dealt anew.
    pub hands: usize,
    /// Of how many offers all hands' beliefs may be drawn again because something was learned of them. The others
    /// wait, the longest first.
    pub offers: usize,
}

impl Work {
    /// No bounds.
    pub const ALL: Self = Self { hands: HANDS, offers: usize::MAX };
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Hands dealt anew, per policy.
    pub hands: usize,
    /// Beliefs drawn.
    pub draws: usize,
    /// Offers whose lessons still wait.
    pub waiting: usize,
}

/// Deals the hands of all policies in use. One works at a time.
pub(super) struct Dealer {
    rng: SmallRng,
    settings: PolicySettings,
    default: Arc<dyn Policy>,
    /// Those that experiments use besides.
    others: Vec<Arc<dyn Policy>>,
    /// What they are to be from the next refresh on.
    wanted: Option<Vec<PolicyName>>,
    arms: Vec<Arc<Arm>>,
    shared: Shared,
    /// Offers of which something was learned that their hands do not know yet, the oldest first.
    waiting: VecDeque<u32>,
    queued: HashSet<u32>,
    next_hand: usize,
    live: Vec<bool>,
}

impl Dealer {
    /// A dealer for a policy.
    pub(super) fn new(name: PolicyName, settings: PolicySettings, seed: Option<u64>) -> Self {
        Self {
            rng: seed.map_or_else(SmallRng::from_os_rng, SmallRng::seed_from_u64),
            settings,
            default: policy(name, &settings),
            others: Vec::new(),
            wanted: None,
            arms: Vec::new(),
            shared: Shared::default(),
            waiting: VecDeque::new(),
            queued: HashSet::new(),
            next_hand: 0,
            live: Vec::new(),
        }
    }

    /// Uses these policies from the next refresh on, besides the default.
    pub(super) fn want(&mut self, others: Vec<PolicyName>) {
        self.wanted = Some(others);
    }

    /// Whether lessons wait for the next refresh.
    pub(super) fn has_work(&self) -> bool {
        self.wanted.is_some() || !self.waiting.is_empty()
    }

    /// The next plan after this one, unless nothing has changed.
    pub(super) fn deal(
        &mut self,
        plan: &Plan,
        news: News,
        now: Timestamp,
        work: Work,
    ) -> (Option<Plan>, Done) {
        let News { structure, fresh, mut touched, learned, shared } = news;
        self.shared = shared;
        let rebuilt = structure.is_some();
        let shelves =
            structure.map_or_else(|| Arc::clone(&plan.shelves), |all| Arc::new(self.restructure(all, now)));
        let lessons = self.lessons(fresh, learned, work.offers);
        touched.extend(shelves.expired(plan.at.micros(), now));
        let afresh = rebuilt || now < plan.at || plan.is_urgency_due(now);
        let job = Job { lessons, touched, afresh, hands: self.turn(work.hands) };
        let mut done = Done { hands: job.hands.len(), draws: 0, waiting: self.waiting.len() };
        if self.wanted.is_none() && job.is_empty() {
            return (None, done);
        }
        let fixed = job.signals(&plan.fixed, &shelves, now);
        self.live = shelves.slots.iter().map(|slot| slot.is_live(now)).collect();
        if let Some(wanted) = self.wanted.take() {
            self.others = wanted.iter().map(|name| policy(*name, &self.settings)).collect();
        }
        let table = Table { shelves: &shelves, fixed: &fixed, now };
        let default =
            self.deal_policy(Some(&plan.default), &Arc::clone(&self.default), &table, &job, &mut done);
        let mut others = Vec::with_capacity(self.others.len());
        for policy in self.others.clone() {
            let known = plan.others.iter().find(|known| known.name == policy.name());
            others.push(self.deal_policy(known.map(AsRef::as_ref), &policy, &table, &job, &mut done));
        }
        let urgency_at = if afresh { now } else { plan.urgency_at };
        (Some(Plan { at: now, urgency_at, shelves, fixed, default, others }), done)
    }

    /// The offers whose beliefs are drawn again in all hands: new ones, and so many of those learned of.
    fn lessons(&mut self, fresh: Vec<u32>, learned: Vec<(u32, Arc<Arm>)>, offers: usize) -> Vec<u32> {
        for (slot, arm) in learned {
            self.arms[slot as usize] = arm;
            if self.queued.insert(slot) {
                self.waiting.push_back(slot);
            }
        }
        let mut lessons = fresh;
        for slot in (0..offers).map_while(|_| self.waiting.pop_front()) {
            self.queued.remove(&slot);
            lessons.push(slot);
        }
        lessons
    }

    /// Takes over all slots.
    fn restructure(&mut self, all: Structure, now: Timestamp) -> Shelves {
        let Structure { slots, used, arms, counters, hashes } = all;
        self.arms = arms;
        Shelves::new(slots, used.into_iter(), hashes, &counters, now)
    }

    /// The hands whose turn it is.
    fn turn(&mut self, hands: usize) -> Vec<usize> {
        let first = self.next_hand;
        let hands = hands.min(HANDS);
        self.next_hand = (first + hands) % HANDS;
        (first..first + hands).map(|hand| hand % HANDS).collect()
    }

    fn prepare(&self, policy: &dyn Policy, table: &Table<'_>) -> Arc<dyn Sampler> {
        let none = OfferFeatures::default();
        let views =
            self.arms.iter().zip(&table.shelves.categories).zip(0..).map(|((arm, category), slot)| ArmView {
                arm,
                category: table.shelves.hashes.get(*category as usize).copied().unwrap_or(0),
                features: table.fixed.get(slot).map_or(&none, |fixed| &fixed.features),
            });
        let views: Vec<ArmView<'_>> = views.collect();
        policy.prepare(&self.shared, &views, table.now).into()
    }

    fn deal_policy(
        &mut self,
        known: Option<&PolicyPlan>,
        policy: &Arc<dyn Policy>,
        table: &Table<'_>,
        job: &Job,
        done: &mut Done,
    ) -> Arc<PolicyPlan> {
        let sampler = self.prepare(policy.as_ref(), table);
        let blank = known.is_none_or(PolicyPlan::is_blank);
        let mut next = known.map_or_else(|| PolicyPlan::blank(policy.name()), PolicyPlan::clone);
        next.cards.beliefs.grow(table.shelves.slots.len());
        let every_hand: Vec<usize> = (0..HANDS).collect();
        let hands = if blank { &every_hand } else { &job.hands };
        for hand in hands {
            next.cards.hands[*hand] =
                Arc::new(Dealt { hand: sampler.begin(&mut self.rng), mean: sampler.mean() });
            (0..)
                .zip(&table.shelves.slots)
                .for_each(|(slot, _)| self.draw(&next.cards, sampler.as_ref(), slot, *hand));
            done.draws += table.shelves.slots.len();
        }
        for slot in job.lessons.iter().filter(|_| !blank) {
            (0..HANDS).for_each(|hand| self.draw(&next.cards, sampler.as_ref(), *slot, hand));
            done.draws += HANDS;
        }
        next.sampler = Some(sampler);
        let scene = Scene { shelves: table.shelves, fixed: table.fixed, live: &self.live };
        if blank || job.afresh {
            next.relist_all(&scene);
        } else {
            next.touch(&scene, &job.changed());
            job.hands.iter().for_each(|hand| next.relist(&scene, *hand));
        }
        Arc::new(next)
    }

    fn draw(&mut self, cards: &Cards, sampler: &dyn Sampler, slot: u32, hand: usize) {
        let dealt = &cards.hands[hand];
        let value = match &dealt.hand {
            Hand::Random => self.rng.random::<f32>() * 100.0,
            Hand::Blend => signal(sampler.belief(&dealt.hand, slot as usize, &mut self.rng), dealt.mean),
            Hand::Linear(_) => sampler.belief(&dealt.hand, slot as usize, &mut self.rng),
        };
        cards.beliefs.set(slot, hand, value);
    }
}

/// What hands are dealt about.
struct Table<'a> {
    shelves: &'a Shelves,
    fixed: &'a [Fixed],
    now: Timestamp,
}

/// What one refresh has to do.
struct Job {
    /// Offers whose beliefs are drawn again in all hands.
    lessons: Vec<u32>,
    /// Offers whose signals have changed.
    touched: Vec<u32>,
    /// Whether all lists have to be made anew.
    afresh: bool,
    /// Hands that are dealt anew.
    hands: Vec<usize>,
}

impl Job {
    /// The signals of all offers that are the same for everybody, brought up to date.
    fn signals(&self, before: &[Fixed], shelves: &Shelves, now: Timestamp) -> Vec<Fixed> {
        if self.afresh {
            return shelves.slots.iter().map(|slot| slot.fixed(now)).collect();
        }
        let mut fixed = before.to_vec();
        for slot in &self.touched {
            fixed[*slot as usize] = shelves.slot(*slot).fixed(now);
        }
        fixed
    }

    fn is_empty(&self) -> bool {
        !self.afresh && self.lessons.is_empty() && self.touched.is_empty() && self.hands.is_empty()
    }

    fn changed(&self) -> Vec<u32> {
        let changed: BTreeSet<u32> = self.lessons.iter().chain(&self.touched).copied().collect();
        changed.into_iter().collect()
    }
}

impl PolicyPlan {
    /// A policy's plan before anything is known.
    pub(super) fn blank(name: PolicyName) -> Self {
        let dealt = Arc::new(Dealt { hand: Hand::Blend, mean: 1.0 });
        let cards = Cards { hands: vec![dealt; HANDS], beliefs: Beliefs::of(name) };
        Self { name, cards, lists: Vec::new(), sampler: None }
    }

    /// Whether nothing has been dealt yet.
    fn is_blank(&self) -> bool {
        self.sampler.is_none()
    }
}
