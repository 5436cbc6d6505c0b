//! What starts and stops experiments.

use kernel::Timestamp;
use store::{Call, DbError, Failure, Tx, params};

use super::{Experiment, ExperimentError, ExperimentId, NewExperiment, queries};
use crate::learn::PolicyName;
use crate::{OFFERS, SOURCE};

/// An experiment has been started; data: the experiment, as in the two others.
pub const STARTED: &str = "halles.experiment.started";
/// One of its arms has been stopped.
pub const ARM_STOPPED: &str = "halles.experiment.arm_stopped";
/// It has been stopped.
pub const STOPPED: &str = "halles.experiment.stopped";

/// A command on experiments: they are few, and which one runs is decided on all of them.
pub fn call(name: &'static str) -> Call {
    Call::new(name, OFFERS).lock("offer.experiments", 0)
}

/// Starts an experiment, when none is running.
pub fn start(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: ExperimentId,
    new: &NewExperiment,
) -> Result<Experiment, Failure<ExperimentError>> {
    let experiment = new.start(id, now).map_err(Failure::Refused)?;
    if let Some(running) = queries::running(tx)? {
        return Err(Failure::Refused(ExperimentError::AnotherRunning(running.id)));
    }
    tx.execute(
        "INSERT INTO offer_experiment (id, name, arms, started_at) VALUES ($1, $2, $3, $4)",
        &params![id.0, &experiment.name, &arms_text(&experiment)?, now],
    )?;
    emit(tx, STARTED, &experiment);
    Ok(experiment)
}

/// Stops an experiment; one that is stopped already stays as it is.
pub fn stop(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: ExperimentId,
) -> Result<Experiment, Failure<ExperimentError>> {
    let experiment = existing(tx, id)?;
    let ended = experiment.ended(now);
    if ended != experiment {
        tx.execute(
            "UPDATE offer_experiment SET ended_at = $2 WHERE id = $1",
            &params![id.0, ended.ended_at],
        )?;
        emit(tx, STOPPED, &ended);
    }
    Ok(ended)
}

/// Stops one arm: its people get the control's policy from now on and are not counted any more. One that is stopped
/// already stays as it is.
pub fn stop_arm(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: ExperimentId,
    policy: PolicyName,
) -> Result<Experiment, Failure<ExperimentError>> {
    let experiment = existing(tx, id)?;
    let changed = experiment.without_arm(policy, now).map_err(Failure::Refused)?;
    if changed != experiment {
        let arms = arms_text(&changed)?;
        tx.execute("UPDATE offer_experiment SET arms = $2 WHERE id = $1", &params![id.0, &arms])?;
        emit(tx, ARM_STOPPED, &changed);
    }
    Ok(changed)
}

fn existing(tx: &mut Tx<'_>, id: ExperimentId) -> Result<Experiment, Failure<ExperimentError>> {
    queries::by_id(tx, id)?.ok_or(Failure::Refused(ExperimentError::Unknown(id)))
}

fn arms_text(experiment: &Experiment) -> Result<String, DbError> {
    serde_json::to_string(&experiment.arms).map_err(|error| DbError::Other(format!("arms as JSON: {error}")))
}

fn emit(tx: &mut Tx<'_>, kind: &'static str, experiment: &Experiment) {
    tx.emit(kind, SOURCE, experiment.id.to_string(), experiment);
}
