//! What one event changes. Pure: the durable fold and the ranking index both go this way, in the log's order.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EventType, Tracked};
use crate::learn::{Arm, Features, Seen, Shared, UserFeatures, What};
use crate::trending::Windows;
use crate::user::Profile;

/// How often each thing was done with an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts(pub [u32; 5]);

impl Counts {
    /// How often this was done.
    pub const fn get(&self, what: EventType) -> u32 {
        self.0[what.index()]
    }

    fn add(&mut self, what: EventType) {
        let count = &mut self.0[what.index()];
        *count = count.saturating_add(1);
    }
}

/// Which events the learner counts as a success of the offer that was seen, and how much each is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rewards {
    /// A `CLICK`, 0 to 1.
    pub click: f64,
    /// An `ADD_TO_CART`, 0 to 1.
    pub add_to_cart: f64,
    /// A `REDEMPTION`, 0 to 1.
    pub redemption: f64,
}

impl Default for Rewards {
    /// Click-through.
    fn default() -> Self {
        Self { click: 1.0, add_to_cart: 0.0, redemption: 0.0 }
    }
}

impl Rewards {
    /// What an event is to the learner; `None` when it is nothing.
    pub fn lesson(&self, what: EventType) -> Option<What> {
        let worth = match what {
            EventType::View => return Some(What::Trial),
            EventType::Click => self.click,
            EventType::AddToCart => self.add_to_cart,
            EventType::Redemption => self.redemption,
            EventType::Dismiss => 0.0,
        };
        (worth > 0.0).then_some(What::Reward(worth))
    }
}

/// What stands for the names of an event in what is known: the category's number in profiles, and the learner's hashes
/// of category and segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// The category's number of the interner that the profiles use.
    pub category: u32,
    /// [`crate::learn::name_hash`] of the category.
    pub category_hash: u32,
    /// [`crate::learn::name_hash`] of the person's segment.
    pub segment_hash: u32,
}

/// Everything an event changes.
pub struct Touched<'a> {
    /// Who did it.
    pub person: &'a mut Profile,
    /// What was done with the offer so far.
    pub counts: &'a mut Counts,
    /// The offer's activity of late.
    pub windows: &'a mut Windows,
    /// What was learned of the offer.
    pub arm: &'a mut Arm,
    /// What was learned of all offers.
    pub shared: &'a mut Shared,
}

impl Touched<'_> {
    /// Takes one event in. The learner sees the person as they were before it.
    pub fn apply(&mut self, event: &Tracked<'_>, at: Timestamp, numbers: Numbers, rewards: &Rewards) {
        if let Some(what) = rewards.lesson(event.event_type) {
            #[expect(clippy::cast_possible_truncation, reason = "a signal has two digits")]
            let relevance = self.person.relevance(numbers.category, at) as f32;
            let user = UserFeatures { segment: numbers.segment_hash, relevance };
            let seen = Seen {
                at,
                shown_at: event.shown_at(),
                what,
                category: numbers.category_hash,
                features: Some(Features::new(&event.signals.0, numbers.category_hash, &user)),
            };
            self.shared.observe(self.arm, &seen);
        }
        self.counts.add(event.event_type);
        self.windows.add(event.event_type.half_points(), at);
        self.person.apply(numbers.category, event.event_type, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_trials_and_clicks_successes_unless_said_otherwise() {
        let lessons = |rewards: Rewards| EventType::ALL.map(|what| rewards.lesson(what));
        let trial = Some(What::Trial);
        let reward = |worth| Some(What::Reward(worth));
        assert_eq!(lessons(Rewards::default()), [trial, reward(1.0), None, None, None]);
        let rewards = Rewards { click: 0.0, add_to_cart: 0.5, redemption: 1.0 };
        assert_eq!(lessons(rewards), [trial, None, reward(0.5), reward(1.0), None]);
    }
}
