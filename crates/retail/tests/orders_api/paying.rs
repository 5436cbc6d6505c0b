use std::time::Duration;

use futures_util::future::join_all;
use retail::payment::simulated::Misbehaviour;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::Ground;
use crate::shop::{Shop, answered, id, kind, of};

crate::on_both_engines![
    a_payment_is_made_once_under_its_reference,
    many_at_once_are_one_payment,
    refused_payments_say_so_again,
    wrong_payments_are_refused,
    an_order_is_paid_for_by_its_saga_only,
    a_payment_without_an_answer_is_finished_later,
    under_one_key_there_is_one_payment_whatever_the_reference,
];

async fn under_one_key_there_is_one_payment_whatever_the_reference(ground: Ground) {
    let shop = Shop::open(ground).await;
    let body = payment("drawn-anew-1", "10.00");
    let first = answered(201, &shop.keyed("k1", "/paiement", &body).send().await);
    assert_eq!(answered(201, &shop.keyed("k1", "/paiement", &body).send().await), first);
    let other = shop.keyed("k1", "/paiement", &payment("drawn-anew-2", "10.00")).send().await;
    assert_eq!(kind(&answered(422, &other)), "idempotency-key-reused");
    let refused = payment("drawn-anew-3", "500.01");
    for _ in 0..2 {
        answered(402, &shop.keyed("k2", "/paiement", &refused).send().await);
    }
    assert_eq!((shop.kept().await, shop.count("SELECT COUNT(*) FROM payment").await), (1000, 2));
    shop.close().await;
}

fn payment(reference: &str, amount: &str) -> Value {
    json!({"reference": reference, "montant": {"montant": amount, "devise": "EUR"}})
}

async fn a_payment_is_made_once_under_its_reference(ground: Ground) {
    let shop = Shop::open(ground).await;
    let answer = shop.app.post("/paiement", &payment("facture-1", "12.50")).await;
    let first = answered(201, &answer);
    assert_eq!((&first["statut"], &first["montant"]["montant"]), (&json!("CAPTURE"), &json!("12.50")));
    assert_eq!(answer.header("location"), Some(format!("/paiement/{}", id(&first)).as_str()));
    assert_eq!(shop.posted(201, "/paiement", payment("facture-1", "12.50")).await, first);
    assert_eq!(kind(&shop.posted(409, "/paiement", payment("facture-1", "12.51")).await), "payment-exists");
    assert_eq!(shop.got(&format!("/paiement/{}", id(&first))).await, first);
    answered(404, &shop.app.get(&format!("/paiement/{}", Uuid::nil())).await);
    assert_eq!(shop.kept().await, 1250);
    shop.close().await;
}

async fn many_at_once_are_one_payment(ground: Ground) {
    let shop = Shop::open(ground).await;
    let body = payment("facture-2", "10.00");
    let answers = join_all((0..8).map(|_| shop.app.post("/paiement", &body))).await;
    let first: Value = answers[0].json();
    for answer in &answers {
        assert!([201, 202].contains(&answer.status.as_u16()), "{}", answer.text());
        assert_eq!(answer.json::<Value>()["id"], first["id"]);
    }
    assert_eq!((shop.kept().await, shop.count("SELECT COUNT(*) FROM payment").await), (1000, 1));
    shop.close().await;
}

async fn refused_payments_say_so_again(ground: Ground) {
    let shop = Shop::open(ground).await;
    let first = shop.posted(402, "/paiement", payment("dear", "500.01")).await;
    assert_eq!((kind(&first), &first["paiement"]["statut"]), ("payment-refused", &json!("REFUSE")));
    let again = shop.posted(402, "/paiement", payment("dear", "500.01")).await;
    assert_eq!(again["paiement"], first["paiement"]);
    shop.posted(201, "/paiement", payment("just", "500.00")).await;
    assert_eq!(shop.kept().await, 50_000);
    shop.close().await;
}

async fn wrong_payments_are_refused(ground: Ground) {
    let shop = Shop::open(ground).await;
    let euros = |amount: &str| json!({"montant": amount, "devise": "EUR"});
    for (reference, amount, field) in [
        (json!("r"), euros("0.00"), "montant.montant"),
        (json!("r"), euros("-1.00"), "montant.montant"),
        (json!("r"), json!({"montant": "1.00", "devise": "USD"}), "montant.devise"),
        (json!("r"), json!({"montant": 1.5, "devise": "EUR"}), "montant.montant"),
        (json!("r"), euros("1.001"), "montant"),
        (json!(""), euros("1.00"), "reference"),
        (json!("x".repeat(201)), euros("1.00"), "reference"),
        (Value::Null, euros("1.00"), "reference"),
    ] {
        let problem = shop.posted(422, "/paiement", json!({"reference": reference, "montant": amount})).await;
        let named = problem["erreurs"][0]["champ"].as_str().unwrap();
        assert!(named.starts_with(field), "{reference} {amount}: {problem}");
    }
    assert_eq!(shop.count("SELECT COUNT(*) FROM payment").await, 0);
    shop.close().await;
}

async fn an_order_is_paid_for_by_its_saga_only(ground: Ground) {
    let shop = Shop::open(ground).await;
    let order = shop.ordered(201, of(1, 1)).await;
    let with = |order: &str| json!({"reference": "r", "montant": order_amount(), "commande_id": order});
    assert_eq!(kind(&shop.posted(409, "/paiement", with(&id(&order))).await), "payment-exists");
    shop.posted(404, "/paiement", with(&Uuid::nil().to_string())).await;
    let own = shop.got(&format!("/paiement/{}", order["paiement_id"].as_str().unwrap())).await;
    assert_eq!((&own["commande_id"], &own["statut"]), (&order["id"], &json!("CAPTURE")));
    assert_eq!(shop.kept().await, 1000);
    shop.close().await;
}

fn order_amount() -> Value {
    json!({"montant": "10.00", "devise": "EUR"})
}

async fn a_payment_without_an_answer_is_finished_later(ground: Ground) {
    let shop = Shop::open(ground).await;
    for (number, fault) in [(1, Misbehaviour::LoseAnswer), (2, Misbehaviour::LoseRequest)] {
        shop.simulator.misbehave(fault);
        let body = payment(&format!("late-{number}"), "10.00");
        let accepted = shop.posted(202, "/paiement", body.clone()).await;
        assert_eq!(accepted["statut"], "EN_COURS");
        shop.clock.advance_seconds(60);
        let path = format!("/paiement/{}", id(&accepted));
        for _ in 0..400 {
            if shop.got(&path).await["statut"] == "CAPTURE" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(shop.posted(201, "/paiement", body).await["id"], accepted["id"]);
        assert_eq!(shop.kept().await, 1000 * number, "{fault:?}");
    }
    shop.close().await;
}
