use serde_json::{Value, json};

use crate::chain::{Chain, answer, price, refusal};
use crate::common::Ground;

crate::on_both_engines!(
    a_product_lives_its_life,
    article_numbers_are_unique,
    wrong_products_are_named_and_change_nothing,
    lists_page_and_filter,
    a_key_makes_one_product,
    a_known_product_is_not_sent_again,
);

fn lamp() -> Value {
    json!({"nom": "Lampe", "description": "", "categorie": "Maison", "prix": price("35.00")})
}

async fn a_product_lives_its_life(ground: Ground) {
    let chain = Chain::new(&ground);
    let created = chain.app.post("/produits", &lamp()).await;
    let product = json!({"id": 1, "nom": "Lampe", "description": "", "categorie": "Maison", "prix": price("35.00"), "actif": true});
    assert_eq!(answer(&created), (201, product.clone()));
    assert_eq!(created.header("location"), Some("/produits/1"));
    assert_eq!(answer(&chain.app.get("/produits/1").await), (200, product.clone()));

    let mut cheaper = product;
    cheaper["prix"] = price("0.00");
    assert_eq!(answer(&chain.app.put("/produits/1", &cheaper).await), (200, cheaper.clone()));
    for _ in 0..2 {
        assert_eq!(answer(&chain.app.delete("/produits/1").await), (204, Value::Null));
    }
    cheaper["actif"] = json!(false);
    assert_eq!(answer(&chain.app.get("/produits/1").await), (200, cheaper.clone()));
    cheaper["actif"] = json!(true);
    assert_eq!(answer(&chain.app.put("/produits/1", &cheaper).await), (200, cheaper));
    let kinds = ["created", "changed", "deactivated", "changed"].map(|kind| format!("halles.product.{kind}"));
    assert_eq!(chain.events().await, kinds);
}

async fn article_numbers_are_unique(ground: Ground) {
    let chain = Chain::new(&ground);
    let mut numbered = lamp();
    numbered["ean13"] = json!("3017620422003");
    assert_eq!(chain.app.post("/produits", &numbered).await.status, 201);
    let taken = chain.app.post("/produits", &numbered).await.problem();
    assert_eq!((&taken["status"], &taken["produit_id"]), (&json!(409), &json!(1)));
    assert_eq!(chain.app.post("/produits", &lamp()).await.status, 201);
    assert_eq!(chain.app.put("/produits/2", &numbered).await.problem()["produit_id"], 1);
    assert_eq!(chain.app.put("/produits/1", &numbered).await.status, 200);
}

async fn wrong_products_are_named_and_change_nothing(ground: Ground) {
    let chain = Chain::new(&ground);
    for (field, value, named) in [
        ("nom", json!(""), "nom"),
        ("nom", json!(3), "nom"),
        ("nom", json!("a\u{0}b"), "nom"),
        ("categorie", Value::Null, "categorie"),
        ("prix", json!("35.00"), "prix"),
        ("prix", json!({"montant": "1.234", "devise": "EUR"}), "prix"),
        ("prix", json!({"montant": "35.00", "devise": "USD"}), "prix.devise"),
        ("prix", price("-0.01"), "prix.montant"),
        ("prix", price("10000000.01"), "prix.montant"),
        ("ean13", json!("3017620422004"), "ean13"),
        ("actif", json!("oui"), "actif"),
    ] {
        let mut wrong = lamp();
        wrong[field] = value;
        for path in ["/produits", "/produits/1"] {
            let response = if path == "/produits" {
                chain.app.post(path, &wrong).await
            } else {
                chain.app.put(path, &wrong).await
            };
            assert_eq!(refusal(&response), (422, vec![named.to_owned()]), "{path} {wrong}");
        }
    }
    assert_eq!(chain.app.put("/produits/1", &lamp()).await.status, 404);
    assert_eq!(chain.app.delete("/produits/1").await.status, 404);
    assert_eq!(chain.app.get("/produits/1").await.problem()["status"], 404);
    assert_eq!(refusal(&chain.app.get("/produits/un").await).0, 422);
    assert_eq!(refusal(&chain.app.get("/produits?actif=peut-etre").await), (422, vec!["actif".to_owned()]));
    assert_eq!(chain.events().await, [""; 0]);
}

async fn lists_page_and_filter(ground: Ground) {
    let chain = Chain::new(&ground);
    for name in ["Café", "Thé", "Cafetière", "Tasse"] {
        let mut product = lamp();
        product["nom"] = json!(name);
        assert_eq!(chain.app.post("/produits", &product).await.status, 201);
    }
    chain.app.delete("/produits/4").await;
    let ids = async |query: &str| {
        let page: Value = chain.app.get(&format!("/produits?{query}")).await.json();
        let ids = page["elements"].as_array().expect("elements").iter().map(|product| product["id"].as_i64());
        (ids.map(|id| id.expect("an id")).collect::<Vec<_>>(), page["curseur"].as_str().map(str::to_owned))
    };
    assert_eq!(ids("").await, (vec![1, 2, 3], None));
    assert_eq!(ids("actif=false").await.0, [4]);
    assert_eq!(ids("actif=tous").await.0, [1, 2, 3, 4]);
    assert_eq!(ids("q=CAF%C3%89").await.0, [1, 3]);
    assert_eq!(ids("q=%25").await.0, [0; 0]);
    assert_eq!(ids("categorie=Maison&q=the").await.0, [2]);
    assert_eq!(ids("categorie=Auto").await.0, [0; 0]);
    let (first, cursor) = ids("limite=2").await;
    assert_eq!(first, [1, 2]);
    assert_eq!(ids(&format!("limite=2&curseur={}", cursor.expect("a next page"))).await, (vec![3], None));
    assert_eq!(refusal(&chain.app.get("/produits?curseur=x").await), (422, vec!["curseur".to_owned()]));
}

async fn a_key_makes_one_product(ground: Ground) {
    let chain = Chain::new(&ground);
    let send = async |name: &str| {
        let mut product = lamp();
        product["nom"] = json!(name);
        let request = chain.app.request(http_method("POST"), "/produits").header("idempotency-key", "k-1");
        request.json(&product).send().await
    };
    let first = send("Lampe").await;
    let again = send("Lampe").await;
    assert_eq!(answer(&first), answer(&again));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(send("Autre").await.status, 422);
    assert_eq!(chain.events().await, ["halles.product.created"]);
}

async fn a_known_product_is_not_sent_again(ground: Ground) {
    let chain = Chain::new(&ground);
    chain.app.post("/produits", &lamp()).await;
    let first = chain.app.get("/produits/1").await;
    let tag = first.header("etag").expect("a tag");
    let known = async || {
        chain
            .app
            .request(http_method("GET"), "/produits/1")
            .header("if-none-match", tag)
            .send()
            .await
            .status
            .as_u16()
    };
    assert_eq!(known().await, 304);
    chain.app.delete("/produits/1").await;
    assert_eq!(known().await, 200);
}

pub(crate) fn http_method(name: &str) -> axum::http::Method {
    name.parse().expect("a method")
}
