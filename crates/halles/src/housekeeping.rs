//! What is thrown away when its time is over: old events, old idempotency keys.

use std::convert::Infallible;
use std::time::Duration;

use store::{Call, CallError, Failure, Lane, Store, idempotency, log};
use web::Drain;

const EVERY: Duration = Duration::from_mins(10);
/// How many events go with one command: a few milliseconds of the writer's time.
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
        let call = Call::new("store.idempotency.prune", LANE);
        let keys: Result<u64, CallError<Infallible>> = store
            .run(call, |tx, now| {
                idempotency::prune(tx, now.plus_seconds(-idempotency::KEPT_SECONDS)).map_err(Failure::Db)
            })
            .await;
        let mut events = 0;
        loop {
            let call = Call::new("store.log.prune", LANE);
            let gone: Result<u64, CallError<Infallible>> = store
                .run(call, move |tx, now| log::prune(tx, now.plus_seconds(-kept), CHUNK).map_err(Failure::Db))
                .await;
            match gone {
                Ok(0) | Err(_) => break,
                Ok(gone) => events += gone,
            }
        }
        tracing::debug!(events, keys = keys.unwrap_or(0), "old events and idempotency keys thrown away");
    }
}
