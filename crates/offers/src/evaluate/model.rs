//! The reward model of the doubly robust estimate: click rates per offer and slot, shrunken.

use super::interval::count;
use super::rows::Row;

/// What the prior of a rate is worth: as many trials as bring this many rewards at the mean rate. With fewer rewards
/// of its own an offer is believed to be nearer to the mean than to its own rate.
const PRIOR_REWARDS: f64 = 5.0;

/// Expected reward of an offer in a slot. An offer's rate is drawn to the mean of all, and its rate in a slot to its
/// rate in all slots, each by [`PRIOR_REWARDS`].
#[derive(Debug, Clone)]
pub(super) struct RewardModel {
    items: usize,
    rates: Vec<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    trials: f64,
    rewards: f64,
}

impl Tally {
    fn add(&mut self, reward: f64) {
        self.trials += 1.0;
        self.rewards += reward;
    }

    fn shrunken(self, towards: f64, strength: f64) -> f64 {
        (self.rewards + strength * towards) / (self.trials + strength)
    }
}

impl RewardModel {
    /// Learns from rows.
    pub(super) fn learn<'r>(rows: impl Iterator<Item = &'r Row>, items: usize, slots: usize) -> Self {
        let mut all = Tally::default();
        let mut by_item = vec![Tally::default(); items];
        let mut by_place = vec![Tally::default(); items * slots];
        for row in rows {
            all.add(row.reward);
            let item = row.item as usize;
            let tallies = [by_item.get_mut(item), by_place.get_mut(row.slot as usize * items + item)];
            tallies.into_iter().flatten().for_each(|tally| tally.add(row.reward));
        }
        if all.rewards <= 0.0 {
            return Self { items, rates: vec![0.0; items * slots] };
        }
        let mean = all.rewards / all.trials;
        let strength = PRIOR_REWARDS / mean;
        let item_rates: Vec<f64> = by_item.iter().map(|tally| tally.shrunken(mean, strength)).collect();
        let places = by_place.iter().zip(item_rates.iter().cycle());
        Self { items, rates: places.map(|(tally, rate)| tally.shrunken(*rate, strength)).collect() }
    }

    /// The expected reward of a row's offer in its slot.
    pub(super) fn rate(&self, row: &Row) -> f64 {
        self.rates.get(row.slot as usize * self.items + row.item as usize).copied().unwrap_or(0.0)
    }

    /// The rates of all offers in one slot.
    pub(super) fn slot(&self, slot: usize) -> &[f64] {
        self.rates.get(slot * self.items..(slot + 1) * self.items).unwrap_or_default()
    }

    /// An offer's mean over the slots.
    pub(super) fn item(&self, item: usize) -> f64 {
        let slots = self.rates.len() / self.items.max(1);
        (0..slots).filter_map(|slot| self.slot(slot).get(item)).sum::<f64>() / count(slots.max(1))
    }
}
