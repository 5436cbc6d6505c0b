//! What an experiment says so far.

use kernel::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::statistics::{Rate, Sums, chi_square};
use super::{Experiment, ExperimentId};
use crate::learn::PolicyName;

/// With fewer people in an arm, counted as [`Sums::effective_users`] does, intervals cover less than they promise (nine
/// of ten instead of nineteen of twenty with forty people, measured) …
const FEW_USERS: f64 = 100.0;
/// … as they do with fewer clicks.
const FEW_CLICKS: i64 = 30;
/// A split less likely than this points to a fault (Fabijan and others: *Diagnosing Sample Ratio Mismatch in Online
/// Controlled Experiments*, KDD 2019).
const MISMATCH: f64 = 0.001;

/// A number with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = ExperimentEstimate)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// How much better than the control an arm is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = ExperimentUplift)]
pub struct Uplift {
    /// The relative difference of the click rates: 0.1 is ten percent more.
    pub value: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The chance of a difference as large as this if there were none.
    pub p_value: f64,
}

/// Whether people were split as they should have been.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ChiSquare {
    /// Pearson's statistic.
    pub chi_square: f64,
    /// The chance of a split as uneven as this.
    pub p_value: f64,
}

/// One arm of a report.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ExperimentArmReport)]
pub struct ArmReport {
    /// What decides for its people.
    #[schema(value_type = String, example = "thompson")]
    pub policy: PolicyName,
    /// How many people it was given, in percent.
    pub share: f64,
    /// Whether the others are compared with it.
    pub control: bool,
    /// When it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// People who did anything.
    pub users: i64,
    /// How many people who look equally often would tell as much: far fewer when some look very often.
    pub effective_users: f64,
    /// What they saw.
    pub views: i64,
    /// What they clicked.
    pub clicks: i64,
    /// What they redeemed.
    pub redemptions: i64,
    /// Clicks per view; `null` without two people and a view.
    pub click_rate: Option<Estimate>,
    /// Against the control; `null` for the control itself and while one of the two has no click.
    pub uplift: Option<Uplift>,
}

/// Why the numbers are not to be trusted yet, or at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ExperimentWarning)]
pub struct Warning {
    /// `too-few-data` or `sample-ratio-mismatch`.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

/// What an experiment says so far.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ExperimentReport)]
pub struct Report {
    /// Its id.
    pub id: ExperimentId,
    /// What it is about.
    pub name: String,
    /// Since when people were split.
    pub started_at: Timestamp,
    /// When it was stopped; absent while it is running.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The control first.
    pub arms: Vec<ArmReport>,
    /// Whether the arms that were not stopped have the people they should have; `null` while there are none.
    pub sample_ratio: Option<ChiSquare>,
    /// What to mind.
    pub warnings: Vec<Warning>,
}

impl Report {
    /// Computes it from the sums over each arm's people; arms without any may be left out.
    pub(super) fn new(experiment: &Experiment, sums: &[(PolicyName, Sums)]) -> Self {
        let sums_of = |policy| {
            let found = sums.iter().find(|(arm, _)| *arm == policy);
            found.map_or_else(Sums::default, |(_, sums)| *sums)
        };
        let control = experiment.arms.first().and_then(|arm| sums_of(arm.policy).click_rate());
        let arms: Vec<ArmReport> = experiment
            .arms
            .iter()
            .enumerate()
            .map(|(place, arm)| {
                let sums = sums_of(arm.policy);
                let rate = sums.click_rate();
                let compared = rate.zip(control).filter(|_| place > 0);
                ArmReport {
                    policy: arm.policy,
                    share: arm.share.into(),
                    control: place == 0,
                    stopped_at: arm.stopped_at,
                    users: sums.users,
                    effective_users: sums.effective_users(),
                    views: sums.views,
                    clicks: sums.clicks,
                    redemptions: sums.redemptions,
                    click_rate: rate.map(Rate::estimate),
                    uplift: compared.and_then(|(rate, control)| rate.uplift_over(control)),
                }
            })
            .collect();
        // A stopped arm gets nobody new; the others are still to each other as their shares.
        let going = arms.iter().filter(|arm| arm.stopped_at.is_none());
        let counts: Vec<(i64, f64)> = going.map(|arm| (arm.users, arm.share)).collect();
        let sample_ratio = chi_square(&counts).map(|(chi_square, p_value)| ChiSquare { chi_square, p_value });
        Self {
            id: experiment.id,
            name: experiment.name.to_string(),
            started_at: experiment.started_at,
            ended_at: experiment.ended_at,
            warnings: warnings(&arms, sample_ratio),
            arms,
            sample_ratio,
        }
    }
}

fn warnings(arms: &[ArmReport], sample_ratio: Option<ChiSquare>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(ratio) = sample_ratio.filter(|ratio| ratio.p_value < MISMATCH) {
        let detail = format!(
            "people are not split as the shares say (p = {:.1e}): something treats the arms differently before it \
             counts, so that their numbers cannot be compared",
            ratio.p_value
        );
        warnings.push(Warning { code: "sample-ratio-mismatch", detail });
    }
    for arm in arms.iter().filter(|arm| arm.effective_users < FEW_USERS || arm.clicks < FEW_CLICKS) {
        let detail = format!(
            "{} has {} people, who count for {:.0} since some look more often than others, and {} clicks; its interval \
             is not to be trusted before there are {FEW_USERS} and {FEW_CLICKS}",
            arm.policy, arm.users, arm.effective_users, arm.clicks
        );
        warnings.push(Warning { code: "too-few-data", detail });
    }
    warnings
}
