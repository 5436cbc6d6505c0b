//! With which chance a policy shows each offer in each slot.

use std::collections::HashMap;

use kernel::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::interval::count;
use super::model::RewardModel;
use super::rows::{Item, Row};
use super::target::Target;
use crate::learn::{
    Arm, ArmView, Hand, OfferFeatures, PolicyName, PolicySettings, Sampler, Seen, Shared, What, name_hash,
    policy,
};

/// Hands that are dealt to find a policy's chances. What is evaluated is exactly "one of these hands, drawn evenly",
/// which is how policies decide here; more hands are only a better likeness of their limit.
const HANDS: usize = 1_000;
/// An answer never has more offers of one category.
const MOST_OF_A_CATEGORY: usize = 2;

/// The chances of a policy that looks at offers only.
#[derive(Debug, Clone)]
pub(super) enum Chances {
    /// Those of the log itself.
    Logged,
    /// By slot and offer.
    Table {
        /// Offers per slot.
        items: usize,
        /// Slot after slot.
        chances: Vec<f64>,
    },
}

/// What there is to choose from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidates<'a> {
    pub(super) items: &'a [Item],
    pub(super) slots: usize,
}

impl Chances {
    /// How much more often the policy would have shown this row's offer in its slot than it was shown.
    pub(super) fn weight(&self, row: &Row) -> f64 {
        match self {
            Self::Logged => 1.0,
            Self::Table { items, chances } => {
                let chance = chances.get(row.slot as usize * items + row.item as usize).copied();
                chance.unwrap_or(0.0) / row.propensity
            }
        }
    }

    /// The reward that a model expects of the policy in a row's slot. The log's own chances are known of what was
    /// shown only, so there it is the expected reward of just that.
    pub(super) fn expected(&self, model: &RewardModel, row: &Row) -> f64 {
        match self {
            Self::Logged => model.rate(row),
            Self::Table { items, chances } => {
                let slot = row.slot as usize;
                let of_slot = chances.get(slot * items..(slot + 1) * items).unwrap_or_default();
                of_slot.iter().zip(model.slot(slot)).map(|(chance, rate)| chance * rate).sum()
            }
        }
    }

    /// The chances of a policy, learned from `training` when it learns.
    pub(super) fn of(target: Target, candidates: Candidates<'_>, training: &[&Row], seed: u64) -> Self {
        let items = candidates.items.len();
        let chances = match target {
            Target::Logged => return Self::Logged,
            Target::Uniform => vec![1.0 / count(items); items * candidates.slots],
            Target::Greedy => greedy(candidates, training),
            Target::Learned(name) => learned(name, candidates, training, seed),
        };
        Self::Table { items, chances }
    }
}

/// The offers with the best shrunken rates, in their order.
fn greedy(candidates: Candidates<'_>, training: &[&Row]) -> Vec<f64> {
    let items = candidates.items.len();
    let model = RewardModel::learn(training.iter().copied(), items, candidates.slots);
    let mut dealt = Dealt::new(candidates);
    let scores: Vec<_> = (0..items).map(|item| (model.item(item), 0)).collect();
    dealt.add(&scores);
    dealt.shares(1)
}

/// The shares of [`HANDS`] hands of a policy that has seen the training rows in the order of their time.
fn learned(name: PolicyName, candidates: Candidates<'_>, training: &[&Row], seed: u64) -> Vec<f64> {
    let (shared, arms) = learn(candidates.items, training);
    let features = OfferFeatures::default();
    let categories = candidates.items.iter().map(|item| name_hash(&item.category));
    let views: Vec<_> = arms
        .iter()
        .zip(categories)
        .map(|(arm, category)| ArmView { arm, category, features: &features })
        .collect();
    let now = training.iter().map(|row| row.at).max().unwrap_or(Timestamp::from_micros(0));
    let sampler = policy(name, &PolicySettings::default()).prepare(&shared, &views, now);
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut dealt = Dealt::new(candidates);
    for _ in 0..HANDS {
        dealt.add(&hand(sampler.as_ref(), arms.len(), &mut rng));
    }
    dealt.shares(HANDS)
}

fn learn(items: &[Item], training: &[&Row]) -> (Shared, Vec<Arm>) {
    let mut shared = Shared::default();
    let mut arms = vec![Arm::default(); items.len()];
    let mut in_time = training.to_vec();
    in_time.sort_by_key(|row| row.at);
    for row in in_time {
        let place = row.item as usize;
        let (Some(arm), Some(item)) = (arms.get_mut(place), items.get(place)) else { continue };
        let category = name_hash(&item.category);
        let seen = |what| Seen { at: row.at, shown_at: Some(row.at), what, category, features: None };
        shared.observe(arm, &seen(What::Trial));
        if row.reward > 0.0 {
            shared.observe(arm, &seen(What::Reward(row.reward)));
        }
    }
    (shared, arms)
}

/// The score of each offer in one hand, and a random number that decides between equal ones.
fn hand(sampler: &dyn Sampler, arms: usize, rng: &mut SmallRng) -> Vec<(f64, u32)> {
    let hand = sampler.begin(rng);
    let score = |arm| match hand {
        Hand::Random => (0.0, rng.random()),
        Hand::Blend | Hand::Linear(_) => (f64::from(sampler.belief(&hand, arm, rng)), rng.random()),
    };
    (0..arms).map(score).collect()
}

/// Counts which offers the hands put into which slot.
struct Dealt<'a> {
    candidates: Candidates<'a>,
    categories: Vec<usize>,
    times: Vec<f64>,
}

impl<'a> Dealt<'a> {
    fn new(candidates: Candidates<'a>) -> Self {
        let mut numbers = HashMap::new();
        let mut number = |category: &'a str| {
            let next = numbers.len();
            *numbers.entry(category).or_insert(next)
        };
        let categories = candidates.items.iter().map(|item| number(&item.category)).collect();
        Self { candidates, categories, times: vec![0.0; candidates.items.len() * candidates.slots] }
    }

    /// Fills the slots by falling score, at most two of a category.
    fn add(&mut self, scores: &[(f64, u32)]) {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|x, y| {
            let ((score_x, chance_x), (score_y, chance_y)) = (scores[*x], scores[*y]);
            score_y.total_cmp(&score_x).then(chance_y.cmp(&chance_x))
        });
        let mut taken = vec![0; self.categories.len()];
        let mut slot = 0;
        for item in order {
            if slot == self.candidates.slots {
                break;
            }
            let of_category = &mut taken[self.categories[item]];
            if *of_category < MOST_OF_A_CATEGORY {
                *of_category += 1;
                self.times[slot * scores.len() + item] += 1.0;
                slot += 1;
            }
        }
    }

    fn shares(self, hands: usize) -> Vec<f64> {
        self.times.into_iter().map(|times| times / count(hands)).collect()
    }
}
