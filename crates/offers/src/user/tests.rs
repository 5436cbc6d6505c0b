#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const NOON: Timestamp = Timestamp::from_micros(1_767_268_800_000_000);
const DAY: i64 = 86_400;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-4 * b.abs().max(1.0)
}

fn after(events: &[(u32, EventType)]) -> Profile {
    let mut profile = Profile::new(0);
    for (category, what) in events {
        profile.apply(*category, *what, NOON);
    }
    profile
}

#[test]
fn points_add_up_and_halve_in_thirty_days() {
    use EventType::{AddToCart, Click, Redemption, View};
    let profile = after(&[(1, View), (1, Click), (1, AddToCart), (1, Redemption), (2, Click)]);
    assert!(close(profile.points(1, NOON), 9.5) && close(profile.points(2, NOON), 1.0));
    assert!(close(profile.points(1, NOON.plus_seconds(30 * DAY)), 4.75));
    assert!(close(profile.points(1, NOON.plus_seconds(90 * DAY)), 9.5 / 8.0));
    assert!(close(profile.points(3, NOON), 0.0));
    assert!(close(profile.relevance(1, NOON), 100.0 * 9.5 / 14.5));
    assert_eq!((profile.events(), profile.seen()), (5, Some((NOON, NOON))));
}

#[test]
fn dismissals_tire_for_a_day_and_never_go_below_zero() {
    let profile = after(&[(1, EventType::Click), (1, EventType::Dismiss), (2, EventType::Dismiss)]);
    assert!(close(profile.points(1, NOON), 0.0) && close(profile.points(2, NOON), 0.0));
    assert_eq!(profile.affinities(NOON).count(), 1, "a dislike alone makes no category known");
    assert!(close(profile.fatigue(NOON), 40.0) && close(profile.fatigue(NOON.plus_seconds(DAY)), 20.0));
    let tired = after(&[(1, EventType::Dismiss); 9]);
    assert!(close(tired.fatigue(NOON), 100.0), "a hundred is the most");
    assert!(close(relevance(5.0, 100.0), 25.0) && close(relevance(5.0, 0.0), 50.0));
}

#[test]
fn of_nine_categories_the_weakest_leaves() {
    let mut profile = Profile::new(0);
    for category in 0..8 {
        profile.apply(category, if category == 3 { EventType::View } else { EventType::Click }, NOON);
    }
    profile.apply(8, EventType::View, NOON);
    let known: Vec<u32> = profile.affinities(NOON).map(|(category, _)| category).collect();
    assert_eq!(known, [0, 1, 2, 8, 4, 5, 6, 7]);
    // What is weak is what is left of it: a redemption of half a year ago is less than a click of today.
    let mut profile = Profile::new(0);
    profile.apply(0, EventType::Redemption, NOON.plus_seconds(-180 * DAY));
    (1..=8).for_each(|category| profile.apply(category, EventType::Click, NOON));
    assert!(profile.affinities(NOON).all(|(category, _)| category != 0));
}

#[test]
fn when_the_clock_goes_back_no_time_has_passed() {
    let mut profile = after(&[(1, EventType::Redemption), (1, EventType::Dismiss)]);
    profile.apply(1, EventType::Click, NOON.plus_seconds(-365 * DAY));
    assert!(close(profile.points(1, NOON), 4.0) && close(profile.points(1, NOON.plus_seconds(-DAY)), 4.0));
    assert!(close(profile.fatigue(NOON.plus_seconds(-DAY)), 20.0));
    assert_eq!(profile.seen(), Some((NOON, NOON)));
    let extremes = [i64::MIN, i64::MAX, 0].map(Timestamp::from_micros);
    for at in extremes {
        profile.apply(1, EventType::Click, at);
    }
    assert!(extremes.iter().all(|at| profile.relevance(1, *at).is_finite()));
}

#[test]
fn ten_thousand_events_are_still_a_sensible_number() {
    let mut profile = Profile::new(0);
    for event in 0..10_000 {
        profile.apply(event % 20, EventType::ALL[event as usize % 4], NOON.plus_seconds(i64::from(event)));
    }
    let now = NOON.plus_seconds(10_000);
    assert_eq!((profile.events(), profile.affinities(now).count()), (10_000, AFFINITIES));
    assert!(
        profile
            .affinities(now)
            .all(|(category, _)| (0.0..=100.0).contains(&profile.relevance(category, now)))
    );
    let mut fan = Profile::new(0);
    (0..10_000).for_each(|_| fan.apply(1, EventType::Redemption, NOON));
    assert!(close(fan.points(1, NOON), 50_000.0) && fan.relevance(1, NOON) < 100.0);
}

#[test]
fn somebody_imported_begins_with_the_points_given() {
    let (mut segments, mut categories) = (Interner::default(), Interner::default());
    let mut profile = Profile::new(segments.number(NEW_SEGMENT));
    profile.apply(categories.number("food"), EventType::Redemption, NOON);
    let text =
        r#"{"users":[{"user_id":"USER001","segment":"premium","affinities":{"electronics":20,"food":1.5}}]}"#;
    let mut imported: Imported<'_> = serde_json::from_str(text).unwrap();
    let user = &mut imported.users[0];
    user.apply(&mut profile, NOON, &mut segments, &mut categories);
    assert_eq!(segments.name(profile.segment()), "premium");
    let points = |profile: &Profile, categories: &Interner| {
        ["electronics", "food"].map(|name| profile.points(categories.find(name).unwrap(), NOON).to_string())
    };
    assert_eq!(points(&profile, &categories), ["20", "5"], "what was learned stays");
    user.replace = true;
    user.apply(&mut profile, NOON, &mut segments, &mut categories);
    assert_eq!((points(&profile, &categories), profile.events()), (["20", "1.5"].map(String::from), 0));
}

/// What the index holds per person, its key and its share of the map left out.
#[test]
fn a_profile_is_small() {
    assert!(std::mem::size_of::<Profile>() <= 128, "{}", std::mem::size_of::<Profile>());
}

proptest! {
    #[test]
    fn a_stored_profile_comes_back_as_it_was(events in prop::collection::vec((0..12_u32, 0..5_usize, 0..10_000_000_i64), 0..60)) {
        let mut categories = Interner::default();
        let mut profile = Profile::new(7);
        for (category, what, seconds) in events {
            profile.apply(categories.number(&format!("c{category}")), EventType::ALL[what], NOON.plus_seconds(seconds));
        }
        let stored = serde_json::to_string(&StoredProfile::of(&profile, &categories)).unwrap();
        prop_assert_eq!(serde_json::from_str::<StoredProfile<'_>>(&stored).unwrap().profile(7, &mut categories), profile);
    }
}
