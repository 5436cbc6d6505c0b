//! Regret on Bernoulli arms, against what the literature proves.

use super::*;

/// Rates of the arms.
const RATES: [f64; 4] = [0.6, 0.5, 0.45, 0.3];

/// Mean regret of so many runs of one policy over so many steps.
fn regret(name: PolicyName, steps: i64, runs: u64) -> f64 {
    let one = |seed| {
        let (mut crowd, mut rng, mut lost) = (Crowd::of(RATES.len()), rng(seed), 0.0);
        for step in 0..steps {
            let sampler = crowd.own_categories(name, step);
            let arm = favourite(&*sampler, RATES.len(), &mut rng);
            crowd.try_out(arm, step, RATES[arm], &mut rng);
            lost += RATES[0] - RATES[arm];
        }
        lost
    };
    (0..runs).map(one).sum::<f64>() / f64::from(u32::try_from(runs).unwrap())
}

fn gaps() -> impl Iterator<Item = f64> {
    RATES[1..].iter().map(|rate| RATES[0] - rate)
}

/// Theorem 1 of Auer, Cesa-Bianchi and Fischer (2002).
fn bound_of_ucb1(steps: f64) -> f64 {
    let pi = std::f64::consts::PI;
    gaps().map(|gap| 8.0 * steps.ln() / gap + (1.0 + pi * pi / 3.0) * gap).sum()
}

/// The leading term of theorem 1 of Agrawal and Goyal (2013), ln T Σ Δ / d(μ, μ*): Thompson sampling reaches it with
/// a factor that tends to one, and no good policy stays below it.
fn leading_term(steps: f64) -> f64 {
    let divergence = |p: f64, q: f64| p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln();
    RATES[1..].iter().map(|&rate| steps.ln() * (RATES[0] - rate) / divergence(rate, RATES[0])).sum()
}

#[test]
fn ucb1_stays_within_its_bound_and_is_no_coward() {
    let regret = regret(PolicyName::Ucb1, 10_000, 8);
    assert!(regret < bound_of_ucb1(10_000.0), "{regret}");
    assert!(regret > leading_term(10_000.0), "{regret}: it explores more than is needed");
}

#[test]
fn thompson_reaches_the_order_that_is_possible() {
    let bound = leading_term(10_000.0);
    for name in [PolicyName::PlainThompson, PolicyName::Thompson, PolicyName::AdaptiveThompson] {
        let regret = regret(name, 10_000, 12);
        assert!(regret < 1.5 * bound + 10.0, "{name}: {regret} of {bound}");
    }
}

#[test]
fn regret_of_what_does_not_learn_grows_with_time() {
    let chance = gaps().sum::<f64>() / 4.0;
    let regret = regret(PolicyName::Uniform, 4_000, 4);
    assert!((regret / 4_000.0 - chance).abs() < 0.01, "{regret}");
}

#[test]
fn epsilon_greedy_pays_for_its_exploration_and_little_more() {
    let (steps, epsilon) = (10_000.0, PolicySettings::default().epsilon);
    let exploring = epsilon * steps * gaps().sum::<f64>() / 4.0;
    let regret = regret(PolicyName::EpsilonGreedy, 10_000, 12);
    assert!(regret > 0.8 * exploring && regret < exploring + 150.0, "{regret} of {exploring}");
}
