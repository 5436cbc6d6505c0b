//! Tracking over HTTP.

use anyhow::Result;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use store::{Unavailable, log};
use web::testing::{TestApp, TestResponse};

use crate::engagement::api::routes as events;
use crate::engagement::{ENGAGEMENT, Engagement};
use crate::testing::{World, on_both_engines};

on_both_engines!(
    one_event_is_tracked,
    a_batch_tells_what_became_of_each,
    what_is_malformed_changes_nothing,
    a_request_may_be_sent_again_under_its_key,
);

/// The stall's calls on two offers, of the first of which there is one.
async fn open(world: &World) -> Result<TestApp> {
    let app = world.app(|| events().merge(crate::offer::api::routes()))?;
    for (id, category, units) in [("OFF001", "electronics", 1), ("OFF002", "fashion", 50)] {
        let offer = json!({
            "offer_id": id, "offer_name": id, "category": category, "discount_type": "PERCENTAGE",
            "discount_value": 25, "priority": 95, "inventory_count": units,
        });
        let created = app.post("/offers", &offer).await;
        anyhow::ensure!(created.status == StatusCode::CREATED, "{}", created.text());
    }
    Ok(app)
}

fn event(offer: &str, what: &str) -> Value {
    json!({"user_id": "USER001", "offer_id": offer, "category": "electronics", "event_type": what})
}

fn named(name: &str, offer: &str, what: &str) -> Value {
    let mut event = event(offer, what);
    event["event_id"] = json!(name);
    event
}

async fn track(app: &TestApp, body: &Value) -> TestResponse {
    app.post("/events/track", body).await
}

/// The categories of what was told, event by event of the log.
async fn told(world: &World) -> Result<Vec<Vec<String>>> {
    let log =
        world.store.scan(|tx| Ok::<_, Unavailable>(log::after(tx, 0, Some(ENGAGEMENT), i64::MAX)?)).await?;
    let categories = log.iter().map(|event| {
        let events = Engagement::read(event)?.events.into_iter();
        Ok(events.map(|event| event.category.into_owned()).collect())
    });
    categories.collect()
}

async fn one_event_is_tracked(world: World) -> Result<()> {
    let app = open(&world).await?;
    let answer = track(&app, &event("OFF002", "CLICK")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let body: Value = answer.json();
    assert_eq!(body["message"], "Event tracked successfully");
    assert!(body["event_id"].as_str().is_some_and(|id| id.len() == 36), "{body}");
    assert_eq!(told(&world).await?, [["fashion"]], "the offer's own category counts");

    let first: Value = track(&app, &named("e-1", "OFF001", "VIEW")).await.json();
    assert_eq!(first, json!({"message": "Event tracked successfully", "event_id": "e-1"}));
    let again = track(&app, &named("e-1", "OFF001", "VIEW")).await;
    let expected = json!({"message": "Event tracked successfully", "event_id": "e-1", "duplicate": true});
    assert_eq!((again.status, again.json::<Value>()), (StatusCode::OK, expected));

    assert_eq!(track(&app, &event("OFF404", "CLICK")).await.problem()["status"], 404);
    assert_eq!(track(&app, &event("OFF001", "REDEMPTION")).await.status, StatusCode::OK);
    let refused = track(&app, &event("OFF001", "REDEMPTION")).await.problem();
    assert_eq!(
        (&refused["status"], &refused["type"]),
        (&json!(409), &json!("urn:halles:problem:offer-out-of-stock"))
    );
    assert_eq!(told(&world).await?.len(), 3);
    Ok(())
}

async fn a_batch_tells_what_became_of_each(world: World) -> Result<()> {
    let app = open(&world).await?;
    let batch = json!([
        named("a", "OFF001", "VIEW"),
        named("a", "OFF002", "VIEW"),
        named("b", "OFF001", "REDEMPTION"),
        named("c", "OFF001", "REDEMPTION"),
        named("d", "OFF404", "DISMISS"),
        named("f", "OFF002", "ADD_TO_CART"),
    ]);
    let answer = track(&app, &batch).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let result = |name: &str, status: &str| json!({"event_id": name, "status": status});
    assert_eq!(
        answer.json::<Value>(),
        json!({
            "message": "Events tracked successfully", "accepted": 3, "duplicates": 1, "refused": 2,
            "results": [
                result("a", "tracked"), result("a", "duplicate"), result("b", "tracked"),
                result("c", "out_of_stock"), result("d", "unknown_offer"), result("f", "tracked"),
            ],
        })
    );
    assert_eq!(told(&world).await?, [["electronics", "electronics", "fashion"]], "one event of the log");
    let nothing: Value = track(&app, &json!([])).await.json();
    assert_eq!((&nothing["accepted"], told(&world).await?.len()), (&json!(0), 1));
    Ok(())
}

async fn what_is_malformed_changes_nothing(world: World) -> Result<()> {
    let app = open(&world).await?;
    let wrong = |field: &str, value: Value| {
        let mut event = named("e", "OFF001", "VIEW");
        event[field] = value;
        event
    };
    let cases = [
        ("event_type", wrong("event_type", json!("view"))),
        ("event_type", wrong("event_type", json!(null))),
        ("user_id", wrong("user_id", json!(""))),
        ("user_id", wrong("user_id", json!("a b"))),
        ("offer_id", wrong("offer_id", json!("a/b"))),
        ("event_id", wrong("event_id", json!("x".repeat(65)))),
        ("decision_id", wrong("decision_id", json!("abc"))),
        ("category", wrong("category", json!(7))),
    ];
    for (field, event) in cases {
        let alone = track(&app, &event).await.problem();
        assert_eq!(
            (&alone["status"], &alone["erreurs"][0]["champ"]),
            (&json!(422), &json!(field)),
            "{alone}"
        );
        let batch = json!([named("good", "OFF002", "VIEW"), event]);
        let refused = track(&app, &batch).await.problem();
        let path = format!("[1].{field}");
        assert_eq!(
            (&refused["status"], &refused["erreurs"][0]["champ"]),
            (&json!(422), &json!(path)),
            "{refused}"
        );
    }
    let missing = track(&app, &json!([{"user_id": "U", "offer_id": "OFF001"}])).await.problem();
    assert_eq!(missing["erreurs"][0]["champ"], "[0].event_type");
    let many = Value::Array(vec![named("good", "OFF002", "VIEW"); 1001]);
    assert_eq!(track(&app, &many).await.problem()["status"], 422);
    assert_eq!(told(&world).await?, [[""; 0]; 0]);
    assert_eq!(track(&app, &named("good", "OFF002", "VIEW")).await.json::<Value>().get("duplicate"), None);
    Ok(())
}

async fn a_request_may_be_sent_again_under_its_key(world: World) -> Result<()> {
    let app = open(&world).await?;
    let send = async |key: &str, body: &Value| {
        app.request(Method::POST, "/events/track").header("idempotency-key", key).json(body).send().await
    };
    for (key, body) in [
        ("one", event("OFF002", "CLICK")),
        ("many", json!([event("OFF002", "CLICK"), event("OFF001", "VIEW")])),
    ] {
        let (first, again) = (send(key, &body).await, send(key, &body).await);
        assert_eq!((first.status, first.text()), (StatusCode::OK, again.text()));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
    assert_eq!(told(&world).await?, [vec!["fashion"], vec!["fashion", "electronics"]]);
    assert_eq!(send("one", &event("OFF002", "VIEW")).await.problem()["status"], 422, "the key was another's");
    // A refusal leaves no trace: the same key may be tried again.
    assert_eq!(send("taken", &event("OFF001", "REDEMPTION")).await.status, StatusCode::OK);
    let refused = [
        send("short", &event("OFF001", "REDEMPTION")).await,
        send("short", &event("OFF001", "REDEMPTION")).await,
    ];
    assert!(refused.iter().all(
        |answer| answer.status == StatusCode::CONFLICT && answer.header("idempotency-replayed").is_none()
    ));
    Ok(())
}
