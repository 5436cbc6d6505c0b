//! Off-policy evaluation: what a policy would have brought, from the log of another one.
//!
//! A log is read once ([`log`] says what ours looks like), kept as one small row per slot that was shown, and weighed:
//! rows that the policy would have shown more often than the logged one count more. Three estimators with 95 %
//! intervals, how far the weights can be trusted, and warnings make up the [`Report`]. Pure but for the readers that
//! it is given.

mod chances;
mod decisions;
mod error;
mod estimate;
mod input;
mod interval;
pub mod log;
mod log_format;
mod model;
mod obd;
mod report;
mod rows;
mod target;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::Read;

pub use self::error::EvaluateError;
pub use self::estimate::{Clipped, Estimate, Estimator, Weights};
pub use self::interval::Interval;
pub use self::log_format::{Format, RewardRule};
pub use self::report::{LearnedFrom, Report, Row, Warning};
pub use self::rows::Unit;
pub use self::target::{Target, UnknownTarget};

use self::estimate::{Plan, Study};
use self::rows::Log;

/// What to evaluate, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What kind of log it is.
    pub format: Format,
    /// The policy asked about.
    pub target: Target,
    /// What counts as a reward.
    pub rewards: RewardRule,
    /// The largest weight allowed; all when `None`. Clipping trades spread for bias.
    pub clip: Option<f64>,
    /// What is independent of each other. Rows of an Open Bandit log always are.
    pub unit: Unit,
    /// Decides which half of the log a decision is in, and the hands that a policy is dealt.
    pub seed: u64,
}

impl Settings {
    /// Clicks of a decision log under a policy, weights as they are.
    pub fn new(target: Target) -> Self {
        Self {
            format: Format::default(),
            target,
            rewards: RewardRule::default(),
            clip: None,
            unit: Unit::default(),
            seed: 0,
        }
    }
}

/// Evaluates a policy on a log.
///
/// A policy that learns is never judged by rows that it learned from: it learns from `training`, a log of the same
/// format, or else for each half of the log from the other half.
pub fn evaluate(
    settings: &Settings,
    log: &mut dyn Read,
    training: Option<&mut dyn Read>,
) -> Result<Report, EvaluateError> {
    settings.rewards.check(settings.format)?;
    if settings.clip.is_some_and(|clip| !(clip > 0.0 && clip.is_finite())) {
        return Err(EvaluateError::Clip);
    }
    let log = read(settings, log)?;
    let training = training.filter(|_| settings.target.learns());
    let training = training.map(|training| training_rows(settings, training, &log)).transpose()?;
    let study = Study::new(
        &log,
        Plan {
            target: settings.target,
            clip: settings.clip,
            largest_reward: settings.rewards.largest(),
            seed: settings.seed,
            training: training.as_deref(),
        },
    )?;
    let estimates = Estimator::ALL.map(|estimator| {
        let estimate = study.value(estimator);
        Row { estimator, estimate, lift: study.lift(estimator, estimate.value) }
    });
    let learned_from = if training.is_some() { LearnedFrom::TrainingLog } else { LearnedFrom::OtherHalf };
    let mut report = Report {
        format: settings.format,
        policy: settings.target,
        learned_from: settings.target.learns().then_some(learned_from),
        reward: settings.rewards.clone(),
        decisions: log.decisions,
        rows: log.rows.len(),
        items: log.items.len(),
        slots: log.slots,
        rewards: log.rows.iter().filter(|row| row.reward > 0.0).count(),
        lost_rewards: log.lost_rewards,
        logged: study.logged(),
        estimates: estimates.to_vec(),
        weights: study.weights(),
        warnings: Vec::new(),
    };
    report.warn();
    Ok(report)
}

fn read(settings: &Settings, reader: &mut dyn Read) -> Result<Log, EvaluateError> {
    match settings.format {
        Format::Decisions => decisions::read(reader, &settings.rewards, settings.unit),
        Format::Obd => obd::read(reader, &settings.rewards),
    }
}

/// The rows of a training log, with the item numbers of the log that is evaluated: only what that log shows can be
/// judged, so the rest is left out.
fn training_rows(
    settings: &Settings,
    reader: &mut dyn Read,
    log: &Log,
) -> Result<Vec<rows::Row>, EvaluateError> {
    let training = read(settings, reader).map_err(|error| EvaluateError::Training(Box::new(error)))?;
    let places: HashMap<&str, u32> =
        (0..).zip(&log.items).map(|(place, item)| (item.id.as_str(), place)).collect();
    let places: Vec<_> = training.items.iter().map(|item| places.get(item.id.as_str()).copied()).collect();
    let known = training.rows.into_iter().filter_map(|row| {
        let item = places.get(row.item as usize).copied().flatten()?;
        Some(rows::Row { item, ..row })
    });
    Ok(known.collect())
}
