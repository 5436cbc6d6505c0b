//! `cargo xtask bench`: measures speed.

#![expect(clippy::print_stdout, reason = "a command line program: its output is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use product_tests::bench::{Options, orders};

/// Measures speed, prints a table and, if asked, writes it as JSON.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Complete orders of two lines: in process, over HTTP, and on PostgreSQL beside pgbench.
    Orders(OrderArguments),
}

#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask bench orders --engine sqlite --json orders.json")]
struct OrderArguments {
    /// How long each measurement takes.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Two seconds for each: to see that everything works, not how fast it is.
    #[arg(long, conflicts_with = "seconds")]
    quick: bool,
    /// What is measured.
    #[arg(long, value_enum, default_value_t = Engines::Both)]
    engine: Engines,
    /// Where to write the report for machines.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Lets the server write a line for every request; over HTTP this measures the log too.
    #[arg(long)]
    access_log: bool,
    /// Fails when a number is not what it should be.
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engines {
    Sqlite,
    Postgres,
    Both,
}

fn main() -> Result<ExitCode> {
    let What::Orders(arguments) = Arguments::parse().what;
    if cfg!(debug_assertions) {
        println!("This is not a release build: the numbers mean nothing.\n");
    }
    let options = Options {
        time: Duration::from_secs(if arguments.quick { 2 } else { arguments.seconds.max(1) }),
        sqlite: arguments.engine != Engines::Postgres,
        postgres: arguments.engine != Engines::Sqlite,
        access_log: arguments.access_log,
    };
    let report = orders(&options, |what| eprintln!("measuring {what} …"))?;
    println!("\n{report}");
    if let Some(path) = arguments.json {
        std::fs::write(&path, format!("{:#}\n", report.to_json()))
            .with_context(|| format!("writing {}", path.display()))?;
        println!("as JSON in {}", path.display());
    }
    let missed = report.missed().count();
    println!("{missed} of {} numbers missed their target", report.measures.len());
    Ok(if arguments.strict && missed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
