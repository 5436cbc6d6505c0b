use serde_json::{Value, json};

use crate::chain::{Chain, answer, price, refusal};
use crate::common::{Ground, stocked};

crate::on_both_engines!(a_basket_is_filled_and_emptied, wrong_lines_are_refused);

/// A client, and three products at 10.00 of which the centre has five units each.
async fn chain(ground: &Ground) -> Chain {
    let chain = Chain::new(ground);
    stocked(&chain.store, 3, 5).await;
    let client = json!({"nom": "Claire", "email": "claire@exemple.fr"});
    assert_eq!(chain.app.post("/clients", &client).await.status, 201);
    chain
}

fn add(product: i64, quantity: i64) -> Value {
    json!({"client_id": 1, "produit_id": product, "quantite": quantity})
}

/// The lines as product, units, availability and subtotal, then the total.
fn content(basket: &Value) -> (Vec<(i64, i64, i64, String)>, String) {
    let amount = |money: &Value| money["montant"].as_str().unwrap_or("?").to_owned();
    let number = |line: &Value, name: &str| line[name].as_i64().expect("a number");
    let lines = basket["lignes"].as_array().expect("lines").iter().map(|line| {
        (
            number(line, "produit_id"),
            number(line, "quantite"),
            number(line, "disponible"),
            amount(&line["sous_total"]),
        )
    });
    (lines.collect(), amount(&basket["total"]))
}

async fn a_basket_is_filled_and_emptied(ground: Ground) {
    let chain = chain(&ground).await;
    let empty: Value = chain.app.get("/panier/1").await.json();
    assert_eq!(empty, json!({"client_id": 1, "lignes": [], "total": price("0.00")}));
    chain.app.post("/panier", &add(2, 1)).await;
    chain.app.post("/panier", &add(1, 2)).await;
    let (status, basket) = answer(&chain.app.post("/panier", &add(2, 7)).await);
    let lines = vec![(1, 2, 5, "20.00".to_owned()), (2, 8, 5, "80.00".to_owned())];
    assert_eq!((status, content(&basket)), (200, (lines, "100.00".to_owned())));

    let (_, basket) = answer(&chain.app.patch("/panier/1/produits/2", &json!({"quantite": 3})).await);
    assert_eq!(content(&basket).1, "50.00");
    chain.app.delete("/produits/1").await;
    let basket: Value = chain.app.get("/panier/1").await.json();
    assert_eq!((&basket["lignes"][0]["actif"], content(&basket).1), (&json!(false), "30.00".to_owned()));
    assert_eq!(chain.app.delete("/panier/1/produits/2").await.status, 204);
    assert_eq!(chain.app.delete("/panier/1/produits/2").await.status, 404);
    let told = chain.events().await;
    assert_eq!(told.iter().filter(|kind| *kind == "halles.basket.changed").count(), 5);
}

async fn wrong_lines_are_refused(ground: Ground) {
    let chain = chain(&ground).await;
    chain.app.post("/panier", &add(1, 999_999)).await;
    chain.app.delete("/produits/3").await;
    let before: Value = chain.app.get("/panier/1").await.json();
    for (line, status) in [
        (add(9, 1), 404),
        (json!({"client_id": 9, "produit_id": 1, "quantite": 1}), 404),
        (add(3, 1), 422),
        (add(1, 0), 422),
        (add(1, 2), 422),
        (add(2, 1_000_001), 422),
        (json!({"client_id": 1, "produit_id": 1, "quantite": 1.5}), 422),
        (json!({"client_id": 1, "quantite": 1}), 422),
    ] {
        assert_eq!(chain.app.post("/panier", &line).await.problem()["status"], status, "{line}");
    }
    for quantity in [json!(0), json!(-1), json!(1_000_001), json!("1"), Value::Null] {
        let refused = chain.app.patch("/panier/1/produits/1", &json!({"quantite": quantity})).await;
        assert_eq!(refusal(&refused), (422, vec!["quantite".to_owned()]), "{quantity}");
    }
    let zero = chain.app.patch("/panier/1/produits/1", &json!({"quantite": 0})).await;
    assert!(zero.text().contains("DELETE"), "{}", zero.text());
    for path in ["/panier/9/produits/1", "/panier/1/produits/2"] {
        assert_eq!(chain.app.patch(path, &json!({"quantite": 1})).await.status, 404, "{path}");
        assert_eq!(chain.app.delete(path).await.status, 404, "{path}");
    }
    assert_eq!(chain.app.get("/panier/1").await.json::<Value>(), before);
}
