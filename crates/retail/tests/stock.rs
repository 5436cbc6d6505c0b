//! Stock over HTTP: lists, receipts, reservations.

mod floor;

use floor::Floor;
use kernel::ProductId;
use retail::stock::queries::everywhere;
use serde_json::{Value, json};
use store::Unavailable;

on_both_engines! {
    lists_are_paged_and_filtered,
    levels_are_known_everywhere,
    goods_come_in_at_the_centre,
    checking_promises_nothing,
    a_reservation_is_made_once_and_given_back_once,
    a_reservation_is_all_or_nothing,
    two_lines_of_one_product_are_refused,
    a_reservation_runs_out,
    a_reservation_that_ran_out_is_seen_as_such_before_the_worker_comes,
    wrong_calls_change_nothing,
    reservations_of_many_callers_never_promise_a_unit_twice,
}

async fn lists_are_paged_and_filtered(floor: Floor) {
    let first = floor.get("/logistique/stock?limite=3").await;
    assert_eq!(
        first["elements"][0],
        json!({"produit_id": 1, "nom": "A", "en_main": 100, "reserve": 0, "disponible": 100,
               "seuil_rupture": 5, "seuil_reappro": 20, "seuil_surstock": 100, "alerte": "surstock"})
    );
    let cursor = first["curseur"].as_str().expect("a cursor");
    let second = floor.get(&format!("/logistique/stock?limite=3&curseur={cursor}")).await;
    assert_eq!((products(&first), products(&second)), (vec![1, 2, 3], vec![4]));
    assert_eq!(second.get("curseur"), None);

    assert_eq!(products(&floor.get("/magasins/1/stock?alerte=reappro").await), [1, 2]);
    assert_eq!(products(&floor.get("/magasins/1/stock?alerte=rupture").await), Vec::<i64>::new());
    floor.reserved("r", 1, &[(2, 5)]).await;
    assert_eq!(products(&floor.get("/magasins/1/stock?alerte=rupture").await), [2]);
    assert_eq!(products(&floor.get("/magasins/3/stock").await), Vec::<i64>::new());
    for (path, status) in [
        ("/magasins/9/stock", 404),
        ("/magasins/0/stock", 404),
        ("/magasins/x/stock", 422),
        ("/magasins/1/stock?alerte=trop", 422),
        ("/magasins/1/stock?curseur=!", 422),
        ("/logistique/stock?limite=0", 422),
    ] {
        let answer = floor.app.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        answer.problem();
    }
}

async fn levels_are_known_everywhere(floor: Floor) {
    let levels =
        floor.store.read(|tx| Ok::<_, Unavailable>(everywhere(tx, &[2, 5, 9, 1].map(ProductId))?)).await;
    let told: Vec<_> = levels
        .expect("levels")
        .iter()
        .map(|found| {
            (
                found.slot.1.0,
                found.slot.0.0,
                found.level.available(),
                found.active_place,
                found.active_product,
            )
        })
        .collect();
    let open = |product, place, units| (product, place, units, true, true);
    assert_eq!(told, [open(2, 0, 100), open(2, 1, 10), open(1, 0, 100), open(1, 1, 10)]);
}

fn products(page: &Value) -> Vec<i64> {
    let items = page["elements"].as_array().expect("a list");
    items.iter().filter_map(|item| item["produit_id"].as_i64()).collect()
}

async fn goods_come_in_at_the_centre(floor: Floor) {
    let receipt = floor.posted(201, "/logistique/receptions", json!({"produit_id": 1, "quantite": 25})).await;
    assert_eq!((&receipt["emplacement_id"], &receipt["disponible"]), (&json!(0), &json!(125)));
    assert_eq!(floor.level(0, 1).await, (125, 0));
    assert_eq!(floor.events().await, ["halles.stock.changed", "halles.receipt.recorded"]);
    for (body, status) in [
        (json!({"produit_id": 9, "quantite": 1}), 404),
        (json!({"produit_id": 5, "quantite": 1}), 422),
        (json!({"produit_id": 1, "quantite": 0}), 422),
        (json!({"produit_id": 1, "quantite": 1_000_001}), 422),
        (json!({"produit_id": 1, "quantite": 1.5}), 422),
        (json!({"produit_id": 1}), 422),
    ] {
        floor.posted(status, "/logistique/receptions", body).await;
    }
    assert_eq!(floor.level(0, 1).await, (125, 0));
    floor.assert_sound().await;
}

async fn checking_promises_nothing(floor: Floor) {
    let wanted =
        json!({"produits": [{"produit_id": 2, "quantite": 100}, {"produit_id": 1, "quantite": 101}]});
    let found = floor.posted(200, "/stock/verifier", wanted).await;
    assert_eq!(
        found,
        json!({"disponible": false, "emplacement_id": 0, "produits": [
            {"produit_id": 1, "demande": 101, "disponible": 100, "suffisant": false},
            {"produit_id": 2, "demande": 100, "disponible": 100, "suffisant": true}]})
    );
    let in_shop = json!({"produits": [{"produit_id": 3, "quantite": 1}], "emplacement_id": 1});
    let found = floor.posted(200, "/stock/verifier", in_shop).await;
    assert_eq!(found["produits"][0]["disponible"], 0, "a product that was never there");
    assert_eq!(floor.events().await, Vec::<String>::new());
}

async fn a_reservation_is_made_once_and_given_back_once(floor: Floor) {
    let body = json!({"reference": " panier-42 ", "produits": [{"produit_id": 2, "quantite": 3},
                                                             {"produit_id": 1, "quantite": 4}], "duree_s": 60});
    let made = floor.posted(201, "/stock/reserver", body.clone()).await;
    assert_eq!(
        made,
        json!({"reference": "panier-42", "emplacement_id": 0, "statut": "ACTIVE",
               "produits": [{"produit_id": 1, "quantite": 4}, {"produit_id": 2, "quantite": 3}],
               "cree_le": "2026-03-01T11:00:00Z", "expire_le": "2026-03-01T11:01:00Z"})
    );
    assert_eq!(floor.posted(200, "/stock/reserver", body).await, made);
    assert_eq!((floor.level(0, 1).await, floor.level(0, 2).await), ((100, 4), (100, 3)));
    for other in [
        json!({"reference": "panier-42", "produits": [{"produit_id": 1, "quantite": 4}], "duree_s": 60}),
        json!({"reference": "panier-42", "produits": [{"produit_id": 2, "quantite": 3},
                                                     {"produit_id": 1, "quantite": 4}]}),
        json!({"reference": "panier-42", "emplacement_id": 1, "duree_s": 60,
               "produits": [{"produit_id": 2, "quantite": 3}, {"produit_id": 1, "quantite": 4}]}),
    ] {
        floor.posted(409, "/stock/reserver", other).await;
    }
    floor.assert_sound().await;

    let reference = json!({"reference": "panier-42"});
    for _ in 0..2 {
        let released = floor.posted(200, "/stock/liberer", reference.clone()).await;
        assert_eq!(released["statut"], "LIBEREE");
        assert_eq!((floor.level(0, 1).await, floor.level(0, 2).await), ((100, 0), (100, 0)));
    }
    floor.posted(404, "/stock/liberer", json!({"reference": "panier-43"})).await;
    assert_eq!(
        floor.events().await,
        [
            "halles.stock.changed",
            "halles.reservation.created",
            "halles.stock.changed",
            "halles.reservation.released"
        ]
    );
    floor.assert_sound().await;
}

async fn a_reservation_is_all_or_nothing(floor: Floor) {
    let body = json!({"reference": "r", "emplacement_id": 1, "produits": [
        {"produit_id": 1, "quantite": 1}, {"produit_id": 2, "quantite": 11}, {"produit_id": 3, "quantite": 1}]});
    let problem = floor.posted(409, "/stock/reserver", body).await;
    assert_eq!(problem["type"], "urn:halles:problem:insufficient-stock");
    assert_eq!(
        problem["produits"],
        json!([{"produit_id": 2, "demande": 11, "disponible": 10}, {"produit_id": 3, "demande": 1, "disponible": 0}])
    );
    assert_eq!(floor.level(1, 1).await, (10, 0));
    // The refused call left no trace: its reference is free.
    floor.reserved("r", 1, &[(1, 1)]).await;
}

/// Medusa 16502: two lines of one order that draw on the same stock reserved it twice.
async fn two_lines_of_one_product_are_refused(floor: Floor) {
    let body = json!({"reference": "r", "produits": [{"produit_id": 1, "quantite": 60},
                                                     {"produit_id": 1, "quantite": 60}]});
    let problem = floor.posted(422, "/stock/reserver", body).await;
    assert_eq!(problem["erreurs"][0]["champ"], "produits[1].produit_id");
    assert_eq!(floor.level(0, 1).await, (100, 0));
}

async fn a_reservation_runs_out(floor: Floor) {
    let lasting =
        json!({"reference": "lasting", "produits": [{"produit_id": 1, "quantite": 1}], "duree_s": 86_400});
    floor.posted(201, "/stock/reserver", lasting).await;
    for number in 0..5 {
        floor.reserved(&format!("short-{number}"), 0, &[(1, 2)]).await;
    }
    floor.clock.advance_seconds(899);
    retail::stock::reservation::expire_due(&floor.store, 2).await.expect("a sweep");
    assert_eq!(floor.level(0, 1).await, (100, 11));
    floor.clock.advance_seconds(1);
    retail::stock::reservation::expire_due(&floor.store, 2).await.expect("a sweep");
    assert_eq!(floor.level(0, 1).await, (100, 1));
    let told = floor.posted(200, "/stock/liberer", json!({"reference": "short-3"})).await;
    assert_eq!(told["statut"], "EXPIREE");
    assert_eq!(floor.level(0, 1).await, (100, 1));
    let expired =
        floor.events().await.into_iter().filter(|kind| kind == "halles.reservation.expired").count();
    assert_eq!(expired, 5);
    floor.assert_sound().await;
}

async fn a_reservation_that_ran_out_is_seen_as_such_before_the_worker_comes(floor: Floor) {
    floor.reserved("a", 0, &[(1, 2)]).await;
    floor.reserved("b", 0, &[(1, 3)]).await;
    floor.clock.advance_seconds(900);
    let told = floor.posted(200, "/stock/liberer", json!({"reference": "a"})).await;
    assert_eq!(told["statut"], "EXPIREE");
    let again =
        json!({"reference": "b", "emplacement_id": 0, "produits": [{"produit_id": 1, "quantite": 3}]});
    assert_eq!(floor.posted(200, "/stock/reserver", again).await["statut"], "EXPIREE");
    assert_eq!(floor.level(0, 1).await, (100, 0));
    floor.assert_sound().await;
}

async fn wrong_calls_change_nothing(floor: Floor) {
    let line = json!([{"produit_id": 1, "quantite": 1}]);
    for (body, status) in [
        (json!({"reference": "r", "produits": [{"produit_id": 9, "quantite": 1}]}), 404),
        (json!({"reference": "r", "produits": line, "emplacement_id": 9}), 404),
        (json!({"reference": "r", "produits": line, "emplacement_id": -1}), 404),
        (json!({"reference": "r", "produits": line, "emplacement_id": 3}), 422),
        (json!({"reference": "r", "produits": [{"produit_id": 5, "quantite": 1}]}), 422),
        (json!({"reference": "r", "produits": []}), 422),
        (json!({"reference": "", "produits": line}), 422),
        (json!({"reference": "a\u{0}b", "produits": line}), 422),
        (json!({"reference": 7, "produits": line}), 422),
        (json!({"produits": line}), 422),
        (json!({"reference": "r", "produits": line, "duree_s": 0}), 422),
        (json!({"reference": "r", "produits": line, "duree_s": 86_401}), 422),
        (json!({"reference": "r", "produits": [{"produit_id": 1, "quantite": -1}]}), 422),
        (json!({"reference": "r", "produits": [{"produit_id": "1", "quantite": 1}]}), 422),
        (json!([]), 422),
    ] {
        floor.posted(status, "/stock/reserver", body.clone()).await;
        if body.get("duree_s").is_none() && body.get("reference").is_some_and(|name| name == "r") {
            floor.posted(status, "/stock/verifier", body).await;
        }
    }
    let remark =
        floor.app.request(axum::http::Method::POST, "/stock/reserver").body("{ # rien\n}").send().await;
    assert_eq!(remark.status, 400);
    assert_eq!(floor.events().await, Vec::<String>::new());
    floor.assert_sound().await;
}

/// Medusa 16569: concurrent reservations lost an update of the reserved counter.
async fn reservations_of_many_callers_never_promise_a_unit_twice(floor: Floor) {
    let calls = (0..60).map(|number| {
        let app = floor.app.clone();
        tokio::spawn(async move {
            let body = json!({"reference": format!("r{number}"), "produits": [{"produit_id": 1, "quantite": 3},
                                                                              {"produit_id": 2, "quantite": 1}]});
            app.post("/stock/reserver", &body).await.status.as_u16()
        })
    });
    let mut statuses = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        statuses.push(call.await.expect("an answer"));
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 33);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 27);
    assert_eq!((floor.level(0, 1).await, floor.level(0, 2).await), ((100, 99), (100, 33)));
    floor.assert_sound().await;
}
