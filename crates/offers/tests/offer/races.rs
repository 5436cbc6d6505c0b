//! Many people at the same offers, in two processes where the engine allows.

use kernel::{Quantity, Timestamp};
use offers::inventory::{OFFER_STOCKOUT, Units, commands};
use offers::offer::{self, Offer, OfferError, Status};
use offers::pivot::OFFER_PIVOTED;
use store::{Call, CallError, DbError, Slice, Store, Tx};

use crate::hall::{Ground, Shelf, add, app, assert_sound, details, id, left, pivots, told};

crate::on_both_engines![
    five_hundred_units_for_two_thousand_people,
    redemptions_and_administration_leave_nothing_unsettled,
    offers_of_a_category_that_run_out_together_agree_on_the_target,
    ids_made_at_the_same_time_differ,
];

/// Redemptions as the hot command makes them: many at a time.
struct Redeem;

impl Slice for Redeem {
    type Item = (String, i64);
    type Output = Result<Units, OfferError>;
    const NAME: &'static str = "test.redeem";
    const LANE: store::Lane = offers::OFFERS;

    fn locks(_: &Self::Item, _: &mut store::Locks) {}

    fn run(tx: &mut Tx<'_>, now: Timestamp, items: &[&Self::Item]) -> Result<Vec<Self::Output>, DbError> {
        let wishes: Vec<_> =
            items.iter().map(|(offer, units)| (id(offer), Quantity::new(*units).unwrap())).collect();
        commands::take(tx, now, &Shelf, &wishes)
    }
}

async fn redeem(store: &Store, offer: &str, units: i64) -> bool {
    store.run_one::<Redeem>((offer.to_owned(), units)).await.unwrap().is_ok()
}

async fn five_hundred_units_for_two_thousand_people(ground: Ground) {
    let first = ground.open();
    let second = ground.second(&first);
    add(&first, "A", details("food", 90, 500)).await;
    add(&first, "B", details("food", 80, 500)).await;
    let people = (0..2_000).map(|n| {
        let store = if n % 2 == 0 { first.clone() } else { second.clone() };
        tokio::spawn(async move { redeem(&store, "A", 1).await })
    });
    let mut granted = 0;
    for person in people.collect::<Vec<_>>() {
        granted += usize::from(person.await.unwrap());
    }
    assert_eq!((granted, left(&first, "A").await), (500, (0, 0)));
    assert_eq!((told(&first, OFFER_STOCKOUT).await, told(&first, OFFER_PIVOTED).await), (1, 1));
    assert_eq!(pivots(&first).await, ["A->B"]);
    assert_sound(&first).await;
}

async fn redemptions_and_administration_leave_nothing_unsettled(ground: Ground) {
    let first = ground.open();
    let second = ground.second(&first);
    for (name, priority) in [("A", 90), ("B", 80), ("C", 70)] {
        add(&first, name, details("food", priority, 3)).await;
    }
    let redeeming = |store: Store| async move {
        for n in 0..300 {
            redeem(&store, ["A", "B", "C"][n % 3], 1).await;
        }
    };
    let filling = |store: Store| async move {
        for n in 0..100_usize {
            let (name, own) = (["A", "B", "C"][n % 3], Units::new(i64::try_from(n % 4).unwrap()).unwrap());
            let call = Call::new("test.set", offers::OFFERS);
            let set: Result<_, CallError<OfferError>> = store
                .run(call, move |tx, now| commands::set_inventory(tx, now, &Shelf, &id(name), own))
                .await;
            set.unwrap();
        }
    };
    let moving = |store: Store| async move {
        for n in 0..60_usize {
            let category = ["food", "sports"][n % 2];
            let mut changed = details(category, 70, 3);
            changed.status = Some(if n % 5 == 4 { Status::Paused } else { Status::Active });
            let call = Call::new("test.replace", offers::OFFERS);
            let replaced: Result<_, CallError<OfferError>> = store
                .run(call, move |tx, now| offer::commands::replace(tx, now, &Shelf, &id("C"), &changed))
                .await;
            replaced.unwrap();
        }
    };
    let tasks = [
        tokio::spawn(redeeming(first.clone())),
        tokio::spawn(redeeming(second.clone())),
        tokio::spawn(filling(first.clone())),
        tokio::spawn(moving(second.clone())),
    ];
    for task in tasks {
        task.await.unwrap();
        assert_sound(&first).await;
    }
}

async fn offers_of_a_category_that_run_out_together_agree_on_the_target(ground: Ground) {
    let first = ground.open();
    let second = ground.second(&first);
    for (name, priority) in [("A", 90), ("B", 80), ("C", 70), ("D", 60)] {
        add(&first, name, details("food", priority, 1)).await;
    }
    let (a, b, c) = tokio::join!(redeem(&first, "A", 1), redeem(&second, "B", 1), redeem(&second, "C", 1));
    assert!(a && b && c);
    assert_eq!(pivots(&first).await, ["A->D", "B->D", "C->D"]);
    assert_sound(&first).await;
}

async fn ids_made_at_the_same_time_differ(ground: Ground) {
    let first = ground.open();
    let second = ground.second(&first);
    let making = (0..40).map(|n| {
        let store = if n % 2 == 0 { first.clone() } else { second.clone() };
        tokio::spawn(async move {
            let made: Result<Offer, CallError<OfferError>> = store
                .run(Call::new("test.create", offers::OFFERS), |tx, now| {
                    offer::commands::create(tx, now, &Shelf, None, &details("food", 1, 1))
                })
                .await;
            made.unwrap().id.to_string()
        })
    });
    let mut ids = Vec::new();
    for made in making.collect::<Vec<_>>() {
        ids.push(made.await.unwrap());
    }
    ids.sort();
    let expected: Vec<String> = (1..=40).map(|number| format!("OFF{number:03}")).collect();
    assert_eq!(ids, expected);
    assert_eq!(
        app(&first).get("/offers?limite=200").await.json::<serde_json::Value>()["elements"][39]["offer_id"],
        "OFF040"
    );
}
