use std::time::Duration;

use axum::http::Method;
use retail::payment::simulated::Misbehaviour;
use serde_json::Value;
use uuid::Uuid;
use web::testing::TestResponse;

use crate::common::Ground;
use crate::shop::{Shop, answered, id, of};

crate::on_both_engines![
    a_settled_order_is_told_whole,
    an_order_at_work_is_followed_to_its_end,
    a_follower_goes_on_where_it_stopped,
    a_cancellation_is_told_to_its_end,
    nobody_follows_what_is_not_there,
];

/// An event of the stream: its position, its kind, and the states that it added.
type Told = (i64, String, Vec<String>);

/// The whole stream; it must end by itself.
async fn follow(shop: &Shop, id: &str, after: Option<i64>) -> Vec<Told> {
    let answer = stream(shop, id, after).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("text/event-stream")));
    parse(answer.text())
}

async fn stream(shop: &Shop, id: &str, after: Option<i64>) -> TestResponse {
    let mut request = shop.app.request(Method::GET, &format!("/commande/{id}/suivi"));
    if let Some(after) = after {
        request = request.header("Last-Event-ID", &after.to_string());
    }
    tokio::time::timeout(Duration::from_secs(10), request.send()).await.expect("a stream that ends")
}

fn parse(text: &str) -> Vec<Told> {
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
    };
    let told = |block: &str| {
        let data: Value = serde_json::from_str(&field(block, "data:")?).unwrap();
        let states = data["data"]["etats"].as_array().unwrap();
        let states = states.iter().map(|state| state.as_str().unwrap().to_owned()).collect();
        Some((field(block, "id:")?.parse().unwrap(), field(block, "event:")?, states))
    };
    text.split("\n\n").filter_map(told).collect()
}

fn states(told: &[Told]) -> Vec<&str> {
    told.iter().flat_map(|(_, _, states)| states.iter().map(String::as_str)).collect()
}

const FIVE: [&str; 5] = ["CREEE", "STOCK_VERIFIE", "STOCK_RESERVE", "PAYEE", "CONFIRMEE"];

async fn a_settled_order_is_told_whole(ground: Ground) {
    let shop = Shop::open(ground).await;
    let before = shop.ordered(201, of(1, 1)).await;
    let good = shop.ordered(201, of(1, 1)).await;
    let dear = shop.ordered(402, of(1, 51)).await;
    let short = shop.ordered(409, of(1, 999)).await;
    assert_eq!(states(&follow(&shop, &id(&good), None).await), FIVE);
    assert_eq!(states(&follow(&shop, &id(&before), None).await), FIVE);
    let dear = follow(&shop, &id(&dear["commande"]), None).await;
    assert_eq!(states(&dear), ["CREEE", "STOCK_VERIFIE", "STOCK_RESERVE", "ANNULEE"]);
    let short = follow(&shop, &id(&short["commande"]), None).await;
    assert_eq!(states(&short), ["CREEE", "ANNULEE"]);
    shop.close().await;
}

async fn an_order_at_work_is_followed_to_its_end(ground: Ground) {
    let shop = Shop::open(ground).await;
    shop.simulator.misbehave(Misbehaviour::LoseRequest);
    let request = shop.app.request(Method::POST, "/saga/commande").header("Prefer", "respond-async");
    let order = id(&answered(202, &request.json(&of(1, 1)).send().await));
    let (told, ()) = tokio::join!(follow(&shop, &order, None), async {
        shop.until(&order, "CONFIRMEE").await;
    });
    assert_eq!(states(&told), FIVE);
    assert!(told.is_sorted_by(|a, b| a.0 < b.0));
    shop.close().await;
}

async fn a_follower_goes_on_where_it_stopped(ground: Ground) {
    let shop = Shop::open(ground).await;
    let order = id(&shop.ordered(201, of(1, 1)).await);
    let told = follow(&shop, &order, None).await;
    assert!(told.len() > 1);
    for (index, (position, ..)) in told.iter().enumerate().take(told.len() - 1) {
        assert_eq!(follow(&shop, &order, Some(*position)).await, told[index + 1..]);
    }
    // A browser comes back after every end of a stream: that it has heard everything must stop it.
    let heard = stream(&shop, &order, told.last().map(|(position, ..)| *position)).await;
    assert_eq!(heard.status, 204);
    answered(422, &stream(&shop, &order, Some(-1)).await);
    shop.close().await;
}

async fn a_cancellation_is_told_to_its_end(ground: Ground) {
    let shop = Shop::open(ground).await;
    let order = id(&shop.ordered(201, of(1, 1)).await);
    let heard = follow(&shop, &order, None).await;
    let confirmed = heard.last().map(|(position, ..)| *position);
    shop.simulator.misbehave(Misbehaviour::LoseAnswer);
    let path = format!("/commande/{order}/annuler");
    answered(202, &shop.app.request(Method::POST, &path).send().await);
    let (told, rest, ()) =
        tokio::join!(follow(&shop, &order, None), follow(&shop, &order, confirmed), async {
            shop.until(&order, "ANNULEE").await;
        });
    assert_eq!(states(&told), [&FIVE[..], &["ANNULEE"]].concat());
    assert_eq!(rest, told[heard.len()..]);
    assert_eq!(follow(&shop, &order, None).await, told, "later, the same");
    shop.close().await;
}

async fn nobody_follows_what_is_not_there(ground: Ground) {
    let shop = Shop::open(ground).await;
    answered(404, &stream(&shop, &Uuid::nil().to_string(), None).await);
    shop.close().await;
}
