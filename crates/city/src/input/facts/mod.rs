//! The facts of sensors: gathered by many workers, in memory or in temporary files, joined when a day is asked for.

mod cell;
mod run;

use std::collections::{BTreeSet, HashMap};
use std::slice;

use kernel::Day;

use super::InputError;
use crate::hours::Hours;
pub(super) use cell::Cell;
pub(super) use run::{Run, Spill};

/// What sensors measured, day by day. It may be looked through any number of times: a day is put together from all
/// pieces when it is asked for, so that the days need not fit into memory together.
#[derive(Debug, Default)]
pub struct SensorDays {
    runs: Vec<Run>,
    /// Ids by the numbers that cells have.
    ids: Vec<String>,
    /// The places of those numbers in the order of ids.
    ranks: Vec<u32>,
    days: Vec<i32>,
}

/// A day, and the hours of its sensors by their ids, ascending.
pub type OfDay = (Day, Vec<(String, Hours)>);

/// The sums of all days.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    /// Hours of sensors.
    pub(super) hours: u64,
    /// Those about which rows said different things.
    pub(super) disputed: u64,
}

impl SensorDays {
    /// From the pieces of all workers, whose cells name sensors by their place in `ids`.
    pub(super) fn new(runs: Vec<Run>, ids: Vec<String>) -> Self {
        let days: BTreeSet<i32> = runs.iter().flat_map(Run::days).collect();
        let mut order: Vec<u32> = (0..).take(ids.len()).collect();
        order.sort_unstable_by_key(|number| &ids[*number as usize]);
        let mut ranks = vec![0; ids.len()];
        for (rank, number) in (0..).zip(order) {
            ranks[number as usize] = rank;
        }
        Self { runs, ids, ranks, days: days.into_iter().collect() }
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
                        whole.join(piece);
                    }
                    see(&whole);
                }
                [] => {}
            }
        }
        Ok(())
    }

    fn day(&self, number: i32) -> Option<Result<OfDay, InputError>> {
        let day = Day::from_number(i64::from(number))?;
        let mut sensors = Vec::new();
        let seen = self.visit(number, |cell| {
            sensors.push((self.ids[cell.sensor as usize].clone(), cell.hours()));
        });
        Some(seen.map(|()| (day, sensors)))
    }
}

impl<'a> IntoIterator for &'a SensorDays {
    type Item = Result<OfDay, InputError>;
    type IntoIter = Days<'a>;

    fn into_iter(self) -> Days<'a> {
        self.iter()
    }
}

impl FromIterator<(Day, String, Hours)> for SensorDays {
    /// Joins hours of the same sensor and day.
    fn from_iter<T: IntoIterator<Item = (Day, String, Hours)>>(hours: T) -> Self {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut ids = Vec::new();
        let mut cells = Vec::new();
        for (day, id, hours) in hours {
            let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            let number = *numbers.entry(id).or_insert_with_key(|id| {
                ids.push(id.clone());
                next
            });
            cells.push(Cell::of(number, i32::try_from(day.number()).unwrap_or(i32::MAX), &hours));
        }
        Self::new(vec![Run::keep(cells)], ids)
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

    use super::*;
    use crate::hours::Reading;

    fn hours(slot: usize, flow: i32) -> Hours {
        let mut hours = Hours::default();
        hours.set(slot, Reading { flow: Some(flow), ..Reading::default() });
        hours
    }

    #[test]
    fn days_and_ids_come_in_order_and_pieces_are_joined() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let pieces = [("2024-03-31", "b", 3), ("2024-03-30", "c", 1), ("2024-03-31", "a", 2)];
        let again = [("2024-03-31", "b", 4)];
        let all = pieces.into_iter().chain(again);
        let days: SensorDays = all
            .map(|(date, id, slot)| (day(date), id.to_owned(), hours(slot, i32::try_from(slot).unwrap())))
            .collect();
        let found: Vec<_> = days.iter().map(Result::unwrap).collect();
        assert_eq!((days.days(), found.len()), (2, 2));
        assert_eq!(found[0], (day("2024-03-30"), vec![("c".to_owned(), hours(1, 1))]));
        let mut b = hours(3, 3);
        b.join(&hours(4, 4));
        assert_eq!(found[1].1, [("a".to_owned(), hours(2, 2)), ("b".to_owned(), b)]);
        let sums = days.sums(3).unwrap();
        assert_eq!((sums.hours, sums.disputed), (4, 0));
    }
}
