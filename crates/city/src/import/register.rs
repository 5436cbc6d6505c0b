//! The register of sensors as an import knows it.

use std::collections::HashMap;
use std::sync::Arc;

use store::DbError;

use super::ImportError;
use super::ground::Ground;
use crate::MetricType;
use crate::archive::commands::register::{self, Numbers, REGISTERED_AT_ONCE, Sighting};
use crate::archive::{Abouts, Facts, Sensor, SensorFacts, count, named, queries};
use crate::input::SensorOfDay;
use crate::sensor::Described;

/// So many sensors are read at a time: some two milliseconds.
const READ_AT_ONCE: i64 = 500;
/// So many descriptions are kept in memory, about: those of all arcs of Paris ten times over.
const MOST_KNOWN: usize = 40_000;

/// The ids of all sensors of a type, by number.
#[derive(Debug, Default)]
pub(super) struct Register(Vec<Arc<str>>);

impl Register {
    /// Reads it.
    pub(super) async fn load(ground: &Ground, kind: MetricType) -> Result<Self, ImportError> {
        let mut ids: Vec<Arc<str>> = Vec::new();
        loop {
            let next = count(ids.len());
            let read = ground.read(move |tx| {
                let sensors = queries::sensors(tx, kind, next, READ_AT_ONCE)?;
                gapless(next, &sensors).map(|()| sensors)
            });
            let sensors = read.await?;
            if sensors.is_empty() {
                return Ok(Self(ids));
            }
            ids.extend(sensors.into_iter().map(|sensor| Arc::from(sensor.id)));
        }
    }

    /// The id of a sensor.
    pub(super) fn id(&self, number: i64) -> Option<&str> {
        self.0.get(usize::try_from(number).ok()?).map(|id| &**id)
    }
}

/// A gap would give every sensor behind it the name of another.
fn gapless(first: i64, sensors: &[Sensor]) -> Result<(), DbError> {
    let wrong = (first..).zip(sensors).find(|(number, sensor)| *number != sensor.number);
    wrong.map_or(Ok(()), |(number, _)| {
        Err(DbError::Decode(format!("there is no sensor of number {number}; `halles check` tells more")))
    })
}

/// The sensors of a source: their numbers in the archive, and those of the descriptions that the source has of each.
#[derive(Debug, Default)]
pub(super) struct Registered(HashMap<Arc<str>, (i64, Vec<u32>)>);

impl Registered {
    /// Registers them; the descriptions of a sensor stand in the order in which the source numbers them.
    pub(super) async fn add(
        ground: &Ground,
        kind: MetricType,
        mut seen: Vec<Sighting>,
    ) -> Result<Self, ImportError> {
        let mut this = Self::default();
        while !seen.is_empty() {
            let rest = seen.split_off(seen.len().min(REGISTERED_AT_ONCE));
            let chunk: Arc<[Sighting]> = std::mem::replace(&mut seen, rest).into();
            let registered = Arc::clone(&chunk);
            let numbers = ground
                .sure(register::call(kind), move |tx, _| register::register(tx, kind, &registered))
                .await?;
            for (sighting, numbers) in chunk.iter().zip(numbers) {
                this.note(&sighting.id, numbers);
            }
        }
        Ok(this)
    }

    fn note(&mut self, id: &Arc<str>, (sensor, description): Numbers) {
        let (_, descriptions) = self.0.entry(Arc::clone(id)).or_insert((sensor, Vec::new()));
        descriptions.extend(description);
    }

    /// A sensor's number and its facts, as the archive has them.
    pub(super) fn facts(&self, of: &SensorOfDay) -> Option<(i64, SensorFacts)> {
        let (sensor, descriptions) = self.0.get(&*of.id)?;
        let described = match of.described {
            Some(Described { slot, number }) => {
                Some(Described { slot, number: *descriptions.get(number as usize)? })
            }
            None => None,
        };
        Some((*sensor, SensorFacts { hours: of.hours, described }))
    }
}

/// What descriptions say, of those that were needed so far.
#[derive(Debug, Default)]
pub(super) struct Descriptions(Abouts);

impl Descriptions {
    /// What those say that some facts name.
    pub(super) async fn of(
        &mut self,
        ground: &Ground,
        kind: MetricType,
        facts: &Facts,
    ) -> Result<Abouts, ImportError> {
        if self.0.len() > MOST_KNOWN {
            self.0.clear();
        }
        let missing: Vec<_> = named(facts).filter(|of| !self.0.contains_key(of)).collect();
        if !missing.is_empty() {
            self.0.extend(ground.read(move |tx| queries::descriptions(tx, kind, &missing)).await?);
        }
        Ok(named(facts).filter_map(|of| Some((of, Arc::clone(self.0.get(&of)?)))).collect())
    }
}
