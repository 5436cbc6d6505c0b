use axum::http::Method;
use kernel::Timestamp;
use retail::payment::simulated::Misbehaviour;
use retail::payment::stripe::sign;
use serde_json::{Value, json};
use telemetry::SecretText;
use web::testing::TestResponse;

use crate::common::Ground;
use crate::shop::{SECRET, Shop, answered, id, of};

crate::on_both_engines![
    only_signed_notices_are_believed,
    a_notice_is_a_reason_to_ask,
    a_notice_of_anything_else_is_received
];

const DOOR: &str = "/paiement/stripe/notifications";

/// What Stripe says of a payment that was captured.
fn notice(payment: &str) -> String {
    json!({
        "id": "evt_1", "object": "event", "type": "payment_intent.succeeded",
        "data": {"object": {
            "id": "pi_1", "object": "payment_intent", "amount": 1000, "amount_received": 1000, "currency": "eur",
            "status": "succeeded", "metadata": {"payment_id": payment},
        }},
    })
    .to_string()
}

async fn send(shop: &Shop, body: &str, signature: Option<&str>) -> TestResponse {
    let mut request = shop.app.request(Method::POST, DOOR).header("content-type", "application/json");
    if let Some(signature) = signature {
        request = request.header("Stripe-Signature", signature);
    }
    request.body(body.to_owned()).send().await
}

fn signed(body: &str, secret: &str, at: Timestamp) -> String {
    sign(body.as_bytes(), &SecretText::new(secret.to_owned()), at)
}

/// An order that waits for a provider whose answer was lost, and its payment.
async fn waiting(shop: &Shop) -> (String, String) {
    shop.simulator.misbehave(Misbehaviour::LoseRequest);
    let request = shop.app.request(Method::POST, "/saga/commande").header("Prefer", "respond-async");
    let order = answered(202, &request.json(&of(1, 1)).send().await);
    (id(&order), order["paiement_id"].as_str().unwrap().to_owned())
}

async fn only_signed_notices_are_believed(ground: Ground) {
    let shop = Shop::open(ground).await;
    let (order, payment) = waiting(&shop).await;
    let (body, now) = (notice(&payment), shop.store.now());
    let before: Value = shop.got(&format!("/paiement/{payment}")).await;
    let old = signed(&body, SECRET, now.plus_seconds(-301));
    let early = signed(&body, SECRET, now.plus_seconds(301));
    let wrong = signed(&body, "whsec_other", now);
    let elsewhere = signed(&notice("other"), SECRET, now);
    for signature in
        [None, Some(""), Some("v1=00"), Some(&*old), Some(&*early), Some(&*wrong), Some(&*elsewhere)]
    {
        answered(403, &send(&shop, &body, signature).await);
    }
    assert_eq!(shop.got(&format!("/paiement/{payment}")).await, before);
    assert_eq!(shop.got(&format!("/commande/{order}")).await["etat"], "STOCK_RESERVE");
    shop.until(&order, "CONFIRMEE").await;
    shop.close().await;
}

/// The clock stands: without the notice the order would wait for ever.
async fn a_notice_is_a_reason_to_ask(ground: Ground) {
    let shop = Shop::open(ground).await;
    let (order, payment) = waiting(&shop).await;
    let body = notice(&payment);
    let signature = signed(&body, SECRET, shop.store.now());
    for _ in 0..400 {
        // The provider's silence may not be recorded yet: like Stripe, the notice comes again.
        assert_eq!(send(&shop, &body, Some(&signature)).await.status, 204);
        if shop.got(&format!("/commande/{order}")).await["etat"] == "CONFIRMEE" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(shop.got(&format!("/commande/{order}")).await["etat"], "CONFIRMEE");
    assert_eq!(shop.kept().await, 1000);
    shop.close().await;
}

async fn a_notice_of_anything_else_is_received(ground: Ground) {
    let shop = Shop::open(ground).await;
    for body in [
        notice("00000000-0000-0000-0000-000000000000"),
        notice("not one of ours"),
        json!({"id": "evt_2", "object": "event", "type": "customer.created", "data": {"object": {"id": "cus_1"}}})
            .to_string(),
    ] {
        let signature = signed(&body, SECRET, shop.store.now());
        assert_eq!(send(&shop, &body, Some(&signature)).await.status, 204, "{body}");
    }
    let body = "not an event";
    let signature = signed(body, SECRET, shop.store.now());
    answered(403, &send(&shop, body, Some(&signature)).await);
    assert_eq!(shop.count("SELECT COUNT(*) FROM payment").await, 0);
    shop.close().await;
}
