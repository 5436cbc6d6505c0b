//! What Prometheus is told of the saga.

use std::sync::Arc;
use std::time::Duration;

use telemetry::prometheus_client::metrics::counter::Counter;
use telemetry::prometheus_client::metrics::family::Family;
use telemetry::{Histogram, Metrics};

use super::{Order, State};

type Label = [(&'static str, &'static str); 1];

/// `saga_success_total`, `saga_failure_total`, `saga_duration_seconds`, `saga_etat_total{etat}`.
#[derive(Clone)]
pub struct SagaMetrics {
    success: Counter,
    failure: Counter,
    duration: Histogram,
    states: Arc<[(State, Counter)]>,
}

impl SagaMetrics {
    /// Registers the saga's metrics.
    pub fn register(metrics: &Metrics) -> Self {
        let family = Family::<Label, Counter>::default();
        let states = State::ALL
            .map(|state| (state, family.get_or_create(&[("etat", state.name())]).clone()))
            .into_iter()
            .collect();
        let this = Self {
            success: Counter::default(),
            failure: Counter::default(),
            duration: Histogram::default(),
            states,
        };
        metrics.register(|registry| {
            registry.register("saga_success", "Orders that ended CONFIRMEE", this.success.clone());
            registry.register(
                "saga_failure",
                "Orders that ended ANNULEE without having been confirmed",
                this.failure.clone(),
            );
            registry.register(
                "saga_duration_seconds",
                "From CREEE to the end of the saga",
                this.duration.clone(),
            );
            registry.register("saga_etat", "States that orders went through", family);
        });
        this
    }

    /// Counts the last `added` states of an order, and its end when it has come to it.
    pub(super) fn settled(&self, order: &Order, added: usize) {
        let from = order.history.len().saturating_sub(added);
        for step in &order.history[from..] {
            if let Some((_, counter)) = self.states.iter().find(|(state, _)| *state == step.state) {
                counter.inc();
            }
        }
        let (Some(last), true) = (order.history.last(), added > 0 && order.is_settled()) else { return };
        let confirmed_before = order.history.iter().any(|step| step.state == State::Confirmed);
        match order.state {
            State::Confirmed => self.success.inc(),
            State::Cancelled if !confirmed_before => self.failure.inc(),
            State::Created | State::StockVerified | State::StockReserved | State::Paid | State::Cancelled => {
                return;
            }
        };
        let micros = last.at.micros() - order.created_at().micros();
        self.duration.observe(Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
    }
}
