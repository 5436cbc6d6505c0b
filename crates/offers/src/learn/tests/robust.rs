//! Whatever comes, numbers stay numbers.

use proptest::prelude::*;
use rand::Rng;

use super::*;

#[test]
fn an_arm_is_small_in_memory_and_in_writing() {
    assert!(size_of::<Arm>() <= 250, "{}", size_of::<Arm>());
    let (mut crowd, mut rng) = (Crowd::of(2), rng(1));
    for step in 0..40_000 {
        let arm = usize::from(rng.random::<f64>() < 0.9);
        let shown = step - rng.random_range(0..4_000);
        crowd.see(arm, step, What::Trial);
        if rng.random::<f64>() < 0.1 {
            let reward = Seen { shown_at: Some(second(shown)), ..seen(step, What::Reward(0.3)) };
            crowd.shared.observe(&mut crowd.arms[arm], &reward);
        }
    }
    let written = serde_json::to_string(&crowd.arms[1]).unwrap();
    assert!(written.len() <= 500, "{} bytes: {written}", written.len());
}

#[test]
fn what_was_written_goes_on_as_if_it_never_had_been() {
    let (mut crowd, mut rng) = (Crowd::of(3), rng(2));
    let mut play = |crowd: &mut Crowd, from: i64| {
        for step in 0..5_000 {
            let arm = rng.random_range(0..3);
            crowd.try_out(arm, from + step / 7, 0.1, &mut rng);
        }
    };
    play(&mut crowd, 0);
    let mut read = Crowd {
        shared: serde_json::from_str(&serde_json::to_string(&crowd.shared).unwrap()).unwrap(),
        arms: serde_json::from_str(&serde_json::to_string(&crowd.arms).unwrap()).unwrap(),
        ..Crowd::default()
    };
    assert_eq!((&read.shared, &read.arms), (&crowd.shared, &crowd.arms));
    for step in 0..2_000_i64 {
        let arm = usize::try_from(step % 3).unwrap();
        for one in [&mut crowd, &mut read] {
            one.see(arm, 800 + step, if step % 11 == 0 { What::Reward(1.0) } else { What::Trial });
        }
    }
    assert_eq!((&read.shared, &read.arms), (&crowd.shared, &crowd.arms));
}

#[test]
fn a_reward_that_is_no_number_is_nothing() {
    let mut crowd = Crowd::of(1);
    for value in [f64::NAN, -1.0, 0.0, f64::NEG_INFINITY] {
        crowd.see(0, 0, What::Reward(value));
    }
    assert!(crowd.arms[0].successes().abs() < f64::EPSILON);
    crowd.see(0, 0, What::Reward(f64::INFINITY));
    assert!((crowd.arms[0].successes() - 1.0).abs() < f64::EPSILON && crowd.arms[0].trials() >= 1.0);
}

#[test]
fn ten_thousand_arms_and_none_at_all_are_fine() {
    for name in PolicyName::ALL {
        for arms in [0, 1, 10_000] {
            let crowd = Crowd::of(arms);
            let sampler = crowd.sampler(name, 0, |arm| u32::try_from(arm % 300).unwrap());
            assert!(sampler.mean() > 0.0);
            let (mut rng, mut sum) = (rng(1), 0.0);
            let hand = sampler.begin(&mut rng);
            for arm in 0..arms {
                sum += sampler.belief(&hand, arm, &mut rng);
                assert!(sampler.estimate(arm).mean.is_finite());
            }
            assert!(sum.is_finite(), "{name}");
        }
    }
}

fn any_seen() -> impl Strategy<Value = (usize, Seen)> {
    let instant = prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0), -100_000_i64..100_000]
        .prop_map(|micros| Timestamp::from_micros(micros.saturating_mul(1_000_000)));
    let what = prop_oneof![3 => Just(What::Trial), 2 => any::<f64>().prop_map(What::Reward)];
    let looks = (any::<f32>(), any::<f32>(), any::<u32>()).prop_map(|(signal, relevance, segment)| {
        let offer =
            OfferFeatures { priority: signal, urgency: relevance, inventory: signal, discount: signal };
        Features::new(&offer, segment, &UserFeatures { segment, relevance })
    });
    let parts =
        (0..3_usize, instant.clone(), proptest::option::of(instant), what, proptest::option::of(looks));
    parts.prop_map(|(arm, at, shown_at, what, features)| {
        (arm, Seen { at, shown_at, what, category: 1, features })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn numbers_stay_numbers(events in proptest::collection::vec(any_seen(), 0..300), now in any::<i64>()) {
        let mut crowd = Crowd::of(3);
        for (arm, seen) in &events {
            crowd.shared.observe(&mut crowd.arms[*arm], seen);
        }
        let views: Vec<_> =
            crowd.arms.iter().map(|arm| ArmView { arm, category: 1, features: &crowd.looks }).collect();
        for name in PolicyName::ALL {
            let sampler = policy(name, &PolicySettings::default())
                .prepare(&crowd.shared, &views, Timestamp::from_micros(now));
            prop_assert!(sampler.mean() > 0.0 && sampler.mean() <= 1.0, "{name}: {}", sampler.mean());
            let mut rng = rng(9);
            let hand = sampler.begin(&mut rng);
            for arm in 0..3 {
                let belief = sampler.belief(&hand, arm, &mut rng);
                prop_assert!(belief.is_finite(), "{name}: {belief}");
                let Estimate { mean, deviation } = sampler.estimate(arm);
                prop_assert!((0.0..=1.0).contains(&mean) && deviation.is_finite(), "{name}: {mean} {deviation}");
            }
        }
    }
}

#[test]
fn a_reward_of_next_to_nothing_is_no_bound_without_end() {
    let mut crowd = Crowd::of(2);
    let at = Timestamp::from_micros(0);
    let tiny = Seen { at, shown_at: None, what: What::Reward(1e-300), category: 1, features: None };
    crowd.shared.observe(&mut crowd.arms[0], &tiny);
    let many = Seen { what: What::Trial, ..tiny };
    (0..100).for_each(|_| crowd.shared.observe(&mut crowd.arms[1], &many));
    let views: Vec<_> =
        crowd.arms.iter().map(|arm| ArmView { arm, category: 1, features: &crowd.looks }).collect();
    let sampler = policy(PolicyName::Ucb1, &PolicySettings::default()).prepare(&crowd.shared, &views, at);
    let mut rng = rng(9);
    let hand = sampler.begin(&mut rng);
    assert!(sampler.belief(&hand, 0, &mut rng).is_finite());
}
