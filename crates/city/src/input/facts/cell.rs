//! The hours of one sensor on one day, packed: less than half of [`Hours`], since millions of them wait here.

use std::io::{self, Write};

use crate::hours::{Hours, Reading, SLOTS, State};

/// Stands for a value that is missing; no reading has it, since rows with it are rejected.
const MISSING: i32 = i32::MIN;
/// Stands for the description that a cell does not have.
pub(crate) const NOTHING: u32 = u32::MAX;
/// Bytes of a cell that is written down: before its hours, and of each hour.
const HEAD: usize = 17;
const SLOT: usize = 9;

/// The hours of one sensor on one day. The order of fields is that of their use: adding an hour touches the first bytes
/// and those of its values.
#[derive(Debug, Clone)]
#[repr(C)]
pub(crate) struct Cell {
    /// The sensor's number.
    pub(crate) sensor: u32,
    /// The day's number.
    pub(crate) day: i32,
    present: u32,
    disputed: u32,
    /// The description of the sensor that counts, and the slot of the row that says it.
    said: u32,
    said_in: u8,
    state: [State; SLOTS],
    /// Flow and occupancy.
    values: [[i32; 2]; SLOTS],
}

impl Cell {
    /// A day of a sensor, still without hours.
    pub(crate) const fn new(sensor: u32, day: i32) -> Self {
        Self {
            sensor,
            day,
            present: 0,
            disputed: 0,
            said: NOTHING,
            said_in: 0,
            state: [State::Unknown; SLOTS],
            values: [[MISSING; 2]; SLOTS],
        }
    }

    /// Packs hours.
    #[cfg(test)]
    pub(crate) fn of(sensor: u32, day: i32, hours: &Hours) -> Self {
        let mut cell = Self::new(sensor, day);
        for (slot, reading) in hours.iter() {
            cell.add(slot, reading);
        }
        cell
    }

    /// Joins one reading, as [`Hours::add`] does, and remembers whether it contradicts the one before.
    pub(crate) fn add(&mut self, slot: usize, reading: Reading) {
        let bit = 1 << slot;
        let mut stays = reading;
        if self.present & bit != 0 {
            let known = self.get(slot);
            if known == reading {
                return;
            }
            self.disputed |= bit;
            stays = known.max(reading);
        }
        self.present |= bit;
        self.state[slot] = stays.state;
        self.values[slot] = [stays.flow, stays.occupancy].map(|value| value.unwrap_or(MISSING));
    }

    /// Notes what the row of a slot says of the sensor, by the description's number: the latest row that says something
    /// counts; of two rows of one slot the description that is the `greater`.
    pub(crate) fn describe(&mut self, slot: usize, said: u32, greater: impl FnOnce(u32, u32) -> u32) {
        if said == NOTHING {
            return;
        }
        let said_in = u8::try_from(slot).unwrap_or(u8::MAX);
        if self.said == NOTHING || said_in > self.said_in {
            (self.said, self.said_in) = (said, said_in);
        } else if said_in == self.said_in && said != self.said {
            self.said = greater(self.said, said);
        }
    }

    /// The slot and the number of the description that counts.
    pub(crate) fn described(&self) -> Option<(usize, u32)> {
        (self.said != NOTHING).then_some((self.said_in.into(), self.said))
    }

    /// Joins another piece of the same sensor and day.
    pub(crate) fn join(&mut self, other: &Self, greater: impl FnOnce(u32, u32) -> u32) {
        self.describe(other.said_in.into(), other.said, greater);
        for slot in other.slots() {
            self.add(slot, other.get(slot));
        }
        self.disputed |= other.disputed;
    }

    /// Unpacks it.
    pub(crate) fn hours(&self) -> Hours {
        let mut hours = Hours::default();
        for slot in self.slots() {
            hours.set(slot, self.get(slot));
        }
        hours
    }

    /// How many hours have a reading.
    pub(crate) fn count(&self) -> u64 {
        u64::from(self.present.count_ones())
    }

    /// About how many hours rows said different things.
    pub(crate) fn disputed(&self) -> u64 {
        u64::from(self.disputed.count_ones())
    }

    /// Writes it down without its day; returns how many bytes that takes.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<u64> {
        let mut written = [0; HEAD + SLOTS * SLOT];
        for (place, head) in [self.sensor, self.present, self.disputed, self.said].into_iter().enumerate() {
            written[4 * place..4 * place + 4].copy_from_slice(&head.to_le_bytes());
        }
        written[HEAD - 1] = self.said_in;
        let mut end = HEAD;
        for slot in self.slots() {
            let [flow, occupancy] = self.values[slot].map(i32::to_le_bytes);
            let place = &mut written[end..end + SLOT];
            place[..4].copy_from_slice(&flow);
            place[4..8].copy_from_slice(&occupancy);
            place[8] = self.state[slot] as u8;
            end += SLOT;
        }
        to.write_all(&written[..end])?;
        Ok(end as u64)
    }

    /// Takes what [`Cell::write`] wrote from the beginning of some bytes.
    pub(crate) fn read(from: &mut &[u8], day: i32) -> Option<Self> {
        let mut cell = Self::new(take(from).map(u32::from_le_bytes)?, day);
        cell.present = take(from).map(u32::from_le_bytes)?;
        cell.disputed = take(from).map(u32::from_le_bytes)?;
        cell.said = take(from).map(u32::from_le_bytes)?;
        [cell.said_in] = take(from)?;
        for slot in slots(cell.present) {
            for value in &mut cell.values[slot] {
                *value = take(from).map(i32::from_le_bytes)?;
            }
            let [code] = take(from)?;
            cell.state[slot] = state(code);
        }
        Some(cell)
    }

    fn get(&self, slot: usize) -> Reading {
        let [flow, occupancy] = self.values[slot].map(|value| (value != MISSING).then_some(value));
        Reading { flow, occupancy, state: self.state[slot] }
    }

    fn slots(&self) -> impl Iterator<Item = usize> + use<> {
        slots(self.present)
    }
}

fn slots(present: u32) -> impl Iterator<Item = usize> {
    (0..SLOTS).filter(move |slot| present >> slot & 1 == 1)
}

fn state(code: u8) -> State {
    const STATES: [State; 5] = [State::Unknown, State::Free, State::Dense, State::Saturated, State::Blocked];
    STATES.get(usize::from(code)).copied().unwrap_or_default()
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const A: Reading = Reading { flow: Some(3_000), occupancy: None, state: State::Free };
    const B: Reading = Reading { flow: None, occupancy: Some(-7), state: State::Blocked };

    #[test]
    fn what_is_written_is_read_again() {
        let mut cell = Cell::new(7, 19_800);
        cell.add(0, A);
        cell.add(24, B);
        cell.add(24, A);
        cell.describe(24, 9, u32::max);
        let mut written = Vec::new();
        assert_eq!(cell.write(&mut written).unwrap(), written.len() as u64);
        let again = Cell::read(&mut written.as_slice(), 19_800).unwrap();
        assert!(Cell::read(&mut &written[..written.len() - 1], 19_800).is_none());
        assert_eq!((again.sensor, again.day, again.count(), again.disputed()), (7, 19_800, 2, 1));
        assert_eq!(again.hours(), cell.hours());
        assert_eq!((again.hours().get(24), again.described()), (Some(A), Some((24, 9))));
    }

    #[test]
    fn the_latest_row_that_says_something_describes_the_sensor() {
        let said = [(5, 7), (3, 9), (8, NOTHING), (5, 6), (4, 1)];
        for turn in 0..said.len() {
            let mut said = said;
            said.rotate_left(turn);
            let mut cell = Cell::new(0, 0);
            let mut joined = Cell::new(0, 0);
            for (slot, number) in said {
                cell.describe(slot, number, u32::max);
                let mut piece = Cell::new(0, 0);
                piece.describe(slot, number, u32::max);
                joined.join(&piece, u32::max);
            }
            assert_eq!((cell.described(), joined.described()), (Some((5, 7)), Some((5, 7))), "{said:?}");
        }
        assert_eq!(Cell::new(0, 0).described(), None);
    }

    #[test]
    fn packed_hours_are_the_same_hours() {
        let mut hours = Hours::default();
        hours.set(1, A);
        hours.set(23, B);
        assert_eq!(Cell::of(1, 2, &hours).hours(), hours);
    }

    #[test]
    fn contradictions_are_remembered_whatever_the_order() {
        let with = |readings: &[Reading]| {
            let mut cell = Cell::new(0, 0);
            for reading in readings {
                cell.add(5, *reading);
            }
            cell
        };
        for readings in [[A, A, B], [A, B, A], [B, A, A]] {
            let cell = with(&readings);
            assert_eq!((cell.count(), cell.disputed(), cell.hours().get(5)), (1, 1, Some(A)));
        }
        let mut joined = with(&[A]);
        joined.join(&with(&[A]), u32::max);
        assert_eq!(joined.disputed(), 0);
        joined.join(&with(&[B]), u32::max);
        assert_eq!(joined.disputed(), 1);
    }
}
