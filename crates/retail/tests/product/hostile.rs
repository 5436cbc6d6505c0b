//! Bodies, ids and types that nobody sends in good faith.

use serde_json::{Value, json};
use web::testing::TestResponse;

use crate::chain::Chain;
use crate::common::Ground;
use crate::products::http_method;

crate::on_both_engines!(nothing_hostile_gets_through);

const CHANGES: [(&str, &str); 10] = [
    ("POST", "/produits"),
    ("PUT", "/produits/1"),
    ("POST", "/produits/import"),
    ("POST", "/magasins"),
    ("PUT", "/magasins/1"),
    ("POST", "/clients"),
    ("PUT", "/clients/1"),
    ("POST", "/panier"),
    ("PATCH", "/panier/1/produits/1"),
    ("DELETE", "/panier/1/produits/1"),
];

const IDS: [&str; 7] = ["x", "1.5", "-1", "9223372036854775808", "%00", "%FF", "9223372036854775807"];

async fn nothing_hostile_gets_through(ground: Ground) {
    let chain = Chain::new(&ground);
    let refused = |response: &TestResponse, sent: &str| {
        response.problem();
        assert!(response.status.is_client_error(), "{} to {sent}", response.status);
    };
    let long = "x".repeat(100_000);
    let values =
        [json!(null), json!([]), json!({}), json!(1e300), json!(long), json!({"a": [{}]}), json!(true)];
    let fields = ["nom", "categorie", "prix", "quartier", "email", "client_id", "produit_id", "quantite"];
    let mut bodies: Vec<String> =
        ["", "{", "[]", "null", "\u{feff}{}", "{\"nom\":\"\\ud800\"}"].map(str::to_owned).into();
    bodies.push("[".repeat(50_000));
    for value in &values {
        let body: serde_json::Map<String, Value> =
            fields.iter().map(|field| ((*field).to_owned(), value.clone())).collect();
        bodies.push(Value::Object(body).to_string());
    }
    for (method, path) in CHANGES {
        for body in &bodies {
            let response = chain.app.request(http_method(method), path).body(body.clone()).send().await;
            refused(&response, &format!("{method} {path} {}", &body.chars().take(60).collect::<String>()));
        }
        let binary = chain.app.request(http_method(method), path).body(vec![0xff, 0xfe, 0]).send().await;
        refused(&binary, &format!("{method} {path} with bytes"));
    }
    for path in ["/produits", "/magasins", "/clients", "/panier"] {
        for id in IDS {
            let path = format!("{path}/{id}");
            refused(&chain.app.get(&path).await, &path);
            refused(&chain.app.delete(&path).await, &path);
        }
    }
    for query in
        ["q=%FF", "q=%00", "limite=0", "limite=201", "curseur=e30", "actif=1", "actif=true&actif=true"]
    {
        let path = format!("/produits?{query}");
        refused(&chain.app.get(&path).await, &path);
    }
    assert_eq!(chain.events().await, [""; 0]);
}
