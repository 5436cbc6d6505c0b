//! Reading on a thread of its own.
//!
//! It is not one of the runtime's: reading takes as long as the file is long, and a server that stops does not wait for
//! it.

use std::sync::Arc;

use kernel::Day;
use tokio::sync::mpsc;

use super::{ImportError, Watch, aside};
use crate::MetricType;
use crate::hours::Hours;
use crate::input::{self, Facts, InputError, Limits, Seen, Source, Tally};
use crate::record::Records;

/// Days that wait to be published, at most: they are read ahead, and must not fill the memory.
const AHEAD: usize = 2;

/// What a source is found to hold, in this order.
pub(super) enum Part {
    /// It has been read to its end and is good.
    Good(Good),
    /// Of sensors: a day.
    Day(Day, Vec<(String, Hours)>),
    /// Of a record type: everything.
    Records(Records),
}

/// What is told of a source that is good.
pub(super) struct Good {
    pub(super) tally: Tally,
    pub(super) sensors: Vec<(String, Seen)>,
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
    let input::Read { facts, sensors, tally } = input::read(kind, sources, limits, watch)?;
    let days = match &facts {
        Facts::Hours(days) => days.days(),
        Facts::Records(records) => records.list.len(),
    };
    let good = Good { tally, sensors: sensors.into_iter().collect(), days };
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
