//! What each policy believes.

use super::*;

#[test]
fn the_posterior_mean_of_plain_thompson_is_the_counts() {
    let counts = [(0, 0), (10, 3), (1_000, 1), (7, 7), (2, 5)];
    let sampler = Crowd::with(&counts).own_categories(PolicyName::PlainThompson, 0);
    for (arm, (trials, successes)) in counts.into_iter().enumerate() {
        let (trials, successes) = (f64::from(trials.max(successes)), f64::from(successes));
        let mean = sampler.estimate(arm).mean;
        assert!((mean - (1.0 + successes) / (2.0 + trials)).abs() < 1e-12, "arm {arm}: {mean}");
    }
}

#[test]
fn draws_are_around_the_estimate() {
    let crowd = Crowd::with(&[(400, 40), (400, 60), (30, 5)]);
    for (name, sharper) in [
        (PolicyName::PlainThompson, 1.0),
        (PolicyName::Thompson, 1.0),
        (PolicyName::AdaptiveThompson, SHARPNESS),
    ] {
        let sampler = crowd.own_categories(name, 0);
        for arm in 0..3 {
            let (mean, deviation) = drawn(&*sampler, arm);
            let known = sampler.estimate(arm);
            assert!((mean - known.mean).abs() < 0.02 * known.mean, "{name} {arm}: {mean} {known:?}");
            let expected = known.deviation / f64::sqrt(sharper);
            assert!((deviation / expected - 1.0).abs() < 0.05, "{name} {arm}: {deviation} {expected}");
        }
    }
}

const SHARPNESS: f64 = 2.5;

/// Mean and standard deviation of many beliefs.
fn drawn(sampler: &dyn Sampler, arm: usize) -> (f64, f64) {
    let (mut rng, n) = (rng(5), 20_000.0);
    let draws: Vec<_> = (0..20_000).map(|_| f64::from(sampler.belief(&Hand::Blend, arm, &mut rng))).collect();
    let mean = draws.iter().sum::<f64>() / n;
    (mean, (draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt())
}

#[test]
fn before_anything_is_known_beliefs_are_close_to_the_mean() {
    let sampler = Crowd::of(5).own_categories(PolicyName::AdaptiveThompson, 0);
    let (mut rng, mut outside) = (rng(1), 0);
    for draw in 0..100_000 {
        let signal = signal(sampler.belief(&Hand::Blend, draw % 5, &mut rng), sampler.mean());
        outside += u32::from(!(34.0..=66.0).contains(&signal));
    }
    assert!(outside <= 150, "{outside} of 100,000 are not close to 50");
}

#[test]
fn a_new_offer_is_thought_of_as_its_category_is_and_less_surely_than_a_known_one() {
    // Offers 0 to 4 are of a good category, 5 to 9 of a poor one; the last of each is new.
    let known = |arm| (2_000, if arm < 5 { 80 } else { 20 });
    let counts: Vec<_> = (0..10).map(|arm| if arm % 5 == 4 { (0, 0) } else { known(arm) }).collect();
    let crowd = Crowd::with(&counts);
    for name in [PolicyName::Thompson, PolicyName::AdaptiveThompson] {
        let sampler = crowd.sampler(name, 0, |arm| u32::from(arm < 5));
        let [good, poor] = [4, 9].map(|arm| sampler.estimate(arm));
        assert!(good.mean > 0.03 && poor.mean < 0.02, "{name}: {good:?} {poor:?}");
        assert!(good.deviation > 2.0 * sampler.estimate(0).deviation, "{name}: {good:?}");
        let alone = crowd.own_categories(name, 0).estimate(4);
        assert!(
            (alone.mean - 0.025).abs() < 0.003,
            "{name}: without its category's it is average: {alone:?}"
        );
    }
}

#[test]
fn the_prior_follows_how_different_offers_are() {
    let alike = Crowd::with(&[(4_000, 100); 12]);
    let differing = Crowd::with(&(0..12).map(|arm| (4_000, 10 + 40 * arm)).collect::<Vec<_>>());
    let spread = |crowd: &Crowd| {
        let mut crowd = crowd.clone();
        crowd.arms.push(Arm::default());
        let estimate = crowd.own_categories(PolicyName::Thompson, 0).estimate(12);
        estimate.deviation / estimate.mean
    };
    assert!(spread(&alike) < 0.3, "{}", spread(&alike));
    assert!(spread(&differing) > 0.6, "{}", spread(&differing));
}

#[test]
fn epsilon_greedy_deals_its_share_of_random_hands() {
    let sampler = Crowd::of(3).own_categories(PolicyName::EpsilonGreedy, 0);
    let mut rng = rng(2);
    let random = (0..100_000).filter(|_| sampler.begin(&mut rng) == Hand::Random).count();
    // Four standard deviations: 4 √(n ε (1 - ε)) = 380.
    assert!(random.abs_diff(10_000) < 380, "{random}");
}

#[test]
fn greedy_and_ucb1_say_the_same_to_every_hand() {
    let crowd = Crowd::with(&[(100, 10), (100, 30), (0, 0), (10, 1)]);
    for name in [PolicyName::EpsilonGreedy, PolicyName::Ucb1, PolicyName::Static] {
        let sampler = crowd.own_categories(name, 0);
        let beliefs = |seed| {
            let mut rng = rng(seed);
            (0..4).map(|arm| sampler.belief(&Hand::Blend, arm, &mut rng)).collect::<Vec<_>>()
        };
        assert_eq!(beliefs(1), beliefs(2), "{name}");
    }
    let ucb1 = crowd.own_categories(PolicyName::Ucb1, 0);
    let index = ucb1.belief(&Hand::Blend, 3, &mut rng(0));
    let expected = 0.1 + (2.0 * 210_f64.ln() / 10.0).sqrt();
    assert!((f64::from(index) - expected).abs() < 1e-5, "{index} {expected}");
    assert!(ucb1.belief(&Hand::Blend, 2, &mut rng(0)) > 100.0, "what was never tried comes first");
}

/// Categories and segments that do not meet in a hashed place.
const CATEGORIES: [&str; 2] = ["electronics", "food"];
const SEGMENTS: [&str; 2] = ["premium", "standard"];

#[test]
fn the_linear_model_learns_whom_an_offer_is_for() {
    let mut crowd = Crowd::of(2);
    let mut rng = rng(3);
    let [category, segment] = [CATEGORIES, SEGMENTS].map(|names| move |place: usize| name_hash(names[place]));
    for step in 0..20_000_i64 {
        let (arm, who) = (usize::from(rng.random::<bool>()), usize::from(rng.random::<bool>()));
        let user = UserFeatures { segment: segment(who), relevance: 50.0 };
        let features = Some(Features::new(&crowd.looks, category(arm), &user));
        let trial = Seen { features, ..seen(step, What::Trial) };
        crowd.shared.observe(&mut crowd.arms[arm], &trial);
        if rng.random::<f64>() < if arm == who { 0.2 } else { 0.05 } {
            crowd.shared.observe(&mut crowd.arms[arm], &Seen { what: What::Reward(1.0), ..trial });
        }
    }
    let sampler = crowd.sampler(PolicyName::LinearThompson, 0, category);
    for (arm, who, rate) in [(0, 0, 0.2), (0, 1, 0.05), (1, 0, 0.05), (1, 1, 0.2)] {
        let mut sum = 0.0;
        for _ in 0..200 {
            let hand = sampler.begin(&mut rng);
            let Hand::Linear(weights) = &hand else { panic!("not a linear hand: {hand:?}") };
            let belief = sampler.belief(&hand, arm, &mut rng);
            sum += belief + weights.segment(segment(who), category(arm)) + weights.relevance(50.0);
        }
        assert!((sum / 200.0 - rate).abs() < 0.02, "{arm} for {who}: {}", sum / 200.0);
    }
}
