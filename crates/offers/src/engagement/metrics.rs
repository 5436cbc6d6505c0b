//! What Prometheus is told of events.

use telemetry::Metrics;
use telemetry::prometheus_client::metrics::counter::Counter;
use telemetry::prometheus_client::metrics::family::Family;

use super::EventType;
use super::commands::Tracking;

type Label = [(&'static str, &'static str); 1];

/// `offer_events_total{type}`, `offer_events_duplicate_total`, `offer_events_refused_total{reason}`.
#[derive(Debug, Clone)]
pub struct EngagementMetrics {
    tracked: [Counter; EventType::ALL.len()],
    duplicates: Counter,
    unknown: Counter,
    out_of_stock: Counter,
}

impl EngagementMetrics {
    /// Registers them.
    pub fn register(metrics: &Metrics) -> Self {
        let (tracked, refused) = (Family::<Label, Counter>::default(), Family::<Label, Counter>::default());
        let this = Self {
            tracked: EventType::ALL.map(|what| tracked.get_or_create_owned(&[("type", what.name())])),
            duplicates: Counter::default(),
            unknown: refused.get_or_create_owned(&[("reason", "unknown_offer")]),
            out_of_stock: refused.get_or_create_owned(&[("reason", "out_of_stock")]),
        };
        metrics.register(|registry| {
            registry.register("offer_events", "Events that were counted", tracked);
            registry.register(
                "offer_events_duplicate",
                "Events that came again and changed nothing",
                this.duplicates.clone(),
            );
            registry.register("offer_events_refused", "Events that were not counted", refused);
        });
        this
    }

    /// Counts what became of an event.
    pub fn count(&self, what: EventType, outcome: Tracking) {
        match outcome {
            Tracking::Tracked => self.tracked[what.index()].inc(),
            Tracking::Duplicate => self.duplicates.inc(),
            Tracking::UnknownOffer => self.unknown.inc(),
            Tracking::OutOfStock => self.out_of_stock.inc(),
        };
    }
}
