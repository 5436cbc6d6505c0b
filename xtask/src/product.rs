//! Runs the whole-product programs of `tests/`: the benchmark and the crash test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{cargo, needs};

/// Measures speed; only a release build tells anything.
pub(crate) const BENCH: Program = Program { name: "bench", profile: "release" };
/// Kills the product and checks what is left.
pub(crate) const CRASH: Program = Program { name: "crash", profile: "dev" };

/// A program of the package `halles-tests`.
pub(crate) struct Program {
    name: &'static str,
    profile: &'static str,
}

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What is handed on to the program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}

/// Builds the product and the program, then runs the program; the exit code is its own.
///
/// Both are built by one call, so that they lie side by side and the product is never older than the program.
pub(crate) fn run(root: &Path, program: &Program, arguments: &Arguments) -> Result<ExitCode> {
    if let Some(benchmark) = arguments.arguments.first() {
        needs::invite_peers(benchmark);
    }
    let executable = build(root, program)?;
    let status = Command::new(&executable)
        .args(&arguments.arguments)
        .current_dir(root)
        .status()
        .with_context(|| format!("running {}", executable.display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build(root: &Path, program: &Program) -> Result<PathBuf> {
    let output = cargo()
        .args(["build", "--workspace", "--bins", "--profile", program.profile])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("running cargo")?;
    if !output.status.success() {
        bail!("the build failed");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut executables = messages.lines().filter_map(|message| executable_in(message, program.name));
    executables
        .next()
        .with_context(|| format!("tests/src/bin/{}.rs is no program of the workspace", program.name))
}

/// The path of the program in one of cargo's JSON messages, if the message is about it.
fn executable_in(message: &str, name: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = message.get("target")?;
    let is_it =
        target.get("name")? == name && target.get("kind")?.as_array()?.iter().any(|kind| kind == "bin");
    is_it.then(|| message.get("executable")?.as_str().map(PathBuf::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_executable_by_its_target() {
        let message = r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"crash"},"executable":"/t/debug/crash"}"#;
        assert_eq!(executable_in(message, "crash"), Some(PathBuf::from("/t/debug/crash")));
        assert_eq!(executable_in(message, "bench"), None);
        assert_eq!(executable_in(&message.replace("bin", "lib"), "crash"), None);
        assert_eq!(executable_in("not JSON", "crash"), None);
    }
}
