//! The crash test itself: short runs are clean, and a server that lies is found out.

use anyhow::{Result, ensure};
use product_tests::crash::{Engine, Options, Report, run};
use product_tests::halles::program;

fn crash(engine: Engine, rounds: u64, name: &str) -> Result<Report> {
    let options = Options {
        rounds,
        engine,
        seed: 20_260_301,
        in_flight: 40,
        rounds_per_store: rounds,
        program: program(name)?,
    };
    run(&options, |round| eprintln!("{round}"))
}

#[test]
fn a_few_kills_lose_nothing_on_sqlite() -> Result<()> {
    let report = crash(Engine::Sqlite, 3, "halles")?;
    ensure!(report.failed() == 0, "{:#}", report.to_json());
    Ok(())
}

#[test]
fn a_few_kills_lose_nothing_on_postgresql() -> Result<()> {
    let report = crash(Engine::Postgres, 3, "halles")?;
    ensure!(report.failed() == 0, "{:#}", report.to_json());
    Ok(())
}

/// The known-bad twin: a server that answers before it commits loses what it has promised.
#[test]
fn a_server_that_answers_before_it_commits_is_found_out() -> Result<()> {
    let report = crash(Engine::Sqlite, 2, "halles-known-bad")?;
    let lost = report.rounds.iter().flat_map(|round| &round.faults).any(|fault| fault.contains("is gone"));
    ensure!(lost, "no lost order was noticed: {:#}", report.to_json());
    ensure!(report.failed() > 0);
    Ok(())
}
