//! Decisions and what came of them, joined and written as JSON lines, beside a running server.
//!
//! The log of events is read in one sweep, while the decisions that its events name are no more than so many; when
//! they are, the latest decisions are left to a further sweep. Memory is bounded by that number, whatever the length
//! of the export.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use kernel::Timestamp;
use serde::Serialize;
use store::{DbError, ReadOnly, StoredEvent, log};
use uuid::Uuid;

use super::{Decision, LostDecision, LostLine, Reward, queries};
use crate::engagement::{ENGAGEMENT, Engagement, EventType};
use crate::names::{NameError, OfferId, UserId};

/// Later than this after a decision nothing is taken for its reward, in seconds.
pub(super) const LATE_SECONDS: i64 = 24 * 3600;
/// How many rewards are held in memory: less than a hundred megabytes.
const HELD: usize = 500_000;
/// How many events of the log are read at a time; each may hold a thousand of ours.
const EVENTS: i64 = 50;
/// How many blocks of decisions are read at a time.
const BLOCKS: i64 = 16;

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Exported {
    /// Decisions, one line each.
    pub decisions: u64,
    /// Events that were joined to them.
    pub rewards: u64,
    /// Events that name a decision of this time which is not stored, one line each.
    pub lost: u64,
    /// Events that name a decision in which their offer was not shown, or not to their user; not written.
    pub strays: u64,
}

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database could not be read.
    #[error("the database cannot be read: {0}")]
    Db(#[from] DbError),
    /// What was found could not be written.
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
}

/// Writes the decisions whose offers were shown from `from` on and before `to`, in order of time, each with the events
/// that name it and came within a day; then the events of that time whose decision was lost.
pub fn export(
    reader: &mut ReadOnly,
    from: Timestamp,
    to: Timestamp,
    out: impl Write,
) -> Result<Exported, ExportError> {
    export_holding(HELD, reader, from, to, out)
}

/// As [`export()`], holding at most so many rewards in memory.
pub(super) fn export_holding(
    held: usize,
    reader: &mut ReadOnly,
    from: Timestamp,
    to: Timestamp,
    out: impl Write,
) -> Result<Exported, ExportError> {
    let done = Exported::default();
    let mut export = Export { reader, from, to, held, out: BufWriter::new(out), done };
    export.run()?;
    Ok(export.done)
}

struct Export<'r, W: Write> {
    reader: &'r mut ReadOnly,
    from: Timestamp,
    to: Timestamp,
    held: usize,
    out: BufWriter<W>,
    done: Exported,
}

/// The rewards of the decisions from one id on and before another.
struct Window {
    first: Uuid,
    end: Uuid,
    /// By decision, those of one decision in order of time.
    rewards: BTreeMap<Uuid, Vec<Found>>,
    count: usize,
}

/// A reward whose decision is still to be found.
struct Found {
    user_id: UserId,
    offer_id: OfferId,
    what: EventType,
    at: Timestamp,
}

impl<W: Write> Export<'_, W> {
    fn run(&mut self) -> Result<(), ExportError> {
        let end = queries::ceiling_at(self.to);
        let mut first = queries::floor_at(self.from);
        while first < end {
            let window = self.sweep(first, end)?;
            first = window.end;
            self.join(window)?;
        }
        Ok(self.out.flush()?)
    }

    /// Reads the log for rewards of decisions from an id on; of as many as memory allows.
    fn sweep(&mut self, first: Uuid, end: Uuid) -> Result<Window, ExportError> {
        let mut window = Window { first, end, rewards: BTreeMap::new(), count: 0 };
        let start = instant_of(first);
        let mut position = self.reader.read(|tx| log::position_before(tx, start))?;
        loop {
            let page = self.reader.read(|tx| log::after(tx, position, Some(ENGAGEMENT), EVENTS))?;
            let Some(last) = page.last() else { return Ok(window) };
            position = last.position;
            for event in &page {
                window.take(event)?;
                window.shrink_to(self.held);
            }
            if last.time > instant_of(window.end).plus_seconds(LATE_SECONDS) {
                return Ok(window);
            }
        }
    }

    /// Writes the decisions of a window with their rewards, then the rewards that are left.
    fn join(&mut self, mut window: Window) -> Result<(), ExportError> {
        // A block may begin before the decision that is looked for.
        let span = i64::try_from(super::writer::SPAN_MILLIS).unwrap_or(i64::MAX) / 1000 + 1;
        let mut place = (instant_of(window.first).plus_seconds(-span), Uuid::nil());
        let before = self.to.min(instant_of(window.end).plus_seconds(span));
        loop {
            let blocks = self.reader.read(|tx| queries::after(tx, place, before, BLOCKS))?;
            let Some((last, _)) = blocks.last() else { break };
            place = *last;
            for decision in blocks.into_iter().flat_map(|(_, decisions)| decisions) {
                let rewards = window.rewards_of(decision.decision_id);
                if window.holds(decision.decision_id) && (self.from..self.to).contains(&decision.at) {
                    self.write_decision(decision, rewards)?;
                }
            }
        }
        for (decision_id, rewards) in window.rewards {
            for Found { offer_id, what, at, .. } in rewards {
                let event_type = what.name().to_owned();
                let lost_decision = LostDecision { decision_id, offer_id, event_type, at };
                self.write(&LostLine { lost_decision })?;
                self.done.lost += 1;
            }
        }
        Ok(())
    }

    fn write_decision(&mut self, mut decision: Decision, rewards: Vec<Found>) -> Result<(), ExportError> {
        for Found { user_id, offer_id, what, at } in rewards {
            // What somebody else does under a decision's name is no reward of it.
            let own = user_id.as_str() == decision.user_id.as_str();
            match decision.slots.iter_mut().find(|slot| own && slot.offer_id == offer_id) {
                Some(slot) => {
                    slot.rewards.push(Reward { event_type: what.name().to_owned(), at });
                    self.done.rewards += 1;
                }
                None => self.done.strays += 1,
            }
        }
        self.done.decisions += 1;
        self.write(&decision)
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), ExportError> {
        serde_json::to_writer(&mut self.out, line).map_err(io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }
}

impl Window {
    fn holds(&self, id: Uuid) -> bool {
        (self.first..self.end).contains(&id)
    }

    /// Keeps what an event of the log says of decisions of this window.
    fn take(&mut self, event: &StoredEvent) -> Result<(), DbError> {
        for tracked in Engagement::read(event)?.events {
            let Some(id) = tracked.decision_id.filter(|id| self.holds(*id)) else { continue };
            if event.time <= instant_of(id).plus_seconds(LATE_SECONDS) {
                let offer_id = tracked.offer_id.parse().map_err(|error| undecodable(event, error))?;
                let user_id = tracked.user_id.parse().map_err(|error| undecodable(event, error))?;
                let found = Found { user_id, offer_id, what: tracked.event_type, at: event.time };
                self.rewards.entry(id).or_default().push(found);
                self.count += 1;
            }
        }
        Ok(())
    }

    /// Leaves the latest decisions to the next sweep until no more than so many rewards are held; always holds one
    /// decision's.
    fn shrink_to(&mut self, held: usize) {
        while self.count > held && self.rewards.len() > 1 {
            let Some((id, rewards)) = self.rewards.pop_last() else { return };
            self.count -= rewards.len();
            self.end = id;
        }
    }

    /// Takes out the rewards of a decision.
    fn rewards_of(&mut self, id: Uuid) -> Vec<Found> {
        self.rewards.remove(&id).unwrap_or_default()
    }
}

fn undecodable(event: &StoredEvent, error: NameError) -> DbError {
    DbError::Decode(format!("event {}: {error}", event.position))
}

/// The instant at the beginning of a `UUIDv7`'s millisecond.
fn instant_of(id: Uuid) -> Timestamp {
    let micros = queries::millis_of(id).saturating_mul(1000);
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}
