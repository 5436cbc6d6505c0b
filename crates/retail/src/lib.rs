//! The stores stall: catalogue, shops, stock, sales, replenishment, clients, baskets, orders, payments.
//!
//! Its one public face is [`Retail`]. It knows no other stall; what happens here is told by events
//! (`halles.stock.changed`, `halles.sale.recorded`, `halles.order.confirmed` …).
//!
//! Each noun is a folder: `mod.rs` holds its types and rules (pure), `commands.rs` and `queries.rs` are plain
//! functions over `Tx` and the only places with SQL, `api.rs` is HTTP in and out. To add a noun, add a folder,
//! a numbered migration, and a line in `routes`.

pub mod basket;
pub mod chain;
pub mod client;
pub mod demo;
pub mod invariants;
pub mod order;
pub mod payment;
pub mod product;
pub mod replenishment;
pub mod report;
pub mod sale;
pub mod shop;
pub mod stock;

use std::sync::Arc;
use std::time::Duration;

use kernel::{Currency, IdSource, Money, Problem};
use store::{Call, CallError, Lane, Migration, Schema, Store, Unavailable};
use telemetry::{Metrics, SecretText};
use web::{Drain, Routes};

use chain::CurrencyMismatch;
use order::metrics::SagaMetrics;
use order::saga::{Saga, SagaSettings};
use payment::desk::Desk;
use payment::provider::PaymentProvider;

/// The lane of everything that moves stock or money.
pub const STOCK: Lane = Lane("stock");
/// The lane of catalogue, shops, clients and baskets.
pub const CATALOGUE: Lane = Lane("catalogue");
/// The lane of the payment simulator.
pub const PAYMENTS: Lane = Lane("payments");

/// What the stall's events name as their source.
pub const SOURCE: &str = "/retail";

/// The stall's tables.
pub const SCHEMA: Schema = Schema {
    stall: "retail",
    migrations: &[Migration {
        version: 1,
        name: "stores, stock, orders",
        sql: include_str!("../migrations/0001_retail.sql"),
    }],
};

/// How a chain is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The chain's one currency.
    pub currency: Currency,
    /// How long stock is promised to an order that is not paid.
    pub reservation: Duration,
    /// How long one call to the payment provider may take.
    pub provider_timeout: Duration,
    /// The secret that Stripe signs its notices with.
    pub webhook_secret: Option<SecretText>,
}

/// What the stall stands on.
pub struct Ground {
    /// A store whose schemas include [`SCHEMA`].
    pub store: Store,
    /// Where new ids come from.
    pub ids: Arc<dyn IdSource>,
    /// Who moves money.
    pub provider: Arc<dyn PaymentProvider>,
    /// Where its metrics are registered.
    pub metrics: Metrics,
    /// Tells its streams that the server is stopping.
    pub drain: Drain,
}

/// The stores stall: cheap to clone, the state of its HTTP handlers.
#[derive(Clone)]
pub struct Retail {
    parts: Arc<Parts>,
}

struct Parts {
    store: Store,
    ids: Arc<dyn IdSource>,
    settings: Settings,
    saga: Arc<Saga>,
    desk: Desk,
    drain: Drain,
}

impl Retail {
    /// The stall.
    pub fn new(ground: Ground, settings: Settings) -> Self {
        let Ground { store, ids, provider, metrics, drain } = ground;
        let saga_settings = SagaSettings {
            currency: settings.currency,
            reservation_seconds: i64::try_from(settings.reservation.as_secs()).unwrap_or(i64::MAX),
            provider_timeout: settings.provider_timeout,
        };
        let process = ids.next(store.now());
        let saga = Saga::new(
            store.clone(),
            Arc::clone(&provider),
            saga_settings,
            SagaMetrics::register(&metrics),
            process,
        );
        let desk = Desk::new(store.clone(), provider, settings.currency, settings.provider_timeout);
        Self { parts: Arc::new(Parts { store, ids, settings, saga: Arc::new(saga), desk, drain }) }
    }

    /// Its routes.
    pub fn routes(&self) -> Routes {
        Routes::new()
            .merge(product::api::routes())
            .merge(shop::api::routes())
            .merge(stock::api::routes())
            .merge(sale::api::routes())
            .merge(replenishment::api::routes())
            .merge(client::api::routes())
            .merge(basket::api::routes())
            .merge(order::api::routes())
            .merge(payment::api::routes())
            .merge(report::api::routes())
            .with_state(self.clone())
    }

    /// Does what goes on beside requests, until the server stops: unfinished orders and payments, reservations that
    /// have run out.
    ///
    /// `alone` says that no other process works on this database, so that leases found at start mean nothing.
    pub async fn work(&self, alone: bool) {
        self.parts.store.opened().await;
        if alone && let Err(error) = self.void_leases().await {
            tracing::warn!(%error, "leases of an earlier process could not be voided; they will run out");
        }
        let orders = Arc::clone(&self.parts.saga).work(self.parts.drain.started());
        tokio::join!(orders, self.sweep_payments(), self.sweep_stock());
    }

    /// The chain's currency is written down with the first start and never changes: amounts are stored without it.
    pub async fn open(&self) -> Result<(), CallError<CurrencyMismatch>> {
        let currency = self.parts.settings.currency;
        let call = Call::new("retail.chain.open", CATALOGUE).lock("chain", 1);
        self.parts.store.run(call, move |tx, _| chain::commands::open(tx, currency)).await
    }

    async fn void_leases(&self) -> Result<(), Unavailable> {
        product::import::resume(&self.parts.store, true).await?;
        self.parts.saga.void_leases().await?;
        self.parts.desk.void_leases().await
    }

    /// Payments at their own door, every so often.
    async fn sweep_payments(&self) {
        while self.pause().await {
            if let Err(error) = self.parts.desk.resume().await {
                tracing::debug!(%error, "unfinished payments cannot be resumed now");
            }
        }
    }

    /// Imports and reservations, every so often: apart from payments, whose provider may be slow.
    async fn sweep_stock(&self) {
        while self.pause().await {
            if let Err(error) = product::import::resume(&self.parts.store, false).await {
                tracing::debug!(%error, "unfinished imports cannot be resumed now");
            }
            if let Err(error) = self.expire_reservations().await {
                tracing::debug!(%error, "reservations cannot be looked through now");
            }
        }
    }

    /// Waits for the next turn of a sweep; false when the server stops.
    async fn pause(&self) -> bool {
        /// Often enough for a reservation's seconds to mean something.
        const EVERY: Duration = Duration::from_millis(500);
        tokio::time::timeout(EVERY, self.parts.drain.started()).await.is_err()
    }

    async fn expire_reservations(&self) -> Result<(), Unavailable> {
        /// How many one command releases: together no more than 500 keys, since each holds at most 100 products.
        const AT_ONCE: i64 = 5;
        stock::reservation::expire_due(&self.parts.store, AT_ONCE).await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    pub(crate) fn saga(&self) -> &Arc<Saga> {
        &self.parts.saga
    }

    pub(crate) fn provider(&self) -> &Arc<dyn PaymentProvider> {
        self.parts.saga.provider()
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.parts.desk
    }

    pub(crate) fn drain(&self) -> &Drain {
        &self.parts.drain
    }

    /// A new UUID for the present instant.
    pub(crate) fn new_id(&self) -> uuid::Uuid {
        self.parts.ids.next(self.parts.store.now())
    }

    /// An amount that came in, if it is in the chain's currency.
    pub(crate) fn checked_amount(&self, field: &str, amount: Money) -> Result<Money, Problem> {
        let currency = self.parts.settings.currency;
        if amount.currency() == currency {
            Ok(amount)
        } else {
            Err(Problem::invalid(
                format!("{field}.devise"),
                format!("must be {currency}, the currency of this chain"),
            ))
        }
    }
}
