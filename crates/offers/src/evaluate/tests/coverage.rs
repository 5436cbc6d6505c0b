//! Do the intervals cover the truth as often as they say? On simulated logs, whose truth is known.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "numbers of offers and slots are small"
)]

use kernel::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::evaluate::estimate::{Estimator, Plan, Study};
use crate::evaluate::rows::{Item, Log, Row};
use crate::evaluate::target::Target;

const LOGS: u32 = 1_000;

/// A world with known click rates, and the policy that was logged in it.
struct World {
    /// Chance of each offer.
    logged: Vec<f64>,
    /// Click rate of each offer.
    rates: Vec<f64>,
    decisions: u32,
    /// Slots of a decision, filled independently.
    slots: u32,
    /// How much people differ: a decision's rates are all multiplied by a number within this distance of 1.
    people: f64,
}

impl World {
    /// Chances of `offers` from `least` to where they add up to one, geometrically; `rate` is the click rate of an
    /// offer by how often it is shown, 0 the least.
    fn new(offers: u32, least: f64, rate: impl Fn(f64) -> f64) -> Self {
        let place = |offer: u32| f64::from(offer) / f64::from(offers - 1);
        let chances = |growth: f64| (0..offers).map(move |offer| least * growth.powf(place(offer)));
        let (mut low, mut high) = (1.0, 1e6);
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if chances(middle).sum::<f64>() < 1.0 { low = middle } else { high = middle }
        }
        let rates = (0..offers).map(|offer| rate(place(offer))).collect();
        Self { logged: chances(low).collect(), rates, decisions: 10_000, slots: 1, people: 0.0 }
    }

    fn truth(&self) -> f64 {
        self.rates.iter().sum::<f64>() / self.rates.len() as f64
    }

    fn logged_rate(&self) -> f64 {
        self.rates.iter().zip(&self.logged).map(|(rate, chance)| rate * chance).sum()
    }

    fn log(&self, rng: &mut SmallRng) -> Log {
        let mut rows = Vec::new();
        for unit in 0..self.decisions {
            let person = 1.0 + self.people * (2.0 * rng.random::<f64>() - 1.0);
            for slot in 0..self.slots {
                let mut left: f64 = rng.random();
                let item = self.logged.iter().position(|chance| {
                    left -= chance;
                    left < 0.0
                });
                let item = item.unwrap_or(self.logged.len() - 1);
                let reward = f64::from(rng.random::<f64>() < person * self.rates[item]);
                let (propensity, item) = (self.logged[item], item as u32);
                rows.push(Row { unit, item, slot, propensity, reward, at: Timestamp::from_micros(0) });
            }
        }
        let name = |item: usize| Item { id: item.to_string(), category: item.to_string() };
        Log {
            rows,
            items: (0..self.logged.len()).map(name).collect(),
            slots: self.slots as usize,
            units: self.decisions as usize,
            decisions: self.decisions as usize,
            lost_rewards: 0,
        }
    }
}

/// In how many of [`LOGS`] logs each estimator's interval held the uniform policy's value, and its lift.
fn coverage(world: &World, lift: bool) -> [(Estimator, u32, Option<u32>); 3] {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut held = Estimator::ALL.map(|estimator| (estimator, 0, lift.then_some(0)));
    let true_lift = world.truth() / world.logged_rate() - 1.0;
    for seed in 0..LOGS {
        let log = world.log(&mut rng);
        let plan = Plan {
            target: Target::Uniform,
            clip: None,
            largest_reward: 1.0,
            seed: u64::from(seed),
            training: None,
        };
        let study = Study::new(&log, plan).expect("the policies overlap");
        for (estimator, values, lifts) in &mut held {
            let estimate = study.value(*estimator);
            *values += u32::from(estimate.interval.contains(world.truth()));
            if let Some(lifts) = lifts {
                let lift = study.lift(*estimator, estimate.value);
                *lifts += u32::from(lift.is_some_and(|lift| lift.interval.contains(true_lift)));
            }
        }
    }
    held
}

/// 95 % intervals of 1,000 logs hold the truth 950 times, give or take 14 (two standard deviations).
fn assert_covered(world: &World, lift: bool) {
    for (estimator, values, lifts) in coverage(world, lift) {
        assert!(values >= 930, "{estimator:?}: {values} of {LOGS}");
        // An interval that always holds the truth says nothing.
        assert!(values <= 985, "{estimator:?}: {values} of {LOGS}, too wide");
        // The lift leans on the rewards alone, fifty of them: over 5,000 logs it is held in 93.6 % and more.
        assert!(lifts.is_none_or(|lifts| lifts >= 920), "{estimator:?}: lift {lifts:?} of {LOGS}");
    }
}

/// Fifty clicks in 10,000 rows, weights from 0.3 to 10: a normal interval holds 90.5 % here.
#[test]
fn rare_rewards() {
    assert_covered(&World::new(20, 0.005, |_| 0.005), true);
}

/// The offers with the most clicks have the largest weights. A normal interval holds 91 %.
#[test]
fn good_offers_that_were_shown_rarely() {
    assert_covered(&World::new(20, 0.005, |often| 0.008 - 0.006 * often), false);
}

/// Slots of one decision go together: some people click much, others never.
#[test]
fn decisions_of_three_slots() {
    let world = World { decisions: 3_333, slots: 3, people: 1.0, ..World::new(20, 0.005, |_| 0.005) };
    assert_covered(&world, false);
}

/// Ten clicks. A normal interval holds 80 %.
#[test]
fn very_few_rewards() {
    assert_covered(&World { decisions: 2_000, ..World::new(20, 0.005, |_| 0.005) }, true);
}

/// Every second row has a reward: nothing is rare, and nothing must be wider than it has to be.
#[test]
fn common_rewards() {
    assert_covered(&World { decisions: 500, ..World::new(20, 0.005, |often| 0.3 + 0.4 * often) }, true);
}

/// A policy that learned is judged by its true value, fold by fold: nothing of what it learned from comes back.
#[test]
fn policies_that_learned_are_not_flattered() {
    // All offers are alike, so no policy can be better than the log, however good its favourites looked.
    let world = World { decisions: 2_000, ..World::new(5, 0.1, |_| 0.05) };
    let mut rng = SmallRng::seed_from_u64(2);
    let mut sum = 0.0;
    for _ in 0..200 {
        let log = world.log(&mut rng);
        let plan = Plan { target: Target::Greedy, clip: None, largest_reward: 1.0, seed: 0, training: None };
        let study = Study::new(&log, plan).expect("the policies overlap");
        sum += study.value(Estimator::Dr).value;
    }
    // One estimate spreads by √(0.05 · w̄ / 2000) ≈ 0.013 with weights up to 10: their mean by 0.001.
    assert!((sum / 200.0 - 0.05).abs() < 0.003, "{}", sum / 200.0);
}
