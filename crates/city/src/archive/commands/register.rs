//! The register of counters and arcs: their numbers, and everything that rows have said of them. It only grows.

use std::collections::HashMap;
use std::sync::Arc;

use store::{Call, DbError, Tx, params};

use crate::{CITY, MetricType};

/// So many sightings are registered at once: some two milliseconds when all are new.
pub const REGISTERED_AT_ONCE: usize = 100;

/// A call of [`register`].
pub fn call(kind: MetricType) -> Call {
    super::numbering(Call::new("city.register.add", CITY).lock("city.register", kind.as_str()))
}

/// A sensor as an import has seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The source's id.
    pub id: Arc<str>,
    /// One of the texts (see [`crate::sensor::About::to_text`]) that describe it; nothing when its rows say nothing.
    pub description: Option<Arc<str>>,
}

/// The number of a sensor, and that of the description among those of the sensor.
pub type Numbers = (i64, Option<u32>);

/// Registers sensors and descriptions that are not known yet. Returns the numbers of each, in the same order; the same
/// sensor may be seen several times, each time with another description.
pub fn register(tx: &mut Tx<'_>, kind: MetricType, seen: &[Sighting]) -> Result<Vec<Numbers>, DbError> {
    let sensors = number(tx, kind, seen)?;
    let mut described = describe(tx, kind, seen, &sensors)?;
    Ok(sensors.into_iter().enumerate().map(|(index, sensor)| (sensor, described.remove(&index))).collect())
}

/// The numbers of the sensors; new ones get the next.
fn number(tx: &mut Tx<'_>, kind: MetricType, seen: &[Sighting]) -> Result<Vec<i64>, DbError> {
    let known = tx.query_each(
        "SELECT number FROM city_sensor WHERE kind = $1 AND id = $2",
        seen.iter().map(|sighting| params![kind.as_str(), &*sighting.id]),
        |index, row| Ok((index, row.get(0)?)),
    )?;
    let mut numbers: HashMap<&str, i64> =
        known.into_iter().map(|(index, number)| (&*seen[index].id, number)).collect();
    let mut next: i64 = tx.query_one(
        "SELECT COALESCE(MAX(number), -1) + 1 FROM city_sensor WHERE kind = $1",
        &params![kind.as_str()],
        |row| row.get(0),
    )?;
    let mut new = Vec::new();
    let all = seen
        .iter()
        .map(|sighting| {
            *numbers.entry(&sighting.id).or_insert_with(|| {
                new.push((&*sighting.id, next));
                next += 1;
                next - 1
            })
        })
        .collect();
    tx.execute_each(
        "INSERT INTO city_sensor (kind, id, number) VALUES ($1, $2, $3)",
        new.iter().map(|(id, number)| params![kind.as_str(), *id, *number]),
    )?;
    Ok(all)
}

/// The numbers of the descriptions, by the places of their sightings; new ones get the next of their sensor.
fn describe(
    tx: &mut Tx<'_>,
    kind: MetricType,
    seen: &[Sighting],
    sensors: &[i64],
) -> Result<HashMap<usize, u32>, DbError> {
    let said: Vec<(usize, i64, &str)> = seen
        .iter()
        .zip(sensors)
        .enumerate()
        .filter_map(|(index, (sighting, sensor))| Some((index, *sensor, sighting.description.as_deref()?)))
        .collect();
    let known = tx.query_each(
        "SELECT description FROM city_description WHERE kind = $1 AND sensor = $2 AND body = $3",
        said.iter().map(|(_, sensor, text)| params![kind.as_str(), *sensor, *text]),
        |place, row| Ok((said[place].0, super::super::small(row.get(0)?)?)),
    )?;
    let mut numbers: HashMap<usize, u32> = known.into_iter().collect();
    let new: Vec<_> = said.iter().filter(|(index, ..)| !numbers.contains_key(index)).collect();
    let counted = tx.query_each(
        "SELECT COALESCE(MAX(description), -1) + 1 FROM city_description WHERE kind = $1 AND sensor = $2",
        new.iter().map(|(_, sensor, _)| params![kind.as_str(), *sensor]),
        |place, row| Ok((new[place].1, row.get(0)?)),
    )?;
    let mut next: HashMap<i64, i64> = counted.into_iter().collect();
    let mut rows: Vec<(i64, i64, &str)> = Vec::new();
    for (index, sensor, text) in &new {
        let next = next.entry(*sensor).or_default();
        numbers.insert(*index, super::super::small(*next)?);
        rows.push((*sensor, *next, text));
        *next += 1;
    }
    let first: i64 =
        tx.query_one("SELECT COALESCE(MAX(number), 0) + 1 FROM city_description", &[], |row| row.get(0))?;
    tx.execute_each(
        "INSERT INTO city_description (number, kind, sensor, description, body) VALUES ($1, $2, $3, $4, $5)",
        (first..).zip(&rows).map(|(number, (sensor, description, text))| {
            let number: i64 = number;
            params![number, kind.as_str(), *sensor, *description, *text]
        }),
    )?;
    Ok(numbers)
}
