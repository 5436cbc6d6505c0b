//! Replenishment over HTTP.

mod floor;

use axum::http::Method;
use floor::Floor;
use serde_json::{Value, json};

on_both_engines! {
    a_request_goes_from_the_centre_to_the_shop,
    too_little_at_the_centre_leaves_the_request_as_it_is,
    a_rejected_request_moves_nothing,
    steps_come_in_their_order_only,
    a_difference_is_a_correction,
    promised_units_cannot_be_missing,
    requests_are_listed_newest_first,
    wrong_requests_change_nothing,
    suggestions_follow_recent_demand,
}

async fn requested(floor: &Floor, shop: i64, product: i64, units: i64) -> String {
    let body = json!({"magasin_id": shop, "produit_id": product, "quantite": units, "par": "Claire"});
    let request = floor.posted(201, "/approvisionnements", body).await;
    assert_eq!(request["statut"], "EN_ATTENTE");
    request["id"].as_str().expect("an id").to_owned()
}

async fn step(floor: &Floor, status: u16, id: &str, step: &str, body: Value) -> Value {
    floor.posted(status, &format!("/approvisionnements/{id}/{step}"), body).await
}

async fn a_request_goes_from_the_centre_to_the_shop(floor: Floor) {
    let id = requested(&floor, 1, 3, 40).await;
    floor.clock.advance_seconds(60);
    // No body at all is as good as an empty one.
    let path = format!("/approvisionnements/{id}/valider");
    let validated = floor.app.request(Method::POST, &path).send().await;
    assert_eq!(validated.status, 200, "{}", validated.text());
    assert_eq!((floor.level(0, 3).await, floor.level(1, 3).await), ((60, 0), (40, 0)));
    floor.assert_sound().await;
    floor.clock.advance_seconds(60);
    let received = step(&floor, 200, &id, "recevoir", json!({"par": "Léa"})).await;
    assert_eq!(
        received,
        json!({"id": id, "magasin_id": 1, "produit_id": 3, "quantite": 40, "quantite_recue": 40, "statut": "RECUE",
               "demande_par": "Claire", "demande_le": "2026-03-01T11:00:00Z", "decide_le": "2026-03-01T11:01:00Z",
               "recu_par": "Léa", "recu_le": "2026-03-01T11:02:00Z"})
    );
    assert_eq!(
        floor.events().await,
        [
            "halles.replenishment.requested",
            "halles.stock.changed",
            "halles.replenishment.validated",
            "halles.replenishment.received"
        ]
    );
    floor.assert_sound().await;
}

async fn too_little_at_the_centre_leaves_the_request_as_it_is(floor: Floor) {
    floor.reserved("r", 0, &[(1, 70)]).await;
    let id = requested(&floor, 1, 1, 31).await;
    let problem = step(&floor, 409, &id, "valider", json!({"par": "Karim"})).await;
    assert_eq!(problem["produits"], json!([{"produit_id": 1, "demande": 31, "disponible": 30}]));
    assert_eq!((floor.level(0, 1).await, floor.level(1, 1).await), ((100, 70), (10, 0)));
    let listed = floor.get("/approvisionnements?statut=EN_ATTENTE").await;
    assert_eq!(listed["elements"][0]["id"], id.as_str());
    floor.posted(200, "/stock/liberer", json!({"reference": "r"})).await;
    step(&floor, 200, &id, "valider", json!({})).await;
    floor.assert_sound().await;
}

async fn a_rejected_request_moves_nothing(floor: Floor) {
    let id = requested(&floor, 1, 1, 5).await;
    for body in [json!({}), json!({"motif": " "}), json!({"motif": 5})] {
        step(&floor, 422, &id, "rejeter", body).await;
    }
    let rejected = step(&floor, 200, &id, "rejeter", json!({"motif": "déjà livré", "par": "Karim"})).await;
    assert_eq!((&rejected["statut"], &rejected["motif"]), (&json!("REJETEE"), &json!("déjà livré")));
    assert_eq!(floor.level(0, 1).await, (100, 0));
    floor.assert_sound().await;
}

async fn steps_come_in_their_order_only(floor: Floor) {
    let id = requested(&floor, 1, 1, 5).await;
    let refused = async |name: &str, present: &str| {
        let body = if name == "rejeter" { json!({"motif": "x"}) } else { json!({}) };
        let problem = step(&floor, 409, &id, name, body).await;
        assert_eq!(problem["statut"], present, "{name}");
    };
    refused("recevoir", "EN_ATTENTE").await;
    step(&floor, 200, &id, "valider", json!({})).await;
    refused("valider", "VALIDEE").await;
    refused("rejeter", "VALIDEE").await;
    step(&floor, 200, &id, "recevoir", json!({})).await;
    for name in ["valider", "rejeter", "recevoir"] {
        refused(name, "RECUE").await;
    }
    let unknown = "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04";
    step(&floor, 404, unknown, "valider", json!({})).await;
    step(&floor, 422, "12", "valider", json!({})).await;
    assert_eq!(floor.level(0, 1).await, (95, 0), "moved once");
    floor.assert_sound().await;
}

async fn a_difference_is_a_correction(floor: Floor) {
    for (arrived, left) in [(8, 8), (12, 20), (0, 20)] {
        let id = requested(&floor, 2, 4, 10).await;
        step(&floor, 200, &id, "valider", json!({})).await;
        for wrong in [
            json!({"quantite_recue": -1}),
            json!({"quantite_recue": 1_000_001}),
            json!({"quantite_recue": "8"}),
        ] {
            step(&floor, 422, &id, "recevoir", wrong).await;
        }
        let received = step(&floor, 200, &id, "recevoir", json!({"quantite_recue": arrived})).await;
        assert_eq!(received["quantite_recue"], arrived);
        assert_eq!(floor.level(2, 4).await, (left, 0));
        floor.assert_sound().await;
    }
    assert_eq!(floor.level(0, 4).await, (70, 0), "nothing goes back to the centre");
    let corrected = floor.events().await.into_iter().filter(|kind| kind == "halles.stock.corrected").count();
    assert_eq!(corrected, 3);
}

async fn promised_units_cannot_be_missing(floor: Floor) {
    let id = requested(&floor, 2, 4, 10).await;
    step(&floor, 200, &id, "valider", json!({})).await;
    floor.sold(2, 4, 3).await;
    floor.reserved("r", 2, &[(4, 5)]).await;
    let problem = step(&floor, 409, &id, "recevoir", json!({"quantite_recue": 7})).await;
    assert_eq!((&problem["manquant"], &problem["disponible"]), (&json!(3), &json!(2)));
    assert_eq!(floor.level(2, 4).await, (7, 5));
    step(&floor, 200, &id, "recevoir", json!({"quantite_recue": 8})).await;
    assert_eq!(floor.level(2, 4).await, (5, 5));
    floor.assert_sound().await;
}

async fn requests_are_listed_newest_first(floor: Floor) {
    let mut ids = Vec::new();
    for shop in [1, 2, 1] {
        ids.push(requested(&floor, shop, 1, 1).await);
        floor.clock.advance_seconds(1);
    }
    step(&floor, 200, &ids[0], "valider", json!({})).await;
    let listed = async |query: &str| -> Vec<String> {
        let page = floor.get(&format!("/approvisionnements{query}")).await;
        let requests = page["elements"].as_array().expect("a list").clone();
        requests.iter().filter_map(|request| request["id"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(listed("").await, [ids[2].as_str(), &ids[1], &ids[0]]);
    assert_eq!(listed("?magasin_id=1").await, [ids[2].as_str(), &ids[0]]);
    assert_eq!(listed("?statut=VALIDEE").await, [ids[0].as_str()]);
    assert_eq!(listed("?statut=EN_ATTENTE&magasin_id=2").await, [ids[1].as_str()]);
    let first = floor.get("/approvisionnements?limite=2").await;
    let next = first["curseur"].as_str().expect("a cursor").to_owned();
    assert_eq!(listed(&format!("?limite=2&curseur={next}")).await, [ids[0].as_str()]);
    assert_eq!(floor.app.get("/approvisionnements?statut=PERDUE").await.status, 422);
}

async fn wrong_requests_change_nothing(floor: Floor) {
    for (body, status) in [
        (json!({"magasin_id": 9, "produit_id": 1, "quantite": 1}), 404),
        (json!({"magasin_id": 0, "produit_id": 1, "quantite": 1}), 404),
        (json!({"magasin_id": 3, "produit_id": 1, "quantite": 1}), 422),
        (json!({"magasin_id": 1, "produit_id": 9, "quantite": 1}), 404),
        (json!({"magasin_id": 1, "produit_id": 5, "quantite": 1}), 422),
        (json!({"magasin_id": 1, "produit_id": 1, "quantite": 0}), 422),
        (json!({"magasin_id": 1, "produit_id": 1}), 422),
    ] {
        floor.posted(status, "/approvisionnements", body).await;
    }
    assert_eq!(floor.events().await, Vec::<String>::new());
}

async fn suggestions_follow_recent_demand(floor: Floor) {
    // Product 1: four units on each of two days, and one on a day that is too long ago to count.
    let stock = requested(&floor, 1, 1, 40).await;
    step(&floor, 200, &stock, "valider", json!({})).await;
    floor.sold(1, 1, 1).await;
    floor.clock.advance_seconds(10 * 86_400);
    floor.sold(1, 1, 4).await;
    floor.clock.advance_seconds(19 * 86_400);
    floor.sold(1, 1, 4).await;
    floor.clock.advance_seconds(86_400);
    // Today's sales are not a whole day's.
    floor.sold(1, 1, 26).await;
    requested(&floor, 1, 2, 3).await;
    let found = floor.get("/approvisionnements/suggestions").await;
    assert!(found["methode"].as_str().is_some_and(|method| method.contains("28 derniers jours")));
    let suggestion = |product: i64, available: i64, sold: i64, requested: i64, centre: i64, needed: i64| {
        json!({"magasin_id": 1, "magasin": "Un", "produit_id": product, "nom": if product == 1 { "A" } else { "B" },
               "disponible": available, "seuil_reappro": 20, "ventes_28_jours": sold, "deja_demande": requested,
               "disponible_centre": centre, "besoin": needed, "quantite": needed.min(centre)})
    };
    // 20 + 14 × 8 / 28 − 15 = 9, and 20 − 10 − 3 = 7.
    assert_eq!(found["elements"], json!([suggestion(1, 15, 8, 0, 60, 9), suggestion(2, 10, 0, 3, 100, 7)]));

    floor.reserved("r", 0, &[(1, 55)]).await;
    let first = floor.get("/approvisionnements/suggestions?limite=1&magasin_id=1").await;
    assert_eq!(first["elements"], json!([suggestion(1, 15, 8, 0, 5, 9)]));
    let cursor = first["curseur"].as_str().expect("a cursor");
    let second = floor.get(&format!("/approvisionnements/suggestions?limite=1&curseur={cursor}")).await;
    assert_eq!(second["elements"], json!([suggestion(2, 10, 0, 3, 100, 7)]));
    assert_eq!(floor.get("/approvisionnements/suggestions?magasin_id=2").await["elements"], json!([]));
}
