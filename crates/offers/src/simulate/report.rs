//! What a simulation found: curves with intervals, as data, as CSV and as a table.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use super::engine::Gains;
use super::{HUNDREDTHS, Settings, float};
use crate::learn::PolicyName;

/// What a simulation found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The world, in a few words: `campaign men, 34 arms`.
    pub world: String,
    /// How many arms it has.
    pub arms: usize,
    /// How many of them are shown at once.
    pub slots: usize,
    /// Slot impressions of a run: decisions times slots.
    pub impressions: u64,
    /// Runs of each policy, each with its own seed.
    pub seeds: u64,
    /// True mean rate of a slot of the best slate that never changes.
    pub best_rate: f64,
    /// True mean rate of a slot when slates are uniformly random.
    pub uniform_rate: f64,
    /// Slot impressions after which the arms' rates were permuted.
    pub drift_at: Option<u64>,
    /// Decisions per second of the world's clock.
    pub rate: f64,
    /// Seconds from a slot's being shown to its reward.
    pub delay_seconds: f64,
    /// Whom [`Point::lead`] compares with.
    pub reference: PolicyName,
    /// One curve for each policy, in the order asked for.
    pub curves: Vec<Curve>,
}

/// How one policy did over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// The policy.
    pub policy: PolicyName,
    /// Tenths of the way: ten points.
    pub tenths: Vec<Point>,
    /// Hundredths of the way: a hundred points.
    pub points: Vec<Point>,
}

/// A stretch of a curve. Rates are expected ones: the true rates of what was shown, not the clicks that chance gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Slot impressions at its end.
    pub impressions: u64,
    /// Rate within the stretch, as a share of [`Report::best_rate`].
    pub relative: Interval,
    /// Rate from the beginning to its end, as a share of [`Report::best_rate`].
    pub cumulative: Interval,
    /// Rate within the stretch, as a multiple of [`Report::uniform_rate`].
    pub over_uniform: Interval,
    /// Successes lost from the beginning to its end, compared with the best slate.
    pub regret: Interval,
    /// `relative` minus that of [`Report::reference`], seed by seed.
    pub lead: Interval,
}

/// A mean over seeds with its 95 % confidence interval (Student's t).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// The interval of a sample; a sample of one has no width.
    pub fn of(sample: &[f64]) -> Self {
        if sample.is_empty() {
            return Self::default();
        }
        let n = count(sample.len());
        let mean = sample.iter().sum::<f64>() / n;
        let squares: f64 = sample.iter().map(|x| (x - mean) * (x - mean)).sum();
        let half =
            if sample.len() > 1 { student(sample.len() - 1) * (squares / (n - 1.0) / n).sqrt() } else { 0.0 };
        Self { mean, low: mean - half, high: mean + half }
    }
}

/// Upper 2.5 % point of Student's t: tabled up to 30 degrees of freedom, then the Cornish-Fisher expansion
/// (Abramowitz and Stegun 26.7.5).
fn student(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
        2.045, 2.042,
    ];
    const NORMAL: f64 = 1.959_964;
    match degrees.checked_sub(1).and_then(|row| TABLE.get(row)) {
        Some(&value) => value,
        None => NORMAL + (NORMAL.powi(3) + NORMAL) / (4.0 * count(degrees)),
    }
}

fn count(n: usize) -> f64 {
    float(u64::try_from(n).unwrap_or(u64::MAX))
}

/// Whom others are compared with, when it is among them.
const REFERENCE: PolicyName = PolicyName::PlainThompson;

/// Joins the runs, which are all seeds of the first policy, all of the second, and so on.
pub(super) fn of(settings: &Settings, gains: &[Gains]) -> Report {
    let seeds = usize::try_from(settings.seeds).unwrap_or(usize::MAX).max(1);
    let runs: Vec<&[Gains]> = gains.chunks(seeds).collect();
    let place = settings.policies.iter().position(|name| *name == REFERENCE).unwrap_or(0);
    let reference = runs.get(place).copied().unwrap_or_default();
    let curves = settings.policies.iter().zip(&runs).map(|(&policy, runs)| Curve {
        policy,
        tenths: stretches(settings, runs, reference, 10),
        points: stretches(settings, runs, reference, HUNDREDTHS),
    });
    Report {
        world: settings.world.title.clone(),
        arms: settings.world.arms(),
        slots: settings.slots,
        impressions: settings.impressions,
        seeds: settings.seeds,
        best_rate: settings.world.best_rate(settings.slots),
        uniform_rate: settings.world.uniform_rate(),
        drift_at: settings.drift_at,
        rate: settings.rate,
        delay_seconds: settings.delay_seconds,
        reference: settings.policies.get(place).copied().unwrap_or(REFERENCE),
        curves: curves.collect(),
    }
}

/// The points of a curve cut into so many stretches.
fn stretches(settings: &Settings, runs: &[Gains], reference: &[Gains], number: u64) -> Vec<Point> {
    (1..=number).map(|stretch| point(settings, runs, reference, (stretch, number))).collect()
}

fn point(settings: &Settings, runs: &[Gains], reference: &[Gains], (stretch, number): (u64, u64)) -> Point {
    let hundredth = |stretch: u64| usize::try_from(stretch * HUNDREDTHS / number).unwrap_or(usize::MAX);
    let (from, to) = (hundredth(stretch - 1), hundredth(stretch));
    let share = |run: &Gains| sum(&run.shown[from..to]) / sum(&run.best[from..to]).max(f64::MIN_POSITIVE);
    let over = |measure: &dyn Fn(&Gains) -> f64| Interval::of(&runs.iter().map(measure).collect::<Vec<_>>());
    let lead: Vec<_> = runs.iter().zip(reference).map(|(run, other)| share(run) - share(other)).collect();
    Point {
        impressions: settings.impressions * stretch / number,
        relative: over(&share),
        cumulative: over(&|run| sum(&run.shown[..to]) / sum(&run.best[..to]).max(f64::MIN_POSITIVE)),
        over_uniform: over(&|run| {
            sum(&run.shown[from..to]) / sum(&run.uniform[from..to]).max(f64::MIN_POSITIVE)
        }),
        regret: over(&|run| sum(&run.best[..to]) - sum(&run.shown[..to])),
        lead: Interval::of(&lead),
    }
}

fn sum(parts: &[f64]) -> f64 {
    parts.iter().sum()
}

impl Report {
    /// Writes every point of every curve: `policy, impressions`, and mean, low and high of each measure.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(COLUMNS)?;
        for curve in &self.curves {
            for point in &curve.points {
                csv.write_record(row(curve.policy, point))?;
            }
        }
        csv.flush()
    }
}

const COLUMNS: [&str; 17] = [
    "policy",
    "impressions",
    "relative",
    "relative_low",
    "relative_high",
    "cumulative",
    "cumulative_low",
    "cumulative_high",
    "over_uniform",
    "over_uniform_low",
    "over_uniform_high",
    "regret",
    "regret_low",
    "regret_high",
    "lead",
    "lead_low",
    "lead_high",
];

fn row(policy: PolicyName, point: &Point) -> Vec<String> {
    let measures = [point.relative, point.cumulative, point.over_uniform, point.regret, point.lead];
    let numbers = measures.iter().flat_map(|interval| [interval.mean, interval.low, interval.high]);
    let head = [policy.to_string(), point.impressions.to_string()];
    head.into_iter().chain(numbers.map(|number| format!("{number:.5}"))).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        for curve in &self.curves {
            write!(f, "\n{:<18}", curve.policy)?;
            for tenth in &curve.tenths {
                write!(f, " {:>5.1}", 100.0 * tenth.relative.mean)?;
            }
            if let Some(last) = curve.tenths.last() {
                let (relative, cumulative) = (last.relative, last.cumulative);
                write!(
                    f,
                    "   {:>5.1} ±{:<4.1}",
                    100.0 * relative.mean,
                    50.0 * (relative.high - relative.low)
                )?;
                write!(
                    f,
                    " {:>5.1} ±{:<4.1}",
                    100.0 * cumulative.mean,
                    50.0 * (cumulative.high - cumulative.low)
                )?;
                write!(f, " {:>8.0}", last.regret.mean)?;
            }
        }
        writeln!(f)
    }
}

impl Report {
    /// What was simulated, and the table's head.
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} slot impressions, slates of {}, {} seeds, {} decisions/s",
            self.world, self.impressions, self.slots, self.seeds, self.rate
        )?;
        if let Some(at) = self.drift_at {
            writeln!(f, "rates permuted after {at} slot impressions")?;
        }
        if self.delay_seconds > 0.0 {
            writeln!(f, "rewards arrive after {} s", self.delay_seconds)?;
        }
        writeln!(
            f,
            "best fixed slate {:.6} a slot, uniform {:.6} ({:.1} % of it)\n",
            self.best_rate,
            self.uniform_rate,
            100.0 * self.uniform_rate / self.best_rate.max(f64::MIN_POSITIVE)
        )?;
        writeln!(
            f,
            "expected rate in % of the best fixed slate's, by tenths of the way; ± is a 95 % interval"
        )?;
        write!(f, "{:<18}", "policy")?;
        for tenth in 1..=10 {
            write!(f, " {tenth:>5}")?;
        }
        write!(f, "   {:>11} {:>11} {:>8}", "last tenth", "cumulative", "regret")
    }
}
