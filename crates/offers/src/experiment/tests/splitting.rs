//! Who is in which arm.

use std::collections::HashMap;

use store::StoredEvent;

use super::{halves, minutes, new, running};
use crate::experiment::statistics::chi_square;
use crate::experiment::{Assigned, Experiment, ExperimentError, Running, Share, commands};
use crate::learn::PolicyName;

fn users(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("USER{number:03}"))
}

#[test]
fn the_split_never_changes() {
    // Were these to differ, people would change arms in the middle of an experiment.
    let experiment = running(0x019a_3c5e_7b1a_7c3e_8f00_5a2d_6e1b_9c04, &halves());
    let arms: Vec<_> = ["USER001", "USER002", "USER003", "USER004", "zoé", ""]
        .map(|user| experiment.arm_of(user).policy.as_str())
        .into();
    // Computed by hand: sha256(id || name), the first bit of which decides between two halves.
    assert_eq!(arms, EXPECTED);
}

const EXPECTED: [&str; 6] = ["thompson", "static", "static", "thompson", "thompson", "thompson"];

#[test]
fn arms_get_their_shares() {
    let shares = [(PolicyName::Static, 50.0), (PolicyName::Thompson, 33.33), (PolicyName::Ucb1, 16.67)];
    for number in 1..=5 {
        let experiment = running(number, &new(&shares));
        let mut counts = HashMap::new();
        for user in users(100_000) {
            *counts.entry(experiment.arm_of(&user).policy).or_insert(0) += 1;
        }
        let counted: Vec<(i64, f64)> =
            shares.iter().map(|(policy, share)| (counts[policy], *share)).collect();
        let (_, p) = chi_square(&counted).unwrap();
        assert!(p > 0.0001, "experiment {number}: {counted:?}, p = {p}");
    }
}

#[test]
fn two_experiments_split_independently() {
    let (one, other) = (running(1, &halves()), running(2, &halves()));
    let mut cells = [[0_i64; 2]; 2];
    let second_half = |experiment: &Experiment, user: &str| {
        usize::from(experiment.arm_of(user).policy == PolicyName::Thompson)
    };
    for user in users(100_000) {
        cells[second_half(&one, &user)][second_half(&other, &user)] += 1;
    }
    let (_, p) =
        chi_square(&cells.as_flattened().iter().map(|count| (*count, 25.0)).collect::<Vec<_>>()).unwrap();
    assert!(p > 0.0001, "{cells:?}");
}

#[test]
fn a_stopped_arm_s_people_get_the_control_and_are_not_counted() {
    let experiment = running(1, &halves());
    let stopped = experiment.without_arm(PolicyName::Thompson, minutes(10)).unwrap();
    let user = users(100).find(|user| experiment.arm_of(user).policy == PolicyName::Thompson).unwrap();
    let assigned = |policy, counted| Some(Assigned { experiment: experiment.id, policy, counted });
    assert_eq!(stopped.assign(&user, minutes(9)), assigned(PolicyName::Thompson, true));
    assert_eq!(stopped.assign(&user, minutes(10)), assigned(PolicyName::Static, false));
    let other = users(100).find(|user| experiment.arm_of(user).policy == PolicyName::Static).unwrap();
    assert_eq!(stopped.assign(&other, minutes(11)), assigned(PolicyName::Static, true));
    assert_eq!(stopped.without_arm(PolicyName::Thompson, minutes(20)), Ok(stopped.clone()));
    assert_eq!(stopped.without_arm(PolicyName::Static, minutes(20)), Err(ExperimentError::Control));

    let ended = stopped.ended(minutes(30));
    assert_eq!(
        (ended.assign(&other, minutes(29)).is_some(), ended.assign(&other, minutes(30))),
        (true, None)
    );
    assert_eq!(ended.assign(&other, minutes(-1)), None);
    assert_eq!(ended.without_arm(PolicyName::Thompson, minutes(31)), Err(ExperimentError::Ended));
}

#[test]
fn what_does_not_add_up_is_refused() {
    let refused = |arms: &[(PolicyName, f64)]| {
        let id = super::ExperimentId(uuid::Uuid::nil());
        new(arms).start(id, minutes(0)).unwrap_err().to_string()
    };
    assert_eq!(refused(&[(PolicyName::Static, 100.0)]), "must be 2 to 5 arms");
    let six = PolicyName::ALL.map(|policy| (policy, 12.5));
    assert_eq!(refused(&six[..6]), "must be 2 to 5 arms");
    assert_eq!(
        refused(&[(PolicyName::Ucb1, 50.0), (PolicyName::Ucb1, 50.0)]),
        "two arms are of the policy ucb1"
    );
    assert_eq!(
        refused(&[(PolicyName::Ucb1, 50.0), (PolicyName::Static, 49.99)]),
        "the shares make 99.99 % instead of 100 %"
    );
    for bad in [0.0, -1.0, 0.001, 33.333, 100.01, f64::NAN, f64::INFINITY] {
        assert!(Share::try_from(bad).is_err(), "{bad}");
    }
    let hundredths = [0.01, 33.33, 100.0].map(|good| Share::try_from(good).unwrap().hundredths());
    assert_eq!(hundredths, [1, 3_333, 10_000]);
}

#[test]
fn the_running_experiment_follows_the_log() {
    let mut now = Running::default();
    let experiment = running(1, &halves());
    let told = |kind: &str, experiment: &Experiment| StoredEvent {
        position: 1,
        kind: kind.to_owned(),
        source: "/offers".to_owned(),
        subject: experiment.id.to_string(),
        time: minutes(0),
        data: serde_json::to_string(experiment).unwrap(),
    };
    assert_eq!((now.assign("USER001"), now.policies().count()), (None, 0));
    assert!(!now.apply(&told("halles.offer.created", &experiment)));
    assert!(now.apply(&told(commands::STARTED, &experiment)));
    assert!(!now.apply(&told(commands::STARTED, &experiment)), "nothing new");
    assert_eq!(now, Running::new(Some(experiment.clone())));
    assert!(users(50).any(|user| now.assign(&user).is_some_and(|to| to.policy == PolicyName::Thompson)));
    let without = experiment.without_arm(PolicyName::Thompson, minutes(1)).unwrap();
    assert!(now.apply(&told(commands::ARM_STOPPED, &without)));
    assert!(users(50).all(|user| now.assign(&user).is_some_and(|to| to.policy == PolicyName::Static)));
    assert_eq!(now.policies().collect::<Vec<_>>(), [PolicyName::Static]);
    assert!(now.apply(&told(commands::STOPPED, &without.ended(minutes(2)))));
    assert_eq!((now.assign("USER001"), now.experiment()), (None, None));
    let nonsense = StoredEvent { data: "{}".to_owned(), ..told(commands::STARTED, &experiment) };
    assert!(!now.apply(&nonsense));
}
