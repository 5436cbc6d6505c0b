//! Experiments over HTTP.

use anyhow::Result;
use axum::http::Method;
use serde_json::{Value, json};
use web::testing::TestApp;

use crate::experiment::api;
use crate::testing::World;

fn split(share: f64) -> Value {
    json!({"name": "Does learning pay?", "arms": [
        {"policy": "static", "share": share}, {"policy": "adaptive-thompson", "share": 50},
    ]})
}

async fn started(app: &TestApp) -> String {
    let answer = app.post("/offers/experiments", &split(50.0)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("location").expect("where it is").to_owned()
}

#[tokio::test]
async fn an_experiment_is_started_looked_at_and_stopped() -> Result<()> {
    let world = World::sqlite()?;
    let app = world.app(api::routes)?;
    let place = started(&app).await;
    let id = place.rsplit('/').next().unwrap_or_default();
    let arm = |policy: &str, control: bool| {
        json!({
            "policy": policy, "share": 50.0, "control": control, "users": 0, "effective_users": 0.0, "views": 0, "clicks": 0,
            "redemptions": 0, "click_rate": null, "uplift": null,
        })
    };
    let report: Value = app.get(&place).await.json();
    assert_eq!(report["arms"], json!([arm("static", true), arm("adaptive-thompson", false)]));
    assert_eq!((&report["id"], &report["name"]), (&json!(id), &json!("Does learning pay?")));
    assert_eq!((&report["started_at"], &report["ended_at"]), (&json!("2026-03-01T12:00:00Z"), &Value::Null));
    assert_eq!(report["warnings"][0]["code"], "too-few-data");

    let another = app.post("/offers/experiments", &split(50.0)).await;
    assert_eq!(another.problem()["detail"], format!("the experiment {id} is running; stop it first"));
    assert_eq!(another.status, 409);

    let stop = |what: &str| app.request(Method::POST, &format!("{place}/{what}")).send();
    assert_eq!(stop("arms/static/stop").await.problem()["status"], 409);
    assert_eq!(stop("arms/ucb1/stop").await.problem()["status"], 404);
    assert_eq!(stop("arms/none/stop").await.problem()["status"], 422);
    world.at(60);
    let without: Value = stop("arms/adaptive-thompson/stop").await.json();
    assert_eq!(without["arms"][1]["stopped_at"], "2026-03-01T12:01:00Z");
    let ended: Value = stop("stop").await.json();
    assert_eq!(ended["ended_at"], "2026-03-01T12:01:00Z");
    assert_eq!(stop("arms/adaptive-thompson/stop").await.problem()["status"], 409);

    started(&app).await;
    let page: Value = app.get("/offers/experiments?limite=1").await.json();
    assert_ne!(page["elements"][0]["id"], id, "the latest comes first");
    let cursor = page["curseur"].as_str().unwrap();
    let rest: Value = app.get(&format!("/offers/experiments?limite=1&curseur={cursor}")).await.json();
    assert_eq!((&rest["elements"][0]["id"], &rest["curseur"]), (&json!(id), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn what_does_not_add_up_is_refused() -> Result<()> {
    let world = World::sqlite()?;
    let app = world.app(api::routes)?;
    let arms = |arms: Value| json!({"name": "x", "arms": arms});
    let one = json!([{"policy": "static", "share": 100}]);
    let wrong = |body: Value| {
        let app = app.clone();
        async move {
            let problem = app.post("/offers/experiments", &body).await.problem();
            assert_eq!(problem["status"], 422, "{problem}");
            problem["erreurs"][0]["champ"].as_str().unwrap_or("?").to_owned()
        }
    };
    assert_eq!(wrong(split(49.0)).await, "arms");
    assert_eq!(wrong(arms(one)).await, "arms");
    assert_eq!(wrong(split(50.001)).await, "arms[0].share");
    assert_eq!(wrong(arms(json!([{"policy": "oracle", "share": 50}]))).await, "arms[0].policy");
    assert_eq!(wrong(json!({"arms": []})).await, "name");
    let nothing = "/offers/experiments/019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04";
    assert_eq!(app.get(nothing).await.problem()["status"], 404);
    assert_eq!(app.get("/offers/experiments/1").await.problem()["status"], 422);
    assert_eq!(app.request(Method::POST, &format!("{nothing}/stop")).send().await.problem()["status"], 404);
    assert_eq!(world.store.head(), 0);
    Ok(())
}

#[tokio::test]
async fn the_same_key_starts_one() -> Result<()> {
    let world = World::sqlite()?;
    let app = world.app(api::routes)?;
    let start = || {
        let request = app.request(Method::POST, "/offers/experiments").header("idempotency-key", "k1");
        request.json(&split(50.0)).send()
    };
    let (first, again) = (start().await, start().await);
    assert_eq!((again.status, again.header("location")), (first.status, first.header("location")));
    assert_eq!((first.status.as_u16(), world.store.head()), (201, 1));
    Ok(())
}
