//! The whole saga against a Stripe that answers late, twice, wrongly or not at all: what Stripe's own books say must
//! fit what ours say, order by order.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use common::{Ground, assert_sound, level, new_order, order, saga_with, status, stocked};
use kernel::{ManualClock, OrderId, PaymentId, Timestamp};
use retail::order::saga::{Saga, SagaSettings};
use retail::order::{Order, State};
use retail::payment::stripe::double::{
    AUTHENTICATES, DECLINED, Endpoint, Fault, INSUFFICIENT, SLOW, StripeDouble,
};
use retail::payment::stripe::{StripeProvider, StripeSettings};
use store::{Options, Store, Unavailable};

on_both_engines![
    a_confirmed_order_is_captured_once,
    a_declined_payment_holds_nothing,
    a_payment_in_process_is_waited_for,
    whatever_happens_to_an_answer_the_books_agree,
    whatever_happens_to_a_refund_it_is_made_once,
    a_reservation_that_runs_out_in_doubt_leaves_nothing_held,
    two_workers_at_once_charge_once,
];

/// Two of product 1 and three of product 2, at 10.00 each, in cents.
const TOTAL: i64 = 5000;
const NOW: Timestamp = Timestamp::from_micros(1_772_366_400_000_000);

/// Every fault; the late answer is later than the client waits.
const FAULTS: [Fault; 14] = [
    Fault::Late(Duration::from_hours(1)),
    Fault::Twice,
    Fault::TwiceLater,
    Fault::OtherPayment,
    Fault::Garbage,
    Fault::Truncated,
    Fault::ErrorAfterWork,
    Fault::LostAnswer,
    Fault::LostRequest,
    Fault::ErrorBeforeWork,
    Fault::RateLimited(0),
    Fault::LockTimeout,
    Fault::KeyInUse,
    Fault::Redirect,
];

/// A chain whose clock moves only when told.
struct Chain {
    store: Store,
    clock: Arc<ManualClock>,
    _ground: Ground,
}

impl Chain {
    async fn open(ground: Ground) -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let options =
            Options { clock: clock.clone(), ..Options::new(ground.engine.clone(), vec![retail::SCHEMA]) };
        let store = Store::open(options).unwrap();
        stocked(&store, 2, 10_000).await;
        Self { store, clock, _ground: ground }
    }

    /// A Stripe of its own, and the saga that it pays.
    async fn till(&self, change: impl FnOnce(&mut StripeSettings)) -> Till<'_> {
        self.till_with(change, |provider| provider).await
    }

    async fn till_with(
        &self,
        change: impl FnOnce(&mut StripeSettings),
        twin: impl FnOnce(StripeProvider) -> StripeProvider,
    ) -> Till<'_> {
        let double = StripeDouble::start().await.unwrap();
        let mut settings = double.settings();
        change(&mut settings);
        let provider = Arc::new(twin(StripeProvider::new(settings, self.clock.clone()).unwrap()));
        let saga = self.saga(&provider);
        Till { chain: self, double, provider, saga, before: self.levels().await }
    }

    fn saga(&self, provider: &Arc<StripeProvider>) -> Arc<Saga> {
        let settings = SagaSettings {
            currency: common::EUR,
            reservation_seconds: 900,
            provider_timeout: Duration::from_secs(5),
        };
        saga_with(&self.store, provider, settings)
    }

    async fn levels(&self) -> [(i64, i64); 2] {
        [level(&self.store, 1).await, level(&self.store, 2).await]
    }
}

/// A saga, its Stripe, and the stock before its first order.
struct Till<'a> {
    chain: &'a Chain,
    double: StripeDouble,
    provider: Arc<StripeProvider>,
    saga: Arc<Saga>,
    before: [(i64, i64); 2],
}

impl Till<'_> {
    /// Places an order and returns its ids and the status that it was answered with.
    async fn place(&self) -> (OrderId, PaymentId, u16) {
        let new = new_order(&self.saga, &self.chain.store, &[(1, 2), (2, 3)]);
        let (id, payment) = (new.id, new.payment_id);
        (id, payment, status(&self.saga.order(new, false).await.unwrap()))
    }

    async fn order(&self, id: OrderId) -> Order {
        order(&self.chain.store, id).await.unwrap()
    }

    /// Lets workers run, and the clock with them, until nothing is unfinished.
    async fn settle(&self, sagas: &[&Arc<Saga>]) {
        let workers: Vec<_> =
            sagas.iter().map(|saga| tokio::spawn(Arc::clone(saga).work(pending()))).collect();
        for _ in 0..400 {
            let unfinished = self
                .chain
                .store
                .scan(|tx| Ok::<_, Unavailable>(retail::invariants::unfinished(tx)?.len()))
                .await
                .unwrap();
            if unfinished == 0 {
                for worker in &workers {
                    worker.abort();
                }
                return;
            }
            self.chain.clock.advance_seconds(1);
            for saga in sagas {
                saga.wake();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("orders are still unfinished");
    }

    /// Holds our row of an order against Stripe's books and the stock.
    async fn audit(&self, id: OrderId, payment: PaymentId) -> Result<State, String> {
        let state = self.order(id).await.state;
        let (money, units) = match state {
            State::Confirmed => (TOTAL, [2, 3]),
            State::Cancelled => (0, [0, 0]),
            State::Created | State::StockVerified | State::StockReserved | State::Paid => {
                return Err(format!("still {state:?}"));
            }
        };
        let books = self.double.ledger();
        let (charges, kept, held) = (books.charges(payment), books.kept(payment), books.held(payment));
        if charges > 1 || kept != money || held != 0 {
            return Err(format!("{state:?}, charged {charges} times, {kept} kept, {held} held"));
        }
        let left = [0, 1].map(|n| (self.before[n].0 - units[n], self.before[n].1));
        let levels = self.chain.levels().await;
        if levels == left { Ok(state) } else { Err(format!("{state:?}, levels {levels:?}")) }
    }
}

/// A client that does not repeat by itself, so that each fault reaches the saga, and does not wait for what is late
/// by an hour.
fn impatient(fault: Fault) -> impl FnOnce(&mut StripeSettings) {
    move |settings| {
        settings.retries = 0;
        if matches!(fault, Fault::Late(_)) {
            settings.timeout = Duration::from_millis(200);
        }
    }
}

async fn a_confirmed_order_is_captured_once(ground: Ground) {
    let chain = Chain::open(ground).await;
    let till = chain.till(|_| {}).await;
    let (id, payment, status) = till.place().await;
    assert_eq!((status, till.audit(id, payment).await), (201, Ok(State::Confirmed)));
    let books = till.double.ledger();
    let [entry] = books.entries.as_slice() else { panic!("one intent expected: {books:?}") };
    assert_eq!((entry.amount, entry.captured, entry.refunded), (TOTAL, TOTAL, 0));
    assert_eq!(entry.order_id.as_deref(), Some(id.to_string().as_str()));
    assert_eq!(till.order(id).await.payment_reference.as_deref(), Some(entry.intent.as_str()));
    let captures = till.double.seen().iter().filter(|seen| seen.endpoint == Endpoint::Capture).count();
    assert_eq!(captures, 1);
    assert_sound(&chain.store).await;
}

async fn a_declined_payment_holds_nothing(ground: Ground) {
    let chain = Chain::open(ground).await;
    for method in [DECLINED, INSUFFICIENT, AUTHENTICATES] {
        let till = chain.till(|settings| method.clone_into(&mut settings.payment_method)).await;
        let (id, payment, status) = till.place().await;
        assert_eq!((status, till.audit(id, payment).await), (402, Ok(State::Cancelled)), "{method}");
        assert_eq!(till.double.ledger().charges(payment), 0, "{method}");
    }
    assert_sound(&chain.store).await;
}

async fn a_payment_in_process_is_waited_for(ground: Ground) {
    let chain = Chain::open(ground).await;
    let till = chain.till(|settings| SLOW.clone_into(&mut settings.payment_method)).await;
    let (id, payment, status) = till.place().await;
    assert_eq!(status, 202);
    assert_eq!(till.order(id).await.state, State::StockReserved);
    assert_eq!(chain.levels().await, [(10_000, 2), (10_000, 3)], "the units wait with it");
    assert_eq!(till.double.ledger().of(payment).count(), 1);
}

/// One answer of an order's life is spoiled; the worker settles it, and the books agree.
async fn one_fault(till: &Till<'_>, on: Endpoint, fault: Fault) -> Result<State, String> {
    till.double.fail_next_on(on, fault);
    let (id, payment, _) = till.place().await;
    till.settle(&[&till.saga]).await;
    till.audit(id, payment).await.map_err(|said| format!("{on:?} {fault:?}: {said}"))
}

async fn whatever_happens_to_an_answer_the_books_agree(ground: Ground) {
    let chain = Chain::open(ground).await;
    for on in [Endpoint::Create, Endpoint::Retrieve, Endpoint::Capture] {
        for fault in FAULTS {
            let till = chain.till(impatient(fault)).await;
            assert_eq!(one_fault(&till, on, fault).await, Ok(State::Confirmed), "{on:?} {fault:?}");
        }
    }
    assert_sound(&chain.store).await;
}

/// The known-bad twin of the test above: a new idempotency key each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_careless_keys_is_noticed() {
    let chain = Chain::open(common::sqlite()).await;
    for fault in [Fault::LostAnswer, Fault::Truncated, Fault::Garbage, Fault::OtherPayment] {
        let till = chain.till_with(impatient(fault), StripeProvider::with_careless_keys).await;
        let said = one_fault(&till, Endpoint::Create, fault).await.unwrap_err();
        assert!(said.contains("charged 2 times"), "{said}");
    }
}

async fn whatever_happens_to_a_refund_it_is_made_once(ground: Ground) {
    let chain = Chain::open(ground).await;
    for on in [Endpoint::Retrieve, Endpoint::Refund] {
        for fault in FAULTS {
            let till = chain.till(impatient(fault)).await;
            let (id, payment, status) = till.place().await;
            assert_eq!(status, 201);
            till.double.fail_next_on(on, fault);
            till.saga.cancel(id, None).await.unwrap();
            till.settle(&[&till.saga]).await;
            assert_eq!(till.audit(id, payment).await, Ok(State::Cancelled), "{on:?} {fault:?}");
            let books = till.double.ledger();
            assert_eq!((books.entries[0].captured, books.entries[0].refunded), (TOTAL, TOTAL));
            assert!(till.saga.cancel(id, None).await.is_err(), "a second cancellation");
        }
    }
    assert_sound(&chain.store).await;
}

async fn a_reservation_that_runs_out_in_doubt_leaves_nothing_held(ground: Ground) {
    let chain = Chain::open(ground).await;
    for fault in FAULTS {
        let till = chain.till(impatient(fault)).await;
        till.double.fail_next_on(Endpoint::Create, fault);
        let (id, payment, status) = till.place().await;
        chain.clock.advance_seconds(901);
        till.settle(&[&till.saga]).await;
        let expected = if status == 201 { State::Confirmed } else { State::Cancelled };
        assert_eq!(till.audit(id, payment).await, Ok(expected), "{fault:?}");
    }
    assert_sound(&chain.store).await;
}

/// A second process takes the order over while the first still works on it.
async fn two_workers_at_once_charge_once(ground: Ground) {
    let chain = Chain::open(ground).await;
    for on in [Endpoint::Create, Endpoint::Capture] {
        for fault in [Fault::LostAnswer, Fault::LostRequest, Fault::ErrorAfterWork] {
            let till = chain.till(impatient(fault)).await;
            till.double.fail_next_on(on, fault);
            let (id, payment, _) = till.place().await;
            let second = chain.saga(&till.provider);
            second.void_leases().await.unwrap();
            till.settle(&[&till.saga, &second]).await;
            assert_eq!(till.audit(id, payment).await, Ok(State::Confirmed), "{on:?} {fault:?}");
        }
    }
    assert_sound(&chain.store).await;
}
