//! Peers that rank, in Python.

use std::time::Duration;

use serde_json::Value;

use crate::bench::python::{Missing, Python};

/// What pip installs; the versions are what the numbers of `docs/benchmarks.md` were measured with or later.
const PACKAGES: [&str; 2] = ["numpy>=1.26", "vowpalwabbit>=9.10"];

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

impl Peer {
    const fn script(self) -> &'static str {
        match self {
            Self::Numpy => include_str!("peers/numpy_thompson.py"),
            Self::VowpalWabbit => include_str!("peers/vowpal_wabbit.py"),
        }
    }

    /// Lets it rank for a time.
    pub(super) fn rank(self, python: &Python, offers: usize, time: Duration) -> Result<Ranked, Missing> {
        let (offers, seconds) = (offers.to_string(), time.as_secs_f64().to_string());
        let said = python.run(self.script(), &["--offers", &offers, "--seconds", &seconds])?;
        read(&said).ok_or_else(|| Missing(format!("{self:?} said {said}")))
    }
}

/// The Python that has the peers.
pub(super) fn prepare() -> Result<Python, Missing> {
    Python::prepare("bench-python", &PACKAGES, "numpy, vowpalwabbit")
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
}
