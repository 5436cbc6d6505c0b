use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::common::Ground;
use crate::shop::{Shop, answered, id, of};

crate::on_both_engines![
    an_order_is_shown,
    orders_are_filtered,
    all_pages_are_all_orders,
    wrong_lists_are_refused
];

async fn an_order_is_shown(ground: Ground) {
    let shop = Shop::open(ground).await;
    let placed = shop.ordered(201, json!({"produits": of(1, 2)["produits"], "client_id": 1})).await;
    for path in [format!("/commande/{}", id(&placed)), format!("/commande/{}/", id(&placed))] {
        assert_eq!(shop.got(&path).await, placed);
    }
    assert_eq!(
        placed["lignes"],
        json!([{"produit_id": 1, "quantite": 2, "prix_unitaire": {"montant": "10.00", "devise": "EUR"}}])
    );
    answered(404, &shop.app.get(&format!("/commande/{}", Uuid::nil())).await);
    answered(422, &shop.app.get("/commande/12").await);
    shop.close().await;
}

async fn ids(shop: &Shop, query: &str) -> Vec<String> {
    let page = shop.got(&format!("/commandes?{query}")).await;
    page["elements"].as_array().unwrap().iter().map(id).collect()
}

async fn orders_are_filtered(ground: Ground) {
    let shop = Shop::open(ground).await;
    let mut placed = Vec::new();
    for (client, units, status) in [(1, 1, 201), (2, 1, 201), (1, 51, 402), (1, 999, 409), (2, 2, 201)] {
        let body = json!({"produits": of(1, units)["produits"], "client_id": client});
        let answer = shop.ordered(status, body).await;
        placed.push(id(answer.get("commande").unwrap_or(&answer)));
        shop.clock.advance_seconds(60);
    }
    let some = |which: &[usize]| which.iter().map(|n| placed[*n].clone()).collect::<Vec<_>>();
    for (query, which) in [
        ("", &[4, 3, 2, 1, 0][..]),
        ("client_id=1", &[3, 2, 0]),
        ("client_id=2", &[4, 1]),
        ("client_id=9", &[]),
        ("etat=CONFIRMEE", &[4, 1, 0]),
        ("etat=ANNULEE", &[3, 2]),
        ("etat=PAYEE", &[]),
        ("depuis=2026-03-01T11:02:00Z", &[4, 3, 2]),
        ("depuis=2026-03-01T12:03:00%2B01:00", &[4, 3]),
        ("client_id=1&etat=ANNULEE&depuis=2026-03-01T11:03:00Z", &[3]),
    ] {
        assert_eq!(ids(&shop, query).await, some(which), "{query}");
    }
    shop.close().await;
}

async fn all_pages_are_all_orders(ground: Ground) {
    let shop = Shop::open(ground).await;
    let mut placed = BTreeSet::new();
    for number in 0..13 {
        placed
            .insert(id(&shop.ordered(201, json!({"produits": of(1, 1)["produits"], "client_id": 1})).await));
        if number % 3 == 0 {
            shop.clock.advance_seconds(1);
        }
    }
    let (mut all, mut newer) = (placed.clone(), Vec::new());
    for (limit, query) in [(1, ""), (4, "&client_id=1"), (5, "&etat=CONFIRMEE"), (13, ""), (200, "")] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = shop.got(&format!("/commandes?limite={limit}{query}{cursor}")).await;
            let items = page["elements"].as_array().unwrap();
            assert!(items.len() <= limit && !items.is_empty());
            seen.extend(items.iter().map(id));
            let Some(next) = page["curseur"].as_str() else { break };
            cursor = format!("&curseur={next}");
            // What is placed while somebody pages is newer than every page.
            shop.clock.advance_seconds(1);
            newer.push(id(&shop.ordered(201, of(2, 1)).await));
        }
        let expected = if query == "&client_id=1" { &placed } else { &all };
        assert!(seen.iter().eq(expected.iter().rev()), "{limit}{query}: {seen:?}");
        all.extend(newer.drain(..));
    }
    shop.close().await;
}

async fn wrong_lists_are_refused(ground: Ground) {
    let shop = Shop::open(ground).await;
    for (query, field) in [
        ("etat=confirmee", "etat"),
        ("etat=", "etat"),
        ("client_id=x", "client_id"),
        ("depuis=hier", "depuis"),
        ("limite=0", "limite"),
        ("limite=201", "limite"),
        ("curseur=zzz", "curseur"),
    ] {
        let problem = answered(422, &shop.app.get(&format!("/commandes?{query}")).await);
        assert_eq!(problem["erreurs"][0]["champ"], field, "{query}");
    }
    assert_eq!(shop.got("/commandes").await["elements"], Value::Array(Vec::new()));
    shop.close().await;
}
