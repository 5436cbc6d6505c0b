//! Experiments: people are split between policies, and what came of each policy is compared.
//!
//! People are split, not views: whoever has been given an arm stays in it, so that what a policy learns about somebody
//! and what they get used to is part of what is measured. Who is in which arm is a pure function of the experiment's id
//! and the person's name ([`Experiment::assign`]); nothing is stored for it, and every process agrees.

pub(crate) mod api;
mod assignment;
pub mod commands;
mod fold;
pub mod queries;
mod report;
mod statistics;
#[cfg(test)]
mod tests;

use std::fmt;

use kernel::{Line, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::learn::PolicyName;

pub use assignment::{Assigned, Running};
pub use fold::fold;
pub use report::{ArmReport, ChiSquare, Estimate, Report, Uplift, Warning};

/// How many arms an experiment may have.
pub const ARMS: std::ops::RangeInclusive<usize> = 2..=5;

/// An experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Uuid, example = "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04")]
pub struct ExperimentId(pub Uuid);

impl fmt::Display for ExperimentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A share of all people, in hundredths of a percent; on the wire in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schema(value_type = f64, exclusive_minimum = 0, maximum = 100, multiple_of = 0.01, example = 50)]
pub struct Share(u16);

/// Not a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a percentage above 0 and up to 100, with at most two decimals")]
pub struct NoShare;

impl Share {
    /// Everybody.
    pub const WHOLE: u16 = 10_000;

    /// In hundredths of a percent.
    pub const fn hundredths(self) -> u16 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = NoShare;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be within bounds"
    )]
    fn try_from(percent: f64) -> Result<Self, NoShare> {
        let hundredths = (percent * 100.0).round();
        let exact = (percent * 100.0 - hundredths).abs() < 1e-6;
        let within = (1.0..=f64::from(Self::WHOLE)).contains(&hundredths);
        if exact && within { Ok(Self(hundredths as u16)) } else { Err(NoShare) }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        Self::from(share.0) / 100.0
    }
}

/// What an arm is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewExperimentArm)]
pub struct NewArm {
    /// What decides for the people of this arm.
    #[schema(value_type = String, example = "thompson")]
    pub policy: PolicyName,
    /// How many people it gets, in percent.
    pub share: Share,
}

/// What an experiment is to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Does learning pay?", "arms": [
    {"policy": "static", "share": 50}, {"policy": "adaptive-thompson", "share": 50}]}))]
pub struct NewExperiment {
    /// What it is about, for people.
    pub name: Line,
    /// Two to five, each of another policy, with shares that make 100; the first is the control.
    #[schema(min_items = 2, max_items = 5)]
    pub arms: Vec<NewArm>,
}

/// An arm of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ExperimentArm)]
pub struct Arm {
    /// What decides for its people.
    #[schema(value_type = String, example = "thompson")]
    pub policy: PolicyName,
    /// How many people it was given, in percent.
    pub share: Share,
    /// When it was stopped: since then its people get the control's policy and are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
}

/// An experiment, as it is kept and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Experiment {
    /// Its id, which also decides who is in which arm.
    pub id: ExperimentId,
    /// What it is about, for people.
    pub name: Line,
    /// Its arms; the first is the control.
    pub arms: Vec<Arm>,
    /// Since when people are split.
    pub started_at: Timestamp,
    /// When it was stopped; while absent it is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// Why an experiment cannot be started or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExperimentError {
    /// Too few arms or too many.
    #[error("must be 2 to 5 arms")]
    ArmCount,
    /// Two arms of the same policy.
    #[error("two arms are of the policy {0}")]
    SamePolicy(PolicyName),
    /// The shares do not add up.
    #[error("the shares make {} % instead of 100 %", f64::from(*.0) / 100.0)]
    Shares(u32),
    /// Another one is running.
    #[error("the experiment {0} is running; stop it first")]
    AnotherRunning(ExperimentId),
    /// There is no such experiment.
    #[error("there is no experiment {0}")]
    Unknown(ExperimentId),
    /// The experiment has no arm of this policy.
    #[error("the experiment has no arm {0}")]
    UnknownArm(PolicyName),
    /// The experiment has ended.
    #[error("the experiment has ended")]
    Ended,
    /// The first arm is what the others are compared with.
    #[error("the control cannot be stopped alone; stop the experiment")]
    Control,
}

impl NewExperiment {
    /// The experiment that starts at an instant, when it adds up.
    pub fn start(&self, id: ExperimentId, at: Timestamp) -> Result<Experiment, ExperimentError> {
        if !ARMS.contains(&self.arms.len()) {
            return Err(ExperimentError::ArmCount);
        }
        for (place, arm) in self.arms.iter().enumerate() {
            if self.arms[..place].iter().any(|before| before.policy == arm.policy) {
                return Err(ExperimentError::SamePolicy(arm.policy));
            }
        }
        let total = self.arms.iter().map(|arm| u32::from(arm.share.hundredths())).sum();
        if total != u32::from(Share::WHOLE) {
            return Err(ExperimentError::Shares(total));
        }
        let arms = self.arms.iter().map(|arm| Arm { policy: arm.policy, share: arm.share, stopped_at: None });
        Ok(Experiment { id, name: self.name.clone(), arms: arms.collect(), started_at: at, ended_at: None })
    }
}

impl Experiment {
    /// Whether people are split now.
    pub fn is_running(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether what happened at an instant is part of it.
    fn covers(&self, at: Timestamp) -> bool {
        self.started_at <= at && self.ended_at.is_none_or(|ended| at < ended)
    }

    /// The experiment without one of its arms from an instant on.
    ///
    /// An arm that is stopped already stays as it is.
    fn without_arm(&self, policy: PolicyName, at: Timestamp) -> Result<Self, ExperimentError> {
        if !self.is_running() {
            return Err(ExperimentError::Ended);
        }
        let place = self.arms.iter().position(|arm| arm.policy == policy);
        match place {
            None => Err(ExperimentError::UnknownArm(policy)),
            Some(0) => Err(ExperimentError::Control),
            Some(place) => {
                let mut changed = self.clone();
                changed.arms[place].stopped_at.get_or_insert(at);
                Ok(changed)
            }
        }
    }

    /// The experiment, ended at an instant unless it has ended before.
    fn ended(&self, at: Timestamp) -> Self {
        Self { ended_at: self.ended_at.or(Some(at)), ..self.clone() }
    }
}
