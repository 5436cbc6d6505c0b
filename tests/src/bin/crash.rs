//! `cargo xtask crash`: kills the running product again and again and checks that nothing was lost.

#![expect(clippy::print_stdout, reason = "a command line program: its output is what it is for")]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use product_tests::crash::{Engine, LEAST_IN_FLIGHT, Options, run};
use product_tests::halles::program;

/// Kills the running product again and again and checks that nothing was lost.
///
/// Clients buy, sell, restock and cancel over HTTP; at random moments the server (with PostgreSQL in turn the
/// server, PostgreSQL, or both) dies by SIGKILL; then every answer a client got, every unit and every cent is
/// accounted for, and `halles check` must agree. Ends with a report as JSON and the line `N passed, N failed`.
#[derive(Parser)]
#[command(
    name = "cargo xtask crash --",
    after_help = "Example: cargo xtask crash --rounds 200 --engine postgres"
)]
struct Arguments {
    /// How many kills.
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// What the server stores its data with.
    #[arg(long, value_enum, default_value_t = Engine::Sqlite)]
    engine: Engine,
    /// Repeats what the clients of an earlier run did; a new number when not given.
    #[arg(long)]
    seed: Option<u64>,
    /// How many clients, each with one request at a time.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u16).range(i64::try_from(LEAST_IN_FLIGHT).unwrap_or(30) + 2..))]
    in_flight: u16,
    /// How many kills a store must live through before a fresh one is taken.
    #[arg(long, default_value_t = 25)]
    rounds_per_store: u64,
    /// Runs a server that is known to be bad, to see that this test notices.
    #[arg(long, value_enum)]
    known_bad: Option<KnownBad>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KnownBad {
    /// Answers its callers before it commits.
    AnswerBeforeCommit,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let name = match arguments.known_bad {
        None => "halles",
        Some(KnownBad::AnswerBeforeCommit) => "halles-known-bad",
    };
    let options = Options {
        rounds: arguments.rounds,
        engine: arguments.engine,
        // Each RandomState has new keys, so this is a random number.
        seed: arguments.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 32),
        in_flight: arguments.in_flight.into(),
        rounds_per_store: arguments.rounds_per_store,
        program: program(name)?,
    };
    println!("seed {}", options.seed);
    let report = run(&options, |round| println!("{round}"))?;
    println!("{:#}", report.to_json());
    println!("{} passed, {} failed", report.passed(), report.failed());
    Ok(if report.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
