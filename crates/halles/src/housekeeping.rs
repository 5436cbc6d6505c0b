//! What is thrown away when its time is over: old events, old idempotency keys.

use std::convert::Infallible;
use std::time::Duration;

use kernel::Timestamp;
use store::{Call, CallError, DbError, Failure, Lane, Store, Tx, idempotency, log};
use web::Drain;

const EVERY: Duration = Duration::from_mins(10);
/// How many rows go with one command: a few milliseconds of the writer's time.
const CHUNK: i64 = 1000;
const LANE: Lane = Lane("housekeeping");

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
