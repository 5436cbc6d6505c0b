//! What must be true of the archive at any moment, checked against the rows themselves.
//!
//! 1. The versions of a day are 1, 2, 3 … without a gap, each published later than the one before.
//! 2. Every version of a day can be read, with as many sensors and hours as it tells.
//! 3. The list of each version holds each of its sensors once, by id.
//! 4. What the latest version of a day tells is what its facts come to.
//! 5. The sensors of a type, and the descriptions of a sensor, are numbered 0, 1, 2 … without a gap; there are all that
//!    facts name.
//! 6. What must be true of records, see `record_rules`.
//!
//! Rows above the latest version of a day are none: an import is staging them, or was cut off. Days are looked at one
//! after the other, so that the memory needed does not depend on how many there are.

mod day;
mod register;

use std::fmt;

use kernel::Day;
use serde::Serialize;
use store::{DbError, Tx, params};

use super::super::SensorType;
use super::record_rules;
use crate::MetricType;
use day::Days;

/// Something that is not as it must be in the city's archive.
pub type Violation = kernel::Violation<Rule>;

/// What must be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Rule 1.
    CityVersions,
    /// Rule 2.
    CityFacts,
    /// Rule 3.
    CityList,
    /// Rule 4.
    CityMetrics,
    /// Rule 5.
    CityRegister,
    /// Rule 6.
    CityRecords,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CityVersions => "city versions",
            Self::CityFacts => "city facts",
            Self::CityList => "city list",
            Self::CityMetrics => "city metrics",
            Self::CityRegister => "city register",
            Self::CityRecords => "city records",
        })
    }
}

/// Checks all rules over the whole archive.
pub fn check(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    let mut violations = versions(tx)?;
    for kind in [SensorType::Bikes, SensorType::Roads] {
        let (ids, wrong) = register::check(tx, kind.metric())?;
        violations.extend(wrong);
        let mut days = Days::new(kind, ids);
        for (day, latest) in latest_versions(tx, kind.metric())? {
            for version in 1..=latest {
                violations.extend(days.check(tx, day, version, version == latest)?);
            }
        }
    }
    violations.extend(record_rules::check(tx)?);
    Ok(violations)
}

fn versions(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    let gaps = tx.query(
        "SELECT kind, day, COUNT(*), MAX(version) FROM city_day GROUP BY kind, day HAVING COUNT(*) <> MAX(version)",
        &[],
        |row| {
            Ok(Violation {
                rule: Rule::CityVersions,
                subject: format!("{} {}", row.get::<String>(0)?, row.get::<Day>(1)?),
                expected: format!("{} versions", row.get::<i64>(3)?),
                found: row.get::<i64>(2)?.to_string(),
            })
        },
    )?;
    let disorder = tx.query(
        "SELECT l.kind, l.day, l.version FROM city_day e JOIN city_day l ON l.kind = e.kind AND l.day = e.day
         AND l.version = e.version + 1 WHERE l.known_at <= e.known_at",
        &[],
        |row| {
            Ok(Violation {
                rule: Rule::CityVersions,
                subject: format!("{} {}", row.get::<String>(0)?, row.get::<Day>(1)?),
                expected: format!("version {} after the one before it", row.get::<i64>(2)?),
                found: "an earlier instant".to_owned(),
            })
        },
    )?;
    Ok([gaps, disorder].concat())
}

fn latest_versions(tx: &mut Tx<'_>, kind: MetricType) -> Result<Vec<(Day, i64)>, DbError> {
    tx.query(
        "SELECT day, MAX(version) FROM city_day WHERE kind = $1 GROUP BY day ORDER BY day",
        &params![kind.as_str()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
