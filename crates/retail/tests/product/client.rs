use serde_json::{Value, json};

use crate::chain::{Chain, answer, price, refusal};
use crate::common::Ground;

crate::on_both_engines!(
    a_client_is_entered_changed_and_forgotten,
    an_address_has_one_client,
    wrong_clients_are_named_and_change_nothing,
);

fn claire() -> Value {
    json!({"nom": "Claire Martin", "email": "Claire.Martin@exemple.fr", "telephone": "+33 6 12 34 56 78"})
}

async fn a_client_is_entered_changed_and_forgotten(ground: Ground) {
    let chain = Chain::new(&ground);
    let created = chain.app.post("/clients", &claire()).await;
    assert_eq!((created.status.as_u16(), created.header("location")), (201, Some("/clients/1")));
    let mut moved = claire();
    moved["adresse"] = json!("3 rue de la Paix, Paris");
    let changed = answer(&chain.app.put("/clients/1", &moved).await);
    assert_eq!((changed.0, &changed.1["adresse"]), (200, &moved["adresse"]));
    let found: Value = chain.app.get("/clients?email=claire.martin@EXEMPLE.fr").await.json();
    assert_eq!(found["elements"], json!([changed.1]));

    let product = json!({"nom": "A", "categorie": "B", "prix": price("1.00")});
    chain.app.post("/produits", &product).await;
    let line = json!({"client_id": 1, "produit_id": 1, "quantite": 1});
    assert_eq!(chain.app.post("/panier", &line).await.status, 200);

    assert_eq!(chain.app.delete("/clients/1").await.status, 204);
    for path in ["/clients/1", "/panier/1"] {
        assert_eq!(chain.app.get(path).await.status, 404, "{path}");
    }
    assert_eq!(chain.app.put("/clients/1", &claire()).await.status, 404);
    assert_eq!(chain.app.post("/panier", &line).await.status, 404);
    assert_eq!(chain.app.get("/clients").await.json::<Value>()["elements"], json!([]));
    assert_nothing_personal_is_left(&chain).await;
    // The address is free, the id is not given again.
    assert_eq!(chain.app.post("/clients", &claire()).await.json::<Value>()["id"], 2);
}

/// Not in the tables, and not in the log either.
async fn assert_nothing_personal_is_left(chain: &Chain) {
    let left = chain.store.scan(|tx| {
        Ok::<_, store::Unavailable>(tx.query_one(
            "SELECT (SELECT COUNT(*) FROM client WHERE name LIKE '%Claire%' OR email IS NOT NULL OR phone IS NOT NULL
                     OR address IS NOT NULL OR email_folded IS NOT NULL)
                  + (SELECT COUNT(*) FROM event WHERE data LIKE '%Claire%' OR data LIKE '%exemple%' OR data LIKE '%Paix%')
                  + (SELECT COUNT(*) FROM basket_line)",
            &[],
            |row| row.get::<i64>(0),
        )?)
    });
    assert_eq!(left.await, Ok(0));
}

async fn an_address_has_one_client(ground: Ground) {
    let chain = Chain::new(&ground);
    chain.app.post("/clients", &claire()).await;
    let mut twin = claire();
    twin["email"] = json!("CLAIRE.MARTIN@EXEMPLE.FR");
    let taken = chain.app.post("/clients", &twin).await;
    assert_eq!(taken.problem()["status"], 409);
    assert!(!taken.text().contains("\"1\"") && !taken.text().contains("Claire"), "whose it is is not told");
    twin["email"] = json!("paul@exemple.fr");
    assert_eq!(chain.app.post("/clients", &twin).await.status, 201);
    assert_eq!(chain.app.put("/clients/2", &claire()).await.status, 409);
    assert_eq!(chain.app.put("/clients/1", &claire()).await.status, 200);
}

async fn wrong_clients_are_named_and_change_nothing(ground: Ground) {
    let chain = Chain::new(&ground);
    for (field, value) in [
        ("nom", json!(" ")),
        ("email", json!("claire")),
        ("email", Value::Null),
        ("telephone", json!(33)),
        ("adresse", json!("a\u{1}b")),
    ] {
        let mut wrong = claire();
        wrong[field] = value;
        assert_eq!(
            refusal(&chain.app.post("/clients", &wrong).await),
            (422, vec![field.to_owned()]),
            "{wrong}"
        );
    }
    assert_eq!(refusal(&chain.app.get("/clients?email=x").await), (422, vec!["email".to_owned()]));
    assert_eq!(chain.app.delete("/clients/1").await.status, 404);
    assert_eq!(chain.events().await, [""; 0]);
}
