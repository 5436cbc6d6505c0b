//! Changes under an idempotency key, on a real store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::State;
use axum::response::Response;
use http::Method;
use kernel::{Problem, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Call, Durability, Engine, Failure, Lane, Options, Store};
use telemetry::Metrics;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::testing::{TestApp, TestRequest};
use crate::{Api, Change, ChangeOnly, Rejection, Reply, Routes, Settings, change};

pub(super) struct Opened {
    pub(super) store: Store,
    _folder: tempfile::TempDir,
}

pub(super) fn open() -> Opened {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::Sqlite { folder: folder.path().to_owned(), durability: Durability::Relaxed };
    let store = Store::open(Options::new(engine, Vec::new())).expect("a store");
    Opened { store, _folder: folder }
}

#[derive(Clone)]
struct Shop {
    store: Store,
    /// The next order's number; a command that runs again takes another one.
    next: Arc<AtomicU32>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct Order {
    montant: u32,
}

/// Orders: 0 is refused without a trace, over 500 with one
#[utoipa::path(post, path = "/orders", request_body = Order, responses((status = 201, body = Order)))]
async fn order(State(shop): State<Shop>, Change { body, key }: Change<Order>) -> Result<Response, Rejection> {
    let call = Call::new("test.order", Lane("test"));
    change(&shop.store, key, call, move |tx, _| {
        let number = shop.next.fetch_add(1, Ordering::SeqCst) + 1;
        tx.emit("halles.test.ordered", "/test", number.to_string(), &json!({}));
        match body.montant {
            0 => Err(Failure::Refused(Problem::new(&kinds::CONFLICT, "nothing to pay"))),
            1..=500 => Ok(Reply::created(format!("/orders/{number}"), &json!({"numero": number}))),
            501.. => Ok(Reply::problem(&Problem::new(&kinds::CONFLICT, "refused").with("numero", &number))),
        }
    })
    .await
}

/// Cancels
#[utoipa::path(post, path = "/orders/{id}/cancel", params(("id" = i64, Path)), responses((status = 204)))]
async fn cancel(State(shop): State<Shop>, ChangeOnly { key }: ChangeOnly) -> Result<Response, Rejection> {
    change(&shop.store, key, Call::new("test.cancel", Lane("test")), |tx, _| {
        tx.emit("halles.test.cancelled", "/test", "1", &json!({}));
        Ok::<_, Failure<Problem>>(Reply::no_content())
    })
    .await
}

struct Fixture {
    app: TestApp,
    opened: Opened,
}

impl Fixture {
    fn new() -> Self {
        let opened = open();
        let metrics = Metrics::new();
        let routes = Routes::new().routes(routes!(order)).routes(routes!(cancel));
        let routes = routes.with_state(Shop { store: opened.store.clone(), next: Arc::default() });
        let api = Api::new("Halles", "0", "").stall(routes);
        let app = TestApp::new(api.build(&Settings::default(), &metrics).expect("an application"));
        Self { app, opened }
    }

    fn order(&self, amount: u32, key: &str) -> TestRequest {
        let request = self.app.request(Method::POST, "/orders").json(&json!({"montant": amount}));
        request.header("idempotency-key", key)
    }

    /// How many changes were committed: each writes one event.
    fn done(&self) -> i64 {
        self.opened.store.head()
    }
}

#[tokio::test]
async fn the_same_request_happens_once_and_is_answered_alike() {
    let shop = Fixture::new();
    let first = shop.order(10, "k1").send().await;
    assert_eq!((first.status.as_u16(), first.header("location")), (201, Some("/orders/1")));
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = shop.order(10, "k1").send().await;
    assert_eq!((again.status, again.header("location")), (first.status, Some("/orders/1")));
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&first.body, Some("true")));
    let slashed = shop.app.request(Method::POST, "/orders/").json(&json!({"montant": 10}));
    let slashed = slashed.header("idempotency-key", "k1").send().await;
    assert_eq!(slashed.header("idempotency-replayed"), Some("true"));
    assert_eq!(shop.done(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_body_and_one_path() {
    let shop = Fixture::new();
    shop.order(10, "k1").send().await;
    let other = shop.order(11, "k1").send().await;
    assert_eq!(other.problem()["type"], "urn:halles:problem:idempotency-key-reused");
    assert_eq!(other.status, 422);
    let elsewhere = shop.app.request(Method::POST, "/orders/1/cancel").header("idempotency-key", "k1");
    assert_eq!(elsewhere.send().await.status, 422);
    assert_eq!(shop.done(), 1);
}

#[tokio::test]
async fn a_refusal_without_trace_frees_the_key_and_one_with_trace_is_kept() {
    let shop = Fixture::new();
    for _ in 0..2 {
        let refused = shop.order(0, "k1").send().await;
        assert_eq!((refused.status.as_u16(), refused.header("idempotency-replayed")), (409, None));
    }
    assert_eq!(shop.done(), 0);
    let refused = shop.order(900, "k2").send().await;
    assert_eq!(refused.status, 409);
    let number = &refused.problem()["numero"];
    let again = shop.order(900, "k2").header("accept-language", "fr").send().await;
    assert_eq!((&again.problem()["numero"], &again.problem()["title"]), (number, &json!("Conflit")));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(shop.done(), 1);
}

#[tokio::test]
async fn without_a_key_every_request_counts() {
    let shop = Fixture::new();
    for number in 1..=2 {
        let answer = shop.app.post("/orders", &json!({"montant": 10})).await;
        assert_eq!(answer.json::<serde_json::Value>()["numero"], number);
    }
}

#[tokio::test]
async fn a_change_without_a_body_has_keys_too() {
    let shop = Fixture::new();
    let cancel = || shop.app.request(Method::POST, "/orders/1/cancel").header("idempotency-key", "c1").send();
    let (first, again) = (cancel().await, cancel().await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (204, 204));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(shop.done(), 1);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let shop = Fixture::new();
    for bad in ["", "two words", &"k".repeat(256)] {
        let refused = shop.order(10, bad).send().await;
        assert_eq!(refused.problem()["erreurs"][0]["champ"], "Idempotency-Key", "{bad}");
    }
    assert_eq!(shop.order(10, &"k".repeat(255)).send().await.status, 201);
    assert_eq!(shop.done(), 1);
}

#[tokio::test]
async fn the_same_key_many_times_at_once_is_done_once() {
    let shop = Fixture::new();
    let requests = (0..50).map(|_| shop.order(10, "k1").send());
    let answers = futures_util::future::join_all(requests).await;
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 409));
    assert_eq!(shop.done(), 1);
}

#[test]
fn a_running_key_asks_to_come_back() {
    let refused = crate::idempotency::settled(store::idempotency::Claim::Running).expect_err("a refusal");
    assert_eq!((refused.0.kind, refused.0.retry_after), (&kinds::KEY_RUNNING, Some(1)));
}
