//! What the tests of the saga share: a chain on either engine, and a payment provider that can fail in every way.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Currency, IdSource, OrderId, PaymentId, PlaceId, ProductId, Quantity, SystemIds};
use retail::order::commands::NewOrder;
use retail::order::metrics::SagaMetrics;
use retail::order::saga::{Saga, SagaSettings, Told};
use retail::order::{Order, State, queries};
use retail::payment::provider::{Charge, Outcome, PaymentProvider, ProviderError, RefusalReason};
use store::{
    Call, CallError, DbError, Durability, Engine, Failure, Options, Sabotage, Store, Unavailable, params,
};
use telemetry::Metrics;

pub(crate) const EUR: Currency = Currency::EUR;

/// An engine, and what keeps it alive.
pub(crate) struct Ground {
    pub(crate) engine: Engine,
    _folder: Option<testkit::TempDir>,
}

pub(crate) fn sqlite() -> Ground {
    let folder = testkit::TempDir::new().expect("a folder");
    let engine = Engine::Sqlite { folder: folder.path().to_owned(), durability: Durability::Relaxed };
    Ground { engine, _folder: Some(folder) }
}

pub(crate) fn postgres() -> Ground {
    Ground { engine: Engine::Postgres { url: testkit::fresh_database() }, _folder: None }
}

/// Makes one test per engine out of a function over a [`Ground`].
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::common::sqlite()).await; })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::common::postgres()).await; })*
        }
    };
}

pub(crate) fn open(ground: &Ground) -> Store {
    open_with(ground, Sabotage::None)
}

pub(crate) fn open_with(ground: &Ground, sabotage: Sabotage) -> Store {
    let options = Options { sabotage, ..Options::new(ground.engine.clone(), vec![retail::SCHEMA]) };
    Store::open(options).expect("a store")
}

/// Products 1 to `products` at 10.00, with so many units of each at the centre.
pub(crate) async fn stocked(store: &Store, products: i64, units: i64) {
    let made: Result<(), CallError<DbError>> = store
        .run(Call::new("test.stock", retail::STOCK).lock_whole("stock"), move |tx, now| {
            tx.execute_each(
                "INSERT INTO product (id, name, name_key, description, category, price_minor, active, created_at, updated_at)
                 VALUES ($1, 'produit', 'produit', '', 'test', 1000, $2, $3, $3)",
                (1..=products).map(|id| params![id, true, now]),
            )?;
            tx.execute_each(
                "INSERT INTO stock_level (place_id, product_id, initial, on_hand, reserved, low, reorder, overstock)
                 VALUES (0, $1, $2, $2, 0, 5, 20, 100)",
                (1..=products).map(|id| params![id, units]),
            )?;
            Ok::<_, Failure<DbError>>(())
        })
        .await;
    made.expect("stock");
}

/// What is there and what is promised of a product at the centre.
pub(crate) async fn level(store: &Store, product: i64) -> (i64, i64) {
    store
        .read(move |tx| {
            Ok::<_, Unavailable>(tx.query_one(
                "SELECT on_hand, reserved FROM stock_level WHERE place_id = 0 AND product_id = $1",
                &params![product],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?)
        })
        .await
        .expect("a level")
}

pub(crate) async fn count(store: &Store, state: State) -> i64 {
    store
        .scan(move |tx| {
            Ok::<_, Unavailable>(tx.query_one(
                "SELECT COUNT(*) FROM orders WHERE state = $1",
                &params![state.name()],
                |row| row.get(0),
            )?)
        })
        .await
        .expect("a count")
}

pub(crate) async fn order(store: &Store, id: OrderId) -> Option<Order> {
    store.read(move |tx| Ok::<_, Unavailable>(queries::order(tx, EUR, id)?)).await.expect("an order")
}

/// Nothing that the product's own check complains of, and nothing unfinished.
pub(crate) async fn assert_sound(store: &Store) {
    let (violations, unfinished) = store
        .scan(|tx| {
            Ok::<_, Unavailable>((retail::invariants::check(tx)?, retail::invariants::unfinished(tx)?))
        })
        .await
        .expect("a check");
    assert!(violations.is_empty(), "{violations:?}");
    assert!(unfinished.is_empty(), "{unfinished:?}");
}

pub(crate) fn saga(store: &Store, provider: &Arc<impl PaymentProvider>) -> Arc<Saga> {
    let settings = SagaSettings {
        currency: EUR,
        reservation_seconds: 900,
        provider_timeout: Duration::from_millis(400),
    };
    saga_with(store, provider, settings)
}

pub(crate) fn saga_with(
    store: &Store,
    provider: &Arc<impl PaymentProvider>,
    settings: SagaSettings,
) -> Arc<Saga> {
    let provider: Arc<dyn PaymentProvider> = provider.clone();
    let process = SystemIds.next(store.now());
    Arc::new(Saga::new(store.clone(), provider, settings, SagaMetrics::register(&Metrics::new()), process))
}

/// An order of so many units of each of some products.
pub(crate) fn new_order(saga: &Saga, store: &Store, lines: &[(i64, i64)]) -> NewOrder {
    let lines = lines
        .iter()
        .map(|(product, units)| (ProductId(*product), Quantity::new(*units).expect("a quantity")))
        .collect();
    NewOrder {
        id: OrderId(SystemIds.next(store.now())),
        payment_id: PaymentId(SystemIds.next(store.now())),
        client: None,
        place: PlaceId::CENTRE,
        lines,
        from_basket: false,
        currency: EUR,
        reservation_seconds: saga.reservation_seconds(),
        provider: saga.provider().name(),
        lease: saga.lease(),
        key: None,
    }
}

/// The HTTP status that an order was answered with.
pub(crate) fn status(told: &Told) -> u16 {
    match told {
        Told::Answer(answer) => answer.status,
        Told::Claimed(_) | Told::Refused(_) => 0,
    }
}

/// Runs the worker until nothing is unfinished.
pub(crate) async fn settle(saga: &Arc<Saga>, store: &Store) {
    let worker = tokio::spawn(Arc::clone(saga).work(pending()));
    for _ in 0..400 {
        let unfinished = store
            .scan(|tx| Ok::<_, Unavailable>(retail::invariants::unfinished(tx)?.len()))
            .await
            .expect("the unfinished orders");
        if unfinished == 0 {
            worker.abort();
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("orders are still unfinished");
}

/// What a call of the provider may be made to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The caller dies before the request leaves.
    CrashBefore,
    /// The request is carried out and the caller dies before it hears of it.
    CrashAfter,
    /// The request is carried out, the answer is lost.
    LoseAnswer,
    /// The request is lost.
    LoseRequest,
    /// The request is carried out twice.
    Twice,
    /// The provider refuses.
    Refuse,
}

/// A provider that holds first and takes later, with a ledger that notices what must never happen.
pub(crate) struct Ledger {
    charges: Mutex<HashMap<PaymentId, Entry>>,
    /// The fault of the n-th call, counted from 0.
    fault: Mutex<Option<(usize, Fault)>>,
    calls: AtomicUsize,
    /// A careless ledger forgets whose request it was: the known-bad twin.
    careless: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    held: i64,
    captured: i64,
    refunded: i64,
    refused: bool,
    cancelled: bool,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    pub(crate) fn with(fault: Option<(usize, Fault)>) -> Self {
        Self {
            charges: Mutex::default(),
            fault: Mutex::new(fault),
            calls: AtomicUsize::new(0),
            careless: false,
        }
    }

    pub(crate) fn careless(fault: Option<(usize, Fault)>) -> Self {
        Self { careless: true, ..Self::with(fault) }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// What was taken of all payments together, less what was given back.
    pub(crate) fn kept(&self) -> i64 {
        self.charges.lock().expect("a lock").values().map(|entry| entry.captured - entry.refunded).sum()
    }

    /// What is held and neither taken nor let go.
    pub(crate) fn held(&self) -> i64 {
        self.charges.lock().expect("a lock").values().map(|entry| entry.held).sum()
    }

    fn outcome(entry: &Entry) -> Outcome {
        let reference = "ledger".to_owned();
        if entry.refused {
            Outcome::refused(None, RefusalReason::Declined)
        } else if entry.cancelled {
            Outcome::Cancelled { reference: None }
        } else if entry.refunded > 0 {
            Outcome::Refunded { reference }
        } else if entry.captured > 0 {
            Outcome::Captured { reference }
        } else if entry.held > 0 {
            Outcome::Authorised { reference }
        } else {
            Outcome::Unknown
        }
    }

    async fn call(
        &self,
        charge: &Charge,
        act: impl Fn(&mut Entry, i64, bool),
    ) -> Result<Outcome, ProviderError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let fault =
            self.fault.lock().expect("a lock").filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        let work = |refuse: bool| {
            let mut charges = self.charges.lock().expect("a lock");
            let entry = charges.entry(charge.payment_id).or_default();
            if refuse && entry.held == 0 && entry.captured == 0 {
                entry.refused = true;
            }
            act(entry, charge.amount.minor(), self.careless);
            Self::outcome(entry)
        };
        match fault {
            None => Ok(work(false)),
            Some(Fault::CrashBefore) => pending().await,
            Some(Fault::CrashAfter) => {
                work(false);
                pending().await
            }
            Some(Fault::LoseAnswer) => {
                work(false);
                Err(ProviderError::Timeout)
            }
            Some(Fault::LoseRequest) => Err(ProviderError::Timeout),
            Some(Fault::Twice) => {
                work(false);
                Ok(work(false))
            }
            Some(Fault::Refuse) => Ok(work(true)),
        }
    }
}

#[async_trait]
impl PaymentProvider for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, |entry, amount, careless| {
            let fresh = entry.held == 0 && entry.captured == 0 && !entry.refused && !entry.cancelled;
            if fresh || careless {
                entry.held += amount;
            }
        })
        .await
    }

    async fn capture(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, |entry, amount, careless| {
            let held = std::mem::take(&mut entry.held);
            entry.captured += if careless { held.max(amount) } else { held };
        })
        .await
    }

    async fn cancel(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, |entry, _, _| {
            if entry.captured == 0 {
                entry.held = 0;
                entry.cancelled = !entry.refused;
            }
        })
        .await
    }

    async fn refund(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, |entry, _, careless| {
            if careless {
                entry.refunded += entry.captured;
            } else {
                entry.refunded = entry.captured;
            }
        })
        .await
    }

    async fn find(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, |_, _, _| {}).await
    }
}
