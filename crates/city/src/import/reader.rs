//! Reading on a thread of its own.
//!
//! It is not one of the runtime's: reading takes as long as the file is long, and a server that stops does not wait for
//! it.

use std::sync::Arc;

use kernel::Day;
use tokio::sync::mpsc;

use super::{ImportError, Watch, aside};
use crate::MetricType;
use crate::archive::commands::register::Sighting;
use crate::input::{self, Facts, InputError, Limits, SensorDays, SensorOfDay, Source, Tally};
use crate::record::Records;

/// Days that wait to be published, at most: they are read ahead, and must not fill the memory.
const AHEAD: usize = 2;

/// What a source is found to hold, in this order.
pub(super) enum Part {
    /// It has been read to its end and is good.
    Good(Good),
    /// Of sensors: a day.
    Day(Day, Vec<SensorOfDay>),
    /// Of a record type: everything.
    Records(Records),
}

/// What is told of a source that is good.
pub(super) struct Good {
    pub(super) tally: Tally,
    /// Its counters or arcs, with all that is said of them.
    pub(super) sensors: Vec<Sighting>,
    /// How many days, or records, will come.
    pub(super) days: usize,
}

/// What a reader tells.
pub(super) type Parts = mpsc::Receiver<Result<Part, InputError>>;

/// Starts reading.
pub(super) fn start(
    kind: MetricType,
    sources: Vec<Source>,
    limits: Limits,
    watch: Arc<dyn Watch>,
) -> Result<Parts, ImportError> {
    let (parts, received) = mpsc::channel(AHEAD);
    let read = move || {
        let ended = read(kind, &sources, &limits, &*watch, &parts);
        if let Err(error) = ended {
            // Whoever has stopped listening does not want to know.
            let _ = parts.blocking_send(Err(error));
        }
    };
    aside::spawn("city-reader", read).map_err(ImportError::Thread)?;
    Ok(received)
}

fn read(
    kind: MetricType,
    sources: &[Source],
    limits: &Limits,
    watch: &dyn Watch,
    parts: &mpsc::Sender<Result<Part, InputError>>,
) -> Result<(), InputError> {
    let input::Read { facts, tally } = input::read(kind, sources, limits, watch)?;
    let (days, sensors) = match &facts {
        Facts::Hours(days) => (days.days(), sightings(days)),
        Facts::Records(records) => (records.list.len(), Vec::new()),
    };
    let good = Good { tally, sensors, days };
    if parts.blocking_send(Ok(Part::Good(good))).is_err() {
        return Ok(());
    }
    match facts {
        Facts::Records(records) => {
            // Nobody listens when the import has been given up, here as below.
            let _ = parts.blocking_send(Ok(Part::Records(records)));
        }
        Facts::Hours(days) => {
            for day in &days {
                let (day, sensors) = day?;
                if parts.blocking_send(Ok(Part::Day(day, sensors))).is_err() {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Each sensor with each of its descriptions, in the order in which these are numbered.
fn sightings(days: &SensorDays) -> Vec<Sighting> {
    let mut seen = Vec::new();
    for (id, descriptions) in days.sensors() {
        let id: Arc<str> = id.into();
        if descriptions.is_empty() {
            seen.push(Sighting { id, description: None });
        } else {
            seen.extend(descriptions.iter().map(|text| {
                let description = Some(Arc::clone(text));
                Sighting { id: Arc::clone(&id), description }
            }));
        }
    }
    seen
}
