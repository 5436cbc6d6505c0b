//! Others that answer the same question, in Python.

use std::path::Path;

use super::{Done, Format};
use crate::bench::python::{Missing, Python};

/// What pip installs; the versions are what the numbers of `docs/benchmarks.md` were measured with or later.
const PACKAGES: [&str; 3] = ["duckdb>=1.4", "polars>=1.35", "numpy>=1.26"];

/// Another that reads CSV with all cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// DuckDB.
    DuckDb,
    /// Polars, a column at a time.
    Polars,
    /// Polars, a part of the file at a time.
    PolarsStreaming,
}

impl Peer {
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::DuckDb => "DuckDB",
            Self::Polars => "Polars, in memory",
            Self::PolarsStreaming => "Polars, streaming",
        }
    }

    const fn script(self) -> &'static str {
        match self {
            Self::DuckDb => include_str!("duckdb_city.py"),
            Self::Polars | Self::PolarsStreaming => include_str!("polars_city.py"),
        }
    }

    /// Asks for the answer on a file.
    pub(super) fn ask(
        self,
        python: &Python,
        format: Format,
        file: &Path,
        answer: &Path,
    ) -> Result<Done, Missing> {
        let [id, date, flow] = format.asked_for();
        let (file, answer) = (file.display().to_string(), answer.display().to_string());
        let mut arguments = vec!["--file", &file, "--answer", &answer, "--columns", format.columns()];
        arguments.extend(["--id", id, "--date", date, "--flow", flow]);
        match self {
            Self::DuckDb => {}
            Self::Polars => arguments.extend(["--engine", "in-memory"]),
            Self::PolarsStreaming => arguments.extend(["--engine", "streaming"]),
        }
        let said = python.run(self.script(), &arguments)?;
        Done::read(&said).ok_or_else(|| Missing(format!("{self:?} said {said}")))
    }
}

/// The Python that has the peers.
pub(super) fn prepare() -> Result<Python, Missing> {
    Python::prepare("bench-python-city", &PACKAGES, "duckdb, polars, numpy")
}
