//! What goes on beside requests: the durable fold, and forgetting old names of events.

use std::convert::Infallible;
use std::time::Duration;

use store::{Call, CallError, Failure, Store, Unavailable};
use tokio::sync::broadcast::error::RecvError;
use web::Drain;

use super::{Rewards, commands, fold};
use crate::OFFERS;
use crate::work::Streak;

/// How long the fold waits for news before it looks by itself: other processes' events may come without being told.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often old names are forgotten.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// How many names are forgotten in one command, which takes about a millisecond.
const AT_ONCE: i64 = 500;

/// Follows the log with the durable fold until the server stops.
pub async fn follow(store: &Store, rewards: Rewards, drain: &Drain) {
    let consumer = fold::consumer(rewards);
    let mut streak = Streak::new("folding what people did");
    let mut news = store.tail();
    let stopped = drain.started();
    tokio::pin!(stopped);
    loop {
        if streak.note(consumer.step(store).await).is_some_and(|passed| passed > 0) {
            continue;
        }
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
            told = news.recv() => if let Err(RecvError::Closed) = told {
                return;
            },
        }
    }
}

/// Forgets old names of events, hour by hour, until the server stops.
pub async fn sweep(store: &Store, drain: &Drain) {
    loop {
        if let Err(error) = forget(store).await {
            tracing::debug!(%error, "old names of events cannot be forgotten now");
        }
        if tokio::time::timeout(SWEEP_EVERY, drain.started()).await.is_ok() {
            return;
        }
    }
}

/// Forgets all names that are due, in bounded commands.
async fn forget(store: &Store) -> Result<(), Unavailable> {
    loop {
        let call = Call::new("offers.event.forget", OFFERS);
        let run = store.run(call, |tx, now| Ok::<_, Failure<Infallible>>(commands::prune(tx, now, AT_ONCE)?));
        match run.await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(CallError::Unavailable(error)) => return Err(error),
            Err(CallError::Refused(never)) => match never {},
        }
    }
}
