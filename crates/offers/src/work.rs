//! What goes on beside requests, until the server stops.

use std::time::Duration;

use store::Unavailable;

use crate::inventory::watch::Watch;
use crate::{Offers, decision, engagement, offer};

/// How often old decisions are forgotten.
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// Says once that some work does not succeed, and once that it does again; what goes wrong in between is for those who
/// look closer.
#[derive(Debug)]
pub(crate) struct Streak {
    what: &'static str,
    failing: bool,
}

impl Streak {
    /// Of work that has not failed yet.
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, failing: false }
    }

    /// Takes note of how it went; passes on what came of it.
    pub(crate) fn note<T>(&mut self, outcome: Result<T, Unavailable>) -> Option<T> {
        let failed = outcome.is_err();
        match &outcome {
            Err(error) if self.failing => tracing::debug!(%error, work = self.what, "fails still"),
            Err(error) => tracing::warn!(%error, work = self.what, "fails for now; trying again"),
            Ok(_) if self.failing => tracing::info!(work = self.what, "succeeds again"),
            Ok(_) => {}
        }
        self.failing = failed;
        outcome.ok()
    }
}

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
