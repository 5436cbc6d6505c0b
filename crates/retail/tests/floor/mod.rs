//! What the tests of the shop floor share: a small chain on either engine, called over HTTP.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;
use std::time::Duration;

use kernel::{Currency, ManualClock, Money, SystemIds, Timestamp};
use retail::payment::simulated::Simulated;
use retail::{Ground, Retail, Settings};
use serde_json::{Value, json};
use store::{Call, CallError, DbError, Durability, Engine, Failure, Options, Store, Unavailable, params};
use telemetry::Metrics;
use web::testing::{TestApp, TestResponse};
use web::{Api, Drain};

/// Noon of a Sunday in Paris, far from a clock change.
pub(crate) const NOON: &str = "2026-03-01T11:00:00Z";

/// Where the chain's data is, and what keeps it alive.
pub(crate) struct Place {
    pub(crate) engine: Engine,
    _folder: Option<testkit::TempDir>,
}

pub(crate) fn sqlite() -> Place {
    let folder = testkit::TempDir::new().expect("a folder");
    let engine = Engine::Sqlite { folder: folder.path().to_owned(), durability: Durability::Relaxed };
    Place { engine, _folder: Some(folder) }
}

pub(crate) fn postgres() -> Place {
    Place { engine: Engine::Postgres { url: testkit::fresh_database() }, _folder: None }
}

/// Makes one test per engine out of a function over a [`Floor`].
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::floor::Floor::open($crate::floor::sqlite()).await).await; })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::floor::Floor::open($crate::floor::postgres()).await).await; })*
        }
    };
}

/// A chain of two open shops (1, 2) and a closed one (3), with products 1 to 4 at 10.00, 20.00 … and product 5 that is
/// not sold any more. The centre holds 100 of each, shop 1 ten of products 1 and 2.
pub(crate) struct Floor {
    pub(crate) app: TestApp,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    _place: Place,
}

impl Floor {
    pub(crate) async fn open(place: Place) -> Self {
        let floor = Self::empty(place).await;
        floor.furnish().await;
        floor
    }

    /// The same without any data.
    pub(crate) async fn empty(place: Place) -> Self {
        let noon: Timestamp = NOON.parse().expect("an instant");
        let clock = Arc::new(ManualClock::new(noon));
        let options =
            Options { clock: clock.clone(), ..Options::new(place.engine.clone(), vec![retail::SCHEMA]) };
        let store = Store::open(options).expect("a store");
        store.opened().await;
        let limit = Money::from_minor(50_000, Currency::EUR);
        let provider = Arc::new(Simulated::new(store.clone(), limit));
        let ground = Ground {
            store: store.clone(),
            ids: Arc::new(SystemIds),
            provider,
            metrics: Metrics::new(),
            drain: Drain::new(),
        };
        let settings = Settings {
            currency: Currency::EUR,
            reservation: Duration::from_mins(15),
            provider_timeout: Duration::from_secs(10),
            webhook_secret: None,
        };
        let retail = Retail::new(ground, settings);
        let api = Api::new("test", "1", "").stall(retail.routes());
        assert_eq!(api.faults(), Vec::<String>::new());
        let app = api.build(&web::Settings::default(), &Metrics::new()).expect("an application");
        Self { app: TestApp::new(app), store, clock, _place: place }
    }

    async fn furnish(&self) {
        let made: Result<(), CallError<DbError>> = self
            .store
            .run(Call::new("test.furnish", retail::STOCK).lock_whole("stock"), |tx, now| {
                tx.execute_each(
                    "INSERT INTO product (id, name, name_key, description, category, price_minor, active, created_at,
                                          updated_at)
                     VALUES ($1, $2, 'produit', '', 'test', $3, $4, $5, $5)",
                    [(1, "A"), (2, "B"), (3, "C"), (4, "D"), (5, "E")]
                        .map(|(id, name)| params![id, name, 1000 * id, id < 5, now]),
                )?;
                tx.execute_each(
                    "INSERT INTO shop (id, name, district, active) VALUES ($1, $2, 'Paris', $3)",
                    [(1_i64, "Un"), (2, "Deux"), (3, "Trois")].map(|(id, name)| params![id, name, id < 3]),
                )?;
                tx.execute_each(
                    "INSERT INTO stock_level (place_id, product_id, initial, on_hand, reserved, low, reorder, overstock)
                     VALUES ($1, $2, $3, $3, 0, 5, 20, 100)",
                    (1..=4).map(|id| (0, id, 100)).chain([(1, 1, 10), (1, 2, 10)]).map(
                        |(place, product, units): (i64, i64, i64)| params![place, product, units],
                    ),
                )?;
                Ok::<_, Failure<DbError>>(())
            })
            .await;
        made.expect("a furnished chain");
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.app.get(path).await;
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.text());
        answer.json()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.app.post(path, &body).await
    }

    /// The answer's body, after a check of its status.
    pub(crate) async fn posted(&self, status: u16, path: &str, body: Value) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status.as_u16(), status, "POST {path}: {}", answer.text());
        if status >= 400 { answer.problem() } else { answer.json() }
    }

    /// Reserves units in a place for some seconds.
    pub(crate) async fn reserved(&self, reference: &str, place: i64, lines: &[(i64, i64)]) -> Value {
        let lines: Vec<Value> =
            lines.iter().map(|(product, units)| json!({"produit_id": product, "quantite": units})).collect();
        let body = json!({"reference": reference, "emplacement_id": place, "produits": lines});
        self.posted(201, "/stock/reserver", body).await
    }

    /// Sells units of one product in a shop.
    pub(crate) async fn sold(&self, shop: i64, product: i64, units: i64) -> Value {
        let body = json!({"lignes": [{"produit_id": product, "quantite": units}]});
        self.posted(201, &format!("/magasins/{shop}/ventes"), body).await
    }

    /// What is there and what is promised of a product in a place.
    pub(crate) async fn level(&self, place: i64, product: i64) -> (i64, i64) {
        self.store
            .read(move |tx| {
                Ok::<_, Unavailable>(tx.query_opt(
                    "SELECT on_hand, reserved FROM stock_level WHERE place_id = $1 AND product_id = $2",
                    &params![place, product],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )?)
            })
            .await
            .expect("a level")
            .unwrap_or_default()
    }

    /// The types of all events so far.
    pub(crate) async fn events(&self) -> Vec<String> {
        let events =
            self.store.read(|tx| Ok::<_, Unavailable>(store::log::after(tx, 0, None, 10_000)?)).await;
        events.expect("events").into_iter().map(|event| event.kind).collect()
    }

    /// Nothing that the product's own check complains of.
    pub(crate) async fn assert_sound(&self) {
        let found = self.store.scan(|tx| Ok::<_, Unavailable>(retail::invariants::check(tx)?)).await;
        assert_eq!(found.expect("a check"), []);
    }
}
