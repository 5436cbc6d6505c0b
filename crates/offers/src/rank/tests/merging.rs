//! The merge of prepared lists gives what ranking everything would.

use proptest::prelude::*;

use super::world::{Given, World};
use crate::engagement::EventType;
use crate::learn::PolicyName;
use crate::rank::Work;

/// Something that happens to the world.
#[derive(Debug, Clone)]
enum Step {
    Put(Given),
    Stock(usize, i64),
    Delete(usize),
    Engage { user: usize, offer: usize, category: usize, what: usize },
    Pivot(usize, usize),
    Pass(i64),
    Refresh { hands: usize, offers: usize },
}

const SEGMENTS: [&str; 3] = ["new_user", "premium", "standard"];

fn offer_id(number: usize) -> String {
    format!("O{number:03}")
}

fn given(categories: usize) -> impl Strategy<Value = Given> {
    let segments = proptest::collection::vec(0..SEGMENTS.len(), 0..3);
    let expires = proptest::option::weighted(0.2, 1_i64..100_000);
    (0_usize..90, 0..categories, 1_u8..=5, 0_i64..40, segments, expires, 0_u8..10).prop_map(
        |(number, category, priority, units, segments, expires, status)| {
            let mut given = Given::new(&offer_id(number), &format!("c{category}"), priority * 20, units);
            let mut segments: Vec<String> =
                segments.into_iter().map(|segment| SEGMENTS[segment].to_owned()).collect();
            segments.sort();
            segments.dedup();
            given.segments = segments;
            given.expires_at = expires.map(|seconds| super::world::NOW.plus_seconds(seconds));
            given.status = if status == 0 { "PAUSED" } else { "ACTIVE" };
            given
        },
    )
}

fn step(categories: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => given(categories).prop_map(Step::Put),
        3 => (0_usize..90, 0_i64..3).prop_map(|(offer, units)| Step::Stock(offer, units)),
        1 => (0_usize..90).prop_map(Step::Delete),
        4 => (0_usize..4, 0_usize..90, 0..categories, 0_usize..5)
            .prop_map(|(user, offer, category, what)| Step::Engage { user, offer, category, what }),
        1 => (0_usize..90, 0_usize..90).prop_map(|(from, to)| Step::Pivot(from, to)),
        1 => (-5_000_i64..20_000).prop_map(Step::Pass),
        3 => (0_usize..8, 0_usize..20).prop_map(|(hands, offers)| Step::Refresh { hands, offers }),
    ]
}

fn world() -> impl Strategy<Value = (Vec<Given>, Vec<Step>)> {
    (1_usize..30).prop_flat_map(|categories| {
        (
            proptest::collection::vec(given(categories), 0..150),
            proptest::collection::vec(step(categories), 0..60),
        )
    })
}

fn play(world: &mut World, step: Step) {
    match step {
        Step::Put(offer) => world.put(&offer),
        Step::Stock(offer, units) => world.stock(&offer_id(offer), units),
        Step::Delete(offer) => world.delete(&offer_id(offer)),
        Step::Engage { user, offer, category, what } => {
            world.engage(
                &format!("U{user}"),
                &offer_id(offer),
                &format!("c{category}"),
                EventType::ALL[what],
            );
        }
        Step::Pivot(from, to) => world.pivot(&offer_id(from), &offer_id(to)),
        Step::Pass(seconds) => world.now = world.now.plus_seconds(seconds),
        Step::Refresh { hands, offers } => world.refresh(Work { hands, offers }),
    }
}

fn compare(world: &World, limit: usize) -> Result<(), TestCaseError> {
    for user in ["U0", "U1", "U2", "U3", "nobody"] {
        let slates = world.slates(user, limit);
        prop_assert_eq!(world.named(&slates), world.slates_by_force(user, limit), "{}", user);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// Whatever happened, in a fresh plan and in one of whose offers some have died since.
    #[test]
    fn merged_lists_are_the_full_ranking(
        (offers, steps) in world(),
        deaths in proptest::collection::vec(0_usize..90, 0..60),
        policy in 0..PolicyName::ALL.len(),
        limit in 1_usize..=20,
    ) {
        let mut world = World::new(PolicyName::ALL[policy]);
        for (number, segment) in SEGMENTS.iter().enumerate() {
            world.import(&format!("U{number}"), segment);
        }
        for offer in &offers {
            world.put(offer);
        }
        world.refresh(Work::ALL);
        compare(&world, limit)?;
        for step in steps {
            play(&mut world, step);
        }
        world.refresh(Work { hands: 0, offers: usize::MAX });
        compare(&world, limit)?;
        for offer in deaths {
            let last_word = if offer % 2 == 0 { Step::Stock(offer, 0) } else { Step::Delete(offer) };
            play(&mut world, last_word);
        }
        compare(&world, limit)?;
    }
}

/// Everything in one category, or one category per offer, more of both than lists hold.
#[test]
fn lists_that_run_dry_are_ranked_directly() {
    for categories in [1, 40, 300] {
        let mut world = World::new(PolicyName::PlainThompson);
        for number in 0..300 {
            let category = format!("c{}", number % categories);
            world.put(&Given::new(&format!("O{number:03}"), &category, 50, 20));
        }
        world.refresh(Work::ALL);
        for gone in 0..300 {
            let first = world.named(&world.slates("nobody", 20))[gone % 64].first().cloned().unwrap();
            world.stock(&first, 0);
            if gone % 5 == 0 {
                let slates = world.slates("nobody", 20);
                assert_eq!(
                    world.named(&slates),
                    world.slates_by_force("nobody", 20),
                    "{categories} after {gone}"
                );
            }
        }
        assert!(world.named(&world.slates("nobody", 20)).iter().all(Vec::is_empty));
    }
}
