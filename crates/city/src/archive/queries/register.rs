//! Reading the register of counters and arcs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use store::{DbError, Tx, params};

use super::super::{Abouts, Sensor, from_json};
use crate::MetricType;

/// The number of a sensor, by the source's id.
pub fn sensor(tx: &mut Tx<'_>, kind: MetricType, id: &str) -> Result<Option<i64>, DbError> {
    tx.query_opt(
        "SELECT number FROM city_sensor WHERE kind = $1 AND id = $2",
        &params![kind.as_str(), id],
        |row| row.get(0),
    )
}

/// Up to `limit` sensors of a type, by number, from a number on.
pub fn sensors(tx: &mut Tx<'_>, kind: MetricType, from: i64, limit: i64) -> Result<Vec<Sensor>, DbError> {
    tx.query(
        "SELECT number, id FROM city_sensor WHERE kind = $1 AND number >= $2 ORDER BY number LIMIT $3",
        &params![kind.as_str(), from, limit],
        |row| Ok(Sensor { number: row.get(0)?, id: row.get(1)? }),
    )
}

/// The ids of all sensors of a type, by number.
pub fn ids(tx: &mut Tx<'_>, kind: MetricType) -> Result<BTreeMap<i64, String>, DbError> {
    let sql = "SELECT number, id FROM city_sensor WHERE kind = $1";
    let found = tx.query(sql, &params![kind.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.into_iter().collect())
}

/// Those of some descriptions (by the numbers of the sensor and of the description) that there are.
pub fn descriptions(tx: &mut Tx<'_>, kind: MetricType, which: &[(i64, u32)]) -> Result<Abouts, DbError> {
    let found = tx.query_each(
        "SELECT body FROM city_description WHERE kind = $1 AND sensor = $2 AND description = $3",
        which.iter().map(|(sensor, number)| params![kind.as_str(), *sensor, i64::from(*number)]),
        |index, row| Ok((which[index], Arc::new(from_json(&row.get::<String>(0)?)?))),
    )?;
    Ok(found.into_iter().collect::<HashMap<_, _>>())
}
