//! Reports over HTTP.

mod floor;

use axum::http::Method;
use floor::Floor;
use serde_json::{Value, json};

on_both_engines! {
    sales_are_reported_by_day_shop_channel_and_product,
    days_of_a_clock_change_are_whole,
    a_cancelled_order_disappears,
    reports_come_as_csv,
    wrong_ranges_are_refused,
    performances_are_those_of_the_last_eight_weeks,
}

fn eur(amount: &str) -> Value {
    json!({"montant": amount, "devise": "EUR"})
}

fn figures(revenue: &str, units: i64, count: i64) -> Value {
    json!({"chiffre_affaires": eur(revenue), "unites": units, "ventes": count})
}

fn with(mut figures: Value, more: Value) -> Value {
    let (Some(to), Value::Object(from)) = (figures.as_object_mut(), more) else { return figures };
    to.extend(from);
    figures
}

async fn ordered(floor: &Floor, place: i64, product: i64, units: i64) -> String {
    let body = json!({"produits": [{"produit_id": product, "quantite": units}], "emplacement_id": place});
    let order = floor.posted(201, "/saga/commande", body).await;
    order["id"].as_str().expect("an id").to_owned()
}

async fn sales_are_reported_by_day_shop_channel_and_product(floor: Floor) {
    floor.sold(1, 1, 2).await;
    let cheaper = json!({"lignes": [{"produit_id": 1, "quantite": 1, "prix_unitaire": eur("0.50")},
                                    {"produit_id": 2, "quantite": 1}]});
    floor.posted(201, "/magasins/1/ventes", cheaper).await;
    ordered(&floor, 0, 3, 3).await;
    ordered(&floor, 1, 2, 1).await;
    floor.clock.advance_seconds(86_400);
    floor.sold(1, 1, 1).await;

    let report = floor.get("/rapports/ventes?du=2026-02-28&au=2026-03-02").await;
    assert_eq!((&report["du"], &report["fuseau"]), (&json!("2026-02-28"), &json!("Europe/Paris")));
    assert_eq!(report["total"], figures("160.50", 9, 5));
    assert_eq!(
        report["par_canal"],
        json!([
            with(figures("50.50", 5, 3), json!({"canal": "caisse"})),
            with(figures("110.00", 4, 2), json!({"canal": "en_ligne"}))
        ])
    );
    assert_eq!(
        report["par_jour"],
        json!([
            with(figures("0.00", 0, 0), json!({"jour": "2026-02-28"})),
            with(figures("150.50", 8, 4), json!({"jour": "2026-03-01"})),
            with(figures("10.00", 1, 1), json!({"jour": "2026-03-02"}))
        ])
    );
    let place = |id: i64, name: &str, channel: &str| json!({"magasin_id": id, "nom": name, "canal": channel});
    assert_eq!(
        report["par_magasin"],
        json!([
            with(figures("90.00", 3, 1), place(0, "Centre logistique", "en_ligne")),
            with(figures("50.50", 5, 3), place(1, "Un", "caisse")),
            with(figures("20.00", 1, 1), place(1, "Un", "en_ligne"))
        ])
    );
    let product = |id: i64, name: &str, units: i64, revenue: &str| json!({"produit_id": id, "nom": name, "unites": units, "chiffre_affaires": eur(revenue)});
    assert_eq!(
        report["produits"],
        json!([product(3, "C", 3, "90.00"), product(2, "B", 2, "40.00"), product(1, "A", 4, "30.50")])
    );

    let shop = floor.get("/rapports/ventes?du=2026-03-01&au=2026-03-01&magasin_id=1").await;
    assert_eq!((&shop["magasin_id"], &shop["total"]), (&json!(1), &figures("60.50", 5, 3)));
    let centre = floor.get("/rapports/ventes?du=2026-03-01&au=2026-03-01&magasin_id=0").await;
    assert_eq!(centre["total"], figures("90.00", 3, 1));
    floor.assert_sound().await;
}

async fn days_of_a_clock_change_are_whole(floor: Floor) {
    // In 2026 Paris goes from UTC+1 to UTC+2 on 29 March: that day has 23 hours.
    let at = async |instant: &str, units: i64| {
        let instant: kernel::Timestamp = instant.parse().expect("an instant");
        let now = kernel::Clock::now(&*floor.clock);
        floor.clock.advance_seconds((instant.micros() - now.micros()) / 1_000_000);
        floor.sold(1, 1, units).await;
        ordered(&floor, 0, 1, units).await;
    };
    at("2026-03-28T22:59:59Z", 1).await;
    at("2026-03-28T23:00:00Z", 2).await;
    at("2026-03-29T21:59:59Z", 3).await;
    at("2026-03-29T22:00:00Z", 4).await;
    let units = async |from: &str, to: &str| {
        floor.get(&format!("/rapports/ventes?du={from}&au={to}")).await["total"]["unites"].take()
    };
    assert_eq!(units("2026-03-28", "2026-03-28").await, 2);
    assert_eq!(units("2026-03-29", "2026-03-29").await, 10);
    assert_eq!(units("2026-03-30", "2026-03-30").await, 8);
    assert_eq!(units("2026-03-28", "2026-03-30").await, 20);
}

async fn a_cancelled_order_disappears(floor: Floor) {
    let id = ordered(&floor, 0, 1, 2).await;
    let total = async || floor.get("/rapports/ventes?du=2026-03-01&au=2026-03-01").await["total"].take();
    assert_eq!(total().await, figures("20.00", 2, 1));
    floor.posted(200, &format!("/commande/{id}/annuler"), json!({})).await;
    assert_eq!(total().await, figures("0.00", 0, 0));
    // Nor does one count that was never confirmed.
    let dear = json!({"produits": [{"produit_id": 4, "quantite": 20}]});
    floor.posted(402, "/saga/commande", dear).await;
    assert_eq!(total().await, figures("0.00", 0, 0));
}

async fn reports_come_as_csv(floor: Floor) {
    floor.sold(1, 1, 2).await;
    ordered(&floor, 0, 3, 1).await;
    let path = "/rapports/ventes?du=2026-03-01&au=2026-03-01";
    let expected = "\u{feff}jour;magasin_id;magasin;canal;ventes;unites;chiffre_affaires;devise\n\
                    2026-03-01;0;Centre logistique;en_ligne;1;1;30.00;EUR\n\
                    2026-03-01;1;Un;caisse;1;2;20.00;EUR\n";
    let asked = floor.app.get(&format!("{path}&format=csv")).await;
    assert_eq!((asked.header("content-type"), asked.text()), (Some("text/csv; charset=utf-8"), expected));
    let preferred = floor.app.request(Method::GET, path).header("accept", "text/csv").send().await;
    assert_eq!(preferred.text(), expected);
    let json = floor
        .app
        .request(Method::GET, &format!("{path}&format=json"))
        .header("accept", "text/csv")
        .send()
        .await;
    assert_eq!(json.header("content-type"), Some("application/json"));

    let shops = floor.app.get("/performances?format=csv").await;
    let mut lines = shops.text().lines();
    let header = lines.next().expect("a header");
    assert!(header.starts_with(
        "\u{feff}magasin_id;magasin;ventes;unites;chiffre_affaires;devise;ruptures;surstocks;2026-W02;"
    ));
    assert!(header.ends_with(";2026-W09"));
    assert_eq!(lines.next(), Some("1;Un;1;2;20.00;EUR;0;0;0.00;0.00;0.00;0.00;0.00;0.00;0.00;20.00"));
    assert_eq!(lines.count(), 2);
}

async fn wrong_ranges_are_refused(floor: Floor) {
    for (query, status) in [
        ("", 422),
        ("?du=2026-03-01", 422),
        ("?du=2026-03-02&au=2026-03-01", 422),
        ("?du=2026-02-30&au=2026-03-01", 422),
        ("?du=2025-01-01&au=2026-02-04", 200),
        ("?du=2025-01-01&au=2026-02-05", 422),
        ("?du=0001-01-01&au=9999-12-31", 422),
        ("?du=9999-12-31&au=9999-12-31", 200),
        ("?du=0001-01-01&au=0001-01-01", 200),
        ("?du=2026-03-01&au=2026-03-01&magasin_id=9", 404),
        ("?du=2026-03-01&au=2026-03-01&magasin_id=x", 422),
        ("?du=2026-03-01&au=2026-03-01&format=xls", 422),
    ] {
        let answer = floor.app.get(&format!("/rapports/ventes{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}: {}", answer.text());
    }
    assert_eq!(floor.app.get("/performances?format=xls").await.status, 422);
}

async fn performances_are_those_of_the_last_eight_weeks(floor: Floor) {
    // Sunday of week 9, then Monday of week 10 and eight weeks later.
    floor.sold(1, 1, 1).await;
    floor.clock.advance_seconds(86_400);
    floor.sold(1, 2, 2).await;
    ordered(&floor, 1, 2, 3).await;
    let found = floor.get("/performances").await;
    assert_eq!((&found["du"], &found["au"]), (&json!("2026-01-12"), &json!("2026-03-02")));
    let first = &found["magasins"][0];
    assert_eq!((&first["nom"], &first["chiffre_affaires"]), (&json!("Un"), &eur("50.00")));
    assert_eq!((&first["ruptures"], &first["surstocks"]), (&json!(1), &json!(0)));
    assert_eq!(first["produits"][0]["produit_id"], 2);
    let trend = first["tendance"].as_array().expect("a list");
    assert_eq!(trend.len(), 8);
    assert_eq!(trend[6], with(figures("10.00", 1, 1), json!({"semaine": "2026-W09", "du": "2026-02-23"})));
    assert_eq!(trend[7], with(figures("40.00", 2, 1), json!({"semaine": "2026-W10", "du": "2026-03-02"})));
    assert_eq!(
        found["en_ligne"],
        json!([with(figures("60.00", 3, 1), json!({"emplacement_id": 1, "nom": "Un"}))])
    );
    floor.clock.advance_seconds(55 * 86_400);
    let later = floor.get("/performances").await;
    assert_eq!(later["magasins"][0]["chiffre_affaires"], eur("40.00"), "the Sunday is nine weeks ago");
    assert_eq!(later["magasins"][0]["tendance"][0]["semaine"], "2026-W10");
}
