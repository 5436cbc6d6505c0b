//! `halles check`: reads everything and says what does not add up.

use std::fmt;

use retail::invariants::{self, Unfinished, Violation};
use serde::Serialize;
use store::{DbError, Engine, OpenError, ReadOnly, log};

/// What a check found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What does not add up.
    pub violations: Vec<Violation>,
    /// Orders with something left to do.
    pub unfinished: Vec<Unfinished>,
    /// Positions that the event log has lost.
    pub missing_events: i64,
}

impl Report {
    /// Whether all is well; `settled` wants nothing to be under way either.
    pub fn is_clean(&self, settled: bool) -> bool {
        self.violations.is_empty() && self.missing_events == 0 && (!settled || self.unfinished.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(f, "violation: {violation}")?;
        }
        if self.missing_events > 0 {
            writeln!(f, "violation: the event log has lost {} positions", self.missing_events)?;
        }
        for order in &self.unfinished {
            writeln!(f, "unfinished: order {} is {}", order.id, order.state)?;
        }
        let violations = self.violations.len() + usize::from(self.missing_events > 0);
        writeln!(f, "{violations} violations, {} unfinished orders", self.unfinished.len())
    }
}

/// Checks all data, beside a running server or without one.
pub fn run(engine: &Engine) -> Result<Report, OpenError> {
    let mut reader = ReadOnly::open(engine)?;
    Ok(reader.read(|tx| {
        Ok::<_, DbError>(Report {
            violations: invariants::check(tx)?,
            unfinished: invariants::unfinished(tx)?,
            missing_events: log::missing(tx)?,
        })
    })?)
}
