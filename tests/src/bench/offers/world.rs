//! The chain of the benchmark: its offers, its people, and what they do, made up the same way every time.

use std::io::Write;

use kernel::{Clock, IdSource, SystemClock, SystemIds};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

/// Active offers where nothing else is said.
pub(super) const OFFERS: usize = 10_000;
/// Categories that they are spread over.
pub(super) const CATEGORIES: usize = 100;
/// Segments of people; a fifth of the offers is for one of them only.
pub(super) const SEGMENTS: [&str; 3] = ["premium", "standard", "new_user"];

/// The id of an offer, by its number from 0.
pub(super) fn offer_id(number: usize) -> String {
    format!("B{number:06}")
}

/// The category of an offer.
pub(super) fn category(offer: usize) -> String {
    format!("c{:02}", offer % CATEGORIES)
}

/// The id of a person, by their number from 0.
pub(super) fn user_id(number: usize) -> String {
    format!("U{number:07}")
}

/// An offer, as the product's own files and events have it.
pub(super) fn offer(number: usize) -> Value {
    let mut rng = StdRng::seed_from_u64(u64::try_from(number).unwrap_or(0));
    let units = rng.random_range(1_000_000..2_000_000);
    let segments =
        if number.is_multiple_of(5) { vec![SEGMENTS[number % SEGMENTS.len()]] } else { Vec::new() };
    json!({
        "offer_id": offer_id(number), "offer_name": format!("Offer {number}"), "category": category(number),
        "discount_type": "PERCENTAGE", "discount_value": rng.random_range(5..60), "priority": rng.random_range(1..=100),
        "inventory_count": units, "target_segments": segments, "status": "ACTIVE",
    })
}

/// A person who likes one to three categories, as the product's own files and events have it.
pub(super) fn user(number: usize) -> Value {
    let mut rng = StdRng::seed_from_u64(u64::try_from(number).unwrap_or(0));
    let liked = rng.random_range(1..=3);
    let affinities: serde_json::Map<String, Value> = (0..liked)
        .map(|_| (category(rng.random_range(0..CATEGORIES)), json!(rng.random_range(1..30))))
        .collect();
    json!({"user_id": user_id(number), "segment": SEGMENTS[number % SEGMENTS.len()], "affinities": affinities})
}

/// The first person's click on an offer, as the product's own event has it.
pub(super) fn click(offer: usize) -> Value {
    json!({
        "event_id": format!("click-{offer}"), "user_id": user_id(0), "offer_id": offer_id(offer),
        "category": category(offer), "event_type": "CLICK", "signals": [50.0, 50.0, 50.0, 0.2],
    })
}

/// What people do with offers: an endless stream of events with names of their own, as JSON.
pub(super) struct Events {
    rng: StdRng,
}

impl Events {
    /// A stream; equal seeds give equal events, but for their names.
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed) }
    }

    /// Appends the next event.
    pub(super) fn write(&mut self, to: &mut Vec<u8>) {
        let name = SystemIds.next(SystemClock.now());
        let (user, offer) = (self.rng.random_range(0..PEOPLE), self.rng.random_range(0..OFFERS));
        let kind = match self.rng.random_range(0..100) {
            0..90 => "VIEW",
            90..97 => "CLICK",
            97..99 => "ADD_TO_CART",
            _ => "DISMISS",
        };
        // Writing to memory does not fail.
        let _ = write!(
            to,
            r#"{{"event_id":"{name}","user_id":"U{user:07}","offer_id":"B{offer:06}","category":"c{:02}","event_type":"{kind}"}}"#,
            offer % CATEGORIES
        );
    }
}

/// How many people act.
const PEOPLE: usize = 100_000;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn events_have_names_of_their_own_and_are_about_what_there_is() -> anyhow::Result<()> {
        let mut events = Events::new(7);
        let mut names = std::collections::HashSet::new();
        for _ in 0..100 {
            let mut json = Vec::new();
            events.write(&mut json);
            let event: Value = serde_json::from_slice(&json)?;
            assert!(names.insert(event["event_id"].to_string()));
            let number: usize = event["offer_id"].as_str().unwrap_or_default()[1..].parse()?;
            assert_eq!(
                (event["offer_id"].as_str(), event["category"].as_str()),
                (Some(&*offer_id(number)), Some(&*category(number)))
            );
        }
        Ok(())
    }
}
