//! The index on a store: calls over HTTP, what is committed, and another start.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use axum::http::StatusCode;
use kernel::{Currency, PlaceId, ProductId, SystemIds};
use serde_json::{Value, json};
use store::{Call, DbError, Failure, Tx};
use telemetry::Metrics;
use web::testing::TestApp;
use web::{Api, Drain};

use crate::inventory::{ProductLevel, ProductStock};
use crate::learn::PolicyName;
use crate::rank::{self, Request};
use crate::testing::{World, on_both_engines};
use crate::{Ground, OFFERS, Offers, Settings, engagement};

on_both_engines!(
    an_answer_has_the_fields_of_the_manual,
    an_emptied_offer_is_in_no_later_answer,
    another_start_knows_the_same,
    what_comes_while_tables_are_read_is_not_lost,
    a_product_tied_later_is_looked_up,
);

/// Stores of which a test says what they have.
#[derive(Default)]
struct Floor(Mutex<BTreeMap<ProductId, i64>>);

impl ProductStock for Floor {
    fn levels(&self, _: &mut Tx<'_>, products: &[ProductId]) -> Result<Vec<ProductLevel>, DbError> {
        let levels = self.0.lock().unwrap();
        let level = |product: &ProductId| {
            let available = *levels.get(product)?;
            let product = *product;
            Some(ProductLevel {
                product,
                place: PlaceId::CENTRE,
                available,
                active_place: true,
                active_product: true,
            })
        };
        Ok(products.iter().filter_map(level).collect())
    }
}

/// An opened stall, as one process has it.
struct Stall {
    offers: Offers,
    app: TestApp,
    floor: Arc<Floor>,
}

impl Stall {
    async fn open(world: &World, policy: PolicyName, floor: &Arc<Floor>) -> Result<Self> {
        let ground = Ground {
            store: world.store.clone(),
            ids: Arc::new(SystemIds),
            stock: Arc::<Floor>::clone(floor),
            metrics: Metrics::new(),
            drain: Drain::new(),
        };
        let ranking = rank::Settings { policy, seed: Some(3), ..rank::Settings::default() };
        let offers = Offers::new(ground, Settings { ranking, ..Settings::new(Currency::EUR) });
        offers.open().await?;
        let api = Api::new("Halles", "0", "").stall(offers.routes());
        let app = TestApp::new(api.build(&web::Settings::default(), &Metrics::new())?);
        Ok(Self { offers, app, floor: Arc::clone(floor) })
    }

    async fn demo(world: &World, policy: PolicyName) -> Result<Self> {
        let stall = Self::open(world, policy, &Arc::default()).await?;
        for (id, name, category, priority, units) in [
            ("OFF001", "Premium Laptop Deal", "electronics", 95, 50),
            ("OFF002", "Fashion Flash Sale", "fashion", 88, 200),
            ("OFF003", "Grocery Essentials", "food", 70, 500),
            ("OFF004", "Smart Home Bundle", "electronics", 82, 30),
            ("OFF005", "Fitness Gear Sale", "sports", 75, 120),
        ] {
            stall.put(id, name, category, priority, units, None).await?;
        }
        stall.refresh();
        Ok(stall)
    }

    async fn put(
        &self,
        id: &str,
        name: &str,
        category: &str,
        priority: u8,
        units: i64,
        product: Option<i64>,
    ) -> Result<()> {
        let offer = json!({
            "offer_id": id, "offer_name": name, "category": category, "discount_type": "PERCENTAGE", "discount_value": 25,
            "priority": priority, "inventory_count": units, "produit_id": product,
        });
        ensure!(self.app.post("/offers", &offer).await.status == StatusCode::CREATED, "{id}");
        Ok(())
    }

    fn refresh(&self) {
        self.offers.index().refresh(self.offers.store().now(), rank::Work::ALL);
    }

    async fn recommend(&self, request: &Value) -> Value {
        let answer = self.app.post("/offers/recommend", request).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }

    async fn ids(&self, user: &str, limit: u8) -> Vec<String> {
        let answer = self.recommend(&json!({"user_id": user, "limit": limit})).await;
        ids(&answer)
    }

    async fn track(&self, user: &str, offer: &str, what: &str) -> Result<()> {
        let event = json!({"user_id": user, "offer_id": offer, "event_type": what});
        ensure!(self.app.post("/events/track", &event).await.status == StatusCode::OK, "{what} {offer}");
        Ok(())
    }
}

fn ids(answer: &Value) -> Vec<String> {
    let offers = answer["recommended_offers"].as_array().unwrap();
    offers.iter().map(|offer| offer["offer_id"].as_str().unwrap().to_owned()).collect()
}

async fn an_answer_has_the_fields_of_the_manual(world: World) -> Result<()> {
    let stall = Stall::demo(&world, PolicyName::Static).await?;
    for _ in 0..3 {
        stall.track("USER002", "OFF002", "CLICK").await?;
    }
    let mut answer = stall.recommend(&json!({"user_id": "USER002"})).await;
    let decision = answer["decision_id"].take();
    let id: uuid::Uuid = decision.as_str().context("an id")?.parse()?;
    assert_eq!(id.get_version_num(), 7);
    let first = json!({
        "offer_id": "OFF002", "offer_name": "Fashion Flash Sale", "category": "fashion", "discount_type": "PERCENTAGE",
        "discount_value": 25, "priority": 88, "inventory_count": 200, "score": 52.32,
    });
    assert_eq!(answer["recommended_offers"][0], first);
    assert_eq!(
        (ids(&answer), &answer["total_available"]),
        (vec!["OFF002".into(), "OFF001".into(), "OFF003".into()], &json!(5))
    );
    assert_eq!(answer["user_id"], "USER002");

    let explained = stall
        .recommend(&json!({"user_id": "USER002", "limit": 1, "explain": true, "context": {"page": 3}}))
        .await;
    let told = &explained["recommended_offers"][0]["explain"];
    assert_eq!(
        told["weights"],
        json!({"relevance": 0.35, "urgency": 0.1, "inventory": 0.1, "priority": 0.2, "belief": 0.25})
    );
    assert_eq!(
        (&told["relevance"], &told["priority"], &told["propensity"], &told["policy"]),
        (&json!(37.5), &json!(88.0), &json!(1.0), &json!("static"))
    );

    for (request, field) in [
        (json!({}), "user_id"),
        (json!({"user_id": ""}), "user_id"),
        (json!({"user_id": "a", "limit": 0}), "limit"),
        (json!({"user_id": "a", "limit": 21}), "limit"),
        (json!({"user_id": "a", "context": 3}), "context"),
    ] {
        let refused = stall.app.post("/offers/recommend", &request).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{request}");
        assert!(refused.text().contains(field), "{request}: {}", refused.text());
    }

    let stats: Value = stall.app.get("/offers/OFF002/stats").await.json();
    assert_eq!(
        (&stats["views"], &stats["clicks"], &stats["click_rate"]),
        (&json!(0), &json!(3), &json!(1.0))
    );
    assert_eq!(stats["shown"], json!([{"segment": "new_user", "share": 1.0}]));
    assert_eq!(stats["trending"], json!({"1h": 3.0, "24h": 3.0}));
    assert_eq!(stall.app.get("/offers/OFF999/stats").await.status, StatusCode::NOT_FOUND);
    let profile: Value = stall.app.get("/users/USER002/profile").await.json();
    assert_eq!(profile["affinities"], json!([{"category": "fashion", "points": 3.0, "relevance": 37.5}]));
    assert_eq!(stall.app.get("/users/nobody/profile").await.status, StatusCode::NOT_FOUND);
    Ok(())
}

/// Thousands of answers race with commits that empty and restock offers, by PATCH and by their product's stock.
async fn an_emptied_offer_is_in_no_later_answer(world: World) -> Result<()> {
    let stall = Arc::new(Stall::demo(&world, PolicyName::PlainThompson).await?);
    stall.floor.0.lock().unwrap().insert(ProductId(7), 5);
    stall.put("OFF006", "Tied", "home", 90, 50, Some(7)).await?;
    let reader = Arc::clone(&stall);
    let reading = tokio::spawn(async move {
        for _ in 0..2_000 {
            let shown = reader.ids("USER001", 5).await;
            assert!(shown.len() >= 3);
            tokio::task::yield_now().await;
        }
    });
    for turn in 0..150 {
        let offer = if turn % 2 == 0 { "OFF001" } else { "OFF002" };
        let path = format!("/offers/{offer}/inventory");
        let emptied = stall.app.patch(&path, &json!({"inventory_count": 0})).await;
        assert_eq!(emptied.status, StatusCode::OK);
        assert!(!stall.ids("USER001", 20).await.contains(&offer.to_owned()), "after PATCH {turn}");
        assert_eq!(stall.app.patch(&path, &json!({"inventory_count": 40})).await.status, StatusCode::OK);

        sell(&stall, ProductId(7), 0).await?;
        assert!(!stall.ids("USER001", 20).await.contains(&"OFF006".to_owned()), "after a sale {turn}");
        sell(&stall, ProductId(7), 5).await?;
    }
    reading.await?;
    Ok(())
}

/// What the stores stall tells when the units of a product in the centre have changed.
async fn sell(stall: &Stall, product: ProductId, left: i64) -> Result<()> {
    stall.floor.0.lock().unwrap().insert(product, left);
    let call = Call::new("test.sell", OFFERS);
    let told = json!({"niveaux": [{"emplacement_id": 0, "produit_id": product, "en_main": left, "reserve": 0, "disponible": left}]});
    let done = stall.offers.store().run(call, move |tx, _| {
        tx.emit("halles.stock.changed", "/retail", "stock", &told);
        Ok::<_, Failure<std::convert::Infallible>>(())
    });
    done.await.map_err(|error| anyhow::anyhow!("{error:?}"))
}

/// What was folded comes from the tables, the rest from the log, each once.
async fn another_start_knows_the_same(world: World) -> Result<()> {
    let first = Stall::demo(&world, PolicyName::Static).await?;
    let consumer = engagement::fold::consumer(engagement::Rewards::default());
    for round in 0..40_usize {
        for (user, offer) in
            [("USER001", "OFF001"), ("USER002", "OFF002"), ("zoé", "OFF004"), ("USER001", "OFF003")]
        {
            first.track(user, offer, ["VIEW", "CLICK", "ADD_TO_CART", "DISMISS"][round % 4]).await?;
        }
        if round < 25 {
            consumer.step(&world.store).await?;
        }
    }
    first.app.patch("/offers/OFF001/inventory", &json!({"inventory_count": 0})).await;
    first.refresh();
    let second = Stall::open(&world, PolicyName::Static, &Arc::default()).await?;
    same(&first, &second).await?;
    // Both hear what is committed from now on.
    first.track("zoé", "OFF005", "REDEMPTION").await?;
    second.refresh();
    first.refresh();
    same(&first, &second).await
}

async fn same(first: &Stall, second: &Stall) -> Result<()> {
    for user in ["USER001", "USER002", "zoé"] {
        let request = json!({"user_id": user, "limit": 20, "explain": true});
        let (mut one, mut two) = (first.recommend(&request).await, second.recommend(&request).await);
        (one["decision_id"], two["decision_id"]) = (Value::Null, Value::Null);
        assert_eq!(one, two, "{user}");
        let path = format!("/users/{}/profile", if user == "zoé" { "zo%C3%A9" } else { user });
        assert_eq!(first.app.get(&path).await.text(), second.app.get(&path).await.text(), "{user}");
    }
    for offer in ["OFF001", "OFF002", "OFF003", "OFF004", "OFF005"] {
        let path = format!("/offers/{offer}/stats");
        assert_eq!(first.app.get(&path).await.text(), second.app.get(&path).await.text(), "{offer}");
    }
    Ok(())
}

/// Another start in the middle of traffic: what is committed while it reads is neither lost nor counted twice.
async fn what_comes_while_tables_are_read_is_not_lost(world: World) -> Result<()> {
    let first = Arc::new(Stall::demo(&world, PolicyName::Static).await?);
    let writer = Arc::clone(&first);
    let writing = tokio::spawn(async move {
        let consumer = engagement::fold::consumer(engagement::Rewards::default());
        for turn in 0..300_u32 {
            let user = format!("U{}", turn % 7);
            writer.track(&user, "OFF003", if turn % 3 == 0 { "CLICK" } else { "VIEW" }).await?;
            if turn % 5 == 0 {
                consumer.step(writer.offers.store()).await?;
            }
        }
        anyhow::Ok(())
    });
    let mut starts = Vec::new();
    for _ in 0..6 {
        starts.push(Stall::open(&world, PolicyName::Static, &Arc::default()).await?);
    }
    writing.await??;
    for start in starts {
        let request = Request { user_id: "U3", limit: 5, segment: None, now: world.store.now() };
        start.refresh();
        first.refresh();
        assert_eq!(start.offers.index().recommend(&request), first.offers.index().recommend(&request));
        let path = "/offers/OFF003/stats";
        assert_eq!(start.app.get(path).await.text(), first.app.get(path).await.text());
        for user in 0..7 {
            let path = format!("/users/U{user}/profile");
            assert_eq!(start.app.get(&path).await.text(), first.app.get(&path).await.text());
        }
    }
    Ok(())
}

async fn a_product_tied_later_is_looked_up(world: World) -> Result<()> {
    let stall = Stall::demo(&world, PolicyName::Static).await?;
    stall.floor.0.lock().unwrap().insert(ProductId(9), 4);
    stall.put("OFF007", "Tied", "home", 100, 50, Some(9)).await?;
    crate::testing::eventually(async || {
        stall.refresh();
        let answer = stall.recommend(&json!({"user_id": "nobody", "limit": 20})).await;
        let found = answer["recommended_offers"]
            .as_array()
            .context("offers")?
            .iter()
            .find(|offer| offer["offer_id"] == "OFF007");
        Ok(found.is_some_and(|offer| offer["inventory_count"] == 4))
    })
    .await
}
