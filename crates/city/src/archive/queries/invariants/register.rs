//! The register against itself.

use std::collections::HashMap;

use store::{DbError, Tx, params};

use super::{Rule, Violation};
use crate::MetricType;
use crate::archive::queries;

/// So many sensors are read at a time.
const READ_AT_ONCE: i64 = 1_000;

/// The ids of a type's sensors by their numbers, and what is wrong with these.
pub(super) fn check(
    tx: &mut Tx<'_>,
    kind: MetricType,
) -> Result<(HashMap<i64, String>, Vec<Violation>), DbError> {
    let mut ids = HashMap::new();
    let mut violations = Vec::new();
    let mut next = 0;
    loop {
        let sensors = queries::sensors(tx, kind, next, READ_AT_ONCE)?;
        if sensors.is_empty() {
            break;
        }
        for sensor in sensors {
            if sensor.number != next {
                violations.push(Violation {
                    rule: Rule::CityRegister,
                    subject: format!("{kind} sensor {}", sensor.id),
                    expected: format!("number {next}"),
                    found: sensor.number.to_string(),
                });
            }
            next = sensor.number + 1;
            ids.insert(sensor.number, sensor.id);
        }
    }
    violations.extend(negative(tx, kind)?);
    violations.extend(descriptions(tx, kind)?);
    Ok((ids, violations))
}

fn negative(tx: &mut Tx<'_>, kind: MetricType) -> Result<Vec<Violation>, DbError> {
    tx.query(
        "SELECT id, number FROM city_sensor WHERE kind = $1 AND number < 0 ORDER BY number",
        &params![kind.as_str()],
        |row| {
            Ok(Violation {
                rule: Rule::CityRegister,
                subject: format!("{kind} sensor {}", row.get::<String>(0)?),
                expected: "a number from 0 on".to_owned(),
                found: row.get::<i64>(1)?.to_string(),
            })
        },
    )
}

fn descriptions(tx: &mut Tx<'_>, kind: MetricType) -> Result<Vec<Violation>, DbError> {
    tx.query(
        "SELECT sensor, COUNT(*), MIN(description), MAX(description) FROM city_description WHERE kind = $1
         GROUP BY sensor HAVING MIN(description) <> 0 OR MAX(description) <> COUNT(*) - 1 ORDER BY sensor",
        &params![kind.as_str()],
        |row| {
            let (count, first, last) = (row.get::<i64>(1)?, row.get::<i64>(2)?, row.get::<i64>(3)?);
            Ok(Violation {
                rule: Rule::CityRegister,
                subject: format!("{kind} sensor of number {}", row.get::<i64>(0)?),
                expected: "descriptions from 0 on without a gap".to_owned(),
                found: format!("{count} of them, from {first} to {last}"),
            })
        },
    )
}
