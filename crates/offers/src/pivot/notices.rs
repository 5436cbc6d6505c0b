//! What people who watch the log of the program read of stock-outs and pivots, from the committed events.

use std::fmt;

use serde::de::DeserializeOwned;
use store::StoredEvent;
use telemetry::Metrics;
use telemetry::prometheus_client::metrics::counter::Counter;

use super::{NoPivot, OFFER_NO_PIVOT, OFFER_PIVOTED, Pivoted};
use crate::inventory::{Low, OFFER_LOW, OFFER_STOCKOUT, Turned};

/// Tells of stock-outs and pivots, and counts them: `offer_stockouts_total`, `offer_pivots_total`.
///
/// It is a subscriber of the store, so that every process tells of and counts what it or another has committed, once.
#[derive(Debug, Clone)]
pub struct Notices {
    stockouts: Counter,
    pivots: Counter,
}

impl Notices {
    /// Registers its metrics.
    pub fn register(metrics: &Metrics) -> Self {
        let this = Self { stockouts: Counter::default(), pivots: Counter::default() };
        metrics.register(|registry| {
            registry.register(
                "offer_stockouts",
                "Offers that ran out, whichever process committed it",
                this.stockouts.clone(),
            );
            registry.register(
                "offer_pivots",
                "Times the traffic of an offer that ran out was sent to another one",
                this.pivots.clone(),
            );
        });
        this
    }

    /// Tells what an event says, if it is one of these.
    pub fn tell(&self, event: &StoredEvent) {
        match Notice::of(event) {
            Some(notice @ Notice::Stockout(_)) => {
                self.stockouts.inc();
                tracing::warn!("{notice}");
            }
            Some(notice @ Notice::Pivot(_)) => {
                self.pivots.inc();
                tracing::warn!("{notice}");
            }
            Some(notice @ (Notice::NoPivot(_) | Notice::Low(_))) => tracing::warn!("{notice}"),
            None => {}
        }
    }
}

/// A line for people.
enum Notice {
    Stockout(Turned),
    Pivot(Pivoted),
    NoPivot(NoPivot),
    Low(Low),
}

impl Notice {
    fn of(event: &StoredEvent) -> Option<Self> {
        match event.kind.as_str() {
            OFFER_STOCKOUT => read(event).map(Self::Stockout),
            OFFER_PIVOTED => read(event).map(Self::Pivot),
            OFFER_NO_PIVOT => read(event).map(Self::NoPivot),
            OFFER_LOW => read(event).map(Self::Low),
            _ => None,
        }
    }
}

fn read<T: DeserializeOwned>(event: &StoredEvent) -> Option<T> {
    serde_json::from_str(&event.data)
        .inspect_err(|error| tracing::error!(position = event.position, %error, "an event cannot be read"))
        .ok()
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stockout(Turned { offer, category }) => {
                write!(f, "STOCKOUT DETECTED: {offer} ({category})")
            }
            Self::Pivot(Pivoted { to, priority, .. }) => write!(f, "PIVOT TO: {to} (Priority: {priority})"),
            Self::NoPivot(NoPivot { category, .. }) => {
                write!(f, "NO PIVOT AVAILABLE for category {category}")
            }
            Self::Low(Low { offer, remaining }) => {
                write!(f, "LOW INVENTORY ALERT: {offer} - {remaining} units remaining")
            }
        }
    }
}

/// The lines that some events make.
#[cfg(test)]
pub(crate) fn lines(events: &[StoredEvent]) -> Vec<String> {
    events.iter().filter_map(|event| Notice::of(event).map(|notice| notice.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;

    use super::*;

    fn event(kind: &str, data: &str) -> StoredEvent {
        StoredEvent {
            position: 1,
            kind: kind.to_owned(),
            source: crate::SOURCE.to_owned(),
            subject: "OFF001".to_owned(),
            time: Timestamp::default(),
            data: data.to_owned(),
        }
    }

    #[test]
    fn the_lines_are_those_that_people_search_for() {
        let events = [
            event(OFFER_STOCKOUT, r#"{"offer_id":"OFF001","category":"electronics"}"#),
            event(
                OFFER_PIVOTED,
                r#"{"from":"OFF001","to":"OFF004","category":"electronics","priority":82,"since":"2026-03-01T12:00:00Z"}"#,
            ),
            event(OFFER_NO_PIVOT, r#"{"from":"OFF001","category":"electronics"}"#),
            event(OFFER_LOW, r#"{"offer_id":"OFF001","remaining":5}"#),
            event("halles.offer.stock", "{}"),
        ];
        assert_eq!(
            lines(&events),
            [
                "STOCKOUT DETECTED: OFF001 (electronics)",
                "PIVOT TO: OFF004 (Priority: 82)",
                "NO PIVOT AVAILABLE for category electronics",
                "LOW INVENTORY ALERT: OFF001 - 5 units remaining",
            ]
        );
    }

    #[test]
    fn stock_outs_and_pivots_are_counted() {
        let metrics = Metrics::new();
        let notices = Notices::register(&metrics);
        notices.tell(&event(OFFER_STOCKOUT, r#"{"offer_id":"OFF001","category":"electronics"}"#));
        notices.tell(&event(OFFER_STOCKOUT, "not what it should be"));
        notices.tell(&event(OFFER_LOW, r#"{"offer_id":"OFF001","remaining":5}"#));
        let text = metrics.encode();
        assert!(text.contains("\noffer_stockouts_total 1\n"), "{text}");
        assert!(text.contains("\noffer_pivots_total 0\n"), "{text}");
    }
}
