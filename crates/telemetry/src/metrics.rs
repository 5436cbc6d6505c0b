//! The registry of metrics, and a latency histogram cheap enough for every request.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::info::Info;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::Registry;

use crate::process::ProcessCollector;

/// The metrics of this process: a handle, cheap to clone, on one registry.
///
/// Counters and gauges are those of [`prometheus_client`]: plain atomics, shared by cloning. A [`Family`] looks
/// its labels up under a read lock; hot code keeps the counter that it got instead of asking again.
///
/// [`Family`]: prometheus_client::metrics::family::Family
#[derive(Debug, Clone)]
pub struct Metrics(Arc<RwLock<Registry>>);

impl Metrics {
    /// The media type of what [`Metrics::encode`] returns.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// A registry with `halles_build_info{version}` and, on Linux, the usual `process_*` metrics.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        registry.register(
            "halles_build",
            "The version of the running program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register_collector(Box::new(ProcessCollector));
        Self(Arc::new(RwLock::new(registry)))
    }

    /// Adds metrics: `add` registers them and usually returns the handles to keep.
    pub fn register<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// All metrics in the `OpenMetrics` text format.
    pub fn encode(&self) -> String {
        let mut out = String::new();
        let registry = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if text::encode(&mut out, &registry).is_err() {
            tracing::error!("a metric could not be written: the answer to this scrape is incomplete");
        }
        out
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Upper bounds of the latency buckets, in microseconds: half a millisecond to ten seconds.
const BOUNDS_MICROS: [u32; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// How long things took, in buckets from 0.5 ms to 10 s; register it with unit or suffix `seconds`.
///
/// Observing is two relaxed atomic additions, where the histogram of [`prometheus_client`] takes a lock. A scrape in the
/// middle of an observation may see its bucket before its sum; the count is always that of the buckets.
#[derive(Clone, Default)]
pub struct Histogram(Arc<Cells>);

#[derive(Default)]
struct Cells {
    nanos: AtomicU64,
    buckets: [AtomicU64; BOUNDS_MICROS.len() + 1],
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let micros = duration.as_nanos().div_ceil(1_000);
        let bucket = BOUNDS_MICROS.partition_point(|bound| u128::from(*bound) < micros);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.nanos.fetch_add(nanos, Ordering::Relaxed);
        if let Some(cell) = self.0.buckets.get(bucket) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.0.buckets.iter().map(|cell| cell.load(Ordering::Relaxed)).sum()
    }

    /// Bounds in seconds with the count of each bucket alone.
    fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS_MICROS.iter().map(|micros| f64::from(*micros) / 1e6).chain([f64::INFINITY]);
        bounds.zip(self.0.buckets.iter().map(|cell| cell.load(Ordering::Relaxed))).collect()
    }

    fn sum_seconds(&self) -> f64 {
        Duration::from_nanos(self.0.nanos.load(Ordering::Relaxed)).as_secs_f64()
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("count", &self.count())
            .field("seconds", &self.sum_seconds())
            .finish()
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        let buckets = self.buckets();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(self.sum_seconds(), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;

    use super::*;

    /// The value printed after the name and labels.
    fn value<'t>(text: &'t str, series: &str) -> Option<&'t str> {
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
    }

    #[test]
    fn what_is_registered_is_printed() {
        let metrics = Metrics::new();
        let orders: Family<[(&str, &str); 1], Counter> = Family::default();
        metrics.register(|registry| registry.register("orders", "Orders", orders.clone()));
        orders.get_or_create(&[("etat", "CONFIRMEE")]).inc();
        let text = metrics.clone().encode();
        assert_eq!(value(&text, "orders_total{etat=\"CONFIRMEE\"}"), Some("1"), "{text}");
        let build = concat!("halles_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}");
        assert_eq!(value(&text, build), Some("1"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn a_duration_falls_into_the_bucket_that_bounds_it() {
        let metrics = Metrics::new();
        let latency = Histogram::default();
        metrics.register(|registry| registry.register("latency_seconds", "Latency", latency.clone()));
        for nanos in [0, 500_000, 500_001, 2_500_000_000, 60_000_000_000] {
            latency.observe(Duration::from_nanos(nanos));
        }
        let text = metrics.encode();
        for (bound, count) in [("0.0005", "2"), ("0.001", "3"), ("1.0", "3"), ("2.5", "4"), ("10.0", "4")] {
            let series = format!("latency_seconds_bucket{{le=\"{bound}\"}}");
            assert_eq!(value(&text, &series), Some(count), "{series}\n{text}");
        }
        assert_eq!(value(&text, "latency_seconds_bucket{le=\"+Inf\"}"), Some("5"), "{text}");
        assert_eq!(value(&text, "latency_seconds_count"), Some("5"), "{text}");
        assert_eq!(value(&text, "latency_seconds_sum"), Some("62.501000001"), "{text}");
        assert_eq!(latency.count(), 5);
    }

    #[test]
    fn no_observation_is_lost_between_threads() {
        let latency = Histogram::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| latency.observe(Duration::from_millis(3))));
            }
        });
        assert_eq!(latency.count(), 4_000);
    }
}
