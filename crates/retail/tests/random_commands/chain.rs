//! A chain to which commands are given over HTTP, one after the other, with nothing left to chance.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::Method;
use kernel::{IdSource, ManualClock, Money, Timestamp};
use retail::payment::simulated::Simulated;
use retail::{Retail, Settings};
use serde_json::{Value, json};
use store::{Call, CallError, DbError, Engine, Failure, Options, Store, Unavailable, params};
use telemetry::Metrics;
use uuid::Uuid;
use web::testing::{TestApp, TestRequest, TestResponse};
use web::{Api, Drain};

use crate::common::{EUR, Ground, stocked};
use crate::model::{Command, INITIAL, LIMIT, Levels, Lines, Model, PRODUCTS};

const NOW: Timestamp = Timestamp::from_micros(1_772_366_400_000_000);

/// Ids that are the same in each run.
#[derive(Default)]
struct CountedIds(AtomicU64);

impl IdSource for CountedIds {
    fn next(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.micros() / 1000).unwrap();
        let mut rest = [0; 10];
        rest[2..].copy_from_slice(&self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
    }
}

/// The chain, and the names of what was made in it so far.
pub(crate) struct Chain {
    pub(crate) store: Store,
    app: TestApp,
    clock: Arc<ManualClock>,
    /// Each order's id and body; its idempotency key is its number.
    orders: Vec<(String, Value)>,
    reservations: Vec<String>,
    requests: Vec<String>,
    attempts: usize,
    ground: Ground,
}

impl Chain {
    pub(crate) async fn open(ground: Ground) -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let options =
            Options { clock: clock.clone(), ..Options::new(ground.engine.clone(), vec![retail::SCHEMA]) };
        let store = Store::open(options).unwrap();
        store.opened().await;
        stocked(&store, PRODUCTS, INITIAL).await;
        open_shops(&store).await;
        let metrics = Metrics::new();
        let base = retail::Ground {
            store: store.clone(),
            ids: Arc::new(CountedIds::default()),
            provider: Arc::new(Simulated::new(store.clone(), Money::from_minor(LIMIT, EUR))),
            metrics: metrics.clone(),
            drain: Drain::new(),
        };
        let settings = Settings {
            currency: EUR,
            reservation: Duration::from_mins(15),
            provider_timeout: Duration::from_secs(10),
            webhook_secret: None,
        };
        let api = Api::new("test", "1", "").stall(Retail::new(base, settings).routes());
        let app = TestApp::new(api.build(&web::Settings::default(), &metrics).unwrap());
        let (orders, reservations, requests) = (Vec::new(), Vec::new(), Vec::new());
        Self { store, app, clock, orders, reservations, requests, attempts: 0, ground }
    }

    /// Gives each command and compares each answer, then what is left, with the model's.
    pub(crate) async fn follow(&mut self, commands: &[Command]) -> Result<(), String> {
        let mut model = Model::new();
        for (number, command) in commands.iter().enumerate() {
            let (expected, answered) = (model.apply(command), self.give(command).await);
            if expected != answered {
                return Err(format!("{number}: {command:?}: expected {expected:?}, answered {answered:?}"));
            }
        }
        self.compare(&model).await
    }

    pub(crate) async fn compare(&self, model: &Model) -> Result<(), String> {
        let (levels, kept, sold, violations, unfinished) = self
            .store
            .scan(|tx| {
                Ok::<_, Unavailable>((
                    levels(tx)?,
                    sum(
                        tx,
                        "SELECT CAST(SUM(captured_minor - refunded_minor) AS BIGINT) FROM simulated_charge",
                    )?,
                    sum(tx, "SELECT CAST(SUM(total_minor) AS BIGINT) FROM sale")?,
                    retail::invariants::check(tx)?,
                    retail::invariants::unfinished(tx)?,
                ))
            })
            .await
            .unwrap();
        let expected = (model.levels(), model.kept, model.sold);
        if (levels, kept, sold) != expected {
            return Err(format!("expected {expected:?}, found {:?}", self.levels().await));
        }
        if violations.is_empty() && unfinished.is_empty() {
            Ok(())
        } else {
            Err(format!("{violations:?} {unfinished:?}"))
        }
    }

    async fn levels(&self) -> Levels {
        self.store.scan(|tx| Ok::<_, Unavailable>(levels(tx)?)).await.unwrap()
    }

    /// Every row of every table.
    pub(crate) fn dump(&self) -> Vec<String> {
        store::testing::dump(&self.ground.engine).unwrap()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.ground.engine
    }

    /// Gives one command; the status that it was answered with, if anybody was asked anything.
    async fn give(&mut self, command: &Command) -> Option<u16> {
        let answer = match command {
            Command::Deliver { product, units } => {
                self.post("/logistique/receptions", json!({"produit_id": product, "quantite": units})).await
            }
            Command::Sell { shop, lines } => {
                self.post(&format!("/magasins/{shop}/ventes"), json!({"lignes": wire(lines)})).await
            }
            Command::Order { place, lines } => self.order(*place, lines).await,
            Command::OrderAgain { which } => self.order_again(*which).await?,
            Command::Cancel { which } => {
                let path = format!("/commande/{}/annuler", self.orders.get(*which)?.0);
                self.app.request(Method::POST, &path).send().await
            }
            Command::Reserve { place, lines, seconds } => self.reserve(*place, lines, *seconds).await,
            Command::Release { which } => {
                self.post("/stock/liberer", json!({"reference": self.reservations.get(*which)?})).await
            }
            Command::Expire => {
                retail::stock::reservation::expire_due(&self.store, 2).await.unwrap();
                return None;
            }
            Command::Wait { seconds } => {
                self.clock.advance_seconds(*seconds);
                return None;
            }
            Command::Request { shop, product, units } => self.request(*shop, *product, *units).await,
            Command::Validate { which } => self.step(*which, "valider", json!({"par": "Karim"})).await?,
            Command::Reject { which } => self.step(*which, "rejeter", json!({"motif": "non"})).await?,
            Command::Count { which, units } => {
                self.step(*which, "recevoir", json!({"quantite_recue": units})).await?
            }
        };
        Some(answer.status.as_u16())
    }

    async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.app.post(path, &body).await
    }

    fn keyed(&self, key: &str, body: &Value) -> TestRequest {
        self.app.request(Method::POST, "/saga/commande").header("Idempotency-Key", key).json(body)
    }

    async fn order(&mut self, place: i64, lines: &Lines) -> TestResponse {
        let body = json!({"produits": wire(lines), "emplacement_id": place});
        let answer = self.keyed(&format!("order-{}", self.orders.len()), &body).send().await;
        let told: Value = answer.json();
        if let Some(id) = told["commande"]["id"].as_str().or(told["id"].as_str()) {
            self.orders.push((id.to_owned(), body));
        }
        answer
    }

    async fn order_again(&self, which: usize) -> Option<TestResponse> {
        let (id, body) = self.orders.get(which)?;
        let answer = self.keyed(&format!("order-{which}"), body).send().await;
        assert_eq!(answer.header("idempotency-replayed"), Some("true"));
        assert!(answer.text().contains(id), "{}", answer.text());
        Some(answer)
    }

    async fn reserve(&mut self, place: i64, lines: &Lines, seconds: i64) -> TestResponse {
        self.attempts += 1;
        let reference = format!("reservation-{}", self.attempts);
        let body = json!({
            "reference": reference, "emplacement_id": place, "produits": wire(lines), "duree_s": seconds
        });
        let answer = self.post("/stock/reserver", body).await;
        if answer.status == 201 {
            self.reservations.push(reference);
        }
        answer
    }

    async fn request(&mut self, shop: i64, product: i64, units: i64) -> TestResponse {
        let body = json!({"magasin_id": shop, "produit_id": product, "quantite": units});
        let answer = self.post("/approvisionnements", body).await;
        if answer.status == 201 {
            self.requests.push(answer.json::<Value>()["id"].as_str().unwrap().to_owned());
        }
        answer
    }

    async fn step(&self, which: usize, step: &str, body: Value) -> Option<TestResponse> {
        let id = self.requests.get(which)?;
        Some(self.post(&format!("/approvisionnements/{id}/{step}"), body).await)
    }
}

async fn open_shops(store: &Store) {
    let made: Result<(), CallError<DbError>> = store
        .run(Call::new("test.shops", retail::STOCK), |tx, _| {
            tx.execute_each(
                "INSERT INTO shop (id, name, district, active) VALUES ($1, 'boutique', 'Paris', $2)",
                [1_i64, 2].map(|id| params![id, true]),
            )?;
            Ok::<_, Failure<DbError>>(())
        })
        .await;
    made.unwrap();
}

fn wire(lines: &Lines) -> Vec<Value> {
    lines.iter().map(|(product, units)| json!({"produit_id": product, "quantite": units})).collect()
}

fn levels(tx: &mut store::Tx<'_>) -> Result<Levels, DbError> {
    let rows = tx.query(
        "SELECT place_id, product_id, on_hand, reserved FROM stock_level WHERE on_hand <> 0 OR reserved <> 0",
        &[],
        |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))),
    )?;
    Ok(rows.into_iter().collect())
}

fn sum(tx: &mut store::Tx<'_>, sql: &'static str) -> Result<i64, DbError> {
    tx.query_one(sql, &[], |row| Ok(row.get_opt(0)?.unwrap_or(0)))
}
