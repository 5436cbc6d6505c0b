//! The saga's harness: every call fails in turn, every process dies before and after every commit, and in the end
//! each order is whole or has left no trace.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{
    Fault, Ground, Ledger, assert_sound, count, level, new_order, open, order, saga, saga_with, settle,
    status, stocked,
};
use kernel::OrderId;
use retail::order::State;
use retail::order::saga::{Saga, SagaSettings};
use store::Store;

on_both_engines![
    a_good_order_goes_through_all_states,
    a_short_order_is_cancelled_and_names_what_is_missing,
    a_refused_payment_frees_the_stock,
    every_call_may_fail,
    every_process_may_die_before_and_after_every_commit,
    a_cancellation_survives_every_fault,
    an_expired_reservation_asks_the_provider_first,
    a_second_cancellation_is_refused,
    cancellation_racing_with_confirmation,
    a_caller_who_leaves_during_the_first_commit_leaves_no_order_behind,
];

/// Places one order of two lines; `Err` when it did not end at once.
async fn place(saga: &Arc<Saga>, store: &Store) -> (OrderId, u16) {
    let new = new_order(saga, store, &[(1, 2), (2, 3)]);
    let id = new.id;
    let told = tokio::time::timeout(Duration::from_millis(700), saga.order(new, false)).await;
    (id, told.map_or(0, |told| status(&told.unwrap())))
}

async fn a_good_order_goes_through_all_states(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 10).await;
    let ledger = Arc::new(Ledger::new());
    let (id, status) = place(&saga(&store, &ledger), &store).await;
    assert_eq!(status, 201);
    let order = order(&store, id).await.unwrap();
    let seen: Vec<State> = order.history.iter().map(|step| step.state).collect();
    assert_eq!(seen, State::ALL[..5]);
    assert!(order.history.is_sorted_by_key(|step| step.at));
    assert_eq!((level(&store, 1).await, level(&store, 2).await), ((8, 0), (7, 0)));
    assert_eq!((ledger.kept(), ledger.held()), (5000, 0));
    assert_sound(&store).await;
}

async fn a_short_order_is_cancelled_and_names_what_is_missing(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 2).await;
    let ledger = Arc::new(Ledger::new());
    let saga = saga(&store, &ledger);
    let new = new_order(&saga, &store, &[(1, 2), (2, 3)]);
    let id = new.id;
    let told = saga.order(new, false).await.unwrap();
    assert_eq!(status(&told), 409);
    let retail::order::saga::Told::Answer(answer) = told else { panic!("no answer") };
    assert!(answer.body.contains(r#"{"demande":3,"disponible":2,"produit_id":2}"#), "{}", answer.body);
    assert_eq!(order(&store, id).await.unwrap().state, State::Cancelled);
    assert_eq!((level(&store, 1).await, ledger.calls()), ((2, 0), 0));
    assert_sound(&store).await;
}

async fn a_refused_payment_frees_the_stock(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 10).await;
    let ledger = Arc::new(Ledger::with(Some((0, Fault::Refuse))));
    let (id, status) = place(&saga(&store, &ledger), &store).await;
    assert_eq!(status, 402);
    assert_eq!(order(&store, id).await.unwrap().state, State::Cancelled);
    assert_eq!((level(&store, 1).await, ledger.kept()), ((10, 0), 0));
    assert_sound(&store).await;
}

/// Every call of a run fails once in every way; the worker must bring the order to an end that adds up.
async fn every_call_may_fail(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 1_000).await;
    for call in 0..2 {
        for fault in [Fault::LoseAnswer, Fault::LoseRequest, Fault::Twice, Fault::Refuse] {
            let ledger = Arc::new(Ledger::with(Some((call, fault))));
            let saga = saga(&store, &ledger);
            let before = level(&store, 1).await;
            let (id, _) = place(&saga, &store).await;
            settle(&saga, &store).await;
            check_end(&store, id, &ledger, before, &format!("{fault:?} at call {call}")).await;
        }
    }
    assert_sound(&store).await;
}

/// A process dies just before or just after each call, which is just after or just before each commit; another
/// one takes over. The order ends as it would have without.
async fn every_process_may_die_before_and_after_every_commit(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 1_000).await;
    for call in 0..2 {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let ledger = Arc::new(Ledger::with(Some((call, fault))));
            let before = level(&store, 1).await;
            let id = die_during_an_order(&store, &ledger).await;
            let second = saga(&store, &ledger);
            second.void_leases().await.unwrap();
            settle(&second, &store).await;
            let order = order(&store, id).await.unwrap();
            assert_eq!(order.state, State::Confirmed, "{fault:?} at call {call}");
            check_end(&store, id, &ledger, before, &format!("{fault:?} at call {call}")).await;
        }
    }
    assert_sound(&store).await;
}

/// Places an order whose process stops within a call to the provider and never comes back.
async fn die_during_an_order(store: &Store, ledger: &Arc<Ledger>) -> OrderId {
    let forever = SagaSettings {
        currency: common::EUR,
        reservation_seconds: 900,
        provider_timeout: Duration::from_hours(1),
    };
    let saga = saga_with(store, ledger, forever);
    let (id, status) = place(&saga, store).await;
    assert_eq!(status, 0, "the process was meant to die");
    id
}

/// Confirmed with its units and its money, or cancelled with neither.
async fn check_end(store: &Store, id: OrderId, ledger: &Ledger, before: (i64, i64), what: &str) {
    let order = order(store, id).await.unwrap();
    let (units, money) = match order.state {
        State::Confirmed => (2, 5000),
        State::Cancelled => (0, 0),
        State::Created | State::StockVerified | State::StockReserved | State::Paid => {
            panic!("{what}: {order:?}")
        }
    };
    assert_eq!(level(store, 1).await, (before.0 - units, before.1), "{what}");
    assert_eq!((ledger.kept(), ledger.held()), (money, 0), "{what}");
}

async fn a_cancellation_survives_every_fault(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 1_000).await;
    for fault in [None, Some(Fault::LoseAnswer), Some(Fault::LoseRequest), Some(Fault::Twice)] {
        // Calls 0 and 1 authorise and capture, call 2 refunds.
        let ledger = Arc::new(Ledger::with(fault.map(|fault| (2, fault))));
        let saga = saga(&store, &ledger);
        let before = level(&store, 1).await;
        let (id, status) = place(&saga, &store).await;
        assert_eq!(status, 201);
        saga.cancel(id, None).await.unwrap();
        settle(&saga, &store).await;
        assert_eq!(order(&store, id).await.unwrap().state, State::Cancelled, "{fault:?}");
        assert_eq!((level(&store, 1).await, ledger.kept()), (before, 0), "{fault:?}");
    }
    assert_sound(&store).await;
}

async fn an_expired_reservation_asks_the_provider_first(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 10).await;
    // The first call is carried out, but nobody hears of it before the reservation is over.
    for (fault, expected) in [(Fault::LoseRequest, State::Cancelled), (Fault::LoseAnswer, State::Cancelled)] {
        let ledger = Arc::new(Ledger::with(Some((0, fault))));
        let settings = SagaSettings {
            currency: common::EUR,
            reservation_seconds: 0,
            provider_timeout: Duration::from_millis(400),
        };
        let saga = saga_with(&store, &ledger, settings);
        let (id, _) = place(&saga, &store).await;
        settle(&saga, &store).await;
        let order = order(&store, id).await.unwrap();
        assert_eq!(order.state, expected, "{fault:?}");
        assert_eq!(order.history.last().unwrap().detail.as_deref(), Some("réservation expirée"));
        assert_eq!((level(&store, 1).await, ledger.kept(), ledger.held()), ((10, 0), 0, 0), "{fault:?}");
        assert!(ledger.calls() >= 1, "the provider was not asked");
    }
    assert_sound(&store).await;
}

async fn a_second_cancellation_is_refused(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 10).await;
    let ledger = Arc::new(Ledger::new());
    let saga = saga(&store, &ledger);
    let (id, _) = place(&saga, &store).await;
    let (first, second) = tokio::join!(saga.cancel(id, None), saga.cancel(id, None));
    assert_eq!([&first, &second].iter().filter(|told| told.is_ok()).count(), 1, "{first:?} {second:?}");
    assert!(saga.cancel(id, None).await.is_err());
    assert_eq!((level(&store, 1).await, ledger.kept()), ((10, 0), 0));
    assert_sound(&store).await;
}

/// A cancellation that arrives while the order is being confirmed waits for a later state or is refused, and never
/// leaves half of either.
async fn cancellation_racing_with_confirmation(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 1_000).await;
    let ledger = Arc::new(Ledger::new());
    let saga = saga(&store, &ledger);
    for _ in 0..30 {
        let new = new_order(&saga, &store, &[(1, 2), (2, 3)]);
        let id = new.id;
        let (placed, cancelled) = tokio::join!(saga.order(new, false), async {
            tokio::task::yield_now().await;
            saga.cancel(id, None).await
        });
        assert_eq!(status(&placed.unwrap()), 201);
        let expected = if cancelled.is_ok() { State::Cancelled } else { State::Confirmed };
        assert_eq!(order(&store, id).await.unwrap().state, expected);
    }
    let confirmed = count(&store, State::Confirmed).await;
    assert_eq!((level(&store, 1).await, ledger.kept()), ((1_000 - 2 * confirmed, 0), 5000 * confirmed));
    assert_sound(&store).await;
}

/// Whenever the caller leaves, somebody goes on with the order.
async fn a_caller_who_leaves_during_the_first_commit_leaves_no_order_behind(ground: Ground) {
    let store = open(&ground);
    stocked(&store, 2, 1_000).await;
    let ledger = Arc::new(Ledger::new());
    let saga = saga(&store, &ledger);
    for micros in 0..20 {
        let new = new_order(&saga, &store, &[(1, 2), (2, 3)]);
        let patience = Duration::from_micros(micros * 100);
        drop(tokio::time::timeout(patience, saga.order(new, false)).await);
    }
    settle(&saga, &store).await;
    let confirmed = count(&store, State::Confirmed).await;
    assert_eq!((level(&store, 1).await, ledger.kept()), ((1_000 - 2 * confirmed, 0), 5000 * confirmed));
    assert_sound(&store).await;
}

/// The known-bad twins: a provider that forgets whose request it was must make the checks above fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_careless_provider_is_noticed() {
    let ground = common::sqlite();
    let store = open(&ground);
    stocked(&store, 2, 1_000).await;
    // Held twice (a repeated authorisation), taken twice (a repeated capture).
    for call in 0..2 {
        let ledger = Arc::new(Ledger::careless(Some((call, Fault::LoseAnswer))));
        let saga = saga(&store, &ledger);
        place(&saga, &store).await;
        settle(&saga, &store).await;
        assert_ne!((ledger.kept(), ledger.held()), (5000, 0), "call {call}: nobody would notice");
    }
}
