use axum::http::Method;
use futures_util::future::join_all;
use retail::payment::simulated::Misbehaviour;
use serde_json::{Value, json};

use crate::common::Ground;
use crate::shop::{Shop, answered, id, kind, of};

crate::on_both_engines![
    a_basket_is_empty_once_it_is_bought,
    a_basket_that_is_not_bought_stays,
    there_must_be_a_basket_to_check_out,
    one_basket_is_bought_once,
    what_is_added_meanwhile_stays,
    a_checkout_may_be_sent_again,
];

const CHECKOUT: &str = "/commande";

fn claire() -> Value {
    json!({"client_id": 1})
}

async fn put(shop: &Shop, client: i64, product: i64, units: i64) {
    let body = json!({"client_id": client, "produit_id": product, "quantite": units});
    shop.posted(200, "/panier", body).await;
}

/// The basket's products with their units.
async fn content(shop: &Shop, client: i64) -> Vec<(i64, i64)> {
    let basket = shop.got(&format!("/panier/{client}")).await;
    let lines = basket["lignes"].as_array().unwrap().iter();
    lines.map(|line| (line["produit_id"].as_i64().unwrap(), line["quantite"].as_i64().unwrap())).collect()
}

async fn a_basket_is_empty_once_it_is_bought(ground: Ground) {
    let shop = Shop::open(ground).await;
    put(&shop, 1, 2, 1).await;
    put(&shop, 1, 1, 2).await;
    put(&shop, 2, 1, 5).await;
    let order = shop.posted(201, CHECKOUT, claire()).await;
    assert_eq!((&order["client_id"], &order["montant_total"]["montant"]), (&json!(1), &json!("30.00")));
    assert_eq!((content(&shop, 1).await, content(&shop, 2).await), (vec![], vec![(1, 5)]));
    assert_eq!((shop.level(1).await, shop.level(2).await), ((98, 0), (99, 0)));
    assert_eq!(kind(&shop.posted(409, CHECKOUT, claire()).await), "basket-conflict");
    // What is cancelled does not come back into the basket.
    let path = format!("/commande/{}/annuler", id(&order));
    answered(200, &shop.app.request(Method::POST, &path).send().await);
    assert_eq!(content(&shop, 1).await, []);
    shop.close().await;
}

async fn a_basket_that_is_not_bought_stays(ground: Ground) {
    let shop = Shop::open(ground).await;
    put(&shop, 1, 1, 51).await;
    put(&shop, 2, 1, 101).await;
    assert_eq!(kind(&shop.posted(402, CHECKOUT, claire()).await), "payment-refused");
    assert_eq!(kind(&shop.posted(409, CHECKOUT, json!({"client_id": 2})).await), "insufficient-stock");
    assert_eq!((content(&shop, 1).await, content(&shop, 2).await), (vec![(1, 51)], vec![(1, 101)]));
    // With less in it, it can be bought.
    let less = shop.app.patch("/panier/1/produits/1", &json!({"quantite": 50})).await;
    answered(200, &less);
    shop.posted(201, CHECKOUT, claire()).await;
    assert_eq!((content(&shop, 1).await, shop.level(1).await), (vec![], (50, 0)));
    shop.close().await;
}

async fn there_must_be_a_basket_to_check_out(ground: Ground) {
    let shop = Shop::open(ground).await;
    assert_eq!(kind(&shop.posted(409, CHECKOUT, claire()).await), "basket-conflict");
    shop.posted(404, CHECKOUT, json!({"client_id": 9})).await;
    shop.posted(422, CHECKOUT, json!({"client_id": "1"})).await;
    shop.posted(422, CHECKOUT, json!({})).await;
    put(&shop, 1, 1, 1).await;
    answered(204, &no_body(shop.app.delete("/produits/1").await));
    shop.posted(422, CHECKOUT, claire()).await;
    assert_eq!((shop.orders().await, content(&shop, 1).await), (0, vec![(1, 1)]));
    shop.close().await;
}

/// The same answer with an empty object where it has no body.
fn no_body(mut answer: web::testing::TestResponse) -> web::testing::TestResponse {
    answer.body = "{}".into();
    answer
}

async fn one_basket_is_bought_once(ground: Ground) {
    let shop = Shop::open(ground).await;
    for round in 1..=5 {
        put(&shop, 1, 1, 2).await;
        let body = claire();
        let answers = join_all((0..4).map(|_| shop.app.post(CHECKOUT, &body))).await;
        for answer in &answers {
            assert!(
                answer.status == 201 || kind(&answered(409, answer)) == "basket-conflict",
                "{}",
                answer.text()
            );
        }
        let bought = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!((bought, shop.orders().await, content(&shop, 1).await), (1, round, vec![]));
        assert_eq!(shop.level(1).await, (100 - 2 * round, 0));
    }
    shop.close().await;
}

async fn what_is_added_meanwhile_stays(ground: Ground) {
    let shop = Shop::open(ground).await;
    put(&shop, 1, 1, 2).await;
    shop.simulator.misbehave(Misbehaviour::LoseRequest);
    let request = shop.app.request(Method::POST, CHECKOUT).header("Prefer", "respond-async").json(&claire());
    let order = answered(202, &request.send().await);
    put(&shop, 1, 1, 3).await;
    put(&shop, 1, 2, 1).await;
    let busy = shop.posted(409, CHECKOUT, claire()).await;
    assert_eq!(kind(&busy), "basket-conflict");
    // An order that is not the basket's is not held up.
    shop.ordered(201, json!({"produits": of(3, 1)["produits"], "client_id": 1})).await;
    shop.until(&id(&order), "CONFIRMEE").await;
    assert_eq!(content(&shop, 1).await, [(1, 3), (2, 1)]);
    shop.posted(201, CHECKOUT, claire()).await;
    assert_eq!((content(&shop, 1).await, shop.level(1).await), (vec![], (95, 0)));
    shop.close().await;
}

async fn a_checkout_may_be_sent_again(ground: Ground) {
    let shop = Shop::open(ground).await;
    answered(409, &shop.keyed("k", CHECKOUT, &claire()).send().await);
    put(&shop, 1, 1, 2).await;
    let first = shop.keyed("k", CHECKOUT, &claire()).send().await;
    let order = answered(201, &first);
    let again = shop.keyed("k", CHECKOUT, &claire()).send().await;
    assert_eq!((answered(201, &again), again.header("idempotency-replayed")), (order, Some("true")));
    put(&shop, 1, 2, 1).await;
    answered(201, &shop.keyed("k", CHECKOUT, &claire()).send().await);
    assert_eq!((content(&shop, 1).await, shop.orders().await), (vec![(2, 1)], 1));
    shop.close().await;
}
