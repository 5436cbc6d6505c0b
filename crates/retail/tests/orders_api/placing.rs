use axum::http::Method;
use serde_json::{Value, json};

use crate::common::Ground;
use crate::shop::{Shop, answered, id, kind, of, states};

crate::on_both_engines![
    the_three_calls_of_the_manual,
    wrong_orders_are_refused_and_not_stored,
    broken_json_says_where,
    an_order_that_is_not_waited_for_ends_all_the_same,
    a_shop_may_be_the_place,
    what_nobody_knows_is_not_an_order,
];

const FIVE: [&str; 5] = ["CREEE", "STOCK_VERIFIE", "STOCK_RESERVE", "PAYEE", "CONFIRMEE"];

async fn the_three_calls_of_the_manual(ground: Ground) {
    let shop = Shop::open(ground).await;
    for (path, round) in [("/saga/commande/", 1), ("/saga/commande", 2)] {
        let both = json!({"produits": [{"produit_id": 2, "quantite": 1}, {"produit_id": 1, "quantite": 1}]});
        let answer = shop.app.post(path, &both).await;
        let order = answered(201, &answer);
        assert_eq!(states(&order), FIVE);
        assert_eq!(order["montant_total"], json!({"montant": "20.00", "devise": "EUR"}));
        assert_eq!(order["lignes"][0]["produit_id"], 1, "lines are sorted by product");
        assert_eq!(answer.header("location"), Some(format!("/commande/{}", id(&order)).as_str()));
        assert_eq!(shop.got(&format!("/commande/{}", id(&order))).await, order);

        let short = shop.posted(409, path, of(2, 999)).await;
        assert_eq!(kind(&short), "insufficient-stock");
        assert_eq!(short["produits"], json!([{"produit_id": 2, "demande": 999, "disponible": 100 - round}]));
        assert_eq!(states(&short["commande"]), ["CREEE", "ANNULEE"]);

        let dear = shop.posted(402, path, of(3, 51)).await;
        assert_eq!(kind(&dear), "payment-refused");
        assert_eq!(states(&dear["commande"]), ["CREEE", "STOCK_VERIFIE", "STOCK_RESERVE", "ANNULEE"]);
        assert_eq!(shop.level(1).await, (100 - round, 0));
        assert_eq!(shop.level(3).await, (100, 0));
        assert_eq!(shop.kept().await, 2000 * round);
    }
    shop.close().await;
}

fn one(line: &Value) -> Value {
    json!({"produits": [line]})
}

async fn wrong_orders_are_refused_and_not_stored(ground: Ground) {
    let shop = Shop::open(ground).await;
    let line = |quantity: Value| one(&json!({"produit_id": 1, "quantite": quantity}));
    let many: Vec<Value> = (1..=101).map(|product| json!({"produit_id": product, "quantite": 1})).collect();
    for (body, field) in [
        (json!({"produits": []}), "produits"),
        (json!({"produits": many}), "produits"),
        (
            json!({"produits": [{"produit_id": 1, "quantite": 1}, {"produit_id": 1, "quantite": 2}]}),
            "produits",
        ),
        (line(json!(0)), "produits[0].quantite"),
        (line(json!(-1)), "produits[0].quantite"),
        (line(json!(1_000_001)), "produits[0].quantite"),
        (line(json!(1.5)), "produits[0].quantite"),
        (line(json!("1")), "produits[0].quantite"),
        (line(Value::Null), "produits[0].quantite"),
        (one(&json!({"produit_id": 1})), "produits[0].quantite"),
        (one(&json!({"produit_id": "1", "quantite": 1})), "produits[0].produit_id"),
        (json!({"client_id": 1}), "produits"),
        (json!({"produits": {"produit_id": 1, "quantite": 1}}), "produits"),
        (of(5, 1), "produits"),
        (json!({"produits": of(1, 1)["produits"], "emplacement_id": 2}), "emplacement_id"),
    ] {
        let problem = shop.ordered(422, body.clone()).await;
        assert_eq!(problem["erreurs"][0]["champ"], field, "{body}: {problem}");
    }
    assert_eq!((shop.orders().await, shop.level(1).await), (0, (100, 0)));
    shop.close().await;
}

async fn what_nobody_knows_is_not_an_order(ground: Ground) {
    let shop = Shop::open(ground).await;
    let lines = of(1, 1)["produits"].clone();
    for body in [
        of(9, 1),
        json!({"produits": [{"produit_id": 1, "quantite": 1}, {"produit_id": 9, "quantite": 1}]}),
        json!({"produits": lines, "client_id": 9}),
        json!({"produits": lines, "emplacement_id": 9}),
        json!({"produits": lines, "emplacement_id": -1}),
    ] {
        assert_eq!(kind(&shop.ordered(404, body).await), "not-found");
    }
    assert_eq!((shop.orders().await, shop.level(1).await), (0, (100, 0)));
    assert_eq!(shop.count("SELECT COUNT(*) FROM payment").await, 0);
    shop.close().await;
}

async fn broken_json_says_where(ground: Ground) {
    let shop = Shop::open(ground).await;
    for (text, line, column) in [
        ("{\"produits\": [\n  {\"produit_id\": 1,, \"quantite\": 1}]}", 2, 20),
        ("{\n // two of them\n \"produits\": []}", 2, 2),
        ("{\"produits\": [", 1, 14),
    ] {
        let request =
            shop.app.request(Method::POST, "/saga/commande").header("content-type", "application/json");
        let problem = answered(400, &request.body(text).send().await);
        assert_eq!(
            (&problem["ligne"], &problem["colonne"]),
            (&json!(line), &json!(column)),
            "{text}: {problem}"
        );
    }
    let request = shop.app.request(Method::POST, "/saga/commande").header("content-type", "application/xml");
    answered(415, &request.body("<produits/>").send().await);
    answered(405, &shop.app.get("/saga/commande").await);
    assert_eq!(shop.orders().await, 0);
    shop.close().await;
}

async fn an_order_that_is_not_waited_for_ends_all_the_same(ground: Ground) {
    let shop = Shop::open(ground).await;
    for prefer in ["respond-async", "wait=5, Respond-Async"] {
        let request =
            shop.app.request(Method::POST, "/saga/commande").header("Prefer", prefer).json(&of(1, 2));
        let answer = request.send().await;
        let order = answered(202, &answer);
        assert_eq!(order["etat"], "STOCK_RESERVE");
        assert_eq!(answer.header("location"), Some(format!("/commande/{}", id(&order)).as_str()));
        let done = shop.until(&id(&order), "CONFIRMEE").await;
        assert_eq!(states(&done), FIVE);
    }
    // Nobody waits for a refused one either.
    let request = shop.app.request(Method::POST, "/saga/commande").header("Prefer", "respond-async");
    let order = answered(202, &request.json(&of(2, 51)).send().await);
    shop.until(&id(&order), "ANNULEE").await;
    assert_eq!((shop.level(1).await, shop.level(2).await), ((96, 0), (100, 0)));
    shop.close().await;
}

async fn a_shop_may_be_the_place(ground: Ground) {
    let shop = Shop::open(ground).await;
    let body =
        |units: i64| json!({"produits": of(1, units)["produits"], "emplacement_id": 1, "client_id": 2});
    let short = shop.ordered(409, body(1)).await;
    assert_eq!(short["produits"], json!([{"produit_id": 1, "demande": 1, "disponible": 0}]));
    assert_eq!(
        (&short["commande"]["client_id"], &short["commande"]["emplacement_id"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(shop.level(1).await, (100, 0), "the centre has nothing to do with it");
    shop.close().await;
}
