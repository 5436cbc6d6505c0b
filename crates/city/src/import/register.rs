//! The register of sensors as an import knows it.

use std::collections::HashMap;
use std::sync::Arc;

use super::ImportError;
use super::ground::Ground;
use crate::MetricType;
use crate::archive::{count, queries};
use crate::sensor::About;

/// So many sensors are read at a time: some five milliseconds.
const READ_AT_ONCE: i64 = 500;

/// A sensor that has a number.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: Arc<str>,
    /// The revision of the register when what is said of it last changed.
    pub(super) revision: i64,
    pub(super) about: About,
}

/// All sensors of a type.
#[derive(Debug, Default)]
pub(super) struct Register {
    /// How often what is said of them has changed.
    pub(super) revision: i64,
    /// By number.
    entries: Vec<Entry>,
    numbers: HashMap<Arc<str>, i64>,
}

impl Register {
    /// Reads it. A change while it is being read is noticed later: then the revision that it has is an older one.
    pub(super) async fn load(ground: &Ground, kind: MetricType) -> Result<Self, ImportError> {
        let register = ground.read(move |tx| queries::register(tx, kind)).await?;
        let mut this = Self { revision: register.revision, ..Self::default() };
        loop {
            let next = count(this.entries.len());
            let sensors = ground.read(move |tx| queries::sensors(tx, kind, next, READ_AT_ONCE)).await?;
            if sensors.is_empty() {
                return Ok(this);
            }
            for sensor in sensors {
                let id: Arc<str> = sensor.id.into();
                this.numbers.insert(Arc::clone(&id), sensor.number);
                this.entries.push(Entry { id, revision: sensor.revision, about: sensor.attributes.about() });
            }
        }
    }

    /// The number of a sensor.
    pub(super) fn number(&self, id: &str) -> Option<i64> {
        self.numbers.get(id).copied()
    }

    /// The sensor of a number.
    pub(super) fn entry(&self, number: i64) -> Option<&Entry> {
        self.entries.get(usize::try_from(number).ok()?)
    }
}
