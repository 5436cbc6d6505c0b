//! The check notices everything that it is there to notice: each rule is broken in turn, behind the product's back.

mod floor;

use floor::Floor;
use retail::invariants::{Rule, Violation};
use serde_json::json;
use store::{Call, CallError, DbError, Failure, Unavailable};

on_both_engines! {
    sound_data_has_no_violation,
    each_rule_notices_what_breaks_it,
    orders_at_work_are_unfinished,
}

/// A bit of everything: a receipt, a sale, a reservation, a transfer with a correction, orders confirmed, cancelled,
/// refused and short.
async fn busy(floor: &Floor) {
    floor.posted(201, "/logistique/receptions", json!({"produit_id": 1, "quantite": 5})).await;
    floor.sold(1, 1, 2).await;
    floor.reserved("r", 0, &[(1, 3)]).await;
    let request = json!({"magasin_id": 2, "produit_id": 3, "quantite": 10});
    let id = floor.posted(201, "/approvisionnements", request).await;
    let path = |step: &str| format!("/approvisionnements/{}/{step}", id["id"].as_str().unwrap_or_default());
    floor.posted(200, &path("valider"), json!({})).await;
    floor.posted(200, &path("recevoir"), json!({"quantite_recue": 9})).await;
    let order = |product: i64, units: i64| json!({"produits": [{"produit_id": product, "quantite": units}]});
    floor.posted(201, "/saga/commande", order(1, 2)).await;
    floor.posted(402, "/saga/commande", order(4, 20)).await;
    floor.posted(409, "/saga/commande", order(1, 1000)).await;
    let id = floor.posted(201, "/saga/commande", order(2, 2)).await;
    floor
        .posted(200, &format!("/commande/{}/annuler", id["id"].as_str().unwrap_or_default()), json!({}))
        .await;
}

async fn sound_data_has_no_violation(floor: Floor) {
    floor.assert_sound().await;
    busy(&floor).await;
    floor.assert_sound().await;
}

async fn each_rule_notices_what_breaks_it(floor: Floor) {
    busy(&floor).await;
    for (broken, mended, rule, subject) in [
        (
            "UPDATE stock_level SET on_hand = on_hand + 1 WHERE place_id = 1 AND product_id = 1",
            "UPDATE stock_level SET on_hand = on_hand - 1 WHERE place_id = 1 AND product_id = 1",
            Rule::StockOnHand,
            "place 1, product 1",
        ),
        (
            "UPDATE receipt SET product_id = 7",
            "UPDATE receipt SET product_id = 1",
            Rule::StockOnHand,
            "place 0, product 1",
        ),
        (
            "UPDATE stock_correction SET delta = -2",
            "UPDATE stock_correction SET delta = -1",
            Rule::StockOnHand,
            "place 2, product 3",
        ),
        (
            "UPDATE replenishment SET state = 'EN_ATTENTE'",
            "UPDATE replenishment SET state = 'RECUE'",
            Rule::StockOnHand,
            "place 0, product 3",
        ),
        (
            "UPDATE sale_line SET quantity = 3",
            "UPDATE sale_line SET quantity = 2",
            Rule::StockOnHand,
            "place 1, product 1",
        ),
        (
            "UPDATE stock_level SET reserved = reserved + 1 WHERE place_id = 0 AND product_id = 2",
            "UPDATE stock_level SET reserved = reserved - 1 WHERE place_id = 0 AND product_id = 2",
            Rule::StockReserved,
            "place 0, product 2",
        ),
        (
            "UPDATE reservation SET state = 'EXPIREE'",
            "UPDATE reservation SET state = 'ACTIVE'",
            Rule::StockReserved,
            "place 0, product 1",
        ),
        (
            "UPDATE payment SET state = 'AUTORISE' WHERE state = 'CAPTURE'",
            "UPDATE payment SET state = 'CAPTURE' WHERE state = 'AUTORISE'",
            Rule::OrderPayment,
            "CONFIRMEE",
        ),
        (
            "UPDATE payment SET amount_minor = amount_minor + 1 WHERE state = 'CAPTURE'",
            "UPDATE payment SET amount_minor = amount_minor - 1 WHERE state = 'CAPTURE'",
            Rule::OrderPayment,
            "CONFIRMEE",
        ),
        (
            "UPDATE simulated_charge SET captured_minor = 2 * captured_minor WHERE refunded_minor = 0",
            "UPDATE simulated_charge SET captured_minor = captured_minor / 2 WHERE refunded_minor = 0",
            Rule::ProviderLedger,
            "CONFIRMEE",
        ),
        (
            "UPDATE simulated_charge SET captured_minor = captured_minor + 1 WHERE refunded_minor > 0",
            "UPDATE simulated_charge SET captured_minor = captured_minor - 1 WHERE refunded_minor > 0",
            Rule::ProviderLedger,
            "ANNULEE",
        ),
        (
            "UPDATE sale SET total_minor = total_minor - 1",
            "UPDATE sale SET total_minor = total_minor + 1",
            Rule::Totals,
            "sale",
        ),
        ("UPDATE sale_line SET day = day + 1", "UPDATE sale_line SET day = day - 1", Rule::Totals, "sale"),
        (
            "UPDATE order_line SET unit_price_minor = unit_price_minor + 1",
            "UPDATE order_line SET unit_price_minor = unit_price_minor - 1",
            Rule::Totals,
            "order",
        ),
    ] {
        run(&floor, broken).await;
        let violations = check(&floor).await;
        let named = |violation: &Violation| violation.rule == rule && violation.subject.contains(subject);
        assert!(violations.iter().any(named), "{broken}: {violations:?}");
        run(&floor, mended).await;
        floor.assert_sound().await;
    }
}

async fn orders_at_work_are_unfinished(floor: Floor) {
    busy(&floor).await;
    let unfinished = async || {
        let found = floor.store.scan(|tx| Ok::<_, Unavailable>(retail::invariants::unfinished(tx)?)).await;
        found.expect("the unfinished orders").into_iter().map(|order| order.state).collect::<Vec<_>>()
    };
    assert_eq!(unfinished().await, Vec::<String>::new());
    run(&floor, "UPDATE orders SET lease_until = 0 WHERE state = 'CONFIRMEE'").await;
    assert_eq!(unfinished().await, ["CONFIRMEE"]);
}

async fn check(floor: &Floor) -> Vec<Violation> {
    let found = floor.store.scan(|tx| Ok::<_, Unavailable>(retail::invariants::check(tx)?)).await;
    found.expect("a check")
}

async fn run(floor: &Floor, sql: &'static str) {
    let call = Call::new("test.break", retail::STOCK).lock_whole("stock");
    let done: Result<u64, CallError<DbError>> =
        floor.store.run(call, move |tx, _| Ok::<_, Failure<DbError>>(tx.execute(sql, &[])?)).await;
    assert!(done.expect(sql) > 0, "{sql} changed nothing");
}
