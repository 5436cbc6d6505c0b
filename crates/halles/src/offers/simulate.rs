//! `halles offers simulate`: policies in a world whose truth is known.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use offers::simulate::{Report, Settings, World, svg};

use crate::cli::SimulateArgs;

/// Offers of each category among seeded users.
const PER_CATEGORY: usize = 5;

/// Runs a simulation, and writes its files. Returns what is to be printed.
pub fn run(args: &SimulateArgs) -> anyhow::Result<String> {
    let settings = settings(args)?;
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("simulating {bar:40} {percent} % {eta}")?);
    let report = offers::simulate::run(&settings, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    if let Some(path) = &args.csv {
        write_csv(&report, path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &args.svg {
        fs::write(path, svg(&report)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(if args.json { format!("{}\n", serde_json::to_string_pretty(&report)?) } else { report.to_string() })
}

fn settings(args: &SimulateArgs) -> anyhow::Result<Settings> {
    let mut settings = Settings {
        slots: usize::from(args.slots),
        impressions: args.impressions,
        seeds: args.seeds,
        seed: args.seed,
        rate: args.rate,
        delay_seconds: args.delay,
        drift_at: args.drift.map(|at| at.unwrap_or(args.impressions / 2)),
        ..Settings::new(world(args)?)
    };
    if let Some(at) = settings.drift_at {
        let last = settings.impressions;
        anyhow::ensure!(at < last, "--drift {at} is never reached: give less than --impressions {last}");
    }
    if !args.policies.is_empty() {
        let mut seen = BTreeSet::new();
        settings.policies = args.policies.iter().copied().filter(|policy| seen.insert(*policy)).collect();
    }
    Ok(settings)
}

fn world(args: &SimulateArgs) -> anyhow::Result<World> {
    let (Some(path), Some(campaign)) = (&args.world, &args.campaign) else {
        return Ok(World::synthetic(args.seed, PER_CATEGORY));
    };
    let yaml = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    World::of_posteriors(&yaml, campaign).with_context(|| path.display().to_string())
}

fn write_csv(report: &Report, path: &Path) -> std::io::Result<()> {
    report.write_csv(BufWriter::new(File::create(path)?))
}
