//! Offers that are tied to products, while the stores sell.

use std::sync::Arc;
use std::time::Duration;

use kernel::{ManualClock, ProductId};
use offers::inventory::ProductStock;
use offers::inventory::watch::Watch;
use offers::offer::commands::OFFER_EXPIRED;
use offers::offer::sweep::sweep;
use offers::offer::{self, Details, Status};
use offers::pivot::OFFER_PIVOTED;
use store::Store;

use crate::hall::{
    self, Ground, Shelf, add, assert_sound, details, edit_shelf, events, id, left, move_units, pivots, run,
    told, until,
};

crate::on_both_engines![
    a_sale_that_empties_a_product_moves_the_traffic,
    offers_and_products_agree_after_any_race,
    an_offer_made_while_its_product_is_sold_catches_up,
    closing_a_shop_or_a_product_counts,
    what_happened_while_nobody_listened_is_caught_up,
    offers_end_by_themselves,
];

fn watch(store: &Store) -> Watch {
    Watch::new(store.clone(), Arc::new(Shelf))
}

fn tied(product: i64, category: &str, units: i64) -> Details {
    Details { product: Some(ProductId(product)), ..details(category, 90, units) }
}

async fn a_sale_that_empties_a_product_moves_the_traffic(ground: Ground) {
    let store = ground.open();
    move_units(&store, 0, 7, 2).await;
    move_units(&store, 1, 7, 1).await;
    add(&store, "A", tied(7, "food", 50)).await;
    add(&store, "B", details("food", 80, 50)).await;
    assert_eq!(left(&store, "A").await, (50, 3));
    let watch = watch(&store);
    let working = tokio::spawn(async move { watch.work(std::future::pending()).await });
    for place in [0, 0, 1] {
        move_units(&store, place, 7, -1).await;
    }
    let asked = tokio::time::Instant::now();
    until("the traffic has moved", async || pivots(&store).await == ["A->B"]).await;
    // It is woken, it does not wait for its next look.
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    move_units(&store, 1, 7, 10).await;
    until("it is back", async || left(&store, "A").await == (50, 10)).await;
    assert_eq!(pivots(&store).await, [""; 0]);
    working.abort();
    assert_sound(&store).await;
}

async fn offers_and_products_agree_after_any_race(ground: Ground) {
    let first = ground.open();
    let second = ground.second(&first);
    for product in 1..=3 {
        move_units(&first, 0, product, 40).await;
        add(&first, &format!("P{product}"), tied(product, "food", 1_000)).await;
    }
    let watches = [watch(&first), watch(&second)]
        .map(|watch| tokio::spawn(async move { watch.work(std::future::pending()).await }));
    let selling = |store: Store, step: i64| async move {
        for n in 0..60 {
            move_units(&store, n % 2, n % 3 + 1, if n % 4 == step { 5 } else { -1 }).await;
        }
    };
    let redeeming = |store: Store| async move {
        for n in 0..120_i64 {
            let wish = [(id(&format!("P{}", n % 3 + 1)), kernel::Quantity::new(1).unwrap())];
            run(&store, move |tx, now| offers::inventory::commands::take(tx, now, &Shelf, &wish)).await.pop();
        }
    };
    tokio::join!(
        selling(first.clone(), 1),
        selling(second.clone(), 3),
        redeeming(second.clone()),
        redeeming(first.clone())
    );
    for product in 1..=3_i64 {
        let available: i64 = first
            .read(move |tx| {
                let sql = "SELECT CAST(SUM(available) AS BIGINT) FROM shelf WHERE product = $1";
                Ok::<_, store::Unavailable>(tx.query_one(sql, &store::params![product], |row| row.get(0))?)
            })
            .await
            .unwrap();
        let name = format!("P{product}");
        until("an offer has what its product has", async || {
            let (own, effective) = left(&first, &name).await;
            effective == own.min(available)
        })
        .await;
    }
    for watch in watches {
        watch.abort();
    }
    assert_sound(&first).await;
}

/// The order that is easily lost: the offer looks at the stock, the product is sold, the sale's event is followed up, and
/// only then the offer is committed.
async fn an_offer_made_while_its_product_is_sold_catches_up(ground: Ground) {
    let first = ground.open();
    let second = ground.second(&first);
    let watch = watch(&second);
    for product in 1..=30 {
        move_units(&first, 0, product, 5).await;
    }
    watch.catch_up().await.unwrap();
    for product in 1..=30 {
        let name = format!("N{product}");
        tokio::join!(add(&first, &name, tied(product, "food", 50)), async {
            move_units(&second, 0, product, -5).await;
            watch.catch_up().await.unwrap();
        });
        assert_eq!(left(&first, &name).await, (50, 0), "product {product}");
    }
    assert_sound(&first).await;
}

async fn closing_a_shop_or_a_product_counts(ground: Ground) {
    let store = ground.open();
    let watch = watch(&store);
    for (place, product) in [(0, 1), (1, 1), (1, 2), (0, 3)] {
        move_units(&store, place, product, 4).await;
    }
    for product in 1..=3 {
        add(&store, &format!("P{product}"), tied(product, "food", 50)).await;
    }
    edit_shelf(&store, "UPDATE shelf SET open = $1 WHERE spot = 1", "halles.shop.changed", "1").await;
    watch.catch_up().await.unwrap();
    assert_eq!([left(&store, "P1").await.1, left(&store, "P2").await.1], [4, 0]);
    assert_eq!(pivots(&store).await, ["P2->P1"]);
    edit_shelf(&store, "UPDATE shelf SET sold = $1 WHERE product = 1", "halles.product.deactivated", "1")
        .await;
    watch.catch_up().await.unwrap();
    assert_eq!(pivots(&store).await, ["P1->P3", "P2->P3"]);
    let before = events(&store).await.len();
    watch.catch_up().await.unwrap();
    assert_eq!(events(&store).await.len(), before, "nothing is told when nothing happens");
    assert_sound(&store).await;
}

async fn what_happened_while_nobody_listened_is_caught_up(ground: Ground) {
    let store = ground.open();
    move_units(&store, 0, 1, 400).await;
    add(&store, "A", tied(1, "food", 1_000)).await;
    add(&store, "B", details("food", 80, 50)).await;
    for _ in 0..400 {
        move_units(&store, 0, 1, -1).await;
    }
    assert_eq!(left(&store, "A").await, (1_000, 400));
    watch(&store).catch_up().await.unwrap();
    assert_eq!(left(&store, "A").await, (1_000, 0));
    assert_eq!(told(&store, OFFER_PIVOTED).await, 1);
}

async fn offers_end_by_themselves(ground: Ground) {
    let clock = Arc::new(ManualClock::new("2026-03-01T12:00:00Z".parse().unwrap()));
    let store = ground.open_at(clock.clone());
    let soon = store.now().plus_seconds(60);
    let ending = Details { expires_at: Some(soon), ..details("food", 90, 5) };
    let mut offers: Vec<_> = (0..250).map(|number| (id(&format!("E{number:03}")), ending.clone())).collect();
    offers.push((id("KEPT"), details("food", 1, 5)));
    run(&store, move |tx, now| offer::commands::put_all(tx, now, &Shelf, &offers)).await;
    let stock: Arc<dyn ProductStock> = Arc::new(Shelf);
    assert_eq!(sweep(&store, &stock).await.unwrap(), 0);
    clock.advance_seconds(60);
    assert_eq!(sweep(&store, &stock).await.unwrap(), 250);
    assert_eq!(sweep(&store, &stock).await.unwrap(), 0);
    assert_eq!(told(&store, OFFER_EXPIRED).await, 250);
    let status = async |name| hall::offer(&store, name).await.status;
    assert_eq!([status("E249").await, status("KEPT").await], [Status::Expired, Status::Active]);
    assert_sound(&store).await;
}
