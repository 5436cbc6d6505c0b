//! The order of blocks. Workers finish them in any order; here they are put into the order of the files again, so that
//! lines, counts and the first error do not depend on threads.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::counts::{Counts, FIRST_ROWS, Fault};
use super::{InputError, Place, Reason, Refusal, Rejected, Tally};

/// How many blocks one worker may be ahead of another, so that little waits here.
const AHEAD: u64 = 64;
/// A file with fewer rows is not judged by how many of them cannot be read.
const FEWEST_ROWS: u64 = 10;

/// What a worker tells of a block.
#[derive(Debug)]
pub(super) struct Entry {
    /// The file.
    pub(super) file: Arc<str>,
    /// Of a file's first block: lines before it, which are the header's.
    pub(super) begins: Option<u64>,
    /// What became of the rows.
    pub(super) outcome: Result<Counts, Fault>,
}

/// Where the blocks of all workers come together.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pages: Mutex<Pages>,
    turned: Condvar,
}

#[derive(Debug, Default)]
struct Pages {
    /// The block that is entered next.
    next: u64,
    waiting: BTreeMap<u64, Entry>,
    tally: Tally,
    file: Option<Judged>,
    files: u32,
    /// By sensor: the file of its last row, and that row's hour.
    last: Vec<(u32, i32)>,
    error: Option<InputError>,
    abandoned: bool,
}

/// The file that is being entered.
#[derive(Debug)]
struct Judged {
    name: Arc<str>,
    lines: u64,
    rows: u64,
    unreadable: BTreeMap<Reason, u64>,
    done: bool,
}

impl Ledger {
    /// Whether there is no use in going on.
    pub(super) fn is_closed(&self) -> bool {
        let pages = self.pages();
        pages.error.is_some() || pages.abandoned
    }

    /// Enters a block; waits when the one to be entered next is far behind.
    pub(super) fn enter(&self, number: u64, entry: Entry) {
        let mut pages = self.pages();
        pages.waiting.insert(number, entry);
        pages.settle();
        self.turned.notify_all();
        while number >= pages.next + AHEAD && pages.error.is_none() && !pages.abandoned {
            pages = self.turned.wait(pages).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets nobody wait for a worker that is gone.
    pub(super) fn abandon(&self) {
        self.pages().abandoned = true;
        self.turned.notify_all();
    }

    /// After all blocks.
    pub(super) fn close(self) -> Result<Tally, InputError> {
        let mut pages = self.pages.into_inner().unwrap_or_else(PoisonError::into_inner);
        pages.end_file();
        pages.error.map_or(Ok(pages.tally), Err)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// Enters the blocks whose turn it is.
    fn settle(&mut self) {
        while self.error.is_none() {
            let Some(entry) = self.waiting.remove(&self.next) else { return };
            self.next += 1;
            if let Err(error) = self.take(entry) {
                self.error = Some(error);
            }
        }
    }

    fn take(&mut self, entry: Entry) -> Result<(), InputError> {
        if let Some(lines) = entry.begins {
            self.end_file();
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            self.files += 1;
            let (rows, unreadable) = (0, BTreeMap::new());
            self.file = Some(Judged { name: Arc::clone(&entry.file), lines, rows, unreadable, done: false });
        }
        let lines = self.file.as_ref().map_or(0, |file| file.lines);
        let counts = match entry.outcome {
            Ok(counts) => counts,
            Err(Fault::At(line, what)) => {
                return Err(InputError::damaged(&entry.file, lines + line + 1, what));
            }
            Err(Fault::Error(error)) => return Err(error),
        };
        self.count(&counts, &entry.file, lines);
        self.order(&counts);
        self.file.as_mut().map_or(Ok(()), |file| file.look(&counts))
    }

    fn count(&mut self, counts: &Counts, file: &str, lines: u64) {
        self.tally.read += counts.rows;
        self.tally.bytes += counts.bytes;
        self.tally.disorder += counts.disorder;
        for (reason, (count, first)) in &counts.rejected {
            let rejected = self.tally.rejected.entry(*reason).or_default();
            rejected.count += count;
            let room = Rejected::PLACES - rejected.first.len();
            let places = first.iter().map(|line| Place { file: file.to_owned(), line: lines + line + 1 });
            rejected.first.extend(places.take(room));
        }
    }

    /// Rows that are out of order across the beginning of the block.
    fn order(&mut self, counts: &Counts) {
        for span in &counts.spans {
            let place = span.number as usize;
            if place >= self.last.len() {
                self.last.resize(place + 1, (0, 0));
            }
            let (file, hour) = self.last[place];
            self.tally.disorder += u64::from(file == self.files && span.first < hour);
            self.last[place] = (self.files, span.last);
        }
    }

    fn end_file(&mut self) {
        if let Some(file) = &mut self.file
            && self.error.is_none()
        {
            self.error = file.judge().err();
        }
    }
}

impl Judged {
    fn look(&mut self, counts: &Counts) -> Result<(), InputError> {
        for (row, reason) in &counts.unreadable {
            if self.rows + row <= FIRST_ROWS {
                *self.unreadable.entry(*reason).or_default() += 1;
            }
        }
        self.rows += counts.rows;
        self.lines += counts.lines;
        if self.rows >= FIRST_ROWS { self.judge() } else { Ok(()) }
    }

    /// More than half of a file's first rows must make sense.
    fn judge(&mut self) -> Result<(), InputError> {
        let rows = self.rows.min(FIRST_ROWS);
        let rejected: u64 = self.unreadable.values().sum();
        if std::mem::replace(&mut self.done, true) || rows < FEWEST_ROWS || rejected * 2 <= rows {
            return Ok(());
        }
        let most = self.unreadable.iter().max_by_key(|(_, count)| **count);
        let reason = most.map_or(Reason::FieldCount, |(reason, _)| *reason);
        Err(InputError::refused(&self.name, Refusal::MostlyRejected { rows, rejected, reason }))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::super::table::Span;
    use super::super::{Damage, InputError};
    use super::*;

    fn block(rows: u64, rejected: u64) -> Counts {
        let mut counts = Counts::default();
        for row in 0..rows {
            counts.rows += 1;
            if row < rejected {
                counts.reject(Reason::BadDate, row);
            }
        }
        counts.lines = rows;
        counts
    }

    fn entry(begins: Option<u64>, outcome: Result<Counts, Fault>) -> Entry {
        Entry { file: "f".into(), begins, outcome }
    }

    #[test]
    fn blocks_count_in_the_order_of_the_file() {
        let ledger = Ledger::default();
        ledger.enter(1, entry(None, Ok(block(40, 4))));
        ledger.enter(0, entry(Some(1), Ok(block(50, 3))));
        let tally = ledger.close().unwrap();
        let rejected = &tally.rejected[&Reason::BadDate];
        let lines: Vec<u64> = rejected.first.iter().map(|place| place.line).collect();
        assert_eq!((tally.read, rejected.count, lines), (90, 7, vec![2, 3, 4, 52, 53]));
    }

    #[test]
    fn the_first_error_of_the_file_is_told() {
        let ledger = Ledger::default();
        ledger.enter(2, entry(None, Err(Fault::At(7, Damage::NotUtf8))));
        ledger.enter(1, entry(None, Err(Fault::At(3, Damage::CutRecord))));
        assert!(!ledger.is_closed());
        ledger.enter(0, entry(Some(1), Ok(block(50, 0))));
        assert!(ledger.is_closed());
        let error = ledger.close().unwrap_err();
        let told = matches!(error, InputError::Damaged { line: 55, what: Damage::CutRecord, .. });
        assert!(told, "{error}");
    }

    #[test]
    fn a_file_is_judged_by_its_first_thousand_rows() {
        let judged = |blocks: Vec<Counts>| {
            let ledger = Ledger::default();
            for (number, counts) in (0..).zip(blocks) {
                ledger.enter(number, entry((number == 0).then_some(1), Ok(counts)));
            }
            ledger.close().err().map(|error| error.to_string())
        };
        assert_eq!(judged(vec![block(600, 400), block(400, 100), block(900, 900)]), None);
        let told = judged(vec![block(600, 400), block(400, 101)]).unwrap();
        assert!(
            told.starts_with("f: 501 of its first 1000 rows cannot be read (mostly: no valid date)"),
            "{told}"
        );
        assert!(judged(vec![block(10, 6)]).is_some());
        assert_eq!(judged(vec![block(9, 9)]), None);
    }

    #[test]
    fn order_goes_on_from_block_to_block_but_not_from_file_to_file() {
        let block = |first, last| {
            let spans = vec![Span { number: 3, first, last }];
            Ok(Counts { spans, ..Counts::default() })
        };
        let ledger = Ledger::default();
        ledger.enter(0, entry(Some(1), block(5, 6)));
        ledger.enter(1, entry(None, block(5, 8)));
        ledger.enter(2, entry(None, block(8, 9)));
        ledger.enter(3, entry(Some(1), block(1, 2)));
        assert_eq!(ledger.close().unwrap().disorder, 1);
    }
}
