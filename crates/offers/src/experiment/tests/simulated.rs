//! Whether intervals and p-values keep their promises, on simulated people who differ in how much they look and how
//! often they click.

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use crate::experiment::statistics::{Rate, Sums};

/// Kinds of people: how many of a hundred they are, how many views they have on average, how often they click.
const KINDS: [(u32, f64, f64); 3] = [(60, 2.0, 0.03), (30, 10.0, 0.06), (10, 60.0, 0.1)];
/// Clicks per view over all of them: (0.6·2·0.03 + 0.3·10·0.06 + 0.1·60·0.1) / (0.6·2 + 0.3·10 + 0.1·60).
const TRUTH: f64 = 0.08;
const SIMULATIONS: u32 = 1_000;

/// The sums over so many people whose click rates are `factor` times the usual ones.
fn arm(users: i64, factor: f64, rng: &mut SmallRng) -> Sums {
    let mut sums = Sums { users, ..Sums::default() };
    for _ in 0..users {
        let kind = rng.random_range(0..100);
        let (_, mean, rate) = match kind {
            0..60 => KINDS[0],
            60..90 => KINDS[1],
            _ => KINDS[2],
        };
        // A geometric number of views has a long tail; a person's own rate is anything up to twice the kind's.
        let mut views = 0;
        while rng.random_bool(mean / (mean + 1.0)) {
            views += 1;
        }
        let own = rate * factor * 2.0 * rng.random::<f64>();
        let clicks = (0..views).map(|_| i64::from(rng.random_bool(own))).sum::<i64>();
        sums.views += views;
        sums.clicks += clicks;
        sums.views_squared += views * views;
        sums.clicks_squared += clicks * clicks;
        sums.views_clicks += views * clicks;
    }
    sums
}

/// The share of simulations in which something is so.
fn share(seed: u64, so: impl Fn(&mut SmallRng) -> bool) -> f64 {
    let mut rng = SmallRng::seed_from_u64(seed);
    let count = (0..SIMULATIONS).filter(|_| so(&mut rng)).count();
    f64::from(u32::try_from(count).unwrap()) / f64::from(SIMULATIONS)
}

fn rate(users: i64, factor: f64, rng: &mut SmallRng) -> Rate {
    arm(users, factor, rng).click_rate().unwrap()
}

#[test]
fn intervals_of_click_rates_cover_the_truth() {
    // With a thousand of these people no warning is given any more: they count for 131.
    let effective = arm(100_000, 1.0, &mut SmallRng::seed_from_u64(0)).effective_users() / 100.0;
    assert!((120.0..140.0).contains(&effective), "{effective}");
    for users in [1_000, 3_000] {
        let covered = share(1, |rng| {
            let estimate = rate(users, 1.0, rng).estimate();
            (estimate.low..=estimate.high).contains(&TRUTH)
        });
        assert!((0.93..=0.97).contains(&covered), "{covered} with {users} people");
    }
}

#[test]
fn intervals_of_uplifts_cover_the_truth_and_find_it() {
    let covers = |rng: &mut SmallRng, truth: f64| {
        let uplift = rate(1_000, 1.0 + truth, rng).uplift_over(rate(1_000, 1.0, rng)).unwrap();
        // The interval leaves out zero exactly when p says so.
        assert_eq!(uplift.low > 0.0 || uplift.high < 0.0, uplift.p_value < 0.05, "{uplift:?}");
        (uplift.low..=uplift.high).contains(&truth)
    };
    for truth in [-0.2, 0.0, 0.3] {
        let covered = share(2, |rng| covers(rng, truth));
        assert!((0.93..=0.97).contains(&covered), "{covered} for {truth}");
    }
    let found = share(3, |rng| {
        let uplift = rate(2_000, 1.3, rng).uplift_over(rate(2_000, 1.0, rng)).unwrap();
        uplift.low > 0.0
    });
    assert!(found > 0.9, "{found}");
}

#[test]
fn arms_that_are_equal_are_told_apart_in_one_case_of_twenty() {
    let false_alarms =
        share(4, |rng| rate(1_000, 1.0, rng).uplift_over(rate(1_000, 1.0, rng)).unwrap().p_value < 0.05);
    assert!((0.035..=0.065).contains(&false_alarms), "{false_alarms}");
}

#[test]
fn views_taken_for_independent_would_promise_too_much() {
    // What makes the work above necessary, and shows that these tests can fail.
    let covered = share(5, |rng| {
        let sums = arm(1_000, 1.0, rng);
        let value = sums.click_rate().unwrap().value;
        let views = f64::from(u32::try_from(sums.views).unwrap());
        let estimate = Rate { value, error: (value * (1.0 - value) / views).sqrt() }.estimate();
        (estimate.low..=estimate.high).contains(&TRUTH)
    });
    assert!(covered < 0.8, "{covered}");
}
