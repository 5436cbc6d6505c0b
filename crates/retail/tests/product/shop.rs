use serde_json::{Value, json};

use crate::chain::{Chain, answer, refusal};
use crate::common::Ground;

crate::on_both_engines!(a_shop_is_opened_moved_and_closed, wrong_shops_are_named_and_change_nothing);

fn shop() -> Value {
    json!({"nom": "Montorgueil", "quartier": "Paris 2e", "latitude": 48.8656, "longitude": 2.3465})
}

async fn a_shop_is_opened_moved_and_closed(ground: Ground) {
    let chain = Chain::new(&ground);
    let created = chain.app.post("/magasins", &shop()).await;
    let mut expected = shop();
    expected["id"] = json!(1);
    expected["actif"] = json!(true);
    assert_eq!(answer(&created), (201, expected.clone()));
    assert_eq!(created.header("location"), Some("/magasins/1"));
    expected["adresse"] = json!("1 rue Montorgueil");
    expected["actif"] = json!(false);
    assert_eq!(answer(&chain.app.put("/magasins/1", &expected).await), (200, expected.clone()));
    assert_eq!(answer(&chain.app.get("/magasins/1").await), (200, expected.clone()));
    chain.app.post("/magasins", &shop()).await;
    let page: Value = chain.app.get("/magasins?limite=1").await.json();
    assert_eq!(page["elements"], json!([expected]));
    let next = page["curseur"].as_str().expect("a next page");
    let page: Value = chain.app.get(&format!("/magasins?limite=1&curseur={next}")).await.json();
    assert_eq!((&page["elements"][0]["id"], page.get("curseur")), (&json!(2), None));
    assert_eq!(
        chain.events().await,
        ["created", "changed", "created"].map(|kind| format!("halles.shop.{kind}"))
    );
}

async fn wrong_shops_are_named_and_change_nothing(ground: Ground) {
    let chain = Chain::new(&ground);
    for (field, value) in [
        ("nom", json!("")),
        ("quartier", Value::Null),
        ("latitude", Value::Null),
        ("latitude", json!(90.5)),
        ("latitude", json!("48")),
        ("adresse", json!(["a"])),
    ] {
        let mut wrong = shop();
        wrong[field] = value;
        assert_eq!(
            refusal(&chain.app.post("/magasins", &wrong).await),
            (422, vec![field.to_owned()]),
            "{wrong}"
        );
    }
    assert_eq!(chain.app.put("/magasins/9", &shop()).await.status, 404);
    assert_eq!(chain.app.get("/magasins/0").await.status, 404);
    assert_eq!(chain.events().await, [""; 0]);
}
