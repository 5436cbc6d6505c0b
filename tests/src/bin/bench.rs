//! `cargo xtask bench`: measures speed.

#![expect(clippy::print_stdout, reason = "a command line program: its output is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use product_tests::bench::{
    CityOptions, CityReading, OfferOptions, Options, Report, USERS, city, city_read, offers, orders,
};

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
    /// Recommendations and events: in process, over HTTP, beside numpy, Vowpal Wabbit, NATS JetStream and Redis.
    ///
    /// Peers that are not installed are named in the report with how to get them; `cargo xtask` installs them when run
    /// as root on Debian or Ubuntu. The Python ones live in a virtual environment beside the program.
    Offers(OfferArguments),
    /// Reading bikes and roads from files in the portal's formats, beside DuckDB, Polars and `wc -l`.
    ///
    /// The files are made in the folder of temporary files. DuckDB and Polars live in a virtual environment beside the
    /// program; where they cannot be installed the report says how to get them.
    City(CityArguments),
    /// Reads one file and says how long that took: what `city` runs in a process of its own.
    #[command(hide = true)]
    CityRead(ReadArguments),
}

#[derive(clap::Args)]
struct Common {
    /// How long each measurement takes.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Two seconds for each: to see that everything works, not how fast it is.
    #[arg(long, conflicts_with = "seconds")]
    quick: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct Output {
    /// Where to write the report for machines.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Fails when a number is not what it should be.
    #[arg(long)]
    strict: bool,
}

impl Common {
    fn time(&self) -> Duration {
        Duration::from_secs(if self.quick { 2 } else { self.seconds.max(1) })
    }
}

#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask bench orders --engine sqlite --json orders.json")]
struct OrderArguments {
    #[command(flatten)]
    common: Common,
    /// What is measured.
    #[arg(long, value_enum, default_value_t = Engines::Both)]
    engine: Engines,
    /// Lets the server write a line for every request; over HTTP this measures the log too.
    #[arg(long)]
    access_log: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask bench offers --json offers.json")]
struct OfferArguments {
    #[command(flatten)]
    common: Common,
    /// People whose tastes the index knows, in the largest measurement.
    #[arg(long, default_value_t = USERS)]
    users: usize,
    /// Measures the product alone.
    #[arg(long)]
    without_peers: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask bench city --json city.json")]
struct CityArguments {
    #[command(flatten)]
    output: Output,
    /// Files of 100 and 200 MB instead of 1 and 2 GB, an archive of one year instead of ten.
    #[arg(long)]
    quick: bool,
    /// Measures the product alone.
    #[arg(long)]
    without_peers: bool,
}

#[derive(clap::Args)]
struct ReadArguments {
    file: PathBuf,
    answer: PathBuf,
    #[arg(long)]
    roads: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engines {
    Sqlite,
    Postgres,
    Both,
}

fn main() -> Result<ExitCode> {
    let what = Arguments::parse().what;
    if cfg!(debug_assertions) && !matches!(what, What::CityRead(_)) {
        println!("This is not a release build: the numbers mean nothing.\n");
    }
    let told = |what: &str| eprintln!("measuring {what} …");
    match what {
        What::Orders(OrderArguments { common, engine, access_log }) => {
            let (sqlite, postgres) = (engine != Engines::Postgres, engine != Engines::Sqlite);
            let options = Options { time: common.time(), sqlite, postgres, access_log };
            show(&orders(&options, told)?, &common.output)
        }
        What::Offers(OfferArguments { common, users, without_peers }) => {
            let options = OfferOptions { time: common.time(), users, peers: !without_peers };
            show(&offers(&options, told)?, &common.output)
        }
        What::City(CityArguments { output, quick, without_peers }) => {
            let bytes =
                [1_000_000_000, 2_000_000_000].map(|bytes: u64| if quick { bytes / 10 } else { bytes });
            let (years, time) = if quick { (1, 2) } else { (10, 10) };
            let time = Duration::from_secs(time);
            let options = CityOptions { bytes, peers: !without_peers, years, time };
            show(&city(&options, told)?, &output)
        }
        What::CityRead(ReadArguments { file, answer, roads }) => {
            println!("{}", city_read(&CityReading { roads, file, answer })?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints a report, and writes it where it is wanted.
fn show(report: &Report, wanted: &Output) -> Result<ExitCode> {
    println!("\n{report}");
    if let Some(path) = &wanted.json {
        std::fs::write(path, format!("{:#}\n", report.to_json()))
            .with_context(|| format!("writing {}", path.display()))?;
        println!("as JSON in {}", path.display());
    }
    let missed = report.missed().count();
    println!("{missed} of {} numbers missed their target", report.measures.len());
    Ok(if wanted.strict && missed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
