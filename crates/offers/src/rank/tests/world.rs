//! A small world to rank in: events as the log would have them, and a ranking by brute force.

use std::collections::BTreeSet;

use kernel::Timestamp;
use serde::Serialize;
use serde_json::json;
use store::StoredEvent;

use crate::engagement::{ENGAGEMENT, EventType};
use crate::inventory::OFFER_STOCK;
use crate::learn::PolicyName;
use crate::offer::commands::{OFFER_CHANGED, OFFER_DELETED};
use crate::pivot::{OFFER_PIVOTED, OFFER_UNPIVOTED};
use crate::rank::plan::PER_CATEGORY;
use crate::rank::slate::{Slates, Table};
use crate::rank::{HANDS, Index, Settings, Work};
use crate::user::USER_IMPORTED;

/// When everything begins.
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// An index with a fixed seed, and the log that feeds it.
pub(super) struct World {
    pub(super) index: Index,
    pub(super) now: Timestamp,
    position: i64,
}

/// An offer to be put into the world.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) id: String,
    pub(super) category: String,
    pub(super) priority: u8,
    pub(super) units: i64,
    pub(super) segments: Vec<String>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) product: Option<i64>,
    pub(super) status: &'static str,
}

impl Given {
    pub(super) fn new(id: &str, category: &str, priority: u8, units: i64) -> Self {
        Self {
            id: id.to_owned(),
            category: category.to_owned(),
            priority,
            units,
            segments: Vec::new(),
            expires_at: None,
            product: None,
            status: "ACTIVE",
        }
    }
}

impl World {
    pub(super) fn new(policy: PolicyName) -> Self {
        Self::with(&Settings { policy, seed: Some(7), ..Settings::default() })
    }

    pub(super) fn with(settings: &Settings) -> Self {
        Self { index: Index::new(settings), now: NOW, position: 0 }
    }

    /// Applies one event.
    pub(super) fn tell(&mut self, kind: &str, subject: &str, data: &impl Serialize) {
        let event = self.event(kind, subject, data);
        self.index.apply(&[event]);
    }

    /// The next event of the log.
    pub(super) fn event(&mut self, kind: &str, subject: &str, data: &impl Serialize) -> StoredEvent {
        self.position += 1;
        StoredEvent {
            position: self.position,
            kind: kind.to_owned(),
            source: "/offers".to_owned(),
            subject: subject.to_owned(),
            time: self.now,
            data: serde_json::to_string(data).expect("JSON"),
        }
    }

    pub(super) fn put(&mut self, offer: &Given) {
        let data = json!({
            "offer_id": offer.id, "offer_name": format!("Offer {}", offer.id), "category": offer.category,
            "discount_type": "PERCENTAGE", "discount_value": 10, "priority": offer.priority,
            "inventory_count": offer.units, "inventory_own": offer.units, "expires_at": offer.expires_at,
            "target_segments": offer.segments, "produit_id": offer.product, "status": offer.status,
        });
        self.tell(OFFER_CHANGED, &offer.id, &data);
    }

    pub(super) fn stock(&mut self, id: &str, units: i64) {
        let data =
            json!({"offer_id": id, "category": "any", "inventory_count": units, "inventory_own": units});
        self.tell(OFFER_STOCK, id, &data);
    }

    pub(super) fn pivot(&mut self, from: &str, to: &str) {
        let pivot = json!({"from": from, "to": to, "category": "any", "priority": 50, "since": self.now});
        self.tell(OFFER_PIVOTED, from, &pivot);
    }

    pub(super) fn unpivot(&mut self, from: &str, to: &str) {
        let pivot = json!({"from": from, "to": to, "category": "any", "why": "restocked"});
        self.tell(OFFER_UNPIVOTED, from, &pivot);
    }

    pub(super) fn delete(&mut self, id: &str) {
        self.tell(OFFER_DELETED, id, &json!({"offer_id": id, "category": "any"}));
    }

    pub(super) fn engage(&mut self, user: &str, offer: &str, category: &str, what: EventType) {
        let event = json!({
            "event_id": "e", "user_id": user, "offer_id": offer, "category": category, "event_type": what,
            "signals": [50.0, 0.0, 50.0, 0.1],
        });
        self.tell(ENGAGEMENT, "engagement", &json!({ "events": [event] }));
    }

    pub(super) fn import(&mut self, user: &str, segment: &str) {
        self.tell(USER_IMPORTED, "users", &json!({"users": [{"user_id": user, "segment": segment}]}));
    }

    pub(super) fn refresh(&self, work: Work) {
        self.index.refresh(self.now, work);
    }

    /// The slates of all hands for somebody, as answers make them.
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method's lifetime is not general enough"
    )]
    pub(super) fn slates(&self, user: &str, limit: usize) -> Slates {
        self.at_table(user, limit, |table| table.deal())
    }

    /// The same by brute force: every offer there is, ranked by its full score in each hand.
    pub(super) fn slates_by_force(&self, user: &str, limit: usize) -> Vec<Vec<String>> {
        self.at_table(user, limit, |table| (0..HANDS).map(|hand| by_force(table, hand)).collect())
    }

    /// Ids instead of slots.
    pub(super) fn named(&self, slates: &Slates) -> Vec<Vec<String>> {
        let plan = self.index.plan.load();
        let name = |slot: u32| plan.shelves.slot(slot).id.to_string();
        (0..HANDS).map(|hand| slates.get(hand).iter().map(|pick| name(pick.slot)).collect()).collect()
    }

    fn at_table<T>(&self, user: &str, limit: usize, f: impl FnOnce(&Table<'_>) -> T) -> T {
        let plan = self.index.plan.load();
        let profile = self.index.people.get(user);
        let segment = self.index.segment_of(profile.as_ref(), None);
        let taste = self.index.taste(profile.as_ref(), &segment, &plan, self.now);
        let policy = plan.policy(None);
        f(&Table { plan: &plan, policy, taste: &taste, now: self.now, limit })
    }
}

fn by_force(table: &Table<'_>, hand: usize) -> Vec<String> {
    let Table { plan, policy, taste, now, limit } = table;
    let dealt = &policy.cards.hands[hand];
    let audiences = taste.mine.iter().flatten().map(|audience| &plan.shelves.audiences[*audience]);
    let mine: BTreeSet<u32> = audiences
        .flat_map(|audience| &audience.shelves)
        .flat_map(|shelf| shelf.members.iter().copied())
        .collect();
    let mut ranked: Vec<(f32, u8, String, u32)> = mine
        .into_iter()
        .filter(|slot| plan.shelves.slot(*slot).is_live(*now))
        .map(|number| {
            let slot = plan.shelves.slot(number);
            let relevance = taste
                .liked
                .iter()
                .find(|(category, _)| *category == slot.category)
                .map_or(0.0, |(_, relevance)| *relevance);
            let hash = plan.shelves.hashes[slot.category as usize];
            let sum =
                policy.cards.key(&plan.fixed, number, hand) + dealt.shift(relevance, taste.segment, hash);
            (sum, slot.card().priority, slot.id.to_string(), slot.category)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
    let mut shown: Vec<(String, u32)> = Vec::new();
    for (_, _, id, category) in ranked {
        let same = shown.iter().filter(|(_, other)| *other == category).count();
        if shown.len() < *limit && same < PER_CATEGORY {
            shown.push((id, category));
        }
    }
    shown.into_iter().map(|(id, _)| id).collect()
}
