//! Runs: cells of one worker by day, in memory or written to its temporary file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::Cell;

/// Cells that can be had by day.
#[derive(Debug)]
pub(crate) struct Run {
    /// Where the cells of a day are: places in the order in memory, or in the file.
    days: BTreeMap<i32, Range<u64>>,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    Memory { cells: Vec<Cell>, order: Vec<u32> },
    File(Arc<Mutex<File>>),
}

impl Run {
    /// Leaves cells in memory.
    pub(crate) fn keep(cells: Vec<Cell>) -> Self {
        let order = by_day(&cells);
        let mut days: BTreeMap<i32, Range<u64>> = BTreeMap::new();
        for (place, index) in (0..).zip(&order) {
            days.entry(cells[*index as usize].day).or_insert(place..place).end = place + 1;
        }
        Self { days, cells: Cells::Memory { cells, order } }
    }

    /// The days that have cells.
    pub(crate) fn days(&self) -> impl Iterator<Item = i32> {
        self.days.keys().copied()
    }

    /// The cells of a day that are in memory.
    pub(crate) fn kept(&self, day: i32) -> impl Iterator<Item = &Cell> {
        let (cells, order): (&[Cell], &[u32]) = match &self.cells {
            Cells::Memory { cells, order } => (cells, order),
            Cells::File(_) => (&[], &[]),
        };
        let places = self.days.get(&day).map_or(0..0, |range| index(range.start)..index(range.end));
        order.get(places).unwrap_or_default().iter().map(|place| &cells[*place as usize])
    }

    /// Appends the cells of a day that are in a file.
    pub(crate) fn read(&self, day: i32, found: &mut Vec<Cell>) -> io::Result<()> {
        let (Cells::File(file), Some(range)) = (&self.cells, self.days.get(&day)) else { return Ok(()) };
        let mut written = vec![0; index(range.end - range.start)];
        {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(range.start))?;
            file.read_exact(&mut written)?;
        }
        let mut rest = written.as_slice();
        while !rest.is_empty() {
            found.push(Cell::read(&mut rest, day).ok_or(io::ErrorKind::InvalidData)?);
        }
        Ok(())
    }
}

/// The temporary file of a worker. It has no name and is gone when the last run on it is.
#[derive(Debug)]
pub(crate) struct Spill {
    file: Arc<Mutex<File>>,
    length: u64,
}

impl Spill {
    /// An empty one, in the system's folder of temporary files.
    pub(crate) fn create() -> io::Result<Self> {
        Ok(Self { file: Arc::new(Mutex::new(tempfile::tempfile()?)), length: 0 })
    }

    /// Writes cells down.
    pub(crate) fn write(&mut self, cells: &[Cell]) -> io::Result<Run> {
        let mut days: BTreeMap<i32, Range<u64>> = BTreeMap::new();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut to = BufWriter::with_capacity(1 << 18, &mut *file);
        for index in by_day(cells) {
            let cell = &cells[index as usize];
            let start = self.length;
            self.length += cell.write(&mut to)?;
            days.entry(cell.day).or_insert(start..start).end = self.length;
        }
        to.flush()?;
        drop(to);
        drop(file);
        Ok(Run { days, cells: Cells::File(Arc::clone(&self.file)) })
    }
}

/// The places of cells in the order of days; within a day in that of sensors, whose neighbours are often neighbours in
/// memory.
fn by_day(cells: &[Cell]) -> Vec<u32> {
    let mut order: Vec<(i32, u32, u32)> =
        (0..).zip(cells).map(|(index, cell)| (cell.day, cell.sensor, index)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, _, index)| index).collect()
}

/// A place in memory.
fn index(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::hours::Reading;

    fn cells() -> Vec<Cell> {
        let cells = [(3, 11), (1, 10), (2, 11), (1, 11)].map(|(sensor, day)| {
            let mut cell = Cell::new(sensor, day);
            cell.add(sensor as usize, Reading { flow: Some(day), ..Reading::default() });
            cell
        });
        cells.to_vec()
    }

    fn look(run: &Run, day: i32) -> Vec<(u32, i32, u64)> {
        let mut found = Vec::new();
        run.read(day, &mut found).unwrap();
        run.kept(day).chain(&found).map(|cell| (cell.sensor, cell.day, cell.count())).collect()
    }

    #[test]
    fn a_run_in_a_file_tells_the_same_as_one_in_memory() {
        let mut spill = Spill::create().unwrap();
        let first = spill.write(&cells()).unwrap();
        let second = spill.write(&cells()[..1]).unwrap();
        for run in [&Run::keep(cells()), &first] {
            assert_eq!(run.days().collect::<Vec<_>>(), [10, 11]);
            assert_eq!(look(run, 11), [(1, 11, 1), (2, 11, 1), (3, 11, 1)]);
            assert_eq!((look(run, 10), look(run, 12)), (vec![(1, 10, 1)], vec![]));
        }
        assert_eq!(look(&second, 11), [(3, 11, 1)]);
    }
}
