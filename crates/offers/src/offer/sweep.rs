//! Ends offers whose time is over.

use std::sync::Arc;
use std::time::Duration;

use store::{Call, CallError, Failure, Store, Unavailable};

use super::{commands, queries};
use crate::OFFERS;
use crate::inventory::ProductStock;
use crate::work::Streak;

/// How often offers are looked through. (None is ever shown after its time: that is looked at with every answer.)
const EVERY: Duration = Duration::from_secs(1);
/// How many offers one command ends.
const AT_ONCE: i64 = 100;

/// Ends offers as their time comes, until `stop`.
pub async fn work(store: &Store, stock: &Arc<dyn ProductStock>, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    store.opened().await;
    let mut streak = Streak::new("ending offers whose time is over");
    loop {
        streak.note(sweep(store, stock).await);
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Ends all offers whose time is over; returns how many.
pub async fn sweep(store: &Store, stock: &Arc<dyn ProductStock>) -> Result<usize, Unavailable> {
    let mut ended = 0;
    while is_due(store).await? {
        let stock = Arc::clone(stock);
        let call = Call::new("offers.offer.expire", OFFERS);
        let swept: Result<usize, CallError<std::convert::Infallible>> = store
            .run(call, move |tx, now| commands::expire_due(tx, now, &*stock, AT_ONCE).map_err(Failure::Db))
            .await;
        match swept {
            // Another process has been quicker, or this one's clock has gone back since the look.
            Ok(0) => break,
            Ok(count) => ended += count,
            Err(CallError::Unavailable(error)) => return Err(error),
            Err(CallError::Refused(never)) => match never {},
        }
    }
    Ok(ended)
}

/// A look costs no commit.
async fn is_due(store: &Store) -> Result<bool, Unavailable> {
    let now = store.now();
    store.read(move |tx| Ok::<_, Unavailable>(!queries::due(tx, now, 1)?.is_empty())).await
}
