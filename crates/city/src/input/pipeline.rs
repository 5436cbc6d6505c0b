//! Reading the two types of sensors with several workers.
//!
//! Whoever is free cuts the next block off the file and then reads it, while it is still in the processor's cache:
//! cutting is quick and done by one at a time, reading is slow and done by all at once. Each gathers into a table of
//! its own; what they tell of their blocks is put in order by the ledger.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::buffer::Buffer;
use super::counts::{Counts, Fault};
use super::csv::{Parser, Rows};
use super::facts::{Run, SensorDays};
use super::feed::{Feed, Holds, Piece};
use super::instant::Calendar;
use super::ledger::{Entry, Ledger};
use super::open::Files;
use super::page::Page;
use super::roster::Roster;
use super::table::Table;
use super::{Facts, InputError, Limits, Read};
use crate::MetricType;

/// Reads files of bikes or roads.
pub(super) fn read(kind: MetricType, files: Files<'_>, limits: &Limits) -> Result<Read, InputError> {
    let threads = limits.threads.max(1);
    let roster = Roster::default();
    let shared = Shared { feed: Mutex::new(Feed::new(files, kind, limits)), ledger: Ledger::default() };
    let runs: Vec<Run> = thread::scope(|scope| {
        let work = || Worker::new(&shared, &roster, kind, limits, limits.memory / threads).run();
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let theirs =
            others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        std::iter::once(mine).chain(theirs).flatten().collect()
    });
    let mut tally = shared.ledger.close()?;
    let days = SensorDays::new(runs, roster.close());
    let sums = days.sums(threads)?;
    tally.kept = sums.hours;
    tally.conflicts = sums.disputed;
    tally.duplicates = tally.read - tally.rejected_rows() - sums.hours;
    Ok(Read { facts: Facts::Hours(days), tally })
}

/// What all workers use.
struct Shared<'a> {
    feed: Mutex<Feed<'a>>,
    ledger: Ledger,
}

struct Worker<'w, 'a> {
    shared: &'w Shared<'a>,
    kind: MetricType,
    limits: &'w Limits,
    table: Table<'w>,
    calendar: Calendar,
    buffer: Buffer,
}

impl<'w, 'a> Worker<'w, 'a> {
    fn new(
        shared: &'w Shared<'a>,
        roster: &'w Roster,
        kind: MetricType,
        limits: &'w Limits,
        memory: usize,
    ) -> Self {
        let table = Table::new(roster, memory);
        Self { shared, kind, limits, table, calendar: Calendar::new(limits.until), buffer: Buffer::default() }
    }

    /// Reads pieces until there are no more.
    fn run(mut self) -> Vec<Run> {
        let _alarm = Alarm(&self.shared.ledger);
        while !self.shared.ledger.is_closed() {
            let Some(piece) = self.next() else { break };
            let Piece { number, file, begins, holds } = piece;
            let bytes = self.buffer.len() as u64;
            self.table.begin_block();
            let mut outcome = self.read(&file, holds);
            let (spans, disorder) = self.table.end_block();
            if let Ok(counts) = &mut outcome {
                (counts.bytes, counts.spans, counts.disorder) = (bytes, spans, disorder);
            }
            self.shared.ledger.enter(number, Entry { file, begins, outcome });
            self.buffer.shrink(2 * self.limits.block.max(self.limits.line));
        }
        self.table.finish()
    }

    fn next(&mut self) -> Option<Piece> {
        self.shared.feed.lock().unwrap_or_else(PoisonError::into_inner).next(&mut self.buffer)
    }

    fn read(&mut self, file: &str, holds: Holds) -> Result<Counts, Fault> {
        match holds {
            Holds::Rows { layout, unended } => {
                let (table, calendar) = (&mut self.table, &mut self.calendar);
                let mut parser = Parser { table, calendar, longest: self.limits.line };
                parser.read(&Rows { block: &self.buffer, layout: &layout, unended })
            }
            Holds::Page => {
                let page = Page { text: &self.buffer, file, kind: self.kind };
                page.read(&mut self.table, &mut self.calendar)
            }
            Holds::Fault(fault) => Err(fault),
        }
    }
}

/// Keeps the others from waiting for a worker that panicked.
struct Alarm<'l>(&'l Ledger);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.abandon();
        }
    }
}
