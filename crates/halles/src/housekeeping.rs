//! What is thrown away when its time is over: old events, old idempotency keys. And how far the log's consumers are.

use std::convert::Infallible;
use std::time::Duration;

use kernel::Timestamp;
use store::{Call, CallError, DbError, Failure, Lane, Store, Tx, Unavailable, idempotency, log};
use telemetry::Metrics;
use telemetry::prometheus_client::metrics::family::Family;
use telemetry::prometheus_client::metrics::gauge::Gauge;
use web::Drain;

const EVERY: Duration = Duration::from_mins(10);
/// How many rows go with one command: a few milliseconds of the writer's time.
const CHUNK: i64 = 1000;
const LANE: Lane = Lane("housekeeping");

/// How often the consumers of the log are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Tells as `event_cursor_lag{consumer}` how many events each durable consumer has still to pass, until the server
/// stops.
pub(crate) async fn watch_cursors(store: Store, drain: Drain, metrics: Metrics) {
    let lag = Family::<Vec<(&str, String)>, Gauge>::default();
    metrics.register(|registry| {
        let help = "Events of the log that a durable consumer has still to pass";
        registry.register("event_cursor_lag", help, lag.clone());
    });
    store.opened().await;
    loop {
        match store.read(|tx| Ok::<_, Unavailable>(log::lags(tx)?)).await {
            Ok(lags) => {
                for (consumer, events) in lags {
                    lag.get_or_create(&vec![("consumer", consumer)]).set(events);
                }
            }
            Err(error) => tracing::debug!(%error, "the log's consumers cannot be looked at now"),
        }
        tokio::select! {
            () = drain.started() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Throws old things away until the server stops.
pub(crate) async fn work(store: Store, drain: Drain, retention_days: u32) {
    store.opened().await;
    loop {
        tokio::select! {
            () = drain.started() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let kept = i64::from(retention_days) * 24 * 3600;
        let keys = prune(&store, "store.idempotency.prune", |tx, now| {
            idempotency::prune(tx, now.plus_seconds(-idempotency::KEPT_SECONDS), CHUNK)
        });
        let keys = keys.await;
        let events =
            prune(&store, "store.log.prune", move |tx, now| log::prune(tx, now.plus_seconds(-kept), CHUNK))
                .await;
        tracing::debug!(events, keys, "old events and idempotency keys thrown away");
    }
}

/// Runs a command again and again until it finds nothing more to throw away; returns how much went.
async fn prune<F>(store: &Store, name: &'static str, f: F) -> u64
where
    F: Fn(&mut Tx<'_>, Timestamp) -> Result<u64, DbError> + Copy + Send + 'static,
{
    let mut total = 0;
    loop {
        let gone: Result<u64, CallError<Infallible>> =
            store.run(Call::new(name, LANE), move |tx, now| f(tx, now).map_err(Failure::Db)).await;
        match gone {
            Ok(0) | Err(_) => return total,
            Ok(gone) => total += gone,
        }
    }
}
