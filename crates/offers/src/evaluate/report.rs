//! What an evaluation found, for machines (JSON) and for people (a table).

use std::fmt;

use serde::Serialize;

use super::estimate::{Estimate, Estimator, Weights};
use super::interval::Interval;
use super::log_format::{Format, RewardRule};
use super::target::Target;

/// With fewer rewards than this in the effective sample, the interval is wider than ±62 % of the value
/// (1.96 / √10): it tells more about luck than about the policy.
const FEWEST_REWARDS: f64 = 10.0;
/// From this share of lost rewards on, they are warned of.
const MUCH_LOST: f64 = 0.01;

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What kind of log it was.
    pub format: Format,
    /// The policy asked about.
    pub policy: Target,
    /// Where the policy learned, when it learns.
    pub learned_from: Option<LearnedFrom>,
    /// What counted as a reward.
    pub reward: RewardRule,
    /// Decisions (for an Open Bandit log: rows).
    pub decisions: usize,
    /// Offers that were shown: slots of all decisions.
    pub rows: usize,
    /// Different offers.
    pub items: usize,
    /// Slots of a decision, at most.
    pub slots: usize,
    /// Rows that brought something.
    pub rewards: usize,
    /// Rewards that are missing because their decision was lost.
    pub lost_rewards: u64,
    /// Mean reward of a row of the log.
    pub logged: Estimate,
    /// What the policy would have brought per row, by each estimator.
    pub estimates: Vec<Row>,
    /// How the weights are spread.
    pub weights: Weights,
    /// What to beware of.
    pub warnings: Vec<Warning>,
}

/// The estimate of one estimator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    /// Which one.
    pub estimator: Estimator,
    /// Mean reward of a row under the policy.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// By how much that is more than the log's mean, relative to it; `None` when the log has no reward.
    pub lift: Option<Estimate>,
}

/// Where a policy learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LearnedFrom {
    /// From a log of its own.
    TrainingLog,
    /// For each half of the log from the other half.
    OtherHalf,
}

/// Why the numbers may mislead.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Warning {
    /// The effective sample is too small.
    FewRewards {
        /// Effective sample size, in rows.
        effective_sample_size: f64,
        /// So many rewards it would bring.
        rewards: f64,
    },
    /// The mean weight differs from 1 by more than chance.
    MeanWeight {
        /// The mean weight.
        mean: Estimate,
    },
    /// Rewards are missing.
    LostRewards {
        /// Their share of all rewards, 0 to 1.
        share: f64,
    },
    /// Clipping cut off so much weight that the estimates are biased.
    Clipped {
        /// Share of the sum of weights, 0 to 1.
        weight: f64,
    },
}

impl Report {
    /// Looks at the numbers for what may mislead.
    pub(super) fn warn(&mut self) {
        let snips = self.estimates.iter().find(|row| row.estimator == Estimator::Snips);
        let Weights { effective_sample_size, mean, clipped, .. } = self.weights;
        let rewards = effective_sample_size * snips.map_or(0.0, |row| row.estimate.value);
        if rewards < FEWEST_REWARDS {
            self.warnings.push(Warning::FewRewards { effective_sample_size, rewards });
        }
        match clipped {
            Some(clipped) if clipped.weight > MUCH_LOST => {
                self.warnings.push(Warning::Clipped { weight: clipped.weight });
            }
            None if !mean.interval.contains(1.0) => self.warnings.push(Warning::MeanWeight { mean }),
            Some(_) | None => {}
        }
        let all = as_number(self.rewards as u64 + self.lost_rewards);
        let share = as_number(self.lost_rewards) / all.max(1.0);
        if share > MUCH_LOST {
            self.warnings.push(Warning::LostRewards { share });
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, items, slots, rewards, reward, .. } = self;
        writeln!(f, "Policy {} on {}", self.policy, self.format)?;
        match self.format {
            Format::Obd => {}
            Format::Decisions => write!(f, "{} decisions, ", thousands(self.decisions))?,
        }
        writeln!(
            f,
            "{} rows, {} offers, {} slots, {} rewards ({reward})",
            thousands(*rows),
            thousands(*items),
            thousands(*slots),
            thousands(*rewards)
        )?;
        match self.learned_from {
            Some(LearnedFrom::TrainingLog) => writeln!(f, "Learned from the training log only.")?,
            Some(LearnedFrom::OtherHalf) => {
                writeln!(
                    f,
                    "Learned in two halves: each half is judged by what was learned from the other one."
                )?;
            }
            None => {}
        }
        writeln!(f)?;
        self.write_table(f)?;
        self.write_weights(f)?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\nwarning: {warning}"))
    }
}

impl Report {
    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading =
            ["estimator", "value", "95 % interval", "against the log", "95 % interval", "eff. rows", "rows"];
        let size = thousands_of(self.weights.effective_sample_size);
        let rows = thousands(self.rows);
        write_line(f, heading.map(str::to_owned))?;
        let (value, interval) = (rate(self.logged.value), interval(self.logged.interval, rate_short));
        write_line(
            f,
            ["log".into(), value, interval, "-".into(), String::new(), rows.clone(), rows.clone()],
        )?;
        for row in &self.estimates {
            write_line(
                f,
                [
                    row.estimator.as_str().to_owned(),
                    rate(row.estimate.value),
                    self::interval(row.estimate.interval, rate_short),
                    row.lift.map_or_else(|| "-".to_owned(), |lift| percent(lift.value)),
                    row.lift.map_or_else(String::new, |lift| self::interval(lift.interval, percent)),
                    size.clone(),
                    rows.clone(),
                ],
            )?;
        }
        writeln!(f)
    }

    fn write_weights(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Weights { effective_sample_size, largest, mean, clipped } = &self.weights;
        writeln!(
            f,
            "weights: effective sample size {} of {} rows, largest {largest:.2}, mean {:.3} {}",
            thousands_of(*effective_sample_size),
            thousands(self.rows),
            mean.value,
            interval(mean.interval, |end| format!("{end:.3}")),
        )?;
        if let Some(clipped) = clipped {
            let (rows, weight) = (share(clipped.rows), share(clipped.weight));
            writeln!(f, "clipped at {}: {rows} of the rows, {weight} of the weight", clipped.at)?;
        }
        write!(f, "rewards whose decision was lost: {}", self.lost_rewards)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewRewards { effective_sample_size, rewards } => write!(
                f,
                "the effective sample of {} rows would bring {rewards:.1} rewards. With fewer than {FEWEST_REWARDS:.0} \
                 an estimate can be off by more than half of its value: collect a longer log, or ask about a policy \
                 nearer to the logged one.",
                thousands_of(*effective_sample_size)
            ),
            Self::MeanWeight { mean } => {
                let why = if mean.value < 1.0 {
                    "the log never tried part of what this policy would show, or its propensities are wrong"
                } else {
                    "the propensities of the log are wrong"
                };
                write!(
                    f,
                    "the mean weight is {:.3} and should be 1, but for chance: {why}. IPS is biased by that; SNIPS \
                     and DR less.",
                    mean.value
                )
            }
            Self::LostRewards { share: lost } => write!(
                f,
                "{} of the rewards name a decision that is not in the log: all rates are too low by about as much.",
                share(*lost)
            ),
            Self::Clipped { weight } => write!(
                f,
                "clipping cut off {} of the weight: the policy is judged mostly by what the log shows often, and IPS \
                 is too low. The intervals do not know of that.",
                share(*weight)
            ),
        }
    }
}

fn write_line(f: &mut fmt::Formatter<'_>, cells: [String; 7]) -> fmt::Result {
    let [name, value, interval, lift, lift_interval, size, rows] = cells;
    let line = format!(
        "{name:<9}  {value:>12}  {interval:>20}  {lift:>15}  {lift_interval:>20}  {size:>9}  {rows:>9}"
    );
    writeln!(f, "{}", line.trim_end())
}

fn rate(value: f64) -> String {
    format!("{value:.10}")
}

fn rate_short(value: f64) -> String {
    format!("{value:.6}")
}

fn percent(share: f64) -> String {
    // A log of a few rewards bounds a ratio hardly at all; more digits would say that it did.
    if share < 10.0 { format!("{:+.1} %", 100.0 * share) } else { "> +1000 %".to_owned() }
}

fn share(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn interval(interval: Interval, text: impl Fn(f64) -> String) -> String {
    format!("{} to {}", text(interval.low), text(interval.high))
}

fn thousands(number: usize) -> String {
    thousands_of(as_number(number as u64))
}

/// A whole number with a comma before every three digits.
fn thousands_of(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^52")]
fn as_number(count: u64) -> f64 {
    count as f64
}
