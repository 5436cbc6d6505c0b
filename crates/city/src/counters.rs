//! What Prometheus is told of imports and fetches.

use std::time::Duration;

use telemetry::prometheus_client::metrics::counter::Counter;
use telemetry::prometheus_client::metrics::family::Family;
use telemetry::{Histogram, Metrics};

use crate::MetricType;
use crate::fetch::Outcome as FetchOutcome;
use crate::input::Tally;

type OfType = [(&'static str, &'static str); 1];
type OfOutcome = [(&'static str, &'static str); 2];

/// `city_imports_total{type,outcome}`, `city_rows_total{type,outcome}`, `city_import_seconds`,
/// `city_days_published_total{type}`, `city_fetches_total{type,outcome}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    imports: Family<OfOutcome, Counter>,
    rows: Family<OfOutcome, Counter>,
    seconds: Histogram,
    days: Family<OfType, Counter>,
    fetches: Family<OfOutcome, Counter>,
}

impl Counters {
    /// Counters that are printed with the others.
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        metrics.register(|registry| {
            registry.register("city_imports", "Imports that have ended", this.imports.clone());
            registry.register(
                "city_rows",
                "Rows of sources that were read to their end, by what became of them",
                this.rows.clone(),
            );
            registry.register("city_import_seconds", "How long imports took", this.seconds.clone());
            registry.register(
                "city_days_published",
                "Versions of days that imports published",
                this.days.clone(),
            );
            registry.register(
                "city_fetches",
                "Portals that were asked, by how it ended",
                this.fetches.clone(),
            );
        });
        this
    }

    /// Counts an import that has ended, well or not.
    pub(crate) fn imported(&self, kind: MetricType, took: Duration, well: bool) {
        let ended = if well { "done" } else { "failed" };
        self.imports.get_or_create(&[("type", kind.as_str()), ("outcome", ended)]).inc();
        self.seconds.observe(took);
    }

    /// Counts the rows of a source that is good.
    pub(crate) fn read(&self, kind: MetricType, tally: &Tally) {
        let rows =
            [("kept", tally.kept), ("rejected", tally.rejected_rows()), ("duplicate", tally.duplicates)];
        for (outcome, count) in rows {
            self.rows.get_or_create(&[("type", kind.as_str()), ("outcome", outcome)]).inc_by(count);
        }
    }

    /// Counts days that have been published, as they are: an import that ends early has published some.
    pub(crate) fn published(&self, kind: MetricType, days: u64) {
        if kind.has_sensors() {
            self.days.get_or_create(&[("type", kind.as_str())]).inc_by(days);
        }
    }

    /// Counts a portal that was asked.
    pub(crate) fn fetched(&self, kind: MetricType, outcome: FetchOutcome) {
        self.fetches.get_or_create(&[("type", kind.as_str()), ("outcome", outcome.label())]).inc();
    }
}
