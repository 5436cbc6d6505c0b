use std::time::Duration;

use axum::http::Method;
use futures_util::future::join_all;
use retail::payment::simulated::Misbehaviour;
use serde_json::{Value, json};

use crate::common::Ground;
use crate::shop::{Shop, answered, id, kind, of};

crate::on_both_engines![
    the_same_request_is_answered_alike_and_done_once,
    a_key_belongs_to_one_request,
    what_left_no_trace_may_be_sent_again,
    many_at_once_are_one_order,
    a_running_request_is_not_begun_again,
    a_cancellation_has_a_key_of_its_own,
    a_key_is_short_and_plain,
];

const PLACE: &str = "/saga/commande";

async fn the_same_request_is_answered_alike_and_done_once(ground: Ground) {
    let shop = Shop::open(ground).await;
    for (key, body, status) in [("good", of(1, 2), 201), ("dear", of(2, 51), 402), ("short", of(3, 999), 409)]
    {
        let first = shop.keyed(key, PLACE, &body).send().await;
        assert_eq!(
            (first.status.as_u16(), first.header("idempotency-replayed")),
            (status, None),
            "{}",
            first.text()
        );
        for path in [PLACE, PLACE] {
            let again = shop.keyed(key, path, &body).send().await;
            assert_eq!((again.status, again.header("idempotency-replayed")), (first.status, Some("true")));
            assert_eq!(without_instance(&again.json()), without_instance(&first.json()), "{key}");
            assert_eq!(again.header("location"), first.header("location"), "{key}");
            assert_eq!(again.header("content-type"), first.header("content-type"), "{key}");
        }
    }
    assert_eq!((shop.orders().await, shop.level(1).await, shop.kept().await), (3, (98, 0), 2000));
    shop.close().await;
}

/// The body without what names the request that it answers.
fn without_instance(body: &Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove("instance");
    body
}

async fn a_key_belongs_to_one_request(ground: Ground) {
    let shop = Shop::open(ground).await;
    answered(201, &shop.keyed("k", PLACE, &of(1, 1)).send().await);
    for (path, body) in [(PLACE, of(1, 2)), ("/commande", json!({"client_id": 1})), ("/panier", of(1, 1))] {
        let refused = shop.keyed("k", path, &body).send().await;
        assert_eq!(refused.status, 422, "{path}: {}", refused.text());
    }
    assert_eq!(
        kind(&answered(422, &shop.keyed("k", PLACE, &of(1, 2)).send().await)),
        "idempotency-key-reused"
    );
    assert_eq!((shop.orders().await, shop.level(1).await), (1, (99, 0)));
    shop.close().await;
}

async fn what_left_no_trace_may_be_sent_again(ground: Ground) {
    let shop = Shop::open(ground).await;
    for (body, status) in [
        (of(9, 1), 404),
        (of(5, 1), 422),
        (of(1, 0), 422),
        (json!({"produits": of(1, 1)["produits"], "client_id": 9}), 404),
    ] {
        let refused = shop.keyed("k", PLACE, &body).send().await;
        answered(status, &refused);
        assert_eq!(refused.header("idempotency-replayed"), None);
    }
    answered(201, &shop.keyed("k", PLACE, &of(1, 1)).send().await);
    assert_eq!(shop.orders().await, 1);
    shop.close().await;
}

async fn many_at_once_are_one_order(ground: Ground) {
    let shop = Shop::open(ground).await;
    for (key, body, status) in [("good", of(1, 2), 201), ("dear", of(2, 51), 402), ("short", of(3, 999), 409)]
    {
        let before = shop.orders().await;
        shop.simulator.misbehave(Misbehaviour::Late(Duration::from_millis(50)));
        let answers = join_all((0..8).map(|_| shop.keyed(key, PLACE, &body).send())).await;
        let mut firsts = 0;
        for answer in &answers {
            let replayed = answer.header("idempotency-replayed") == Some("true");
            let running = answer.status == 409 && kind(&answer.json()) == "idempotency-key-running";
            assert!(running || answer.status == status, "{key}: {}", answer.text());
            firsts += u8::from(!running && !replayed);
        }
        assert_eq!((firsts, shop.orders().await - before), (1, 1), "{key}");
    }
    shop.close().await;
}

async fn a_running_request_is_not_begun_again(ground: Ground) {
    let shop = Shop::open(ground).await;
    shop.simulator.misbehave(Misbehaviour::LoseRequest);
    let first = shop.keyed("k", PLACE, &of(1, 1)).header("Prefer", "respond-async").send().await;
    let order = answered(202, &first);
    let again = shop.keyed("k", PLACE, &of(1, 1)).send().await;
    assert_eq!(kind(&answered(409, &again)), "idempotency-key-running");
    assert!(again.header("retry-after").is_some());
    answered(422, &shop.keyed("k", PLACE, &of(1, 2)).send().await);
    // The provider is asked again once its pause is over; then the key has its answer.
    let id = id(&order);
    shop.until(&id, "CONFIRMEE").await;
    let done = shop.keyed("k", PLACE, &of(1, 1)).send().await;
    assert_eq!(answered(201, &done)["id"], id.as_str());
    assert_eq!((done.header("idempotency-replayed"), shop.orders().await), (Some("true"), 1));
    shop.close().await;
}

async fn a_cancellation_has_a_key_of_its_own(ground: Ground) {
    let shop = Shop::open(ground).await;
    let placed = answered(201, &shop.keyed("place", PLACE, &of(1, 3)).send().await);
    let path = format!("/commande/{}/annuler", id(&placed));
    let cancel = |key: &str| shop.app.request(Method::POST, &path).header("Idempotency-Key", key);
    let first = cancel("cancel").send().await;
    assert_eq!(answered(200, &first)["etat"], "ANNULEE");
    let again = cancel("cancel").send().await;
    assert_eq!((again.header("idempotency-replayed"), answered(200, &again)), (Some("true"), first.json()));
    answered(409, &cancel("other").send().await);
    answered(409, &cancel("other").send().await);
    answered(422, &cancel("place").send().await);
    let placed_again = shop.keyed("place", PLACE, &of(1, 3)).send().await;
    assert_eq!(answered(201, &placed_again), placed, "the first key keeps its own answer");
    assert_eq!((shop.level(1).await, shop.kept().await), ((100, 0), 0));
    shop.close().await;
}

async fn a_key_is_short_and_plain(ground: Ground) {
    let shop = Shop::open(ground).await;
    for key in ["", "two words", &"k".repeat(256)] {
        let problem = answered(422, &shop.keyed(key, PLACE, &of(1, 1)).send().await);
        assert_eq!(problem["erreurs"][0]["champ"], "Idempotency-Key");
    }
    answered(201, &shop.keyed(&"k".repeat(255), PLACE, &of(1, 1)).send().await);
    shop.close().await;
}
