//! What one worker has gathered.

use std::collections::HashMap;

use super::Damage;
use super::InputError;
use super::facts::{Cell, NOTHING, Run, Spill};
use super::feed::count_lines;
use super::instant::Moment;
use super::roster::Roster;
use crate::hours::Reading;
use crate::sensor::About;

/// The share of a worker's memory that texts of rows may take, by which rows are recognised.
const SHARE_OF_TEXTS: usize = 8;
/// An hour before all others.
const NEVER: i32 = i32::MIN;

/// The facts that one worker found.
#[derive(Debug)]
pub(super) struct Table<'a> {
    roster: &'a Roster,
    sensors: Vec<Sensor>,
    /// What their last rows said of them, apart since it is seldom looked at.
    abouts: Vec<About>,
    places: HashMap<Box<[u8]>, usize>,
    /// The sensor of the row before.
    last: usize,
    cells: Vec<Cell>,
    most_cells: usize,
    /// How many bytes texts may still take, beside those that are taken already, be they in use or not.
    texts: usize,
    spill: Option<Spill>,
    runs: Vec<Run>,
    /// Which block is being read, and its sensors.
    block: u32,
    touched: Vec<usize>,
    disorder: u64,
}

/// A sensor, as one worker knows it.
#[derive(Debug)]
pub(super) struct Sensor {
    number: u32,
    id: Box<[u8]>,
    /// The sensor that last came after it: in files that go hour by hour, the same ones follow each other.
    next: usize,
    /// The day of its last row, and the cell of that day.
    day: i32,
    cell: usize,
    /// Its days and their cells, ascending.
    days: Vec<(i32, usize)>,
    /// The block that it was last seen in, the hours of its first and last row there.
    block: u32,
    first_hour: i32,
    last_hour: i32,
    /// The number of what its last row said of it.
    said: u32,
    /// How that row said it: a row with the same texts says the same.
    pub(super) texts: Texts,
}

/// The texts of a row that are the same in nearly all rows of a sensor.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The number of their file.
    file: Option<u32>,
    /// One behind the other: the columns before the first that says something of the hour, what is said of the sensor
    /// between that and the last, and all behind with the line end.
    bytes: Vec<u8>,
    lead: usize,
    tail: usize,
    /// Line ends in the lead and the tail.
    lines: u64,
}

impl Texts {
    fn lead_row(&self, file: u32, row: &[u8]) -> bool {
        self.file == Some(file) && self.lead > 0 && row.starts_with(&self.bytes[..self.lead])
    }

    /// The texts, when they are of a file.
    pub(super) fn of(&self, file: u32) -> Option<&Self> {
        (self.file == Some(file)).then_some(self)
    }

    /// What is before the hour's numbers.
    pub(super) fn lead(&self) -> &[u8] {
        &self.bytes[..self.lead]
    }

    /// What is said of the sensor among them.
    pub(super) fn said(&self) -> &[u8] {
        &self.bytes[self.lead..self.tail]
    }

    /// What is behind them.
    pub(super) fn tail(&self) -> &[u8] {
        &self.bytes[self.tail..]
    }

    /// Line ends before and behind.
    pub(super) const fn lines(&self) -> u64 {
        self.lines
    }
}

/// The rows of a sensor in a block: to tell whether they are in order, from block to block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// The sensor.
    pub(super) number: u32,
    /// The hour of its first row.
    pub(super) first: i32,
    /// The hour of its last row.
    pub(super) last: i32,
}

impl<'a> Table<'a> {
    /// An empty one that may take so many bytes.
    pub(super) fn new(roster: &'a Roster, memory: usize) -> Self {
        let texts = memory / SHARE_OF_TEXTS;
        Self {
            roster,
            sensors: Vec::new(),
            abouts: Vec::new(),
            places: HashMap::new(),
            last: 0,
            cells: Vec::new(),
            most_cells: ((memory - texts) / size_of::<Cell>()).max(1),
            texts,
            spill: None,
            runs: Vec::new(),
            block: 0,
            touched: Vec::new(),
            disorder: 0,
        }
    }

    /// The place of the sensor that a row of a file begins with, when it is the one that was to be expected: that of the
    /// row before, or the one that came after it before.
    pub(super) fn guess(&mut self, file: u32, row: &[u8]) -> Option<usize> {
        let last = self.sensors.get(self.last)?;
        if last.texts.lead_row(file, row) {
            return Some(self.last);
        }
        let next = last.next;
        self.sensors[next].texts.lead_row(file, row).then(|| {
            self.last = next;
            next
        })
    }

    /// The place of a sensor that was met before.
    pub(super) fn find(&mut self, id: &[u8]) -> Option<usize> {
        let last = self.sensors.get(self.last)?;
        if *last.id == *id {
            return Some(self.last);
        }
        let next = last.next;
        let found = if *self.sensors.get(next)?.id == *id { next } else { *self.places.get(id)? };
        self.sensors[self.last].next = found;
        self.last = found;
        Some(found)
    }

    /// The place of a new sensor.
    pub(super) fn insert(&mut self, id: &[u8]) -> Result<usize, Damage> {
        let place = self.sensors.len();
        self.sensors.push(Sensor {
            number: self.roster.number(id)?,
            id: id.into(),
            next: 0,
            day: NEVER,
            cell: 0,
            days: Vec::new(),
            block: 0,
            first_hour: 0,
            last_hour: 0,
            said: NOTHING,
            texts: Texts::default(),
        });
        self.abouts.push(About::default());
        self.places.insert(id.into(), place);
        self.last = place;
        Ok(place)
    }

    /// A sensor by its place.
    pub(super) fn sensor(&mut self, place: usize) -> &mut Sensor {
        &mut self.sensors[place]
    }

    /// Adds what a sensor measured in an hour, and what is said of it since [`Table::learn`] was last told.
    pub(super) fn add(&mut self, place: usize, at: Moment, reading: Reading) -> Result<(), InputError> {
        self.order(place, at.hour);
        if self.sensors[place].day != at.day {
            self.turn_to(place, at.day)?;
        }
        let sensor = &self.sensors[place];
        let cell = &mut self.cells[sensor.cell];
        cell.add(at.slot, reading);
        cell.describe(at.slot, sensor.said, |one, other| self.roster.greater(one, other));
        Ok(())
    }

    /// Remembers the order of rows.
    fn order(&mut self, place: usize, hour: i32) {
        let sensor = &mut self.sensors[place];
        if sensor.block == self.block {
            self.disorder += u64::from(hour < sensor.last_hour);
        } else {
            sensor.block = self.block;
            sensor.first_hour = hour;
            self.touched.push(place);
        }
        sensor.last_hour = hour;
    }

    /// Makes a day the one that the sensor's rows are about.
    fn turn_to(&mut self, place: usize, day: i32) -> Result<(), InputError> {
        let found = self.sensors[place].days.binary_search_by_key(&day, |(day, _)| *day);
        let at = if found.is_err() && self.cells.len() >= self.most_cells {
            self.write_down()?;
            0
        } else {
            found.unwrap_or_else(|at| at)
        };
        let sensor = &mut self.sensors[place];
        if found.is_err() {
            sensor.days.insert(at, (day, self.cells.len()));
            self.cells.push(Cell::new(sensor.number, day));
        }
        sensor.day = day;
        sensor.cell = sensor.days[at].1;
        Ok(())
    }

    /// Writes all cells to the temporary file and begins anew.
    fn write_down(&mut self) -> Result<(), InputError> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::create().map_err(InputError::Temporary)?),
        };
        self.runs.push(spill.write(&self.cells).map_err(InputError::Temporary)?);
        self.cells.clear();
        for sensor in &mut self.sensors {
            // Other sensors may have more days next time.
            sensor.days = Vec::new();
            sensor.day = NEVER;
        }
        Ok(())
    }

    /// Keeps the texts of a sensor's row (lead, said, tail) when there is room.
    pub(super) fn keep_texts(&mut self, place: usize, file: u32, [lead, said, tail]: [&[u8]; 3]) {
        self.forget_texts(place);
        let needed = lead.len() + said.len() + tail.len();
        let texts = &mut self.sensors[place].texts;
        if texts.bytes.capacity() < needed {
            self.texts += std::mem::take(&mut texts.bytes).capacity();
            let Some(room) = self.texts.checked_sub(needed) else { return };
            self.texts = room;
            texts.bytes.reserve_exact(needed);
        }
        for text in [lead, said, tail] {
            texts.bytes.extend_from_slice(text);
        }
        (texts.file, texts.lead, texts.tail) = (Some(file), lead.len(), lead.len() + said.len());
        texts.lines = count_lines(lead) + count_lines(tail);
    }

    /// Forgets the texts of a sensor, when something else says what it is.
    pub(super) fn forget_texts(&mut self, place: usize) {
        let sensor = &mut self.sensors[place];
        sensor.texts.file = None;
        sensor.texts.bytes.clear();
        (sensor.texts.lead, sensor.texts.tail) = (0, 0);
    }

    /// Learns what the rows of a sensor say of it from now on.
    pub(super) fn learn(&mut self, place: usize, about: About) -> Result<(), InputError> {
        if self.abouts[place] != about {
            let sensor = &mut self.sensors[place];
            sensor.said = self.roster.describe(sensor.number, &about)?;
            self.abouts[place] = about;
        }
        Ok(())
    }

    /// Before the rows of a block.
    pub(super) fn begin_block(&mut self) {
        self.block += 1;
    }

    /// After the rows of a block: the sensors it had, and how many rows were out of order.
    pub(super) fn end_block(&mut self) -> (Vec<Span>, u64) {
        let spans = self.touched.drain(..).map(|place| {
            let sensor = &self.sensors[place];
            Span { number: sensor.number, first: sensor.first_hour, last: sensor.last_hour }
        });
        (spans.collect(), std::mem::take(&mut self.disorder))
    }

    /// After all blocks.
    pub(super) fn finish(mut self) -> Vec<Run> {
        self.runs.push(Run::keep(self.cells));
        self.runs
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn named(name: &str) -> About {
        About { name: name.to_owned(), ..About::default() }
    }

    fn flow(flow: i32) -> Reading {
        Reading { flow: Some(flow), ..Reading::default() }
    }

    fn at(hour: i32, day: i32, slot: i32) -> Moment {
        Moment { hour, day, slot: usize::try_from(slot).unwrap() }
    }

    #[test]
    fn a_row_is_guessed_by_its_lead() {
        let roster = Roster::default();
        let mut table = Table::new(&roster, 1 << 16);
        assert_eq!(table.guess(1, b"a;x;"), None);
        let places = [b"a", b"b"].map(|id| table.insert(id).unwrap());
        for (place, lead) in places.into_iter().zip([b"a;x;", b"b;y;"]) {
            table.keep_texts(place, 1, [lead, b"", b"\n"]);
        }
        assert_eq!((table.guess(1, b"a;x;1"), table.guess(1, b"b;y;")), (Some(0), None));
        assert_eq!(table.find(b"b"), Some(1), "who comes after a is known from now on");
        assert_eq!(table.find(b"a"), Some(0));
        assert_eq!((table.guess(2, b"b;y;"), table.guess(1, b"b;y;")), (None, Some(1)));
        table.forget_texts(1);
        assert_eq!(table.guess(1, b"b;y;"), None);
    }

    #[test]
    fn sensors_are_found_again_in_any_order() {
        let roster = Roster::default();
        let mut table = Table::new(&roster, 1 << 16);
        assert_eq!(table.find(b"a"), None);
        let places = [b"a", b"b", b"c"].map(|id| table.insert(id).unwrap());
        for id in [0, 1, 2, 0, 1, 2, 2, 1, 0, 0] {
            assert_eq!(table.find([b"a", b"b", b"c"][id]), Some(places[id]));
        }
        assert_eq!(table.find(b"d"), None);
    }

    #[test]
    fn what_does_not_fit_is_written_down_and_joined_again() {
        let roster = Roster::default();
        let mut table = Table::new(&roster, 0);
        let place = table.insert(b"a").unwrap();
        for (day, slot) in [(1, 5), (2, 6), (1, 6), (1, 5)] {
            table.add(place, at(24 * day, day, slot), flow(slot)).unwrap();
        }
        let runs = table.finish();
        assert_eq!(runs.len(), 3);
        let days = super::super::SensorDays::new(runs, roster.close());
        let hours: Vec<_> = days.iter().map(|day| day.unwrap().1[0].hours.len()).collect();
        assert_eq!(hours, [2, 1]);
    }

    #[test]
    fn order_is_told_within_and_across_blocks() {
        let roster = Roster::default();
        let mut table = Table::new(&roster, 1 << 16);
        let (a, b) = (table.insert(b"a").unwrap(), table.insert(b"b").unwrap());
        table.begin_block();
        for (place, hour) in [(a, 3), (b, 9), (a, 4), (a, 2), (b, 9)] {
            table.add(place, at(hour, 0, 0), flow(1)).unwrap();
        }
        let (spans, disorder) = table.end_block();
        let spans: Vec<_> = spans.iter().map(|span| (span.number, span.first, span.last)).collect();
        assert_eq!((spans, disorder), (vec![(0, 3, 2), (1, 9, 9)], 1));
        table.begin_block();
        assert_eq!(table.end_block().0.len(), 0);
    }

    #[test]
    fn each_day_is_described_by_its_own_latest_row() {
        for memory in [0, 1 << 16] {
            let roster = Roster::default();
            let mut table = Table::new(&roster, memory);
            let place = table.insert(b"a").unwrap();
            let rows =
                [(1, 5, "b"), (2, 9, "z"), (1, 4, "z"), (1, 5, "a"), (2, 3, "b"), (1, 5, "c"), (1, 6, "")];
            for (day, slot, name) in rows {
                table.learn(place, named(name)).unwrap();
                table.add(place, at(24 * day + slot, day, slot), flow(slot)).unwrap();
            }
            let days = super::super::SensorDays::new(table.finish(), roster.close());
            let (_, texts) = days.sensors().next().unwrap();
            let described: Vec<_> = days
                .iter()
                .map(|day| day.unwrap().1[0].described.unwrap())
                .map(|it| (it.slot, About::of_text(&texts[it.number as usize]).unwrap().name))
                .collect();
            assert_eq!(described, [(5, "c".to_owned()), (9, "z".to_owned())]);
        }
    }
}
