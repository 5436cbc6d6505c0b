//! The facts of sensors: gathered by many workers, in memory or in temporary files, joined when a day is asked for.

mod cell;
mod run;

use std::collections::BTreeSet;
use std::slice;
use std::sync::Arc;

use kernel::Day;

use super::InputError;
use crate::hours::Hours;
use crate::sensor::Described;
pub(super) use cell::{Cell, NOTHING};
pub(super) use run::{Run, Spill};

/// What sensors measured, day by day. It may be looked through any number of times: a day is put together from all
/// pieces when it is asked for, so that the days need not fit into memory together.
#[derive(Debug, Default)]
pub struct SensorDays {
    runs: Vec<Run>,
    sensors: Sensors,
    /// The places of sensors in the order of ids, by the numbers that cells have.
    ranks: Vec<u32>,
    days: Vec<i32>,
}

/// The sensors that cells name.
#[derive(Debug, Default)]
pub(super) struct Sensors {
    /// Their ids, by the numbers that cells have.
    pub(super) ids: Vec<String>,
    /// The different descriptions of each, ascending by text.
    pub(super) descriptions: Vec<Vec<Arc<str>>>,
    /// The places of descriptions among those of their sensor, by the numbers that cells have.
    pub(super) places: Vec<u32>,
}

/// What the rows of one sensor and day say.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorOfDay {
    /// The source's id.
    pub id: String,
    /// What was measured.
    pub hours: Hours,
    /// Which of the sensor's descriptions (see [`SensorDays::sensors`]) counts on this day.
    pub described: Option<Described>,
}

/// A day and its sensors, ascending by id.
pub type OfDay = (Day, Vec<SensorOfDay>);

/// The sums of all days.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    /// Hours of sensors.
    pub(super) hours: u64,
    /// Those about which rows said different things.
    pub(super) disputed: u64,
}

impl SensorDays {
    /// From the pieces of all workers.
    pub(super) fn new(runs: Vec<Run>, sensors: Sensors) -> Self {
        let days: BTreeSet<i32> = runs.iter().flat_map(Run::days).collect();
        let mut ranks = vec![0; sensors.ids.len()];
        for (rank, number) in (0..).zip(sensors.by_id()) {
            ranks[number] = rank;
        }
        Self { runs, sensors, ranks, days: days.into_iter().collect() }
    }

    /// All sensors, ascending by id, and the different texts (see [`crate::sensor::About::to_text`]) that describe each,
    /// ascending.
    pub fn sensors(&self) -> impl Iterator<Item = (&str, &[Arc<str>])> {
        let Sensors { ids, descriptions, .. } = &self.sensors;
        let described = |number: usize| descriptions.get(number).map_or(&[][..], Vec::as_slice);
        self.sensors.by_id().into_iter().map(move |number| (ids[number].as_str(), described(number)))
    }

    /// How many days there are.
    pub fn days(&self) -> usize {
        self.days.len()
    }

    /// All days, ascending, each with its sensors, ascending by id.
    pub fn iter(&self) -> Days<'_> {
        Days { of: self, rest: self.days.iter() }
    }

    /// Counts all days with so many threads.
    pub(super) fn sums(&self, threads: usize) -> Result<Sums, InputError> {
        let share = self.days.len().div_ceil(threads.max(1)).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> =
                self.days.chunks(share).map(|days| scope.spawn(|| self.sums_of(days))).collect();
            parts.into_iter().try_fold(Sums::default(), |sums, part| {
                let part = part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                Ok(Sums { hours: sums.hours + part.hours, disputed: sums.disputed + part.disputed })
            })
        })
    }

    fn sums_of(&self, days: &[i32]) -> Result<Sums, InputError> {
        let mut sums = Sums::default();
        for day in days {
            self.visit(*day, |cell| {
                sums.hours += cell.count();
                sums.disputed += cell.disputed();
            })?;
        }
        Ok(sums)
    }

    /// Shows the cells of a day, one for each sensor, ascending by id.
    fn visit(&self, day: i32, mut see: impl FnMut(&Cell)) -> Result<(), InputError> {
        let mut written = Vec::new();
        for run in &self.runs {
            run.read(day, &mut written).map_err(InputError::Temporary)?;
        }
        let kept = self.runs.iter().flat_map(|run| run.kept(day));
        let mut cells: Vec<(u32, &Cell)> =
            kept.chain(&written).map(|cell| (self.ranks[cell.sensor as usize], cell)).collect();
        cells.sort_unstable_by_key(|(rank, _)| *rank);
        for pieces in cells.chunk_by(|(one, _), (other, _)| one == other) {
            match pieces {
                [(_, whole)] => see(whole),
                [(_, first), rest @ ..] => {
                    let mut whole = (*first).clone();
                    for (_, piece) in rest {
                        whole.join(piece, |one, other| self.greater(one, other));
                    }
                    see(&whole);
                }
                [] => {}
            }
        }
        Ok(())
    }

    /// Of two descriptions of one sensor the one with the greater text.
    fn greater(&self, one: u32, other: u32) -> u32 {
        std::cmp::max_by_key(one, other, |number| self.sensors.places[*number as usize])
    }

    fn day(&self, number: i32) -> Option<Result<OfDay, InputError>> {
        let day = Day::from_number(i64::from(number))?;
        let mut sensors = Vec::new();
        let Sensors { ids, places, .. } = &self.sensors;
        let seen = self.visit(number, |cell| {
            let described = cell.described();
            let described =
                described.map(|(slot, number)| Described { slot, number: places[number as usize] });
            sensors.push(SensorOfDay {
                id: ids[cell.sensor as usize].clone(),
                hours: cell.hours(),
                described,
            });
        });
        Some(seen.map(|()| (day, sensors)))
    }
}

impl Sensors {
    /// Their numbers, ascending by id.
    fn by_id(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.ids.len()).collect();
        order.sort_unstable_by_key(|number| &self.ids[*number]);
        order
    }
}

impl<'a> IntoIterator for &'a SensorDays {
    type Item = Result<OfDay, InputError>;
    type IntoIter = Days<'a>;

    fn into_iter(self) -> Days<'a> {
        self.iter()
    }
}

/// Goes through [`SensorDays`]. An error means that a temporary file could not be read.
#[derive(Debug)]
pub struct Days<'a> {
    of: &'a SensorDays,
    rest: slice::Iter<'a, i32>,
}

impl Iterator for Days<'_> {
    type Item = Result<OfDay, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest.next().and_then(|number| self.of.day(*number))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::HashMap;

    use super::*;
    use crate::hours::Reading;

    fn hours(slot: usize, flow: i32) -> Hours {
        let mut hours = Hours::default();
        hours.set(slot, Reading { flow: Some(flow), ..Reading::default() });
        hours
    }

    /// Joins hours of the same sensor and day.
    fn joined(pieces: &[(&str, &str, usize)]) -> SensorDays {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut sensors = Sensors::default();
        let mut cells = Vec::new();
        for (date, id, slot) in pieces {
            let next = u32::try_from(sensors.ids.len()).unwrap();
            let number = *numbers.entry(id).or_insert_with(|| {
                sensors.ids.push((*id).to_owned());
                next
            });
            let day = i32::try_from(day(date).number()).unwrap();
            cells.push(Cell::of(number, day, &hours(*slot, i32::try_from(*slot).unwrap())));
        }
        SensorDays::new(vec![Run::keep(cells)], sensors)
    }

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn of(id: &str, hours: &Hours) -> SensorOfDay {
        SensorOfDay { id: id.to_owned(), hours: *hours, described: None }
    }

    #[test]
    fn days_and_ids_come_in_order_and_pieces_are_joined() {
        let days = joined(&[
            ("2024-03-31", "b", 3),
            ("2024-03-30", "c", 1),
            ("2024-03-31", "a", 2),
            ("2024-03-31", "b", 4),
        ]);
        let found: Vec<_> = days.iter().map(Result::unwrap).collect();
        assert_eq!((days.days(), found.len()), (2, 2));
        assert_eq!(found[0], (day("2024-03-30"), vec![of("c", &hours(1, 1))]));
        let mut b = hours(3, 3);
        b.join(&hours(4, 4));
        assert_eq!(found[1].1, [of("a", &hours(2, 2)), of("b", &b)]);
        assert_eq!(days.sensors().map(|(id, _)| id).collect::<Vec<_>>(), ["a", "b", "c"]);
        let sums = days.sums(3).unwrap();
        assert_eq!((sums.hours, sums.disputed), (4, 0));
    }
}
