//! What goes on beside requests, until the server stops.

use std::time::Duration;

use crate::inventory::watch::Watch;
use crate::{Offers, decision, engagement, offer};

/// How often old decisions are forgotten.
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Follows the stores' stock, folds what people do into tables, writes decisions, and does what is due by time.
pub(crate) async fn work(offers: &Offers) {
    let (store, drain, settings) = (offers.store(), offers.drain(), offers.settings());
    store.opened().await;
    let watch = Watch::new(store.clone(), offers.stock().clone());
    tokio::join!(
        watch.work(drain.started()),
        engagement::work::follow(store, settings.ranking.rewards, drain),
        engagement::work::sweep(store, drain),
        offers.decisions().work(store, drain),
        forget_decisions(offers),
        offer::sweep::work(store, offers.stock(), drain.started()),
    );
}

async fn forget_decisions(offers: &Offers) {
    loop {
        if let Err(error) = decision::prune_old(offers.store(), offers.settings().decisions_kept).await {
            tracing::debug!(%error, "old decisions cannot be forgotten now");
        }
        if tokio::time::timeout(FORGET_EVERY, offers.drain().started()).await.is_ok() {
            return;
        }
    }
}
