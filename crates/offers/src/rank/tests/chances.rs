//! Propensities are what they say: the chance of what is shown.

use super::world::{Given, World};
use crate::engagement::EventType;
use crate::learn::PolicyName;
use crate::rank::slate::Slates;
use crate::rank::{HANDS, Request, Work};

const DRAWS: u32 = 1_000_000;
const SLOTS: usize = 4;
const OFFERS: usize = 30;

fn world(policy: PolicyName) -> World {
    let mut world = World::new(policy);
    for number in 0..30_u8 {
        let category = format!("c{}", number % 5);
        world.put(&Given::new(&format!("O{number:03}"), &category, 40 + number, 20));
        let id = format!("O{number:03}");
        for view in 0..20 {
            world.engage("crowd", &id, &category, EventType::View);
            if view % (number + 2) == 0 {
                world.engage("crowd", &id, &category, EventType::Click);
            }
        }
    }
    world.engage("fan", "O003", "c3", EventType::Redemption);
    world.refresh(Work::ALL);
    world
}

/// A million draws per slot, with the rule of two per category in force: no frequency is further from its propensity
/// than chance explains.
#[test]
fn frequencies_are_propensities() {
    for policy in PolicyName::ALL {
        let world = world(policy);
        let slates = world.slates("fan", SLOTS);
        // By place in the slate and slot.
        let mut shown = vec![[0_u32; OFFERS]; SLOTS];
        for _ in 0..DRAWS {
            // What a request does once its slates are dealt, which are the same for an unchanged plan.
            let hand = world.index.draw();
            for (place, pick) in slates.get(hand).iter().enumerate() {
                shown[place][pick.slot as usize] += 1;
            }
        }
        let propensities = propensities(&slates);
        for (place, offers) in propensities.iter().enumerate() {
            let whole: f64 = offers.iter().sum();
            assert!((whole - 1.0).abs() < 1e-12, "{policy}: the propensities of slot {place} make {whole}");
            for (offer, propensity) in offers.iter().enumerate() {
                let n = f64::from(DRAWS);
                let deviation = (n * propensity * (1.0 - propensity)).sqrt();
                let off = (f64::from(shown[place][offer]) - n * propensity).abs();
                assert!(off <= 5.0 * deviation, "{policy}: {offer} in {place}: {propensity} is off by {off}");
            }
        }
        answers_say_the_same(&world, &propensities);
    }
}

fn propensities(slates: &Slates) -> Vec<[f64; OFFERS]> {
    let mut propensities = vec![[0.0; OFFERS]; SLOTS];
    for (hand, place) in (0..HANDS).flat_map(|hand| (0..SLOTS).map(move |place| (hand, place))) {
        if let Some(pick) = slates.get(hand).get(place) {
            let hands = u32::try_from(slates.chance(hand, place).hands).unwrap();
            propensities[place][pick.slot as usize] = f64::from(hands) / 64.0;
        }
    }
    propensities
}

fn answers_say_the_same(world: &World, propensities: &[[f64; OFFERS]]) {
    let request = Request { user_id: "fan", limit: SLOTS, segment: None, now: world.now };
    for _ in 0..500 {
        let answer = world.index.recommend(&request);
        assert_eq!(answer.offers.len(), SLOTS);
        for (offer, propensities) in answer.offers.iter().zip(propensities) {
            let slot = world.index.catalog().find(offer.id.as_str()).map(|found| found.number).unwrap();
            assert!((propensities[slot as usize] - offer.propensity).abs() < 1e-12);
        }
    }
}

/// Hands change, and propensities with them; over all that time an offer is shown as often as they say together.
#[test]
fn propensities_hold_while_hands_change() {
    let world = world(PolicyName::PlainThompson);
    let request = Request { user_id: "fan", limit: SLOTS, segment: None, now: world.now };
    let (mut expected, mut found, mut variance) = ([0.0; OFFERS], [0.0; OFFERS], [0.0; OFFERS]);
    for _ in 0..3_000 {
        world.refresh(Work { hands: 4, offers: 0 });
        let first = propensities(&world.slates("fan", SLOTS))[0];
        for (offer, propensity) in first.iter().enumerate() {
            expected[offer] += propensity;
            variance[offer] += propensity * (1.0 - propensity);
        }
        let answer = world.index.recommend(&request);
        let slot =
            world.index.catalog().find(answer.offers[0].id.as_str()).map(|found| found.number).unwrap();
        found[slot as usize] += 1.0;
    }
    for offer in 0..OFFERS {
        let off: f64 = found[offer] - expected[offer];
        let deviation: f64 = variance[offer];
        assert!(
            off.abs() <= 5.0 * deviation.sqrt() + 1e-9,
            "{offer}: {} instead of {}",
            found[offer],
            expected[offer]
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    let answers = || {
        let world = world(PolicyName::AdaptiveThompson);
        let request = Request { user_id: "fan", limit: 5, segment: None, now: world.now };
        let ids = |_| {
            world.refresh(Work { hands: 3, offers: 10 });
            let answer = world.index.recommend(&request);
            answer.offers.into_iter().map(|offer| (offer.id, offer.propensity)).collect::<Vec<_>>()
        };
        (0..50).map(ids).collect::<Vec<_>>()
    };
    assert_eq!(answers(), answers());
}

#[test]
fn only_what_learns_by_chance_explores() {
    let share = |policy: PolicyName| {
        let world = world(policy);
        let request = Request { user_id: "nobody", limit: 3, segment: None, now: world.now };
        let answers = (0..2_000).flat_map(|_| world.index.recommend(&request).offers);
        let (explored, all) =
            answers.fold((0, 0), |(explored, all), offer| (explored + u32::from(offer.explores), all + 1));
        f64::from(explored) / f64::from(all)
    };
    assert!(share(PolicyName::Static) == 0.0);
    assert!(share(PolicyName::Uniform) > 0.8);
    let thompson = share(PolicyName::PlainThompson);
    assert!(thompson > 0.0 && thompson < 0.9, "{thompson}");
}
