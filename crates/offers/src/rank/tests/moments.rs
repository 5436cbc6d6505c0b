//! What an answer says at particular moments: nobody, nothing, the end of an offer, a clock that goes back.

use super::world::{Given, NOW, World};
use crate::engagement::EventType;
use crate::learn::PolicyName;
use crate::rank::{Recommendation, Request, Work, signals};
use crate::trending::Window;

fn ask(world: &World, user: &str, limit: usize) -> Recommendation {
    world.index.recommend(&Request { user_id: user, limit, segment: None, now: world.now })
}

fn ids(answer: &Recommendation) -> Vec<&str> {
    answer.offers.iter().map(|offer| offer.id.as_str()).collect()
}

/// The demo's five offers under the policy without chance.
fn demo() -> World {
    let mut world = World::new(PolicyName::Static);
    world.put(&Given::new("OFF001", "electronics", 95, 50));
    world.put(&Given::new("OFF002", "fashion", 88, 200));
    world.put(&Given::new("OFF003", "food", 70, 500));
    world.put(&Given::new("OFF004", "electronics", 82, 30));
    world.put(&Given::new("OFF005", "sports", 75, 120));
    world.import("USER001", "premium");
    world.refresh(Work::ALL);
    world
}

#[test]
fn a_score_is_the_sum_that_a_merchant_can_work_out() {
    let mut world = demo();
    for _ in 0..5 {
        world.engage("USER001", "OFF001", "electronics", EventType::Click);
    }
    world.refresh(Work::ALL);
    let answer = ask(&world, "USER001", 3);
    assert_eq!(ids(&answer), ["OFF001", "OFF004", "OFF002"]);
    assert_eq!((answer.available, answer.segment.as_ref()), (5, "premium"));
    let first = &answer.offers[0];
    // Five clicks: relevance 100 * 5 / 10 = 50. Inventory 100 * 50 / 70. Belief of an offer as good as all: 50.
    let expected = 0.35 * 50.0 + 0.10 * (5000.0 / 70.0) + 0.20 * 95.0 + 0.25 * 50.0;
    assert!((f64::from(first.score) - expected).abs() < 1e-3, "{} is not {expected}", first.score);
    let told = first.explanation;
    let sum = signals::RELEVANCE * told.relevance
        + signals::URGENCY * told.urgency
        + signals::INVENTORY * told.inventory
        + signals::PRIORITY * told.priority
        + signals::BELIEF * told.belief
        + told.boost;
    assert!((sum - first.score).abs() < 1e-3);
    assert!(told.blended && (first.propensity - 1.0).abs() < 1e-12 && !first.explores);
}

#[test]
fn every_explanation_adds_up_to_its_score() {
    for policy in PolicyName::ALL {
        let mut world = World::new(policy);
        for number in 0..40_u8 {
            let mut offer = Given::new(
                &format!("O{number:02}"),
                &format!("c{}", number % 7),
                1 + number,
                5 + i64::from(number),
            );
            offer.expires_at = (number % 3 == 0).then(|| NOW.plus_seconds(i64::from(number) * 3_000 + 60));
            world.put(&offer);
        }
        world.pivot("O01", "O08");
        world.engage("fan", "O03", "c3", EventType::AddToCart);
        world.refresh(Work::ALL);
        for _ in 0..50 {
            let answer = ask(&world, "fan", 14);
            assert_eq!(answer.offers.len(), 14, "{policy}");
            assert!(answer.offers.is_sorted_by(|a, b| a.score >= b.score), "{policy}");
            for offer in answer.offers {
                let told = offer.explanation;
                let sum = if told.blended {
                    signals::RELEVANCE * told.relevance
                        + signals::URGENCY * told.urgency
                        + signals::INVENTORY * told.inventory
                        + signals::PRIORITY * told.priority
                        + signals::BELIEF * told.belief
                        + told.boost
                } else {
                    told.belief
                };
                assert!((sum.min(100.0) - offer.score).abs() < 1e-3, "{policy} {offer:?}");
            }
        }
    }
}

#[test]
fn nothing_to_show_is_an_empty_answer() {
    for policy in PolicyName::ALL {
        let mut world = World::new(policy);
        assert_eq!((ask(&world, "anybody", 3).offers.len(), ask(&world, "anybody", 3).available), (0, 0));
        world.refresh(Work::ALL);
        assert_eq!(ask(&world, "anybody", 20).offers.len(), 0);
        world.put(&Given::new("OFF001", "food", 50, 0));
        world.put(&Given { status: "PAUSED", ..Given::new("OFF002", "food", 50, 5) });
        world.refresh(Work::ALL);
        let answer = ask(&world, "anybody", 20);
        assert_eq!((answer.offers.len(), answer.available), (0, 0), "{policy}");
        assert_eq!(answer.segment.as_ref(), "new_user");
    }
}

#[test]
fn a_boost_is_given_once_capped_and_taken_back() {
    let mut world = demo();
    let before =
        ask(&world, "USER001", 5).offers.into_iter().find(|offer| offer.id.as_str() == "OFF004").unwrap();
    for from in ["OFF001", "OFF009"] {
        world.pivot(from, "OFF004");
    }
    world.refresh(Work { hands: 0, offers: 0 });
    let boosted = &ask(&world, "USER001", 5).offers[0];
    assert_eq!((boosted.id.as_str(), boosted.priority), ("OFF004", 82));
    assert!((boosted.score - before.score - 20.0).abs() < 1e-3);
    assert!((boosted.explanation.boost - 20.0).abs() < 1e-3);

    world.unpivot("OFF001", "OFF004");
    world.refresh(Work { hands: 0, offers: 0 });
    assert!(
        ask(&world, "USER001", 5).offers[0].explanation.boost > 19.9,
        "the other pivot is still in force"
    );
    world.unpivot("OFF009", "OFF004");
    world.refresh(Work { hands: 0, offers: 0 });
    let after =
        ask(&world, "USER001", 5).offers.into_iter().find(|offer| offer.id.as_str() == "OFF004").unwrap();
    assert!((after.score - before.score).abs() < 1e-3);

    let mut best = Given::new("OFF004", "electronics", 100, 1_000_000);
    best.expires_at = Some(world.now.plus_seconds(1));
    world.put(&best);
    for _ in 0..2_000 {
        world.engage("USER001", "OFF004", "electronics", EventType::Redemption);
    }
    world.pivot("OFF001", "OFF004");
    world.refresh(Work::ALL);
    let first = &ask(&world, "USER001", 1).offers[0];
    assert!((first.score - 100.0).abs() < f32::EPSILON, "{}", first.score);
}

#[test]
fn whatever_takes_an_offer_out_does_so_at_once() {
    let changes: [fn(&mut World); 6] = [
        |world| world.stock("OFF001", 0),
        |world| world.put(&Given { status: "PAUSED", ..Given::new("OFF001", "electronics", 95, 50) }),
        |world| {
            world.put(&Given {
                segments: vec!["standard".into()],
                ..Given::new("OFF001", "electronics", 95, 50)
            });
        },
        |world| world.delete("OFF001"),
        |world| {
            world.put(&Given { expires_at: Some(world.now), ..Given::new("OFF001", "electronics", 95, 50) });
        },
        |world| {
            world.put(&Given {
                expires_at: Some(world.now.plus_seconds(60)),
                ..Given::new("OFF001", "electronics", 95, 50)
            });
            world.refresh(Work::ALL);
            assert!(ids(&ask(world, "USER001", 5)).contains(&"OFF001"));
            world.now = world.now.plus_seconds(60);
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut world = demo();
        assert!(ids(&ask(&world, "USER001", 5)).contains(&"OFF001"));
        change(&mut world);
        let answer = ask(&world, "USER001", 5);
        assert!(!ids(&answer).contains(&"OFF001"), "change {number}");
        assert_eq!((answer.offers.len(), answer.available), (4, 4), "change {number}");
        world.refresh(Work::ALL);
        assert_eq!(ids(&ask(&world, "USER001", 5)), ids(&answer), "change {number}");
    }
}

#[test]
fn what_is_new_or_back_comes_with_the_next_refresh() {
    let mut world = demo();
    world.stock("OFF001", 0);
    world.put(&Given::new("OFF006", "home", 100, 100));
    world.put(&Given::new("OFF005", "sports", 100, 1_000));
    world.refresh(Work { hands: 0, offers: 0 });
    assert_eq!(ids(&ask(&world, "USER001", 2)), ["OFF005", "OFF006"]);
    world.stock("OFF001", 50_000);
    world.refresh(Work { hands: 0, offers: 0 });
    assert_eq!(ids(&ask(&world, "USER001", 5))[..3], ["OFF005", "OFF001", "OFF006"]);
}

#[test]
fn an_event_is_seen_by_the_next_answer_and_what_it_teaches_by_the_next_refresh() {
    let mut world = World::new(PolicyName::PlainThompson);
    world.put(&Given::new("OFF001", "food", 50, 50));
    world.put(&Given::new("OFF002", "home", 50, 50));
    world.refresh(Work::ALL);
    world.engage("USER001", "OFF002", "home", EventType::Redemption);
    let relevance = |world: &World| {
        let answer = ask(world, "USER001", 2);
        answer.offers.iter().find(|offer| offer.id.as_str() == "OFF002").unwrap().explanation.relevance
    };
    assert!((relevance(&world) - 50.0).abs() < 1e-3);
    let chance = |world: &World| {
        world.named(&world.slates("nobody", 1)).iter().filter(|slate| slate[0] == "OFF001").count()
    };
    for _ in 0..200 {
        world.engage("crowd", "OFF001", "food", EventType::View);
        world.engage("crowd", "OFF001", "food", EventType::Click);
        world.engage("crowd", "OFF002", "home", EventType::View);
    }
    world.refresh(Work { hands: 0, offers: 2 });
    assert!(chance(&world) == 64, "after 200 clicks against none there is no doubt: {}", chance(&world));
}

#[test]
fn segments_see_their_own_offers_and_everybodys() {
    let mut world = demo();
    world.put(&Given {
        segments: vec!["premium".into(), "gold".into()],
        ..Given::new("OFF010", "food", 100, 90)
    });
    world.refresh(Work::ALL);
    assert_eq!((ids(&ask(&world, "USER001", 1)), ask(&world, "USER001", 1).available), (vec!["OFF010"], 6));
    assert_eq!(ask(&world, "nobody", 20).available, 5);
    let request = |segment| Request { user_id: "nobody", limit: 1, segment, now: world.now };
    assert_eq!(ids(&world.index.recommend(&request(Some("gold")))), ["OFF010"]);
    assert_eq!(world.index.recommend(&request(Some("unheard of"))).available, 5);
    // What is said of somebody who is known does not count.
    let known = Request { user_id: "USER001", ..request(Some("unheard of")) };
    assert_eq!(world.index.recommend(&known).available, 6);
}

#[test]
fn a_clock_that_goes_back_brings_back_what_was_over() {
    let mut world = demo();
    world.put(&Given { expires_at: Some(NOW.plus_seconds(100)), ..Given::new("OFF006", "home", 100, 100) });
    world.now = NOW.plus_seconds(200);
    world.refresh(Work { hands: 0, offers: 0 });
    assert_eq!((ask(&world, "nobody", 20).offers.len(), ask(&world, "nobody", 20).available), (5, 5));
    world.now = NOW.plus_seconds(-3_600);
    assert!(world.index.is_behind(world.now));
    world.refresh(Work { hands: 0, offers: 0 });
    assert_eq!((ask(&world, "nobody", 20).offers.len(), ask(&world, "nobody", 20).available), (6, 6));
    assert!(!world.index.is_behind(world.now));
}

#[test]
fn an_offer_tied_to_a_product_lives_by_what_the_stores_have() {
    use crate::inventory::ProductLevel;
    use kernel::{PlaceId, ProductId};

    let mut world = demo();
    world.put(&Given { product: Some(7), ..Given::new("OFF001", "electronics", 95, 50) });
    assert!(!ids(&ask(&world, "USER001", 5)).contains(&"OFF001"), "nobody knows yet what there is");
    let asked = world.index.catalog().products.take_wanted();
    assert_eq!(asked, [ProductId(7)]);
    let level = |place, available| ProductLevel {
        product: ProductId(7),
        place: PlaceId(place),
        available,
        active_place: true,
        active_product: true,
    };
    world.index.learn_levels(&asked, &[level(0, 3), level(1, 2)]);
    world.refresh(Work::ALL);
    let count = |world: &World| {
        let answer = ask(world, "USER001", 5);
        answer.offers.iter().find(|offer| offer.id.as_str() == "OFF001").map(|offer| offer.inventory)
    };
    assert_eq!(count(&world), Some(5));
    let sold = |place: i64, left: i64| serde_json::json!({"niveaux": [{"emplacement_id": place, "produit_id": 7, "en_main": left, "reserve": 0, "disponible": left}]});
    world.tell("halles.stock.changed", "stock", &sold(1, 0));
    assert_eq!(count(&world), Some(3));
    world.tell("halles.stock.changed", "stock", &sold(0, 0));
    assert_eq!((count(&world), ask(&world, "USER001", 5).available), (None, 4));
    world.tell("halles.stock.changed", "stock", &sold(1, 60));
    world.refresh(Work { hands: 0, offers: 0 });
    assert_eq!(count(&world), Some(50), "the merchant's own count bounds it too");
    world.tell("halles.shop.changed", "1", &serde_json::json!({"id": 1, "actif": false, "nom": "x"}));
    assert_eq!(count(&world), None);
}

#[test]
fn the_most_active_come_first_and_the_quiet_not_at_all() {
    let mut world = demo();
    for (offer, category, what) in [
        ("OFF003", "food", EventType::Click),
        ("OFF005", "sports", EventType::Redemption),
        ("OFF001", "electronics", EventType::Click),
    ] {
        world.engage("USER001", offer, category, what);
    }
    let trends = |category: Option<&str>, limit| {
        let category = category.map(|category| category.parse().expect("a category"));
        let trends = world.index.trends(Window::Hour, world.now, category.as_ref(), limit);
        trends.iter().map(|trend| (trend.offer_id.to_string(), trend.points)).collect::<Vec<_>>()
    };
    let all = [("OFF005", 5.0), ("OFF001", 1.0), ("OFF003", 1.0)].map(|(id, points)| (id.to_owned(), points));
    assert_eq!(trends(None, 10), all);
    assert_eq!(trends(None, 2), all[..2]);
    assert_eq!(trends(Some("food"), 10), all[2..]);
    assert_eq!(trends(Some("unheard of"), 10), []);
}

#[test]
fn offers_that_are_over_are_not_looked_at_again() {
    let mut world = demo();
    for number in 0..100 {
        let mut offer = Given::new(&format!("PAST{number}"), "food", 99, 5);
        offer.expires_at = Some(NOW.plus_seconds(60));
        world.put(&offer);
    }
    world.refresh(Work::ALL);
    let pending = |world: &World| world.index.plan.load().shelves.expired(i64::MIN, world.now).count();
    world.now = NOW.plus_seconds(61);
    assert_eq!((pending(&world), ask(&world, "USER001", 3).available), (100, 5), "over, and not yet told of");
    for number in 0..100 {
        let mut offer = Given::new(&format!("PAST{number}"), "food", 99, 5);
        (offer.expires_at, offer.status) = (Some(NOW.plus_seconds(60)), "EXPIRED");
        world.put(&offer);
    }
    world.refresh(Work::ALL);
    assert_eq!((pending(&world), ask(&world, "USER001", 3).available), (0, 5));
    let mut back = Given::new("PAST7", "food", 99, 5);
    back.expires_at = Some(world.now.plus_seconds(60));
    world.put(&back);
    world.refresh(Work::ALL);
    assert_eq!(ask(&world, "USER001", 3).available, 6);
}
