//! The `http_*` metrics, with handles that a request reaches without looking a label up.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use telemetry::prometheus_client::metrics::counter::Counter;
use telemetry::prometheus_client::metrics::family::Family;
use telemetry::prometheus_client::metrics::gauge::Gauge;
use telemetry::prometheus_client::registry::Unit;
use telemetry::{Histogram, Metrics};

type Labels = Vec<(&'static str, Arc<str>)>;

/// The families of all HTTP metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpMetrics {
    requests: Family<Labels, Counter>,
    durations: Family<Labels, Histogram>,
    pub(crate) in_flight: Gauge,
}

impl HttpMetrics {
    /// Registers the families.
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let http = Self::default();
        metrics.register(|registry| {
            registry.register("http_requests", "HTTP requests answered", http.requests.clone());
            registry.register_with_unit(
                "http_request_duration",
                "From the request's head to the answer's",
                Unit::Seconds,
                http.durations.clone(),
            );
            let in_flight = http.in_flight.clone();
            registry.register("http_requests_in_flight", "HTTP requests being answered", in_flight);
        });
        http
    }
}

/// The methods that have a label of their own; every other one is `OTHER`, since clients may invent them.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];

/// The status that stands for a client who left before the answer.
pub(crate) const CLIENT_LEFT: u16 = 499;

/// The metrics of one endpoint of the router: a route's method, or what answers when there is none.
#[derive(Default)]
pub(crate) struct EndpointMetrics {
    route: OnceLock<Arc<str>>,
    methods: [OnceLock<MethodMetrics>; METHODS.len()],
}

struct MethodMetrics {
    duration: Histogram,
    /// One counter for each status from 100 to 599, made when first needed.
    statuses: Box<[OnceLock<Counter>]>,
}

impl EndpointMetrics {
    /// The route's template, learnt from the first request.
    pub(crate) fn route(&self, matched: Option<&str>) -> &Arc<str> {
        self.route.get_or_init(|| matched.unwrap_or("unmatched").into())
    }

    /// Counts one answered request.
    pub(crate) fn record(&self, http: &HttpMetrics, method: &Method, status: u16, took: Duration) {
        let index = METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1);
        let (Some(cell), Some(name)) = (self.methods.get(index), METHODS.get(index)) else { return };
        let labels = || vec![("method", Arc::from(*name)), ("route", self.route(None).clone())];
        let metrics = cell.get_or_init(|| MethodMetrics {
            duration: http.durations.get_or_create_owned(&labels()),
            statuses: (0..500).map(|_| OnceLock::new()).collect(),
        });
        metrics.duration.observe(took);
        if let Some(cell) = metrics.statuses.get(usize::from(status.saturating_sub(100))) {
            let counter = cell.get_or_init(|| {
                let mut labels = labels();
                labels.push(("status", status.to_string().into()));
                http.requests.get_or_create_owned(&labels)
            });
            counter.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_method_route_and_status() {
        let metrics = Metrics::new();
        let http = HttpMetrics::register(&metrics);
        let endpoint = EndpointMetrics::default();
        endpoint.route(Some("/produits/{id}"));
        let brewing = Method::from_bytes(b"BREW").expect("a method");
        for (method, status) in [(Method::GET, 200), (Method::GET, 200), (Method::GET, 404), (brewing, 405)] {
            endpoint.record(&http, &method, status, Duration::from_millis(3));
        }
        let text = metrics.encode();
        for line in [
            r#"http_requests_total{method="GET",route="/produits/{id}",status="200"} 2"#,
            r#"http_requests_total{method="GET",route="/produits/{id}",status="404"} 1"#,
            r#"http_requests_total{method="OTHER",route="/produits/{id}",status="405"} 1"#,
            r#"http_request_duration_seconds_count{method="GET",route="/produits/{id}"} 3"#,
            "http_requests_in_flight 0",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
