//! Reading the register of counters and arcs.

use std::collections::{BTreeMap, BTreeSet};

use store::{DbError, RowRef, Tx, params};

use super::super::{Attributes, Sensor, from_json};
use crate::MetricType;

/// How often attributes of a type's sensors have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Register {
    /// How often.
    pub revision: i64,
    /// Up to which of these changes every published day has been worked out anew.
    pub settled: i64,
}

/// How often attributes of a type's sensors have changed.
pub fn register(tx: &mut Tx<'_>, kind: MetricType) -> Result<Register, DbError> {
    let found = tx.query_opt(
        "SELECT revision, settled FROM city_register WHERE kind = $1",
        &params![kind.as_str()],
        |row| Ok(Register { revision: row.get(0)?, settled: row.get(1)? }),
    )?;
    Ok(found.unwrap_or_default())
}

/// A sensor by the source's id.
pub fn sensor(tx: &mut Tx<'_>, kind: MetricType, id: &str) -> Result<Option<Sensor>, DbError> {
    tx.query_opt(
        "SELECT number, id, revision, attributes FROM city_sensor WHERE kind = $1 AND id = $2",
        &params![kind.as_str(), id],
        read,
    )
}

/// Up to `limit` sensors of a type, by number, from a number on.
pub fn sensors(tx: &mut Tx<'_>, kind: MetricType, from: i64, limit: i64) -> Result<Vec<Sensor>, DbError> {
    tx.query(
        "SELECT number, id, revision, attributes FROM city_sensor WHERE kind = $1 AND number >= $2
         ORDER BY number LIMIT $3",
        &params![kind.as_str(), from, limit],
        read,
    )
}

/// The ids of all sensors of a type, by number, and of those that are wanted what is known of them.
pub fn names(
    tx: &mut Tx<'_>,
    kind: MetricType,
    wanted: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, (String, Option<Attributes>)>, DbError> {
    let rows = tx.query(
        "SELECT number, id, attributes FROM city_sensor WHERE kind = $1",
        &params![kind.as_str()],
        |row| {
            let number: i64 = row.get(0)?;
            let attributes = wanted.contains(&number).then(|| from_json(&row.get::<String>(2)?));
            Ok((number, (row.get(1)?, attributes.transpose()?)))
        },
    )?;
    Ok(rows.into_iter().collect())
}

fn read(row: RowRef<'_>) -> Result<Sensor, DbError> {
    Ok(Sensor {
        number: row.get(0)?,
        id: row.get(1)?,
        revision: row.get(2)?,
        attributes: from_json(&row.get::<String>(3)?)?,
    })
}
