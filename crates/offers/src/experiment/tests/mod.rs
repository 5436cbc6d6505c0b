//! Experiments: the split, the numbers, the commands on both engines, and HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]

mod calls;
mod simulated;
mod splitting;
mod stored;

use kernel::Timestamp;
use uuid::Uuid;

use super::{Experiment, ExperimentId, NewArm, NewExperiment, Share};
use crate::learn::PolicyName;
use crate::testing::NOON;

/// An experiment to start: the policies in their order with these shares in percent.
fn new(arms: &[(PolicyName, f64)]) -> NewExperiment {
    let arm = |(policy, percent): &(PolicyName, f64)| NewArm {
        policy: *policy,
        share: Share::try_from(*percent).unwrap(),
    };
    NewExperiment { name: "Does learning pay?".parse().unwrap(), arms: arms.iter().map(arm).collect() }
}

/// The two halves that most tests need.
fn halves() -> NewExperiment {
    new(&[(PolicyName::Static, 50.0), (PolicyName::Thompson, 50.0)])
}

/// An experiment that has been running since noon.
fn running(number: u128, new: &NewExperiment) -> Experiment {
    new.start(ExperimentId(Uuid::from_u128(number)), NOON).unwrap()
}

fn minutes(after_noon: i64) -> Timestamp {
    NOON.plus_seconds(60 * after_noon)
}
