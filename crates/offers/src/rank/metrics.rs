//! What Prometheus is told of ranking.

use std::sync::Arc;
use std::time::Duration;

use telemetry::prometheus_client::metrics::counter::Counter;
use telemetry::prometheus_client::metrics::family::Family;
use telemetry::prometheus_client::metrics::gauge::Gauge;
use telemetry::{Histogram, Metrics};

use super::{Done, Recommendation};
use crate::learn::PolicyName;

type Label = [(&'static str, &'static str); 1];

/// `offer_recommendation_seconds`, `offer_recommendations_total{policy}`, `offer_slots_total{chosen}`,
/// `offer_index_offers`, `offer_index_people`, `offer_refresh_seconds`, `offer_refresh_waiting`.
#[derive(Clone)]
pub struct RankMetrics {
    latency: Histogram,
    decisions: Family<Label, Counter>,
    by_policy: Arc<[(PolicyName, Counter)]>,
    slots: Family<Label, Counter>,
    explored: Counter,
    exploited: Counter,
    offers: Gauge,
    people: Gauge,
    refreshes: Histogram,
    waiting: Gauge,
}

impl Default for RankMetrics {
    fn default() -> Self {
        let decisions = Family::<Label, Counter>::default();
        let by_policy =
            PolicyName::ALL.map(|name| (name, decisions.get_or_create(&[("policy", name.as_str())]).clone()));
        let slots = Family::<Label, Counter>::default();
        let chosen = |how| slots.get_or_create(&[("chosen", how)]).clone();
        Self {
            latency: Histogram::default(),
            by_policy: by_policy.into_iter().collect(),
            explored: chosen("exploring"),
            exploited: chosen("likeliest"),
            decisions,
            slots,
            offers: Gauge::default(),
            people: Gauge::default(),
            refreshes: Histogram::default(),
            waiting: Gauge::default(),
        }
    }
}

impl RankMetrics {
    /// Shows them.
    pub fn register(&self, metrics: &Metrics) {
        metrics.register(|registry| {
            registry.register(
                "offer_recommendation_seconds",
                "Ranking in memory, the answer's way over HTTP apart",
                self.latency.clone(),
            );
            registry.register(
                "offer_recommendations",
                "Answers, by the policy that decided",
                self.decisions.clone(),
            );
            registry.register(
                "offer_slots",
                "Slots shown: exploring when another offer had a better chance to be in it",
                self.slots.clone(),
            );
            registry.register("offer_index_offers", "Offers in the ranking index", self.offers.clone());
            registry.register("offer_index_people", "People in the ranking index", self.people.clone());
            registry.register(
                "offer_refresh_seconds",
                "Bringing hands and lists up to date",
                self.refreshes.clone(),
            );
            registry.register(
                "offer_refresh_waiting",
                "Offers of which something was learned that not all hands know yet",
                self.waiting.clone(),
            );
        });
    }

    /// Counts an answer.
    pub fn answered(&self, answer: &Recommendation, took: Duration) {
        self.latency.observe(took);
        if let Some((_, counter)) = self.by_policy.iter().find(|(name, _)| *name == answer.policy) {
            counter.inc();
        }
        let explored = answer.offers.iter().filter(|offer| offer.explores).count() as u64;
        self.explored.inc_by(explored);
        self.exploited.inc_by(answer.offers.len() as u64 - explored);
    }

    /// Notes a refresh and how much the index holds.
    pub(super) fn refreshed(&self, done: Done, took: Duration, (offers, people): (usize, usize)) {
        self.refreshes.observe(took);
        self.waiting.set(gauge(done.waiting));
        self.offers.set(gauge(offers));
        self.people.set(gauge(people));
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
