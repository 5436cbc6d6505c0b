//! A chain under test: its API without a socket, its clock, and its payment simulator, which can misbehave.

use std::sync::Arc;
use std::time::Duration;

use kernel::{ManualClock, Money, SystemIds, Timestamp};
use retail::payment::simulated::Simulated;
use retail::{Retail, Settings};
use serde_json::{Value, json};
use store::{Call, CallError, DbError, Failure, Options, Store, Unavailable, params};
use telemetry::{Metrics, SecretText};
use web::testing::{TestApp, TestRequest, TestResponse};
use web::{Api, Drain};

use crate::common::{EUR, Ground, assert_sound, level, stocked};

/// What the simulator refuses to go beyond, in cents: 50 units at 10.00.
const LIMIT: i64 = 50_000;

/// The secret that notices are signed with.
pub(crate) const SECRET: &str = "whsec_test";

/// Products 1 to 4 at 10.00, of which the centre has 100 each, and 5, no longer sold; shop 1, and 2, which is closed;
/// clients 1 and 2.
pub(crate) struct Shop {
    pub(crate) store: Store,
    pub(crate) app: TestApp,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) simulator: Arc<Simulated>,
    drain: Drain,
    _ground: Ground,
}

impl Shop {
    pub(crate) async fn open(ground: Ground) -> Self {
        let noon: Timestamp = "2026-03-01T11:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(noon));
        let options =
            Options { clock: clock.clone(), ..Options::new(ground.engine.clone(), vec![retail::SCHEMA]) };
        let store = Store::open(options).unwrap();
        store.opened().await;
        stocked(&store, 5, 100).await;
        let simulator = Arc::new(Simulated::new(store.clone(), Money::from_minor(LIMIT, EUR)));
        let (metrics, drain) = (Metrics::new(), Drain::new());
        let base = retail::Ground {
            store: store.clone(),
            ids: Arc::new(SystemIds),
            provider: simulator.clone(),
            metrics: metrics.clone(),
            drain: drain.clone(),
        };
        let settings = Settings {
            currency: EUR,
            reservation: Duration::from_mins(15),
            provider_timeout: Duration::from_hours(1),
            webhook_secret: Some(SecretText::new(SECRET.to_owned())),
        };
        let retail = Retail::new(base, settings);
        let api = Api::new("test", "1", "").stall(retail.routes());
        let app = TestApp::new(api.build(&web::Settings::default(), &metrics).unwrap());
        tokio::spawn(async move { retail.work(false).await });
        let shop = Self { store, app, clock, simulator, drain, _ground: ground };
        shop.furnish().await;
        shop
    }

    async fn furnish(&self) {
        let made: Result<(), CallError<DbError>> = self
            .store
            .run(Call::new("test.furnish", retail::STOCK), |tx, now| {
                tx.execute("UPDATE product SET active = $1 WHERE id = 5", &params![false])?;
                tx.execute_each(
                    "INSERT INTO shop (id, name, district, active) VALUES ($1, 'boutique', 'Paris', $2)",
                    [(1_i64, true), (2, false)].map(|(id, active)| params![id, active]),
                )?;
                tx.execute_each(
                    "INSERT INTO client (id, name, email, email_folded, created_at) VALUES ($1, 'client', $2, $2, $3)",
                    [(1_i64, "un@exemple.fr"), (2, "deux@exemple.fr")].map(|(id, email)| params![id, email, now]),
                )?;
                Ok::<_, Failure<DbError>>(())
            })
            .await;
        made.unwrap();
    }

    /// Places an order and returns what was answered, after a check of its status.
    pub(crate) async fn ordered(&self, status: u16, body: Value) -> Value {
        self.posted(status, "/saga/commande", body).await
    }

    /// The answer's body, after a check of its status.
    pub(crate) async fn posted(&self, status: u16, path: &str, body: Value) -> Value {
        answered(status, &self.app.post(path, &body).await)
    }

    pub(crate) async fn got(&self, path: &str) -> Value {
        answered(200, &self.app.get(path).await)
    }

    /// A POST under an idempotency key.
    pub(crate) fn keyed(&self, key: &str, path: &str, body: &Value) -> TestRequest {
        self.app.request(axum::http::Method::POST, path).header("Idempotency-Key", key).json(body)
    }

    /// What is there and what is promised of a product at the centre.
    pub(crate) async fn level(&self, product: i64) -> (i64, i64) {
        level(&self.store, product).await
    }

    /// How many rows a statement finds.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.store
            .read(move |tx| Ok::<_, Unavailable>(tx.query_one(sql, &[], |row| row.get(0))?))
            .await
            .unwrap()
    }

    pub(crate) async fn orders(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM orders").await
    }

    /// What the simulator took and did not give back, in cents.
    pub(crate) async fn kept(&self) -> i64 {
        self.count(
            "SELECT CAST(COALESCE(SUM(captured_minor - refunded_minor), 0) AS BIGINT) FROM simulated_charge",
        )
        .await
    }

    /// Waits until an order has settled in a state, while the clock goes on and with it whoever asks again later.
    pub(crate) async fn until(&self, id: &str, state: &str) -> Value {
        for _ in 0..400 {
            let order = self.got(&format!("/commande/{id}")).await;
            if order["etat"] == state && order.get("annulation").is_none() {
                return order;
            }
            self.clock.advance_seconds(1);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("order {id} does not come to be {state}");
    }

    /// Nothing that the product's own check complains of; the worker goes home.
    pub(crate) async fn close(self) {
        assert_sound(&self.store).await;
        self.drain.start();
    }
}

pub(crate) fn answered(status: u16, response: &TestResponse) -> Value {
    assert_eq!(response.status.as_u16(), status, "{}", response.text());
    if status >= 400 { response.problem() } else { response.json() }
}

/// The body of an order of some units of one product.
pub(crate) fn of(product: i64, units: i64) -> Value {
    json!({"produits": [{"produit_id": product, "quantite": units}]})
}

pub(crate) fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// The states that an order went through.
pub(crate) fn states(order: &Value) -> Vec<&str> {
    order["historique"].as_array().unwrap().iter().map(|step| step["etat"].as_str().unwrap()).collect()
}

/// The kind of a refusal, without its prefix.
pub(crate) fn kind(problem: &Value) -> &str {
    problem["type"].as_str().unwrap().rsplit([':', '/']).next().unwrap()
}
