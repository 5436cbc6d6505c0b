//! Bodies that are one object or an array of them.

use axum::response::Response;
use http::Method;
use kernel::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Call, Failure, Lane, Store};
use telemetry::Metrics;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::changes::{Opened, open};
use crate::testing::{TestApp, TestResponse};
use crate::{Api, ChangeEach, OneOrMany, Rejection, Reply, Routes, Settings, change};

const MAX: usize = 3;

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    View,
    Click,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct Seen {
    user_id: String,
    event_type: Kind,
}

type SeenOrMany = OneOrMany<Seen, MAX>;

/// Counts what was seen
#[utoipa::path(post, path = "/seen", request_body = SeenOrMany, responses((status = 200, body = Value)))]
async fn seen(
    axum::extract::State(store): axum::extract::State<Store>,
    ChangeEach { body, key }: ChangeEach<Seen, MAX>,
) -> Result<Response, Rejection> {
    change(&store, key, Call::new("test.seen", Lane("test")), move |tx, _| {
        tx.emit("halles.test.seen", "/test", "1", &json!({}));
        let users: Vec<&str> = body.as_slice().iter().map(|seen| seen.user_id.as_str()).collect();
        let single = matches!(body, OneOrMany::One(_));
        Ok::<_, Failure<Problem>>(Reply::ok(&json!({ "users": users, "single": single })))
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
        let routes = Routes::new().routes(routes!(seen)).with_state(opened.store.clone());
        let api = Api::new("Halles", "0", "").stall(routes);
        let app = TestApp::new(api.build(&Settings::default(), &Metrics::new()).expect("an application"));
        Self { app, opened }
    }

    async fn send(&self, body: &str) -> TestResponse {
        self.app.request(Method::POST, "/seen").body(body.to_owned()).send().await
    }

    /// The field and the message of a refusal by 422.
    async fn wrong(&self, body: &str) -> (String, String) {
        let problem = self.send(body).await.problem();
        assert_eq!(problem["status"], 422, "{body}: {problem}");
        let text = |member: &str| problem["erreurs"][0][member].as_str().unwrap_or("?").to_owned();
        (text("champ"), text("message"))
    }
}

fn event(user: &str) -> Value {
    json!({"user_id": user, "event_type": "VIEW"})
}

#[tokio::test]
async fn one_and_many_are_taken_in_order_and_told_apart() {
    let fixture = Fixture::new();
    let one = fixture.app.post("/seen", &event("a")).await;
    assert_eq!(one.json::<Value>(), json!({"users": ["a"], "single": true}));
    for users in [vec![], vec!["a"], vec!["c", "a", "b"]] {
        let events: Vec<Value> = users.iter().map(|user| event(user)).collect();
        let many = fixture.app.post("/seen", &events).await;
        assert_eq!(many.json::<Value>(), json!({"users": users, "single": false}));
    }
}

#[tokio::test]
async fn a_wrong_field_is_named_by_its_place() {
    let fixture = Fixture::new();
    let wrong = async |body: &str| fixture.wrong(body).await;
    let is_missing = |field: &str| (field.to_owned(), "is missing".to_owned());
    assert_eq!(wrong(r#"{"event_type":"VIEW"}"#).await, is_missing("user_id"));
    let second = r#"[{"user_id":"a","event_type":"VIEW"},{"user_id":"b"}]"#;
    assert_eq!(wrong(second).await, is_missing("[1].event_type"));
    let kind = wrong(r#"[{"user_id":"a","event_type":"view"}]"#).await;
    assert_eq!(kind.0, "[0].event_type");
    assert!(kind.1.contains("VIEW") && !kind.1.contains("column"), "{kind:?}");
    assert_eq!(wrong(r#"[{"user_id":"a","event_type":"CLICK","user_id":"b"}]"#).await.0, "[0].user_id");
    assert_eq!(fixture.opened.store.head(), 0);
}

#[tokio::test]
async fn what_is_no_object_and_what_is_too_much_is_refused() {
    let fixture = Fixture::new();
    let top = (String::new(), "an object or an array of objects is expected".to_owned());
    for scalar in ["3", "null", "\"a\""] {
        assert_eq!(fixture.wrong(scalar).await, top, "{scalar}");
    }
    // serde alone would read a struct's fields from an array.
    assert_eq!(fixture.wrong(r#"[["a","VIEW"]]"#).await.0, "[0]");
    assert_eq!(fixture.wrong(r#"["a","VIEW"]"#).await.0, "[0]");
    let four = json!([event("a"), event("b"), event("c"), event("d")]).to_string();
    assert_eq!(fixture.wrong(&four).await, (String::new(), "at most 3 objects are taken at once".to_owned()));
    assert_eq!(fixture.opened.store.head(), 0);
}

#[tokio::test]
async fn what_is_not_json_says_where() {
    let broken = Fixture::new().send("[{\"user_id\": 3},\n oops]").await.problem();
    assert_eq!(
        (&broken["status"], &broken["ligne"], &broken["colonne"]),
        (&json!(400), &json!(2), &json!(2))
    );
}

#[tokio::test]
async fn the_same_key_counts_an_array_once() {
    let fixture = Fixture::new();
    let send = |events: Value| {
        let request = fixture.app.request(Method::POST, "/seen").header("idempotency-key", "k1");
        request.json(&events).send()
    };
    let first = send(json!([event("a"), event("b")])).await;
    let again = send(json!([event("a"), event("b")])).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body));
    assert_eq!(send(event("a")).await.problem()["type"], "urn:halles:problem:idempotency-key-reused");
    assert_eq!(fixture.opened.store.head(), 1);
}

#[tokio::test]
async fn the_document_tells_both_forms() {
    let document: Value = Fixture::new().app.get("/openapi.json").await.json();
    let body = &document["paths"]["/seen"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    let schema = body["$ref"].as_str().map_or(body, |reference| {
        document.pointer(reference.trim_start_matches('#')).expect("a reference that leads somewhere")
    });
    let one = json!({"$ref": "#/components/schemas/Seen"});
    assert_eq!(schema["oneOf"], json!([one, {"type": "array", "items": one, "maxItems": MAX}]));
    assert_eq!(document["components"]["schemas"]["Seen"]["required"], json!(["user_id", "event_type"]));
    assert!(!document["components"]["schemas"]["Kind"].is_null());
}
