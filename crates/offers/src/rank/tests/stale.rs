//! No stale offer: once the event that takes an offer out has been applied, no answer that begins later has it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::world::{Given, NOW, World};
use crate::inventory::OFFER_STOCK;
use crate::learn::PolicyName;
use crate::rank::{Request, Work};

const OFFERS: usize = 24;
const TURNS: u32 = 4_000;

/// Even while an offer is in, odd while it is out, and then it is out for sure: changed before it comes in again, and
/// after it has gone out.
type Turn = AtomicU32;

fn id(offer: usize) -> String {
    format!("O{offer:03}")
}

/// Writers empty and restock offers as fast as they can, by the merchant's count and by their product's stock, while
/// readers ask and a refresher works without a pause.
#[test]
fn readers_and_writers_race() {
    let mut world = World::new(PolicyName::PlainThompson);
    for offer in 0..OFFERS {
        let product = (offer % 2 == 1).then(|| i64::try_from(offer).unwrap());
        world.put(&Given { product, ..Given::new(&id(offer), &format!("c{}", offer % 4), 50, 10) });
    }
    let products = world.index.catalog().products.take_wanted();
    world.index.learn_levels(&products, &[]);
    let level = |offer: usize, units: i64| serde_json::json!({"niveaux": [{"emplacement_id": 0, "produit_id": offer, "en_main": units, "reserve": 0, "disponible": units}]});
    for offer in (1..OFFERS).step_by(2) {
        world.index.learn_levels(
            &[kernel::ProductId(i64::try_from(offer).unwrap())],
            &[crate::inventory::ProductLevel {
                product: kernel::ProductId(i64::try_from(offer).unwrap()),
                place: kernel::PlaceId::CENTRE,
                available: 5,
                active_place: true,
                active_product: true,
            }],
        );
    }
    world.refresh(Work::ALL);
    let events: Vec<Vec<_>> = (0..OFFERS)
        .map(|offer| {
            [0, 10].map(|units| {
                if offer % 2 == 1 {
                    world.event("halles.stock.changed", "stock", &level(offer, units))
                } else {
                    let told = serde_json::json!({"offer_id": id(offer), "category": "any", "inventory_count": units, "inventory_own": units});
                    world.event(OFFER_STOCK, &id(offer), &told)
                }
            }).to_vec()
        })
        .collect();
    let turns: Vec<Turn> = (0..OFFERS).map(|_| Turn::new(0)).collect();
    let done = AtomicBool::new(false);
    let (index, turns, done, events) = (&world.index, &turns, &done, &events);
    let (seen, gone) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                index.refresh(NOW, Work { hands: 4, offers: 4 });
            }
        });
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(move || read(index, turns, done))).collect();
        let writers: Vec<_> = (0..2_usize)
            .map(|writer| {
                scope.spawn(move || {
                    for turn in 0..TURNS {
                        let offer = (usize::try_from(turn).unwrap() * 2 + writer) % OFFERS;
                        index.apply(&events[offer][..1]);
                        turns[offer].fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        turns[offer].fetch_add(1, Ordering::SeqCst);
                        index.apply(&events[offer][1..]);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    });
    assert!(seen > 1_000 && gone > 100, "{seen} offers were seen, {gone} were out meanwhile: no race");
}

/// Asks again and again; how many offers were seen, and how many were out all the while.
fn read(index: &crate::rank::Index, turns: &[Turn], done: &AtomicBool) -> (usize, usize) {
    let request = Request { user_id: "nobody", limit: 8, segment: None, now: NOW };
    let (mut seen, mut gone) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        let before: Vec<u32> = turns.iter().map(|turn| turn.load(Ordering::SeqCst)).collect();
        let answer = index.recommend(&request);
        for (offer, before) in before.iter().enumerate() {
            let out = before % 2 == 1 && turns[offer].load(Ordering::SeqCst) == *before;
            gone += usize::from(out);
            let shown = answer.offers.iter().any(|shown| shown.id.as_str() == id(offer));
            assert!(!(out && shown), "{} was out and is shown", id(offer));
        }
        seen += answer.offers.len();
    }
    (seen, gone)
}
