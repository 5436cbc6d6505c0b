//! The demonstration data, loaded into a real store, and the calls that the manual begins with.

mod floor;

use floor::Floor;
use retail::demo::{Loaded, load};
use serde_json::json;

macro_rules! on_both_empty {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(crate::Floor::empty(crate::floor::sqlite()).await).await; })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(crate::Floor::empty(crate::floor::postgres()).await).await; })*
        }
    };
}

on_both_empty! { the_manual_s_calls_do_what_it_says_again_and_again, other_data_stays_alone }

async fn the_manual_s_calls_do_what_it_says_again_and_again(floor: Floor) {
    let today = floor.store.now().paris_day();
    let steps = std::sync::Mutex::new(Vec::new());
    let told = |done, all| steps.lock().expect("a lock").push((done, all));
    assert_eq!(load(&floor.store, kernel::Currency::EUR, today, told).await, Ok(Loaded::Now));
    let steps = steps.into_inner().expect("the steps");
    assert!(steps.iter().zip(1..).all(|((done, _), number)| *done == number));
    assert_eq!(steps.last().map(|(done, all)| done == all), Some(true));
    // Another start, days later, finds it there.
    let again = load(&floor.store, kernel::Currency::EUR, today.plus(3), |_, _| ()).await;
    assert_eq!(again, Ok(Loaded::Before));
    floor.assert_sound().await;

    for _ in 0..3 {
        let both = json!({"produits": [{"produit_id": 1, "quantite": 1}, {"produit_id": 2, "quantite": 1}]});
        let order = floor.posted(201, "/saga/commande/", both).await;
        assert_eq!(order["etat"], "CONFIRMEE");
        assert_eq!(order["historique"].as_array().map(Vec::len), Some(5));
        let many = json!({"produits": [{"produit_id": 2, "quantite": 999}]});
        let short = floor.posted(409, "/saga/commande/", many).await;
        assert_eq!(short["produits"][0]["demande"], 999);
        let dear = json!({"produits": [{"produit_id": 4, "quantite": 10}]});
        floor.posted(402, "/saga/commande/", dear).await;
    }
    floor.assert_sound().await;

    let yesterday = today.plus(-1);
    let report = floor.get(&format!("/rapports/ventes?du={}&au={yesterday}", today.plus(-60))).await;
    assert!(report["total"]["ventes"].as_i64().is_some_and(|sales| sales > 25_000), "{}", report["total"]);
    assert_eq!(report["par_magasin"].as_array().map(Vec::len), Some(6));
    for path in ["/performances", "/approvisionnements/suggestions", "/logistique/stock?alerte=rupture"] {
        floor.get(path).await;
    }
    for state in ["EN_ATTENTE", "VALIDEE", "RECUE", "REJETEE"] {
        let page = floor.get(&format!("/approvisionnements?statut={state}")).await;
        assert!(page["elements"].as_array().is_some_and(|requests| !requests.is_empty()), "{state}");
    }
}

async fn other_data_stays_alone(floor: Floor) {
    let shop = json!({"nom": "Le nôtre", "quartier": "Paris 3e"});
    floor.posted(201, "/magasins", shop).await;
    let today = floor.store.now().paris_day();
    let refused = load(&floor.store, kernel::Currency::EUR, today, |_, _| ()).await;
    assert_eq!(refused, Ok(Loaded::NotEmpty));
    let shops = floor.get("/magasins").await;
    assert_eq!(shops["elements"].as_array().map(Vec::len), Some(1));
}
