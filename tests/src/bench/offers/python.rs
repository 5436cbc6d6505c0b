//! Peers in Python, in a virtual environment of their own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::halles::program;

/// What pip installs; the versions are what the numbers of `docs/benchmarks.md` were measured with or later.
const PACKAGES: [&str; 2] = ["numpy>=1.26", "vowpalwabbit>=9.10"];
/// How to get what the environment itself needs.
const REMEDY: &str = "run `apt-get install -y python3-venv` as root, and let pip reach a package index or install it by hand: ";

/// A Python with the peers' packages.
pub(super) struct Python(PathBuf);

/// A peer that ranks offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// One Beta draw for every arm of each decision.
    Numpy,
    /// A contextual bandit over all offers of each decision.
    VowpalWabbit,
}

/// What a peer did.
#[derive(Debug)]
pub(super) struct Ranked {
    pub(super) version: String,
    pub(super) per_second: f64,
    pub(super) p99_millis: f64,
}

/// Why a peer could not be measured.
#[derive(Debug, Clone)]
pub(super) struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Peer {
    const fn script(self) -> &'static str {
        match self {
            Self::Numpy => include_str!("peers/numpy_thompson.py"),
            Self::VowpalWabbit => include_str!("peers/vowpal_wabbit.py"),
        }
    }
}

impl Python {
    /// Makes the environment beside the product's programs, where the next run finds it again.
    pub(super) fn prepare() -> Result<Self, Missing> {
        let beside = program("halles").map_err(|error| Missing(error.to_string()))?;
        let folder = beside.with_file_name("bench-python");
        let python = Self(folder.join("bin/python"));
        if !python.has_packages() {
            let by_hand = by_hand(&folder);
            run(Command::new("python3").args(["-m", "venv"]).arg(&folder), &by_hand)?;
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            run(Command::new(&python.0).args(pip).args(PACKAGES), &by_hand)?;
        }
        Ok(python)
    }

    fn has_packages(&self) -> bool {
        let mut command = Command::new(&self.0);
        command.args(["-c", "import numpy, vowpalwabbit"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Lets a peer rank for a time.
    pub(super) fn rank(&self, peer: Peer, offers: usize, time: Duration) -> Result<Ranked, Missing> {
        let mut command = Command::new(&self.0);
        command.args(["-c", peer.script(), "--offers", &offers.to_string()]);
        command.args(["--seconds", &time.as_secs_f64().to_string()]);
        let said = run(&mut command, "")?;
        read(&said).ok_or_else(|| Missing(format!("{peer:?} said {said}")))
    }
}

fn by_hand(folder: &Path) -> String {
    let packages = PACKAGES.map(|package| format!("'{package}'")).join(" ");
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

fn read(said: &str) -> Option<Ranked> {
    let said: Value = serde_json::from_str(said).ok()?;
    Some(Ranked {
        version: said["version"].as_str()?.to_owned(),
        per_second: said["decisions_per_second"].as_f64()?,
        p99_millis: said["p99_ms"].as_f64()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_says_is_read() {
        let ranked = read(r#"{"version": "numpy 2", "decisions_per_second": 1500.5, "p99_ms": 0.7}"#);
        let ranked = ranked.expect("a line of JSON");
        assert_eq!(
            (ranked.version.as_str(), format!("{:.1}", ranked.per_second)),
            ("numpy 2", "1500.5".into())
        );
        assert!(read("Traceback").is_none());
    }

    #[test]
    fn a_program_that_is_not_there_is_told_with_its_remedy() {
        let missing = run(&mut Command::new("no-such-python"), "install it").expect_err("not there");
        assert!(missing.to_string().ends_with("; install it"), "{missing}");
    }
}
