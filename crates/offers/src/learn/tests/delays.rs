//! Rewards that come late.

use super::*;

const HOUR: i64 = 3600;

/// One arm tried every ten seconds for some hours, every tenth time with success, which is told an hour later.
fn hours_of_late_rewards(hours: i64) -> Crowd {
    let mut crowd = Crowd::of(1);
    for at in (0..hours * HOUR).step_by(10) {
        crowd.see(0, at, What::Trial);
        let shown = at - HOUR;
        if shown >= 0 && shown % 100 == 0 {
            let reward = Seen { shown_at: Some(second(shown)), ..seen(at, What::Reward(1.0)) };
            crowd.shared.observe(&mut crowd.arms[0], &reward);
        }
    }
    crowd
}

#[test]
fn trials_whose_reward_cannot_have_come_are_not_held_against_an_offer() {
    let crowd = hours_of_late_rewards(5);
    let end = 5 * HOUR;
    let patient = crowd.own_categories(PolicyName::AdaptiveThompson, end).estimate(0).mean;
    let hasty = crowd.own_categories(PolicyName::PlainThompson, end).estimate(0).mean;
    assert!((patient - 0.1).abs() < 0.004, "{patient}");
    assert!((hasty - 0.08).abs() < 0.002, "four hours of rewards for five of trials: {hasty}");
}

#[test]
fn a_trial_counts_in_full_once_its_reward_would_have_come() {
    let mut crowd = hours_of_late_rewards(5);
    // From now on nothing is shown, and the last hour's rewards never come.
    crowd.arms.truncate(1);
    let later = |at| crowd.own_categories(PolicyName::AdaptiveThompson, at).estimate(0).mean;
    assert!(later(5 * HOUR) > later(6 * HOUR) && later(6 * HOUR) > later(7 * HOUR));
    assert!((later(7 * HOUR) - 0.08).abs() < 0.002, "{}", later(7 * HOUR));
}

#[test]
fn a_reward_is_credited_however_late_it_is() {
    let mut crowd = hours_of_late_rewards(5);
    let before = crowd.arms[0].clone();
    let late = Seen { shown_at: Some(second(0)), ..seen(500 * HOUR, What::Reward(0.5)) };
    crowd.shared.observe(&mut crowd.arms[0], &late);
    assert!((crowd.arms[0].successes() - before.successes() - 0.5).abs() < 1e-9);
    let counts =
        |arm: &Arm| arm.counts(&crowd.shared.drift, &crowd.shared.delays, second(500 * HOUR)).successes;
    assert!((counts(&crowd.arms[0]) - counts(&before) - 0.5).abs() < 1e-9);
}

#[test]
fn delay_does_not_look_like_drift() {
    for seed in 0..4 {
        let (mut crowd, mut rng) = (Crowd::of(6), rng(seed));
        let mut coming = std::collections::VecDeque::new();
        for step in 0..120_000_u32 {
            // Traffic moves from arm to arm, so that the share of young trials differs between them and over time.
            let arm =
                if rng.random::<f64>() < 0.7 { step as usize / 15_000 % 6 } else { rng.random_range(0..6) };
            let at = i64::from(step / 10);
            crowd.see(arm, at, What::Trial);
            if rng.random::<f64>() < 0.03 {
                coming.push_back((at, arm));
            }
            while let Some((shown, arm)) = coming.pop_front_if(|(shown, _)| *shown + HOUR <= at) {
                let reward = Seen { shown_at: Some(second(shown)), ..seen(at, What::Reward(1.0)) };
                crowd.shared.observe(&mut crowd.arms[arm], &reward);
            }
        }
        assert_eq!(crowd.shared.drifts(), 0, "seed {seed}");
        assert!((3600.0..4100.0).contains(&crowd.shared.maturity_seconds()));
    }
}
