//! Demonstration data: six weeks of an invented city's flow, ending yesterday, as files in the portals' own formats.
//!
//! They are made here, from the day alone, and go in through the real import. Streets, counters, works and disruptions
//! are invented and say so (`inventé`); only the places lie where Paris is. Some sensors fail on purpose, so that there
//! is something to find: one is silent, one stuck, one has gaps, one counts four times too many on one day, a few rows
//! come twice and a few without an id.

mod bikes;
mod load;
mod noise;
mod places;
mod roads;
mod transit;
mod wall;
mod weather;
mod works;

use bytes::Bytes;
use kernel::Day;

pub use load::{Loaded, load};

use crate::MetricType;
use crate::input::Source;

/// What the names of all files begin with.
const NAME: &str = "demo-";

/// Days of data: six of each weekday, so that each has a history.
pub const DAYS: i32 = 42;

/// The files of the days up to `last`, in the order in which they are to be taken in.
pub fn files(last: Day) -> Vec<(MetricType, Source)> {
    let days: Vec<Day> = (1 - DAYS..=0).map(|back| last.plus(back)).collect();
    let file = |kind, name: &str, text: String| {
        (kind, Source::Bytes { name: format!("{NAME}{name}"), data: Bytes::from(text) })
    };
    vec![
        file(MetricType::Reference, "referentiel.csv", roads::reference()),
        file(MetricType::Roads, "comptages.csv", roads::counts(&days)),
        file(MetricType::Bikes, "velos.csv", bikes::counts(&days)),
        file(MetricType::Weather, "meteo.json", weather::hours(&days)),
        file(MetricType::Works, "chantiers.csv", works::records(last)),
        file(MetricType::Transit, "perturbations.json", transit::disruptions(last)),
    ]
}

#[cfg(test)]
mod tests;
