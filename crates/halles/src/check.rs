//! `halles check`: reads everything and says what does not add up.

use std::fmt;

use retail::invariants::Unfinished;
use serde::Serialize;
use store::{DbError, Engine, OpenError, ReadOnly, Tx, log};

use crate::database::SCHEMAS;

/// Something that does not add up, in one of the stalls.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Violation {
    /// In the stores.
    Retail(retail::invariants::Violation),
    /// In the offers.
    Offers(offers::offer::invariants::Violation),
    /// In the city's archive.
    City(city::archive::queries::invariants::Violation),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retail(violation) => violation.fmt(f),
            Self::Offers(violation) => violation.fmt(f),
            Self::City(violation) => violation.fmt(f),
        }
    }
}

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
    let mut reader = ReadOnly::open(engine, &SCHEMAS)?;
    Ok(reader.read(|tx| {
        Ok::<_, DbError>(Report {
            violations: violations(tx)?,
            unfinished: retail::invariants::unfinished(tx)?,
            missing_events: log::missing(tx)?,
        })
    })?)
}

fn violations(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    let retail = retail::invariants::check(tx)?.into_iter().map(Violation::Retail);
    let offers = offers::offer::invariants::check(tx)?.into_iter().map(Violation::Offers);
    let city = city::archive::queries::invariants::check(tx)?.into_iter().map(Violation::City);
    Ok(retail.chain(offers).chain(city).collect())
}
