//! `cargo xtask test`: every check and test, in order.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use testkit::{PrivatePostgres, SHARED_POSTGRES};

use crate::counts::{Counts, Runner};
use crate::{cargo, needs};

/// The crash tests of a run: the step's name and the engine.
const CRASHES: &[(&str, &str)] = &[("crash sqlite", "sqlite"), ("crash postgres", "postgres")];

/// Rounds of each; a long run is for its own command.
const CRASH_ROUNDS: &str = "10";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out the documentation, its tests and the crash test.
    #[arg(long)]
    quick: bool,
    /// Handed on to the test runner, such as `-- -p halles-store` or `-- name_of_a_test`.
    #[arg(last = true, value_name = "EXTRA")]
    extra: Vec<String>,
}

/// One call of cargo.
struct Step {
    name: &'static str,
    arguments: Vec<String>,
    /// Whose lines about single tests are counted; a step without counts as one.
    runner: Option<Runner>,
}

/// How a step ended.
struct Outcome {
    name: &'static str,
    success: bool,
    counts: Counts,
    time: Duration,
}

/// Sets the machine up and runs the steps; fails when one of them does.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    needs::provide()?;
    let postgres = PrivatePostgres::start_with(&[("max_connections", "400")])?;
    let url = postgres.url("postgres");
    println!("PostgreSQL {} for this run: {url}", postgres.binaries().major());

    let steps = steps(options, has_nextest());
    let outcomes: Vec<Outcome> = steps.iter().map(|step| perform(step, root, &url)).collect::<Result<_>>()?;
    drop(postgres);
    Ok(report(&outcomes))
}

/// What is run, in this order. Later steps find compiled what earlier ones have compiled.
fn steps(options: &Options, nextest: bool) -> Vec<Step> {
    let mut steps = vec![
        Step::check("format", &["fmt", "--all", "--check"]),
        Step::check("tidy", &["xtask", "tidy"]),
        Step::check("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        // Whole-product tests run the product's own program, which a test runner would not build.
        Step::check("build", &["build", "--workspace", "--all-targets"]),
    ];
    let mut tests = if nextest {
        Step::tests("tests", Runner::Nextest, &["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        Step::tests("tests", Runner::CargoTest, &["test", "--workspace", "--no-fail-fast"])
    };
    tests.arguments.extend(options.extra.iter().cloned());
    steps.push(tests);
    if options.quick {
        return steps;
    }
    if nextest {
        // `cargo test` has run them already.
        steps.push(Step::tests(
            "doc tests",
            Runner::CargoTest,
            &["test", "--doc", "--workspace", "--no-fail-fast"],
        ));
    }
    steps.push(Step::check("docs", &["doc", "--workspace", "--no-deps", "--document-private-items"]));
    for (name, engine) in CRASHES {
        steps.push(Step::check(name, &["xtask", "crash", "--rounds", CRASH_ROUNDS, "--engine", engine]));
    }
    steps
}

impl Step {
    fn check(name: &'static str, arguments: &[&str]) -> Self {
        Self { name, arguments: arguments.iter().map(ToString::to_string).collect(), runner: None }
    }

    fn tests(name: &'static str, runner: Runner, arguments: &[&str]) -> Self {
        Self { runner: Some(runner), ..Self::check(name, arguments) }
    }
}

fn has_nextest() -> bool {
    cargo().args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}

fn perform(step: &Step, root: &Path, postgres_url: &str) -> Result<Outcome> {
    println!("\n== {}: cargo {}", step.name, step.arguments.join(" "));
    let mut command = cargo();
    command.args(&step.arguments).current_dir(root).env(SHARED_POSTGRES, postgres_url);
    // Only rustdoc reads it, so that setting it for all steps recompiles nothing.
    command.env("RUSTDOCFLAGS", "-D warnings");
    let start = Instant::now();
    let (success, mut counts) = match step.runner {
        Some(runner) => run_counting(&mut command, runner)?,
        None => run_plainly(&mut command)?,
    };
    if !success && counts.failed == 0 {
        // For instance a test that does not compile.
        counts.failed = 1;
    }
    let outcome = Outcome { name: step.name, success, counts, time: start.elapsed() };
    println!("-- {}: {} after {}", outcome.name, word_for(success), seconds(outcome.time));
    Ok(outcome)
}

fn run_plainly(command: &mut Command) -> Result<(bool, Counts)> {
    let success = command.status().context("running cargo")?.success();
    Ok((success, Counts::of_step(success)))
}

/// Runs a test runner, shows its output as it comes and counts the tests in it.
fn run_counting(command: &mut Command, runner: Runner) -> Result<(bool, Counts)> {
    if io::stdout().is_terminal() {
        // The runner sees a pipe and would leave its colours out.
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("running cargo")?;
    let stdout = child.stdout.take().context("a pipe was asked for")?;
    let stderr = child.stderr.take().context("a pipe was asked for")?;
    let errors = thread::spawn(move || pass_on(stderr, io::stderr(), runner));
    let mut counts = pass_on(stdout, io::stdout(), runner)?;
    counts += errors.join().map_err(|_| anyhow!("reading the runner's messages failed"))??;
    let success = child.wait().context("waiting for cargo")?.success();
    Ok((success, counts))
}

fn pass_on(from: impl Read, mut to: impl Write, runner: Runner) -> Result<Counts> {
    let mut from = BufReader::new(from);
    let mut counts = Counts::default();
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).context("reading the runner's output")? > 0 {
        to.write_all(&line).and_then(|()| to.flush()).context("showing the runner's output")?;
        counts += runner.counts_in(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(counts)
}

/// Prints the table and the last line; the exit code says whether all is well.
fn report(outcomes: &[Outcome]) -> ExitCode {
    println!("\n{:<16} {:<8} {:>7} {:>7} {:>10}", "step", "result", "passed", "failed", "time");
    let mut total = Counts::default();
    for Outcome { name, success, counts, time } in outcomes {
        let (Counts { passed, failed }, result, time) = (*counts, word_for(*success), seconds(*time));
        println!("{name:<16} {result:<8} {passed:>7} {failed:>7} {time:>10}");
        total += *counts;
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    if total.failed == 0 && outcomes.iter().all(|outcome| outcome.success) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn word_for(success: bool) -> &'static str {
    if success { "ok" } else { "FAILED" }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(options: &Options, nextest: bool) -> Vec<&'static str> {
        steps(options, nextest).iter().map(|step| step.name).collect()
    }

    #[test]
    fn quick_leaves_out_documentation_and_crashes() {
        let options = Options { quick: true, extra: Vec::new() };
        assert_eq!(names(&options, true), ["format", "tidy", "clippy", "build", "tests"]);
    }

    #[test]
    fn documentation_is_tested_with_and_without_nextest() {
        let options = Options { quick: false, extra: vec!["-p".to_owned(), "halles-store".to_owned()] };
        assert!(names(&options, true).contains(&"doc tests"));
        let plain = steps(&options, false);
        let runner =
            plain.iter().find(|step| step.runner == Some(Runner::CargoTest)).expect("there is a runner");
        assert_eq!(runner.arguments, ["test", "--workspace", "--no-fail-fast", "-p", "halles-store"]);
    }

    #[test]
    fn output_is_passed_on_unchanged_and_counted() -> Result<()> {
        let text = "running\ntest result: ok. 3 passed; 1 failed; 0 ignored\nlast line without end";
        let mut shown = Vec::new();
        assert_eq!(pass_on(text.as_bytes(), &mut shown, Runner::CargoTest)?, Counts { passed: 3, failed: 1 });
        assert_eq!(shown, text.as_bytes());
        Ok(())
    }
}
