//! One run of one policy in one world.

use std::collections::VecDeque;
use std::sync::Arc;

use kernel::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::world::{PER_CATEGORY, Truth, User, World};
use super::{HUNDREDTHS, Settings};
use crate::learn::{
    Arm, ArmView, Features, Hand, OfferFeatures, Policy, PolicyName, Sampler, Seen, Shared, UserFeatures,
    Weights, What, policy, signal,
};
use crate::rank::signals;

/// What one run gave, by hundredths of the way: sums over slots.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gains {
    /// True rates of what was shown.
    pub(super) shown: Vec<f64>,
    /// Those of the best fixed slate.
    pub(super) best: Vec<f64>,
    /// Those of slates by chance.
    pub(super) uniform: Vec<f64>,
}

/// A run under way.
pub(super) struct Run<'a> {
    settings: &'a Settings,
    policy: Arc<dyn Policy>,
    world: World,
    /// Chance of the world: who comes, who clicks. The same for every policy.
    fate: SmallRng,
    /// Chance of the policy.
    dice: SmallRng,
    shared: Shared,
    arms: Vec<Arm>,
    looks: OfferFeatures,
    sampler: Box<dyn Sampler>,
    late: VecDeque<Late>,
    scores: Vec<f32>,
    slate: Vec<usize>,
}

/// A reward on its way.
struct Late {
    due: Timestamp,
    shown_at: Timestamp,
    arm: usize,
    features: Features,
}

/// When the world's clock starts: a date that a person would believe.
const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

impl<'a> Run<'a> {
    pub(super) fn new(settings: &'a Settings, name: PolicyName, seed: u64) -> Self {
        let policy = policy(name, &settings.policy);
        let world = settings.world.clone();
        let (shared, arms) = (Shared::default(), vec![Arm::default(); world.arms()]);
        let looks = OfferFeatures { priority: 50.0, ..OfferFeatures::default() };
        let sampler = policy.prepare(&shared, &views(&arms, &world, &looks), START);
        Self {
            settings,
            policy,
            fate: SmallRng::seed_from_u64(seed),
            dice: SmallRng::seed_from_u64(!seed),
            scores: vec![0.0; world.arms()],
            slate: Vec::with_capacity(settings.slots),
            late: VecDeque::new(),
            looks,
            world,
            shared,
            arms,
            sampler,
        }
    }

    /// Runs to the end, telling the slot impressions of every hundredth of the way.
    pub(super) fn gains(mut self, told: impl Fn(u64)) -> Gains {
        let slots = u64::try_from(self.settings.slots).unwrap_or(u64::MAX);
        let mut gains = Gains { shown: Vec::new(), best: Vec::new(), uniform: Vec::new() };
        let decisions = self.settings.decisions();
        let drift = self.settings.drift_at.map(|at| at.div_ceil(slots));
        let mut truth = self.truth();
        let mut next = 0;
        for hundredth in 1..=HUNDREDTHS {
            let (mut shown, mut best, mut uniform) = (0.0, 0.0, 0.0);
            let until = decisions * hundredth / HUNDREDTHS;
            for decision in next..until {
                if drift == Some(decision) {
                    self.world.permute(&mut self.fate);
                    truth = self.truth();
                }
                shown += self.decide(decision);
                best += truth.0;
                uniform += truth.1;
            }
            for (all, part) in
                [(&mut gains.shown, shown), (&mut gains.best, best), (&mut gains.uniform, uniform)]
            {
                all.push(part);
            }
            told((until - next) * slots);
            next = until;
        }
        gains
    }

    /// What the best slate and one by chance give a decision, all slots together.
    fn truth(&self) -> (f64, f64) {
        let slots = super::float(self.slots());
        (slots * self.world.best_rate(self.settings.slots), slots * self.world.uniform_rate())
    }

    fn slots(&self) -> u64 {
        u64::try_from(self.settings.slots.min(self.world.arms())).unwrap_or(u64::MAX)
    }

    /// Shows one slate and learns from it; the sum of the true rates shown.
    fn decide(&mut self, decision: u64) -> f64 {
        let now = self.time_of(decision);
        self.deliver(now);
        if decision.is_multiple_of(self.settings.refresh.max(1)) {
            let views = views(&self.arms, &self.world, &self.looks);
            self.sampler = self.policy.prepare(&self.shared, &views, now);
        }
        let user = self.fate.random_range(0..self.world.users.len());
        self.score(user);
        self.choose();
        let slate = std::mem::take(&mut self.slate);
        let shown = slate.iter().map(|&arm| self.show(arm, user, now)).sum();
        self.slate = slate;
        shown
    }

    #[expect(clippy::cast_possible_truncation, reason = "saturates, and clocks do not run that long")]
    fn time_of(&self, decision: u64) -> Timestamp {
        let micros = super::float(decision) / self.settings.rate.max(1e-6) * 1e6;
        Timestamp::from_micros(START.micros().saturating_add(micros as i64))
    }

    /// Scores every arm for a user under a fresh hand, as production does.
    fn score(&mut self, user: usize) {
        let user = &self.world.users[user];
        let hand = self.sampler.begin(&mut self.dice);
        let mean = self.sampler.mean();
        for (place, (score, truth)) in self.scores.iter_mut().zip(&self.world.arms).enumerate() {
            let relevance = user.relevance(truth.category);
            *score = match &hand {
                Hand::Random => self.dice.random(),
                Hand::Blend => {
                    let belief = self.sampler.belief(&hand, place, &mut self.dice);
                    signals::BELIEF * signal(belief, mean) + signals::RELEVANCE * relevance
                }
                Hand::Linear(weights) => {
                    let belief = self.sampler.belief(&hand, place, &mut self.dice)
                        + weights.segment(user.segment, truth.category)
                        + weights.relevance(relevance);
                    Weights::score(belief, mean)
                }
            };
        }
    }

    /// Takes the highest scores, at most two of a category; between equal ones, chance decides.
    fn choose(&mut self) {
        self.slate.clear();
        let start = self.dice.random_range(0..self.scores.len().max(1));
        for _ in 0..self.settings.slots {
            let mut best: Option<usize> = None;
            for place in (start..self.scores.len()).chain(0..start) {
                let higher = best.is_none_or(|other| self.scores[place] > self.scores[other]);
                if higher && self.fits(place) {
                    best = Some(place);
                }
            }
            self.slate.extend(best);
        }
    }

    fn fits(&self, place: usize) -> bool {
        let category = self.world.arms[place].category;
        let alike = self.slate.iter().filter(|&&taken| self.world.arms[taken].category == category).count();
        alike < PER_CATEGORY && !self.slate.contains(&place)
    }

    /// Shows an arm and sends its reward on its way; its true rate.
    fn show(&mut self, arm: usize, user: usize, now: Timestamp) -> f64 {
        let (truth, user) = (self.world.arms[arm], &self.world.users[user]);
        let rate = user.rate(truth);
        let features = features(&self.looks, truth, user);
        let seen = Seen {
            at: now,
            shown_at: Some(now),
            what: What::Trial,
            category: truth.category,
            features: Some(features),
        };
        self.shared.observe(&mut self.arms[arm], &seen);
        if self.fate.random::<f64>() < rate {
            #[expect(clippy::cast_possible_truncation, reason = "a delay of seconds")]
            let due = Timestamp::from_micros(now.micros() + (self.settings.delay_seconds * 1e6) as i64);
            self.late.push_back(Late { due, shown_at: now, arm, features });
            self.deliver(now);
        }
        rate
    }

    /// Learns of the rewards that are due.
    fn deliver(&mut self, now: Timestamp) {
        while let Some(reward) = self.late.pop_front_if(|reward| reward.due <= now) {
            let seen = Seen {
                at: now,
                shown_at: Some(reward.shown_at),
                what: What::Reward(1.0),
                category: self.world.arms[reward.arm].category,
                features: Some(reward.features),
            };
            self.shared.observe(&mut self.arms[reward.arm], &seen);
        }
    }
}

fn features(looks: &OfferFeatures, truth: Truth, user: &User) -> Features {
    let eyes = UserFeatures { segment: user.segment, relevance: user.relevance(truth.category) };
    Features::new(looks, truth.category, &eyes)
}

fn views<'a>(arms: &'a [Arm], world: &World, looks: &'a OfferFeatures) -> Vec<ArmView<'a>> {
    let view = |(arm, truth): (&'a Arm, &Truth)| ArmView { arm, category: truth.category, features: looks };
    arms.iter().zip(&world.arms).map(view).collect()
}
