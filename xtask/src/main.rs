//! The project's own tasks, run as `cargo xtask TASK`.
//!
//! - `test` sets the machine up, starts what the tests need and runs every check; `.ci/run` is only this.
//! - `tidy` holds the rules about the source tree that no compiler knows.
//! - `bench` and `crash` build the product and run the whole-product programs of `tests/`.
//!
//! It stays light to compile, because it is compiled before anything else: it knows nothing of the product's
//! crates. One more task: one variant of [`Task`] and one module.

#![expect(clippy::print_stdout, reason = "a command line program: its output is what it is for")]

mod counts;
mod needs;
mod product;
mod test;
mod tidy;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// The project's own tasks.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Before a change is proposed: cargo xtask test"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Sets up what is missing, then runs every check and test.
    ///
    /// Missing programs (PostgreSQL, a C compiler …) are installed through apt when run as root on Debian or
    /// Ubuntu; otherwise the exact command to run is printed and nothing is run: no test is ever left out
    /// because something is not there. One private PostgreSQL server serves the whole run. A step that fails
    /// does not keep the next ones from running; the last line is `N passed, N failed`.
    Test(test::Options),
    /// Checks the rules of the source tree: who may import whom, file sizes, leftovers, dependencies, licences.
    ///
    /// Every finding names the file and what to do. Looks at the files that git knows and at new ones that it
    /// does not ignore.
    Tidy,
    /// Measures speed on a release build: `cargo xtask bench orders`, `cargo xtask bench offers`.
    ///
    /// What the second compares with (NATS, Redis, Python) is installed through apt when run as root on Debian or
    /// Ubuntu; otherwise the command to run is printed and those lines are marked as not run.
    /// `cargo xtask bench -- --help` lists the benchmarks and their options.
    Bench(product::Arguments),
    /// Kills the running product again and again and checks that nothing was lost.
    ///
    /// For example `cargo xtask crash --rounds 200 --engine postgres`; `cargo xtask crash -- --help` lists all
    /// options.
    Crash(product::Arguments),
}

fn main() -> ExitCode {
    run(Arguments::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let root = root()?;
    match arguments.task {
        Task::Test(options) => test::run(&root, &options),
        Task::Tidy => tidy::run(&root),
        Task::Bench(arguments) => product::run(&root, &product::BENCH, &arguments),
        Task::Crash(arguments) => product::run(&root, &product::CRASH, &arguments),
    }
}

/// The folder of the workspace: as cargo tells it now, since a build folder may be shared by several clones.
fn root() -> Result<PathBuf> {
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).parent().map(Path::to_path_buf).context("xtask lies in a folder of the workspace")
}

/// The cargo that runs us.
fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_of_a_whole_product_program_need_no_separator() {
        let arguments = Arguments::parse_from(["xtask", "crash", "--rounds", "10", "--engine", "sqlite"]);
        assert!(
            matches!(arguments.task, Task::Crash(product::Arguments { arguments }) if arguments.len() == 4)
        );
    }
}
