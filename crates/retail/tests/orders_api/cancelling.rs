use axum::http::Method;
use futures_util::future::join_all;
use retail::payment::simulated::Misbehaviour;
use serde_json::json;
use uuid::Uuid;

use crate::common::Ground;
use crate::shop::{Shop, answered, id, kind, of, states};

crate::on_both_engines![
    a_confirmed_order_is_refunded_and_restocked_once,
    what_is_not_confirmed_cannot_be_cancelled,
    of_many_at_once_one_cancels,
    a_lost_refund_is_asked_for_again,
];

async fn a_confirmed_order_is_refunded_and_restocked_once(ground: Ground) {
    let shop = Shop::open(ground).await;
    let placed = shop.ordered(201, of(1, 3)).await;
    let kept = shop.ordered(201, of(2, 1)).await;
    assert_eq!((shop.level(1).await, shop.kept().await), ((97, 0), 4000));
    let path = format!("/commande/{}/annuler", id(&placed));
    let cancelled = answered(200, &shop.app.request(Method::POST, &path).send().await);
    assert_eq!((&cancelled["etat"], cancelled.get("annulation")), (&json!("ANNULEE"), None));
    assert_eq!(states(&cancelled)[4..], ["CONFIRMEE", "ANNULEE"]);
    let second = answered(409, &shop.app.request(Method::POST, &path).send().await);
    assert_eq!((kind(&second), &second["etat"]), ("order-not-cancellable", &json!("ANNULEE")));
    let payment = shop.got(&format!("/paiement/{}", cancelled["paiement_id"].as_str().unwrap())).await;
    assert_eq!(payment["statut"], "REMBOURSE");
    assert_eq!((shop.level(1).await, shop.level(2).await, shop.kept().await), ((100, 0), (99, 0), 1000));
    assert_eq!(shop.got(&format!("/commande/{}", id(&kept))).await["etat"], "CONFIRMEE");
    shop.close().await;
}

async fn what_is_not_confirmed_cannot_be_cancelled(ground: Ground) {
    let shop = Shop::open(ground).await;
    let unknown = format!("/commande/{}/annuler", Uuid::nil());
    answered(404, &shop.app.request(Method::POST, &unknown).send().await);
    answered(422, &shop.app.request(Method::POST, "/commande/7/annuler").send().await);
    for (status, body) in [(402, of(1, 51)), (409, of(1, 999))] {
        let ended = shop.ordered(status, body).await["commande"].clone();
        let path = format!("/commande/{}/annuler", id(&ended));
        let refused = answered(409, &shop.app.request(Method::POST, &path).send().await);
        assert_eq!(refused["etat"], "ANNULEE");
    }
    shop.simulator.misbehave(Misbehaviour::LoseRequest);
    let request = shop.app.request(Method::POST, "/saga/commande").header("Prefer", "respond-async");
    let running = answered(202, &request.json(&of(1, 1)).send().await);
    let path = format!("/commande/{}/annuler", id(&running));
    let refused = answered(409, &shop.app.request(Method::POST, &path).send().await);
    assert_eq!(refused["etat"], "STOCK_RESERVE");
    shop.until(&id(&running), "CONFIRMEE").await;
    assert_eq!(shop.level(1).await, (99, 0));
    shop.close().await;
}

async fn of_many_at_once_one_cancels(ground: Ground) {
    let shop = Shop::open(ground).await;
    let placed = shop.ordered(201, of(1, 3)).await;
    let path = format!("/commande/{}/annuler", id(&placed));
    let answers = join_all((0..8).map(|_| shop.app.request(Method::POST, &path).send())).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(409)), (1, 7));
    assert_eq!((shop.level(1).await, shop.kept().await), ((100, 0), 0));
    shop.close().await;
}

async fn a_lost_refund_is_asked_for_again(ground: Ground) {
    let shop = Shop::open(ground).await;
    for fault in [Misbehaviour::LoseAnswer, Misbehaviour::LoseRequest] {
        let placed = shop.ordered(201, of(1, 3)).await;
        shop.simulator.misbehave(fault);
        let path = format!("/commande/{}/annuler", id(&placed));
        let accepted = answered(202, &shop.app.request(Method::POST, &path).send().await);
        assert_eq!((&accepted["etat"], &accepted["annulation"]), (&json!("CONFIRMEE"), &json!("EN_COURS")));
        assert_eq!(shop.level(1).await, (97, 0), "nothing comes back before the refund is recorded");
        answered(409, &shop.app.request(Method::POST, &path).send().await);
        shop.until(&id(&placed), "ANNULEE").await;
        assert_eq!((shop.level(1).await, shop.kept().await), ((100, 0), 0), "{fault:?}");
    }
    shop.close().await;
}
