//! The offers stall: few offers for each person, ranked by a bandit that learns, moved at once when one runs out.
//!
//! Its one public face is [`Offers`]. It knows no other stall: of the stores it hears by their events
//! (`halles.stock.changed`) and asks through [`ProductStock`]. What happens here is told by events
//! (`halles.offer.stockout`, `halles.offer.pivoted`, `halles.offer.engagement` …).
//!
//! [`offer`], [`inventory`] and [`pivot`] are what merchants give and what becomes of it; [`engagement`] is what people
//! do; [`learn`] is what follows from it, pure; [`rank`] holds all of it in memory and answers. [`simulate`] and
//! [`evaluate`] say how good the answers are.

pub mod decision;
pub mod demo;
pub mod engagement;
pub mod evaluate;
pub mod experiment;
pub mod import;
pub mod inventory;
pub mod learn;
pub mod names;
pub mod offer;
pub mod pivot;
pub mod rank;
pub mod simulate;
#[cfg(test)]
mod testing;
pub mod trending;
pub mod user;
mod work;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Currency, IdSource, Timestamp};
use store::{Lane, Migration, Schema, Store, Unavailable};
use telemetry::Metrics;
use web::{Drain, Routes};

use decision::Decisions;
use engagement::metrics::EngagementMetrics;
use inventory::ProductStock;
use pivot::notices::Notices;
use rank::{Index, Refresher};

/// The lane of everything that changes offers, or tells what people do with them.
pub const OFFERS: Lane = Lane("offers");

/// What the stall's events name as their source.
pub const SOURCE: &str = "/offers";

/// The stall's tables.
pub const SCHEMA: Schema = Schema {
    stall: "offers",
    migrations: &[Migration {
        version: 1,
        name: "offers, engagement, learning",
        sql: include_str!("../migrations/0001_offers.sql"),
    }],
};

/// How offers are ranked and learned from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The chain's one currency: amounts on the wire are in its units.
    pub currency: Currency,
    /// How offers are ranked.
    pub ranking: rank::Settings,
    /// How long decisions are kept.
    pub decisions_kept: Duration,
}

impl Settings {
    /// The product's defaults for a chain of this currency.
    pub fn new(currency: Currency) -> Self {
        Self { currency, ranking: rank::Settings::default(), decisions_kept: Duration::from_hours(30 * 24) }
    }
}

/// What the stall stands on.
pub struct Ground {
    /// A store whose schemas include [`SCHEMA`].
    pub store: Store,
    /// Where new ids come from.
    pub ids: Arc<dyn IdSource>,
    /// What the stores have of a product.
    pub stock: Arc<dyn ProductStock>,
    /// Where its metrics are registered.
    pub metrics: Metrics,
    /// Tells its work that the server is stopping.
    pub drain: Drain,
}

/// The offers stall: cheap to clone, the state of its HTTP handlers.
#[derive(Clone)]
pub struct Offers {
    parts: Arc<Parts>,
}

struct Parts {
    store: Store,
    ids: Arc<dyn IdSource>,
    stock: Arc<dyn ProductStock>,
    settings: Settings,
    drain: Drain,
    index: Arc<Index>,
    refresher: Mutex<Option<Refresher>>,
    decisions: Decisions,
    engagement: EngagementMetrics,
    notices: Notices,
}

impl Offers {
    /// The stall; it answers nothing about people and offers until it is opened.
    pub fn new(ground: Ground, settings: Settings) -> Self {
        let Ground { store, ids, stock, metrics, drain } = ground;
        let index = Index::new(&settings.ranking);
        index.metrics().register(&metrics);
        let parts = Parts {
            index: Arc::new(index),
            refresher: Mutex::default(),
            decisions: Decisions::new(&metrics),
            engagement: EngagementMetrics::register(&metrics),
            notices: Notices::register(&metrics),
            store,
            ids,
            stock,
            settings,
            drain,
        };
        Self { parts: Arc::new(parts) }
    }

    /// Its routes.
    pub fn routes(&self) -> Routes {
        Routes::new()
            .merge(rank::api::routes())
            .merge(engagement::api::routes())
            .merge(pivot::api::routes())
            .merge(trending::api::routes())
            .merge(experiment::api::routes())
            .merge(decision::api::routes())
            .merge(offer::api::routes())
            .merge(user::api::routes())
            .with_state(self.clone())
    }

    /// Fills the index from the store, and follows the log from then on.
    pub async fn open(&self) -> Result<(), OpenError> {
        let Parts { store, stock, index, notices, refresher, .. } = &*self.parts;
        let notices = notices.clone();
        store.subscribe(move |events| events.iter().for_each(|event| notices.tell(event)));
        index.open(store, Arc::clone(stock)).await?;
        let started = Refresher::start(Arc::clone(index), Arc::clone(store.clock()))?;
        *refresher.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        Ok(())
    }

    /// Does what goes on beside requests, until the server stops.
    pub async fn work(&self) {
        work::work(self).await;
    }

    /// Writes down what is left in memory when the last request has been answered.
    pub async fn finish(&self) {
        self.parts.decisions.finish(&self.parts.store).await;
    }

    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    pub(crate) fn stock(&self) -> &Arc<dyn ProductStock> {
        &self.parts.stock
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    pub(crate) fn drain(&self) -> &Drain {
        &self.parts.drain
    }

    pub(crate) fn index(&self) -> &Arc<Index> {
        &self.parts.index
    }

    pub(crate) fn decisions(&self) -> &Decisions {
        &self.parts.decisions
    }

    pub(crate) fn engagement_metrics(&self) -> &EngagementMetrics {
        &self.parts.engagement
    }

    /// Whether people can be answered: the index has been loaded.
    pub fn is_ready(&self) -> bool {
        self.parts.index.is_ready()
    }

    /// A new UUID for the present instant.
    pub(crate) fn new_id(&self) -> uuid::Uuid {
        self.new_id_at(self.parts.store.now())
    }

    /// A new UUID for an instant.
    pub(crate) fn new_id_at(&self, now: Timestamp) -> uuid::Uuid {
        self.parts.ids.next(now)
    }
}

/// Why the stall could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be read.
    #[error("the offers cannot be read: {0}")]
    Store(#[from] Unavailable),
    /// The thread that refreshes the ranking cannot be started.
    #[error("the ranking cannot be kept fresh: {0}")]
    Thread(#[from] std::io::Error),
}
