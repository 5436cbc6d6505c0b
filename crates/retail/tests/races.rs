//! Races that other shops have lost, each by its tracker's name, and the known-bad twins that lose them again.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use common::{
    Fault, Ground, Ledger, assert_sound, count, level, new_order, open, order, saga, settle, status, stocked,
};
use kernel::{PlaceId, ProductId, Quantity};
use retail::order::State;
use retail::order::commands::{NewOrder, Place, Placed};
use retail::order::saga::Told;
use retail::stock::Movement;
use retail::stock::commands::move_units;
use retail::stock::queries::levels;
use store::{Call, CallError, DbError, Engine, Failure, Store, Unavailable, params};

on_both_engines![
    two_buyers_of_the_last_unit_magento_msi,
    orders_of_one_batch_share_one_unit_medusa_16502,
    concurrent_reservations_lose_no_update_medusa_16569,
    check_and_allocation_are_one_transaction_vendure_3508,
    a_compensation_refunds_only_its_own_payment_medusa_15527,
    a_payment_is_captured_once_medusa_13301,
    payment_taken_and_checkout_failed_medusa_11766_vendure_3065,
    one_places_stock_is_not_anothers_vendure_4030,
    many_products_in_any_order_do_not_deadlock_erpnext_35244,
    two_thousand_buyers_of_five_hundred_units,
];

/// A second process on the same data: another store on PostgreSQL, the same one on SQLite, which has one process.
fn second(ground: &Ground, first: &Store) -> Store {
    match ground.engine {
        Engine::Postgres { .. } => open(ground),
        Engine::Sqlite { .. } => first.clone(),
    }
}

async fn two_buyers_of_the_last_unit_magento_msi(ground: Ground) {
    let first = open(&ground);
    let second = second(&ground, &first);
    stocked(&first, 20, 1).await;
    let ledger = Arc::new(Ledger::new());
    let (one, other) = (saga(&first, &ledger), saga(&second, &ledger));
    for product in 1..=20 {
        let (a, b) = tokio::join!(
            one.order(new_order(&one, &first, &[(product, 1)]), false),
            other.order(new_order(&other, &second, &[(product, 1)]), false),
        );
        let mut statuses = [status(&a.unwrap()), status(&b.unwrap())];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "product {product}");
        assert_eq!(level(&first, product).await, (0, 0));
    }
    assert_eq!(ledger.kept(), 20 * 1000);
    assert_sound(&first).await;
}

async fn orders_of_one_batch_share_one_unit_medusa_16502(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 1, 3).await;
    let ledger = Arc::new(Ledger::new());
    let saga = saga(&store, &ledger);
    // Each order alone would fit; together they would promise the same unit twice.
    let orders = (0..8).map(|_| store.run_one::<Place>(new_order(&saga, &store, &[(1, 2)])));
    let placed = futures_util::future::join_all(orders).await;
    let reserved = placed.iter().filter(|placed| matches!(placed, Ok(Placed::Reserved(_)))).count();
    assert_eq!((reserved, level(&store, 1).await), (1, (3, 2)));
}

async fn concurrent_reservations_lose_no_update_medusa_16569(ground: Ground) {
    let first = open(&ground);
    let second = second(&ground, &first);
    stocked(&first, 1, 1_000).await;
    let ledger = Arc::new(Ledger::new());
    let saga = saga(&first, &ledger);
    let orders = (0..200).map(|n| {
        let store = if n % 2 == 0 { &first } else { &second };
        store.run_one::<Place>(new_order(&saga, &first, &[(1, 3)]))
    });
    let placed = futures_util::future::join_all(orders).await;
    assert!(placed.iter().all(|placed| matches!(placed, Ok(Placed::Reserved(_)))));
    assert_eq!(level(&first, 1).await, (1_000, 600));
}

async fn check_and_allocation_are_one_transaction_vendure_3508(ground: Ground) {
    let first = open(&ground);
    let second = second(&ground, &first);
    stocked(&first, 1, 50).await;
    let ledger = Arc::new(Ledger::new());
    let (one, other) = (saga(&first, &ledger), saga(&second, &ledger));
    let orders = (0..120).map(|n| {
        let (saga, store) = if n % 2 == 0 { (&one, &first) } else { (&other, &second) };
        saga.order(new_order(saga, store, &[(1, 1)]), false)
    });
    let told = futures_util::future::join_all(orders).await;
    let confirmed = told.iter().filter(|told| told.as_ref().is_ok_and(|told| status(told) == 201)).count();
    assert_eq!((confirmed, level(&first, 1).await), (50, (0, 0)));
    assert_sound(&first).await;
}

async fn a_compensation_refunds_only_its_own_payment_medusa_15527(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 1, 100).await;
    // The second of three orders is refused; the third is cancelled. The first keeps its money.
    let ledger = Arc::new(Ledger::with(Some((2, Fault::Refuse))));
    let saga = saga(&store, &ledger);
    let mut ids = Vec::new();
    for expected in [201, 402, 201] {
        let new = new_order(&saga, &store, &[(1, 1)]);
        ids.push(new.id);
        assert_eq!(status(&saga.order(new, false).await.unwrap()), expected);
    }
    assert_eq!(ledger.kept(), 2_000);
    saga.cancel(ids[2], None).await.unwrap();
    assert_eq!(ledger.kept(), 1_000);
    assert_eq!(order(&store, ids[0]).await.unwrap().state, State::Confirmed);
    assert_sound(&store).await;
}

async fn a_payment_is_captured_once_medusa_13301(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 1, 100).await;
    for fault in [Fault::Twice, Fault::LoseAnswer] {
        let ledger = Arc::new(Ledger::with(Some((1, fault))));
        let saga = saga(&store, &ledger);
        saga.order(new_order(&saga, &store, &[(1, 1)]), false).await.unwrap();
        // A second worker at the same time finds the same order and captures nothing more.
        let other = common::saga(&store, &ledger);
        tokio::join!(settle(&saga, &store), settle(&other, &store));
        assert_eq!((ledger.kept(), ledger.held()), (1_000, 0), "{fault:?}");
    }
    assert_sound(&store).await;
}

async fn payment_taken_and_checkout_failed_medusa_11766_vendure_3065(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 1, 100).await;
    // The process dies between taking the money and writing that down.
    let ledger = Arc::new(Ledger::with(Some((1, Fault::CrashAfter))));
    let dying = common::saga_with(
        &store,
        &ledger,
        retail::order::saga::SagaSettings {
            currency: common::EUR,
            reservation_seconds: 900,
            provider_timeout: std::time::Duration::from_hours(1),
        },
    );
    let new = new_order(&dying, &store, &[(1, 1)]);
    let id = new.id;
    let answer = tokio::time::timeout(std::time::Duration::from_millis(500), dying.order(new, false)).await;
    assert!(answer.is_err(), "the process was meant to die");
    assert_eq!(order(&store, id).await.unwrap().state, State::Paid);
    let next = saga(&store, &ledger);
    next.void_leases().await.unwrap();
    settle(&next, &store).await;
    assert_eq!(order(&store, id).await.unwrap().state, State::Confirmed);
    assert_eq!(ledger.kept(), 1_000);
    assert_sound(&store).await;
}

async fn one_places_stock_is_not_anothers_vendure_4030(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 1, 100).await;
    let made: Result<(), CallError<DbError>> = store
        .run(Call::new("test.shop", retail::STOCK), |tx, _| {
            tx.execute(
                "INSERT INTO shop (id, name, district, active) VALUES (7, 'sept', 'x', $1)",
                &params![true],
            )?;
            Ok::<_, Failure<DbError>>(())
        })
        .await;
    made.unwrap();
    let ledger = Arc::new(Ledger::new());
    let saga = saga(&store, &ledger);
    let new = NewOrder { place: PlaceId(7), ..new_order(&saga, &store, &[(1, 1)]) };
    assert_eq!(status(&saga.order(new, false).await.unwrap()), 409);
    let nowhere = NewOrder { place: PlaceId(8), ..new_order(&saga, &store, &[(1, 1)]) };
    assert!(matches!(saga.order(nowhere, false).await.unwrap(), Told::Refused(_)));
    assert_eq!(level(&store, 1).await, (100, 0));
    assert_sound(&store).await;
}

async fn many_products_in_any_order_do_not_deadlock_erpnext_35244(ground: Ground) {
    let first = open(&ground);
    let second = second(&ground, &first);
    stocked(&first, 12, 10_000).await;
    let ledger = Arc::new(Ledger::new());
    let (one, other) = (saga(&first, &ledger), saga(&second, &ledger));
    let orders = (0..300_i64).map(|n| {
        let (saga, store) = if n % 2 == 0 { (&one, &first) } else { (&other, &second) };
        let mut new =
            new_order(saga, store, &[(n % 12 + 1, 1), ((n * 5) % 12 + 1, 1), ((n * 7 + 3) % 12 + 1, 1)]);
        new.lines.sort_unstable();
        new.lines.dedup_by_key(|(product, _)| *product);
        if n % 3 == 0 {
            new.lines.reverse();
        }
        saga.order(new, false)
    });
    let told = futures_util::future::join_all(orders).await;
    assert!(told.iter().all(|told| told.as_ref().is_ok_and(|told| status(told) == 201)), "{told:?}");
    assert_sound(&first).await;
}

async fn two_thousand_buyers_of_five_hundred_units(ground: Ground) {
    let first = open(&ground);
    let second = second(&ground, &first);
    stocked(&first, 1, 500).await;
    let ledger = Arc::new(Ledger::new());
    let (one, other) = (saga(&first, &ledger), saga(&second, &ledger));
    let orders = (0..2_000).map(|n| {
        let (saga, store) = if n % 2 == 0 { (&one, &first) } else { (&other, &second) };
        saga.order(new_order(saga, store, &[(1, 1)]), false)
    });
    let told = futures_util::future::join_all(orders).await;
    let confirmed = told.iter().filter(|told| told.as_ref().is_ok_and(|told| status(told) == 201)).count();
    let short = told.iter().filter(|told| told.as_ref().is_ok_and(|told| status(told) == 409)).count();
    assert_eq!((confirmed, short), (500, 1_500));
    assert_eq!((level(&first, 1).await, count(&first, State::Confirmed).await), ((0, 0), 500));
    assert_eq!(ledger.kept(), 500 * 1_000);
    assert_sound(&first).await;
}

/// The known-bad twin of the races for stock: it looks in one transaction and takes in another, and writes what it
/// computed instead of what changes.
async fn look_then_take(store: &Store, units: i64) -> bool {
    let slot = (PlaceId::CENTRE, ProductId(1));
    let seen = store.read(move |tx| Ok::<_, Unavailable>(levels(tx, &[slot])?)).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let level = seen[&slot];
    if level.available() < units {
        return false;
    }
    let reserved = level.reserved + units;
    let taken: Result<(), CallError<DbError>> = store
        .run(Call::new("test.naive", retail::STOCK), move |tx, _| {
            tx.execute(
                "UPDATE stock_level SET reserved = $1 WHERE place_id = 0 AND product_id = 1",
                &params![reserved],
            )?;
            Ok::<_, Failure<DbError>>(())
        })
        .await;
    taken.is_ok()
}

#[tokio::test]
async fn the_twin_that_looks_first_oversells_and_loses_updates() {
    let ground = common::sqlite();
    let store = open(&ground);
    stocked(&store, 1, 1).await;
    let (a, b) = tokio::join!(look_then_take(&store, 1), look_then_take(&store, 1));
    // Both believe that they have the last unit, and the counter knows of one.
    assert_eq!((a, b, level(&store, 1).await), (true, true, (1, 1)));
}

/// The known-bad twin of the ordered locks: two transactions that take two rows in opposite orders.
#[tokio::test]
async fn the_twin_that_locks_in_any_order_deadlocks() {
    let ground = common::postgres();
    let store = open(&ground);
    stocked(&store, 2, 10).await;
    let Engine::Postgres { url } = &ground.engine else { panic!("not PostgreSQL") };
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let sales = [(1, 2), (2, 1)].map(|(first, then)| {
        let (barrier, url) = (Arc::clone(&barrier), url.clone());
        std::thread::spawn(move || {
            let database = testkit::Database::parse(&url).unwrap();
            let take = |product: i32| {
                format!("UPDATE stock_level SET on_hand = on_hand - 1 WHERE product_id = {product};")
            };
            // One round trip holds the transaction open: the pause lets both take their first row.
            barrier.wait();
            database
                .query(&format!("BEGIN; {} SELECT pg_sleep(0.3); {} COMMIT;", take(first), take(then)))
                .is_err()
        })
    });
    let failed = sales.map(|sale| sale.join().unwrap());
    assert_eq!(
        failed.iter().filter(|failed| **failed).count(),
        1,
        "PostgreSQL ends exactly one of a deadlock's two"
    );
}

/// The guard under the rules: even a caller that decided wrongly cannot make a level impossible.
#[tokio::test]
async fn a_wrong_decision_is_undone_by_the_guard() {
    let ground = common::sqlite();
    let store = open(&ground);
    stocked(&store, 1, 1).await;
    let slot = (PlaceId::CENTRE, ProductId(1));
    let moved: Result<(), CallError<DbError>> = store
        .run(Call::new("test.wrong", retail::STOCK), move |tx, _| {
            let mut known = levels(tx, &[slot])?;
            move_units(
                tx,
                &mut known,
                &[Movement::reserve(slot, Quantity::new(2).map_or(0, Quantity::get))],
            )?;
            Ok::<_, Failure<DbError>>(())
        })
        .await;
    assert!(moved.is_err());
    assert_eq!(level(&store, 1).await, (1, 0));
}
