//! Who is in which arm.

use kernel::Timestamp;
use sha2::{Digest as _, Sha256};
use store::StoredEvent;

use super::commands::{ARM_STOPPED, STARTED, STOPPED};
use super::{Arm, Experiment, ExperimentId, Share};
use crate::learn::PolicyName;

/// What an experiment says of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned {
    /// The experiment.
    pub experiment: ExperimentId,
    /// The policy that decides what this person is shown.
    pub policy: PolicyName,
    /// Whether the person is counted: not in an arm that was stopped, where the control's policy decides.
    pub counted: bool,
}

impl Experiment {
    /// The arm a person is in by the split alone, whatever was stopped since.
    ///
    /// The first 64 bits of SHA-256 over the experiment's id (16 bytes) and the person's name (UTF-8), as a fraction of
    /// 2⁶⁴, fall into the shares of the arms in their order. The id makes the splits of two experiments independent.
    pub fn arm_of(&self, user: &str) -> &Arm {
        let place = place_of(self.id, user);
        let mut end = 0;
        let within = |arm: &&Arm| {
            end += arm.share.hundredths();
            place < end
        };
        // The shares add up to the whole, so that somebody's place is always within one of them.
        self.arms.iter().find(within).unwrap_or(&self.arms[0])
    }

    /// What the experiment says of a person at an instant: nothing when it is not running then.
    pub fn assign(&self, user: &str, at: Timestamp) -> Option<Assigned> {
        if !self.covers(at) {
            return None;
        }
        let arm = self.arm_of(user);
        let counted = arm.stopped_at.is_none_or(|stopped| at < stopped);
        let policy = if counted { arm.policy } else { self.arms[0].policy };
        Some(Assigned { experiment: self.id, policy, counted })
    }
}

/// Where a person stands between 0 and [`Share::WHOLE`].
fn place_of(experiment: ExperimentId, user: &str) -> u16 {
    let digest = Sha256::new_with_prefix(experiment.0.as_bytes()).chain_update(user).finalize();
    let head = digest.iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
    let place = (u128::from(head) * u128::from(Share::WHOLE)) >> 64;
    u16::try_from(place).unwrap_or(0)
}

/// The experiment that is running, kept up to date by the log.
///
/// Begin with what [`super::queries::running`] read at a position, then [`Running::apply`] every event after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running(Option<Experiment>);

impl Running {
    /// Begins with the experiment that is running, if there is one.
    pub fn new(experiment: Option<Experiment>) -> Self {
        Self(experiment.filter(Experiment::is_running))
    }

    /// Takes in an event of the log. Returns whether it changed anything.
    pub fn apply(&mut self, event: &StoredEvent) -> bool {
        if ![STARTED, ARM_STOPPED, STOPPED].contains(&event.kind.as_str()) {
            return false;
        }
        let told: Experiment = match serde_json::from_str(&event.data) {
            Ok(told) => told,
            Err(error) => {
                tracing::error!(position = event.position, %error, "an event of an experiment cannot be read");
                return false;
            }
        };
        // One runs at a time, and the log tells in order: the last word is that of the one that matters.
        let now = Self::new(Some(told));
        let changed = now != *self;
        *self = now;
        changed
    }

    /// The experiment.
    pub fn experiment(&self) -> Option<&Experiment> {
        self.0.as_ref()
    }

    /// What decides for a person now; `None` when there is no experiment.
    pub fn assign(&self, user: &str) -> Option<Assigned> {
        let experiment = self.0.as_ref()?;
        experiment.assign(user, Timestamp::from_micros(i64::MAX))
    }

    /// The policies that the running experiment needs.
    pub fn policies(&self) -> impl Iterator<Item = PolicyName> {
        let arms = self.0.iter().flat_map(|experiment| &experiment.arms);
        arms.filter(|arm| arm.stopped_at.is_none()).map(|arm| arm.policy)
    }
}
