//! Rates that change, and rates that do not.

use super::*;

/// Tries arms of these rates in turn so often; second by second from `from` on, ten trials in each.
fn play(crowd: &mut Crowd, rates: &[f64], from: i64, trials: i64, rng: &mut SmallRng) {
    for trial in 0..trials {
        let arm = rng.random_range(0..rates.len());
        crowd.try_out(arm, from + trial / 10, rates[arm], rng);
    }
}

/// How many times everything was taken as changed in stationary worlds, of a hundred.
#[test]
fn what_does_not_change_raises_hardly_an_alarm() {
    for (rates, trials) in
        [(vec![0.003; 30], 200_000), (vec![0.02, 0.04, 0.08, 0.1, 0.3], 20_000), (vec![0.5, 0.9], 5_000)]
    {
        let alarms: u32 = (0..25)
            .map(|seed| {
                let mut crowd = Crowd::of(rates.len());
                play(&mut crowd, &rates, 0, trials, &mut rng(seed));
                crowd.shared.drifts()
            })
            .sum();
        assert!(alarms <= 1, "{rates:?}: {alarms} alarms in 25 runs");
    }
}

#[test]
fn a_change_of_everything_is_noticed_soon() {
    let before = [0.06, 0.05, 0.04, 0.03, 0.02, 0.01];
    let after = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06];
    for seed in 0..10 {
        let (mut crowd, mut rng) = (Crowd::of(6), rng(seed));
        play(&mut crowd, &before, 0, 60_000, &mut rng);
        assert_eq!(crowd.shared.drifts(), 0, "seed {seed}");
        let noticed = (1..=60).find(|round| {
            play(&mut crowd, &after, 6_000 + round * 20, 200, &mut rng);
            crowd.shared.drifts() > 0
        });
        let noticed = noticed.unwrap() * 200;
        assert!(noticed <= 6_000, "seed {seed}: after {noticed} trials");
        play(&mut crowd, &after, 8_000, 12_000, &mut rng);
        let adaptive = crowd.own_categories(PolicyName::AdaptiveThompson, 9_500);
        let steady = crowd.own_categories(PolicyName::PlainThompson, 9_500);
        assert!(adaptive.estimate(5).mean > 1.2 * adaptive.estimate(0).mean, "seed {seed}: does not forget");
        assert!(steady.estimate(5).mean < steady.estimate(0).mean, "seed {seed}: no need to forget");
    }
}

#[test]
fn one_offer_gone_stale_is_that_offers_own_affair() {
    let mut rates = [0.05; 12];
    let (mut crowd, mut rng) = (Crowd::of(12), rng(4));
    play(&mut crowd, &rates, 0, 60_000, &mut rng);
    rates[3] = 0.01;
    play(&mut crowd, &rates, 6_000, 24_000, &mut rng);
    assert_eq!(crowd.shared.drifts(), 0);
    let [adaptive, plain] = [PolicyName::AdaptiveThompson, PolicyName::PlainThompson]
        .map(|name| crowd.own_categories(name, 9_000).estimate(3).mean);
    assert!(adaptive < 0.025, "{adaptive}");
    assert!(plain > 0.03, "{plain}");
}

#[test]
fn a_tide_that_lifts_everything_keeps_the_order() {
    let rates = [0.10, 0.08, 0.06, 0.04];
    let (mut crowd, mut rng) = (Crowd::of(4), rng(6));
    for turn in 0..12 {
        let tide = if turn % 2 == 0 { 1.3 } else { 0.7 };
        play(&mut crowd, &rates.map(|rate| rate * tide), turn * 1_000, 8_000, &mut rng);
        let sampler = crowd.own_categories(PolicyName::AdaptiveThompson, (turn + 1) * 1_000);
        let means = [0, 1, 2, 3].map(|arm| sampler.estimate(arm).mean);
        assert!(means.is_sorted_by(|left, right| left > right), "turn {turn}: {means:?}");
    }
}

#[test]
fn an_arm_that_was_not_looked_at_meanwhile_forgets_when_it_is() {
    let (mut crowd, mut rng) = (Crowd::of(4), rng(7));
    (0..20_000).for_each(|at| crowd.try_out(3, at / 10, 0.08, &mut rng));
    play(&mut crowd, &[0.05, 0.05, 0.05], 2_000, 30_000, &mut rng);
    let sure = crowd.own_categories(PolicyName::AdaptiveThompson, 5_000).estimate(3).deviation;
    play(&mut crowd, &[0.01, 0.15, 0.02], 5_000, 5_000, &mut rng);
    assert!(crowd.shared.drifts() > 0);
    let unsure = crowd.own_categories(PolicyName::AdaptiveThompson, 6_000).estimate(3);
    assert!(unsure.deviation > 3.0 * sure, "{unsure:?} after {sure}");
    assert!(unsure.mean > 0.05, "{unsure:?}: what was known is a guide still");
}
