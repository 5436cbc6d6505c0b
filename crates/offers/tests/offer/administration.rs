//! The API of offers and pivots.

use serde_json::{Value, json};
use web::testing::TestResponse;

use crate::hall::{Ground, app, events, move_units};

crate::on_both_engines![
    an_offer_is_made_read_replaced_and_deleted,
    offers_are_listed_in_pages_and_by_filter,
    inventory_is_set_and_traffic_moves,
    wrong_offers_are_named_and_change_nothing,
    a_change_sent_twice_happens_once,
];

/// The status and the JSON of an answer.
fn answer(response: &TestResponse) -> (u16, Value) {
    (response.status.as_u16(), if response.body.is_empty() { Value::Null } else { response.json() })
}

/// The status of a refusal and the fields it names.
fn refusal(response: &TestResponse) -> (u16, Vec<String>) {
    let problem = response.problem();
    let fields = problem["erreurs"].as_array().into_iter().flatten();
    (
        response.status.as_u16(),
        fields.map(|error| error["champ"].as_str().unwrap_or("?").to_owned()).collect(),
    )
}

fn laptop() -> Value {
    json!({"offer_id": "OFF001", "offer_name": "Premium Laptop Deal", "category": "electronics",
        "discount_type": "PERCENTAGE", "discount_value": 25, "priority": 95, "inventory_count": 50})
}

fn named(id: &str, category: &str, priority: i64, units: i64) -> Value {
    let mut offer = laptop();
    offer["offer_id"] = json!(id);
    offer["category"] = json!(category);
    offer["priority"] = json!(priority);
    offer["inventory_count"] = json!(units);
    offer
}

/// An offer as it is answered: both counts, and what was not said.
fn answered(mut request: Value) -> Value {
    if request.get("inventory_own").is_none() {
        request["inventory_own"] = request["inventory_count"].clone();
    }
    for (field, value) in [("target_segments", json!([])), ("status", json!("ACTIVE"))] {
        if request.get(field).is_none() {
            request[field] = value;
        }
    }
    request
}

async fn an_offer_is_made_read_replaced_and_deleted(ground: Ground) {
    let store = ground.open();
    let app = app(&store);
    let created = app.post("/offers", &laptop()).await;
    assert_eq!(answer(&created), (201, answered(laptop())));
    assert_eq!(created.header("location"), Some("/offers/OFF001"));
    let shown = app.get("/offers/OFF001").await;
    assert_eq!(answer(&shown), (200, answered(laptop())));
    let tag = shown.header("etag").unwrap();
    let again = app.request(http_get(), "/offers/OFF001").header("if-none-match", tag).send().await;
    assert_eq!(again.status.as_u16(), 304);
    assert_eq!(app.post("/offers", &laptop()).await.problem()["type"], "urn:halles:problem:offer-id-taken");

    let mut full = json!({"offer_name": " Rentrée ", "category": "Électronique ", "discount_type": "FIXED_AMOUNT",
        "discount_value": "15.50", "priority": 1, "inventory_count": 7, "expires_at": "2999-01-01T00:00:00+01:00",
        "min_purchase_amount": 49.99, "max_discount_cap": "30", "target_segments": ["Premium", "premium", "new_user"],
        "margin_percent": 12.5, "produit_id": 9, "status": "PAUSED"});
    let replaced = app.put("/offers/OFF001", &full).await;
    for (field, value) in [
        ("offer_id", json!("OFF001")),
        ("offer_name", json!("Rentrée")),
        ("category", json!("électronique")),
        ("discount_value", json!(15.5)),
        ("max_discount_cap", json!(30)),
        ("expires_at", json!("2998-12-31T23:00:00Z")),
        ("target_segments", json!(["new_user", "premium"])),
        // Nobody knows the product: there is none of it.
        ("inventory_count", json!(0)),
        ("inventory_own", json!(7)),
    ] {
        full[field] = value;
    }
    assert_eq!(answer(&replaced), (200, full.clone()));
    // What is answered may be sent back as it is.
    assert_eq!(answer(&app.put("/offers/OFF001", &full).await), (200, full));
    assert_eq!(answer(&app.put("/offers/OFF001", &laptop()).await).1["status"], "PAUSED");

    assert_eq!(answer(&app.delete("/offers/OFF001").await), (204, Value::Null));
    for gone in [
        app.get("/offers/OFF001").await,
        app.put("/offers/OFF001", &laptop()).await,
        app.delete("/offers/OFF001").await,
        app.patch("/offers/OFF001/inventory", &json!({"inventory_count": 1})).await,
    ] {
        assert_eq!(refusal(&gone).0, 404);
    }
    assert_eq!(app.post("/offers", &laptop()).await.status.as_u16(), 409, "its history keeps its name");
    let kinds: Vec<String> = events(&store).await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds[0], "halles.offer.created");
    assert_eq!(kinds.last().map(String::as_str), Some("halles.offer.deleted"));
}

fn http_get() -> axum::http::Method {
    axum::http::Method::GET
}

async fn offers_are_listed_in_pages_and_by_filter(ground: Ground) {
    let store = ground.open();
    let app = app(&store);
    for (id, category) in [("B", "food"), ("A", "sports"), ("a", "food"), ("C", "food")] {
        let mut offer = named(id, category, 50, 10);
        offer["status"] = json!(if id == "C" { "PAUSED" } else { "ACTIVE" });
        assert_eq!(app.post("/offers", &offer).await.status.as_u16(), 201);
    }
    app.delete("/offers/a").await;
    let ids = async |query: &str| {
        let page: Value = app.get(&format!("/offers{query}")).await.json();
        let ids = page["elements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|offer| offer["offer_id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>().join(" "), page["curseur"].as_str().map(ToOwned::to_owned))
    };
    assert_eq!(ids("").await, ("A B C".to_owned(), None));
    assert_eq!(ids("?category=%20FOOD").await.0, "B C");
    assert_eq!(ids("?category=food&status=PAUSED").await.0, "C");
    assert_eq!(ids("?category=books").await.0, "");
    let (first, next) = ids("?limite=2").await;
    assert_eq!(first, "A B");
    assert_eq!(ids(&format!("?limite=2&curseur={}", next.unwrap())).await, ("C".to_owned(), None));
    for (query, field) in [
        ("status=GONE", "status"),
        ("limite=0", "limite"),
        ("curseur=%21", "curseur"),
        ("category=", "category"),
    ] {
        assert_eq!(
            refusal(&app.get(&format!("/offers?{query}")).await),
            (422, vec![field.to_owned()]),
            "{query}"
        );
    }
}

async fn inventory_is_set_and_traffic_moves(ground: Ground) {
    let store = ground.open();
    let app = app(&store);
    move_units(&store, 0, 9, 3).await;
    let mut bound = laptop();
    bound["produit_id"] = json!(9);
    app.post("/offers", &bound).await;
    app.post("/offers", &named("OFF004", "electronics", 82, 30)).await;
    let set = async |units: i64| {
        let (status, offer) =
            answer(&app.patch("/offers/OFF001/inventory", &json!({"inventory_count": units})).await);
        (status, offer["inventory_count"].as_i64().unwrap(), offer["inventory_own"].as_i64().unwrap())
    };
    assert_eq!(set(20).await, (200, 3, 20));
    assert_eq!(answer(&app.get("/offers/pivots").await), (200, json!({"elements": []})));
    assert_eq!(set(0).await, (200, 0, 0));
    let mut pivots: Value = app.get("/offers/pivots").await.json();
    let since = pivots["elements"][0]["since"].take();
    assert!(since.as_str().unwrap().parse::<kernel::Timestamp>().is_ok());
    assert_eq!(
        pivots["elements"],
        json!([{"from": "OFF001", "to": "OFF004", "category": "electronics", "since": null, "bonus": 20}])
    );
    app.delete("/offers/OFF004").await;
    let waiting: Value = app.get("/offers/pivots").await.json();
    assert_eq!(waiting["elements"][0].get("to"), None);
    for wrong in [
        json!({"inventory_count": -1}),
        json!({"inventory_count": 1_000_000_001_i64}),
        json!({"inventory_count": "1"}),
        json!({}),
    ] {
        let refused = app.patch("/offers/OFF001/inventory", &wrong).await;
        assert_eq!(refusal(&refused), (422, vec!["inventory_count".to_owned()]), "{wrong}");
    }
    assert_eq!(
        app.patch("/offers/NONE/inventory", &json!({"inventory_count": 1})).await.status.as_u16(),
        404
    );
}

async fn wrong_offers_are_named_and_change_nothing(ground: Ground) {
    let store = ground.open();
    let app = app(&store);
    for (field, value) in [
        ("offer_id", json!("a b")),
        ("offer_id", json!("")),
        ("offer_id", json!("pivots")),
        ("offer_name", json!("")),
        ("category", json!(" ")),
        ("discount_type", json!("percentage")),
        ("discount_value", json!(0)),
        ("discount_value", json!(100.5)),
        ("discount_value", json!("1e1")),
        ("discount_value", json!(1e300)),
        ("priority", json!(0)),
        ("priority", json!(101)),
        ("priority", json!(1.5)),
        ("inventory_count", json!(-1)),
        ("inventory_count", Value::Null),
        ("inventory_count", json!(1_000_000_001_i64)),
        ("expires_at", json!("tomorrow")),
        ("expires_at", json!(1_700_000_000)),
        ("min_purchase_amount", json!(-1)),
        ("min_purchase_amount", json!(1.005)),
        ("max_discount_cap", json!("1,5")),
        ("target_segments", json!("premium")),
        ("margin_percent", json!(101)),
        ("produit_id", json!("9")),
        ("status", json!("OPEN")),
    ] {
        let mut wrong = laptop();
        wrong[field] = value;
        let refused = app.post("/offers", &wrong).await;
        assert_eq!(refusal(&refused), (422, vec![field.to_owned()]), "{wrong}");
    }
    let twice = json!({"offer_id": "A", "offer_name": "A", "category": "food", "discount_type": "FIXED_AMOUNT",
        "priority": 1, "inventory_count": 1, "margin_percent": -101});
    let both = vec!["discount_value".to_owned(), "margin_percent".to_owned()];
    assert_eq!(refusal(&app.post("/offers", &twice).await), (422, both));
    let segments = app.post("/offers", &json!({"target_segments": [""]})).await;
    assert_eq!(segments.status.as_u16(), 422);
    assert_eq!(app.request(axum::http::Method::POST, "/offers").body("{").send().await.status.as_u16(), 400);
    assert_eq!(refusal(&app.put("/offers/OTHER", &laptop()).await), (422, vec!["offer_id".to_owned()]));
    assert_eq!(refusal(&app.get("/offers/a%20b").await).0, 422);
    assert_eq!(refusal(&app.get("/offers/OFF001").await).0, 404);
    assert!(events(&store).await.is_empty());
}

async fn a_change_sent_twice_happens_once(ground: Ground) {
    let store = ground.open();
    let app = app(&store);
    let mut unnamed = laptop();
    unnamed.as_object_mut().unwrap().remove("offer_id");
    let send = async || {
        app.request(axum::http::Method::POST, "/offers")
            .header("idempotency-key", "k1")
            .json(&unnamed)
            .send()
            .await
    };
    let (first, again) = (send().await, send().await);
    assert_eq!((first.status.as_u16(), answer(&first)), (201, answer(&again)));
    assert_eq!(first.json::<Value>()["offer_id"], "OFF001");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(events(&store).await.len(), 1);
    assert_eq!(app.post("/offers", &unnamed).await.json::<Value>()["offer_id"], "OFF002");
}
