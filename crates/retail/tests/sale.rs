//! Sales at the till over HTTP.

mod floor;

use axum::http::Method;
use floor::Floor;
use serde_json::{Value, json};

on_both_engines! {
    a_sale_takes_its_units_and_says_what_was_paid,
    a_sale_is_all_or_nothing,
    promised_units_cannot_be_sold,
    wrong_sales_change_nothing,
    a_key_sells_once,
    a_refused_key_may_be_used_again,
    sales_are_listed_by_paris_days,
    many_tills_never_sell_a_unit_twice,
    tills_that_sell_several_products_never_wait_for_each_other,
}

async fn a_sale_takes_its_units_and_says_what_was_paid(floor: Floor) {
    let body = json!({"lignes": [{"produit_id": 2, "quantite": 1, "prix_unitaire": {"montant": "15.50", "devise": "EUR"}},
                                 {"produit_id": 1, "quantite": 3}], "caissier": "Caisse 2"});
    let mut sale = floor.posted(201, "/magasins/1/ventes", body).await;
    assert!(sale["id"].take().is_string());
    assert_eq!(
        sale,
        json!({"id": null, "magasin_id": 1, "caissier": "Caisse 2", "horodatage": "2026-03-01T11:00:00Z",
               "total": {"montant": "45.50", "devise": "EUR"},
               "lignes": [
                   {"produit_id": 1, "quantite": 3, "prix_unitaire": {"montant": "10.00", "devise": "EUR"}},
                   {"produit_id": 2, "quantite": 1, "prix_unitaire": {"montant": "15.50", "devise": "EUR"}}]})
    );
    assert_eq!((floor.level(1, 1).await, floor.level(1, 2).await), ((7, 0), (9, 0)));
    assert_eq!(floor.level(0, 1).await, (100, 0), "the centre sells nothing at tills");
    assert_eq!(floor.events().await, ["halles.stock.changed", "halles.sale.recorded"]);
    floor.assert_sound().await;
}

async fn a_sale_is_all_or_nothing(floor: Floor) {
    let body = json!({"lignes": [{"produit_id": 1, "quantite": 1}, {"produit_id": 2, "quantite": 11},
                                 {"produit_id": 3, "quantite": 2}]});
    let problem = floor.posted(409, "/magasins/1/ventes", body).await;
    assert_eq!(
        problem["produits"],
        json!([{"produit_id": 2, "demande": 11, "disponible": 10}, {"produit_id": 3, "demande": 2, "disponible": 0}])
    );
    assert_eq!((floor.level(1, 1).await, floor.level(1, 2).await), ((10, 0), (10, 0)));
    assert_eq!(floor.events().await, Vec::<String>::new());
}

async fn promised_units_cannot_be_sold(floor: Floor) {
    floor.reserved("r", 1, &[(1, 8)]).await;
    let three = json!({"lignes": [{"produit_id": 1, "quantite": 3}]});
    let problem = floor.posted(409, "/magasins/1/ventes", three).await;
    assert_eq!(problem["produits"], json!([{"produit_id": 1, "demande": 3, "disponible": 2}]));
    floor.sold(1, 1, 2).await;
    assert_eq!(floor.level(1, 1).await, (8, 8));
    floor.assert_sound().await;
}

async fn wrong_sales_change_nothing(floor: Floor) {
    let line = json!([{"produit_id": 1, "quantite": 1}]);
    let priced = |price: Value| json!({"lignes": [{"produit_id": 1, "quantite": 1, "prix_unitaire": price}]});
    for (shop, body, status) in [
        (9, json!({"lignes": line}), 404),
        (0, json!({"lignes": line}), 404),
        (-1, json!({"lignes": line}), 404),
        (3, json!({"lignes": line}), 422),
        (1, json!({"lignes": [{"produit_id": 9, "quantite": 1}]}), 404),
        (1, json!({"lignes": [{"produit_id": 5, "quantite": 1}]}), 422),
        (1, json!({"lignes": []}), 422),
        (1, json!({"lignes": [{"produit_id": 1, "quantite": 1}, {"produit_id": 1, "quantite": 1}]}), 422),
        (1, json!({"lignes": [{"produit_id": 1, "quantite": 0}]}), 422),
        (1, json!({"lignes": [{"produit_id": 1, "quantite": 1_000_001}]}), 422),
        (1, json!({"lignes": line, "caissier": "a\nb"}), 422),
        (1, priced(json!({"montant": "10.00", "devise": "USD"})), 422),
        (1, priced(json!({"montant": "-0.01", "devise": "EUR"})), 422),
        (1, priced(json!({"montant": "0.001", "devise": "EUR"})), 422),
        (1, priced(json!({"montant": "10000000000.01", "devise": "EUR"})), 422),
        (1, priced(json!(10)), 422),
        (1, json!({}), 422),
    ] {
        floor.posted(status, &format!("/magasins/{shop}/ventes"), body).await;
    }
    let many: Vec<Value> = (1..=101).map(|id| json!({"produit_id": id, "quantite": 1})).collect();
    floor.posted(422, "/magasins/1/ventes", json!({"lignes": many})).await;
    assert_eq!(floor.events().await, Vec::<String>::new());
    floor.assert_sound().await;
}

async fn keyed(floor: &Floor, key: &str, body: &Value) -> web::testing::TestResponse {
    let request = floor.app.request(Method::POST, "/magasins/1/ventes").header("idempotency-key", key);
    request.json(body).send().await
}

async fn a_key_sells_once(floor: Floor) {
    let body = json!({"lignes": [{"produit_id": 1, "quantite": 2}]});
    let first = keyed(&floor, "k", &body).await;
    let again = keyed(&floor, "k", &body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.json::<Value>(), again.json::<Value>());
    assert_eq!(
        (first.header("idempotency-replayed"), again.header("idempotency-replayed")),
        (None, Some("true"))
    );
    assert_eq!(floor.level(1, 1).await, (8, 0));
    let other = keyed(&floor, "k", &json!({"lignes": [{"produit_id": 1, "quantite": 1}]})).await;
    assert_eq!(other.status, 422);
    floor.assert_sound().await;
}

async fn a_refused_key_may_be_used_again(floor: Floor) {
    let body = json!({"lignes": [{"produit_id": 3, "quantite": 2}]});
    assert_eq!(keyed(&floor, "k", &body).await.status, 409);
    let request = json!({"magasin_id": 1, "produit_id": 3, "quantite": 5});
    let id = floor.posted(201, "/approvisionnements", request).await["id"].take();
    let path = format!("/approvisionnements/{}/valider", id.as_str().expect("an id"));
    floor.posted(200, &path, json!({})).await;
    assert_eq!(keyed(&floor, "k", &body).await.status, 201);
    assert_eq!(floor.level(1, 3).await, (3, 0));
    floor.assert_sound().await;
}

async fn sales_are_listed_by_paris_days(floor: Floor) {
    // Noon on 1 March, then 22:59:59 UTC (the last second of the Paris day), then the first of 2 March.
    floor.sold(1, 1, 1).await;
    floor.clock.advance_seconds(11 * 3600 + 3599);
    floor.sold(1, 1, 2).await;
    floor.clock.advance_seconds(1);
    floor.sold(1, 1, 3).await;
    floor.sold(1, 2, 4).await;
    let units = async |query: &str| -> Vec<i64> {
        let page = floor.get(&format!("/magasins/1/ventes{query}")).await;
        let sales = page["elements"].as_array().expect("a list").clone();
        sales.iter().filter_map(|sale| sale["lignes"][0]["quantite"].as_i64()).collect()
    };
    assert_eq!(units("").await.len(), 4);
    assert_eq!(units("?au=2026-03-01").await, [2, 1]);
    assert_eq!(units("?du=2026-03-02").await.iter().sum::<i64>(), 7);
    assert_eq!(units("?du=2026-03-01&au=2026-03-01").await, [2, 1]);
    assert_eq!(units("?du=2026-03-03").await, Vec::<i64>::new());

    // Two sales of the same instant are told apart by their ids: no page shows one twice or leaves one out.
    let mut seen = Vec::new();
    let mut path = "/magasins/1/ventes?limite=1".to_owned();
    loop {
        let page = floor.get(&path).await;
        seen.push(page["elements"][0]["id"].as_str().expect("an id").to_owned());
        let Some(cursor) = page["curseur"].as_str() else { break };
        path = format!("/magasins/1/ventes?limite=1&curseur={cursor}");
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4);

    for (path, status) in [
        ("/magasins/9/ventes", 404),
        ("/magasins/1/ventes?du=2026-02-30", 422),
        ("/magasins/1/ventes?du=2026-03-02&au=2026-03-01", 422),
        ("/magasins/1/ventes?curseur=WzFd", 422),
    ] {
        assert_eq!(floor.app.get(path).await.status.as_u16(), status, "{path}");
    }
}

async fn many_tills_never_sell_a_unit_twice(floor: Floor) {
    let calls: Vec<_> = (0..30)
        .map(|_| {
            let app = floor.app.clone();
            let body = json!({"lignes": [{"produit_id": 1, "quantite": 1}]});
            tokio::spawn(async move { app.post("/magasins/1/ventes", &body).await.status.as_u16() })
        })
        .collect();
    let mut sold = 0;
    for call in calls {
        match call.await.expect("an answer") {
            201 => sold += 1,
            status => assert_eq!(status, 409),
        }
    }
    assert_eq!((sold, floor.level(1, 1).await), (10, (0, 0)));
    floor.assert_sound().await;
}

/// `ERPNext` 35244: concurrent sales over several products, in opposite orders, locked each other out.
async fn tills_that_sell_several_products_never_wait_for_each_other(floor: Floor) {
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let app = floor.app.clone();
            let (first, second) = if number % 2 == 0 { (1, 2) } else { (2, 1) };
            let body = json!({"lignes": [{"produit_id": first, "quantite": 1}, {"produit_id": second, "quantite": 1}]});
            tokio::spawn(async move { app.post("/magasins/1/ventes", &body).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.expect("an answer"));
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [[201; 10], [409; 10]].concat());
    floor.assert_sound().await;
}
