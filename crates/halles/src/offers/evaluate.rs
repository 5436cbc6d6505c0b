//! `halles offers evaluate`: what another policy would have brought, told from a log.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use offers::evaluate::{Report, Settings, evaluate};

use crate::cli::EvaluateArgs;

/// Evaluates a policy on a log. Returns what is to be printed.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<String> {
    let settings = Settings {
        format: args.format.into(),
        target: args.policy,
        rewards: args.reward.clone(),
        clip: args.clip,
        unit: args.by.into(),
        seed: args.seed,
    };
    let report = read_and_evaluate(&settings, &args.log, args.training.as_deref())?;
    Ok(if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else {
        format!("{report}\n")
    })
}

fn read_and_evaluate(settings: &Settings, log: &Path, training: Option<&Path>) -> anyhow::Result<Report> {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} {bytes} read {elapsed}")?);
    bar.set_message(log.display().to_string());
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut file = bar.wrap_read(open(log)?);
    let mut training = training.map(open).transpose()?;
    let training = training.as_mut().map(|training| training as &mut dyn Read);
    let report = evaluate(settings, &mut file, training);
    bar.finish_and_clear();
    report.with_context(|| log.display().to_string())
}

/// A file, or standard input for `-`.
fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(file))
}
