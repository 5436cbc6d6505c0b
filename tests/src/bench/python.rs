//! Peers in Python, in virtual environments of their own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::halles::program;

/// How to get what an environment itself needs.
const REMEDY: &str = "run `apt-get install -y python3-venv` as root, and let pip reach a package index or install it by hand: ";

/// A Python with some peers' packages.
pub(super) struct Python(PathBuf);

/// Why a peer could not be measured.
#[derive(Debug, Clone)]
pub(super) struct Missing(pub(super) String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Python {
    /// Makes the environment beside the product's programs, where the next run finds it again. pip installs the
    /// packages, unless the modules are there.
    pub(super) fn prepare(name: &str, packages: &[&str], modules: &str) -> Result<Self, Missing> {
        let beside = program("bench").map_err(|error| Missing(error.to_string()))?;
        let folder = beside.with_file_name(name);
        let python = Self(folder.join("bin/python"));
        if !python.has(modules) {
            let by_hand = by_hand(&folder, packages);
            run(Command::new("python3").args(["-m", "venv"]).arg(&folder), &by_hand)?;
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            run(Command::new(&python.0).args(pip).args(packages), &by_hand)?;
        }
        Ok(python)
    }

    fn has(&self, modules: &str) -> bool {
        let mut command = Command::new(&self.0);
        command.args(["-c", &format!("import {modules}")]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Runs a script and returns what it prints.
    pub(super) fn run(&self, script: &str, arguments: &[&str]) -> Result<String, Missing> {
        run(Command::new(&self.0).args(["-c", script]).args(arguments), "")
    }
}

fn by_hand(folder: &Path, packages: &[&str]) -> String {
    let packages: Vec<String> = packages.iter().map(|package| format!("'{package}'")).collect();
    let packages = packages.join(" ");
    format!("{REMEDY}`python3 -m venv {0} && {0}/bin/pip install {packages}`", folder.display())
}

fn run(command: &mut Command, remedy: &str) -> Result<String, Missing> {
    let output = command.output().map_err(|error| Missing(format!("{error}; {remedy}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Missing(format!("{}; {remedy}", said.trim().lines().last().unwrap_or("it failed silently"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_told_with_its_remedy() {
        let missing = run(&mut Command::new("no-such-python"), "install it").expect_err("not there");
        assert!(missing.to_string().ends_with("; install it"), "{missing}");
    }
}
