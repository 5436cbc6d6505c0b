//! Experiments and their sums.

use kernel::Timestamp;
use store::{DbError, Param, RowRef, Tx, params};
use uuid::Uuid;

use super::statistics::Sums;
use super::{Experiment, ExperimentId, Report};
use crate::learn::PolicyName;

/// An experiment.
pub fn by_id(tx: &mut Tx<'_>, id: ExperimentId) -> Result<Option<Experiment>, DbError> {
    tx.query_opt(
        "SELECT id, name, arms, started_at, ended_at FROM offer_experiment WHERE id = $1",
        &params![id.0],
        read,
    )
}

/// The experiment that is running.
pub fn running(tx: &mut Tx<'_>) -> Result<Option<Experiment>, DbError> {
    tx.query_opt(
        "SELECT id, name, arms, started_at, ended_at FROM offer_experiment WHERE ended_at IS NULL",
        &[],
        read,
    )
}

/// The experiment that an instant is part of.
pub(super) fn at(tx: &mut Tx<'_>, at: Timestamp) -> Result<Option<Experiment>, DbError> {
    tx.query_opt(
        "SELECT id, name, arms, started_at, ended_at FROM offer_experiment
         WHERE started_at <= $1 AND (ended_at IS NULL OR ended_at > $1) ORDER BY started_at DESC LIMIT 1",
        &params![at],
        read,
    )
}

/// Experiments, the latest first, from after the one given.
pub fn list(tx: &mut Tx<'_>, after: Option<ExperimentId>, limit: i64) -> Result<Vec<Experiment>, DbError> {
    let before = after.map_or(Uuid::max(), |id| id.0);
    tx.query(
        "SELECT id, name, arms, started_at, ended_at FROM offer_experiment WHERE id < $1 ORDER BY id DESC LIMIT $2",
        &params![before, limit],
        read,
    )
}

/// What an experiment says so far.
pub fn report(tx: &mut Tx<'_>, id: ExperimentId) -> Result<Option<Report>, DbError> {
    let Some(experiment) = by_id(tx, id)? else { return Ok(None) };
    Ok(Some(Report::new(&experiment, &sums(tx, id)?)))
}

/// The sums over the people of each arm that has any.
fn sums(tx: &mut Tx<'_>, id: ExperimentId) -> Result<Vec<(PolicyName, Sums)>, DbError> {
    tx.query(
        "SELECT arm, COUNT(*), CAST(SUM(views) AS BIGINT), CAST(SUM(clicks) AS BIGINT),
                CAST(SUM(redemptions) AS BIGINT), CAST(SUM(views * views) AS BIGINT),
                CAST(SUM(clicks * clicks) AS BIGINT), CAST(SUM(views * clicks) AS BIGINT)
         FROM offer_experiment_user WHERE experiment_id = $1 GROUP BY arm ORDER BY arm",
        &params![id.0],
        |row| {
            let sums = Sums {
                users: row.get(1)?,
                views: row.get(2)?,
                clicks: row.get(3)?,
                redemptions: row.get(4)?,
                views_squared: row.get(5)?,
                clicks_squared: row.get(6)?,
                views_clicks: row.get(7)?,
            };
            Ok((policy(&row.get::<String>(0)?)?, sums))
        },
    )
}

/// Adds to what people of an experiment did.
pub(super) fn add<'p>(tx: &mut Tx<'_>, rows: impl Iterator<Item = [Param<'p>; 6]>) -> Result<(), DbError> {
    tx.execute_each(
        "INSERT INTO offer_experiment_user (experiment_id, user_id, arm, views, clicks, redemptions)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (experiment_id, user_id) DO UPDATE SET
             views = offer_experiment_user.views + excluded.views,
             clicks = offer_experiment_user.clicks + excluded.clicks,
             redemptions = offer_experiment_user.redemptions + excluded.redemptions",
        rows,
    )
}

fn read(row: RowRef<'_>) -> Result<Experiment, DbError> {
    let arms = serde_json::from_str(&row.get::<String>(2)?);
    Ok(Experiment {
        id: ExperimentId(row.get(0)?),
        name: row.get(1)?,
        arms: arms.map_err(|error| DbError::Decode(format!("the arms of an experiment: {error}")))?,
        started_at: row.get(3)?,
        ended_at: row.get_opt(4)?,
    })
}

fn policy(text: &str) -> Result<PolicyName, DbError> {
    text.parse().map_err(|error| DbError::Decode(format!("the arm of an experiment: {error}")))
}
