//! Worlds in which the truth is known, to see how well the policies learn.
//!
//! Every slot that is shown goes through the code that production uses: [`Policy::prepare`](crate::learn::Policy),
//! [`Sampler`](crate::learn::Sampler), the weights of the score and [`Shared::observe`](crate::learn::Shared::observe).

mod chart;
mod engine;
mod posteriors;
mod report;
#[cfg(test)]
mod tests;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

pub use self::chart::svg;
use self::engine::{Gains, Run};
pub use self::posteriors::PosteriorError;
pub use self::report::{Curve, Interval, Point, Report};
pub use self::world::World;
use crate::learn::{PolicyName, PolicySettings};

/// Points of a curve.
const HUNDREDTHS: u64 = 100;

/// What to simulate.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where.
    pub world: World,
    /// Which policies, in the order of the report.
    pub policies: Vec<PolicyName>,
    /// Their settings.
    pub policy: PolicySettings,
    /// Offers shown at once.
    pub slots: usize,
    /// Slot impressions of a run, rounded down to whole slates.
    pub impressions: u64,
    /// Runs per policy.
    pub seeds: u64,
    /// The first run's seed; the next runs count up from it.
    pub seed: u64,
    /// Decisions per second of the world's clock, above 0.
    pub rate: f64,
    /// Seconds from a slot's being shown to its reward.
    pub delay_seconds: f64,
    /// Slot impressions after which the arms get each other's rates, once.
    pub drift_at: Option<u64>,
    /// Decisions between two looks of the policy at what was learned.
    pub refresh: u64,
}

impl Settings {
    /// The usual: all policies, slates of three, 1,370,000 slot impressions, 20 seeds, ten decisions a second and a
    /// look at what was learned every second; nothing drifts and nothing is late.
    pub fn new(world: World) -> Self {
        Self {
            world,
            policies: PolicyName::ALL.to_vec(),
            policy: PolicySettings::default(),
            slots: 3,
            impressions: 1_370_000,
            seeds: 20,
            seed: 1,
            rate: 10.0,
            delay_seconds: 0.0,
            drift_at: None,
            refresh: 10,
        }
    }

    fn decisions(&self) -> u64 {
        self.impressions / u64::try_from(self.slots.max(1)).unwrap_or(u64::MAX)
    }
}

/// Runs every policy with every seed on all processors. `progress` is told how many of all slot impressions are done.
pub fn run(settings: &Settings, progress: impl Fn(u64, u64) + Sync) -> Report {
    let jobs: Vec<_> = settings
        .policies
        .iter()
        .flat_map(|&name| (0..settings.seeds).map(move |run| (name, settings.seed.wrapping_add(run))))
        .collect();
    let total = settings.decisions() * u64::try_from(settings.slots * jobs.len()).unwrap_or(u64::MAX);
    let done = AtomicU64::new(0);
    let told = |part| progress(done.fetch_add(part, Ordering::Relaxed) + part, total);
    let gains: Vec<Gains> =
        jobs.par_iter().map(|&(name, seed)| Run::new(settings, name, seed).gains(told)).collect();
    report::of(settings, &gains)
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts of impressions stay below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
