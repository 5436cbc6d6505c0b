//! The commands that wait for one writer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Unavailable;
use crate::command::Job;

/// A lane takes no more keys than this into one batch, so that PostgreSQL's lock table (64 entries for each
/// possible connection by default) cannot overflow.
const KEYS_PER_BATCH: usize = 512;

/// The commands that wait for one writer.
pub(crate) struct Queue {
    state: Mutex<QueueState>,
    arrived: Condvar,
    limit: usize,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
    /// The writer wants to be woken when so many wait.
    wake_at: usize,
}

/// How a writer fills its batches. Whoever has just been answered often comes back at once: to wait a moment
/// for them costs less than to make them wait for a whole commit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// How many commands the last batch had, and about as many are expected again.
    pub(crate) expected: usize,
    /// How long to wait for them at most.
    pub(crate) patience: Duration,
}

impl Pace {
    /// A commit that is cheaper than this is not worth any waiting.
    const WORTH_WAITING: Duration = Duration::from_micros(200);

    /// What a batch of `size` commands whose commit took so long says about the next one.
    pub(crate) fn after(size: usize, commit: Duration) -> Self {
        let patience = if commit < Self::WORTH_WAITING { Duration::ZERO } else { commit / 4 };
        Self { expected: size, patience }
    }
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), arrived: Condvar::new(), limit }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a command, or answers it at once when that cannot be.
    pub(crate) fn push(&self, job: Box<dyn Job>) {
        let mut state = self.lock();
        let refusal = if state.closed {
            Unavailable::Closed
        } else if state.jobs.len() >= self.limit {
            Unavailable::QueueFull
        } else {
            state.jobs.push_back(job);
            let wanted = state.jobs.len() == state.wake_at;
            drop(state);
            if wanted {
                self.arrived.notify_one();
            }
            return;
        };
        drop(state);
        job.answer(Err(refusal));
    }

    /// No more commands are taken; those that wait are still run.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Answers everything that waits with an error.
    pub(crate) fn refuse_all(&self, error: &Unavailable) {
        let jobs = std::mem::take(&mut self.lock().jobs);
        for job in jobs {
            job.answer(Err(error.clone()));
        }
    }

    /// Waits for commands and takes up to `max` of them; `None` when closed and empty.
    pub(crate) fn take(&self, max: usize, pace: Pace) -> Option<Vec<Box<dyn Job>>> {
        let mut state = self.lock();
        state.wake_at = 1;
        state = self
            .arrived
            .wait_while(state, |state| state.jobs.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let expected = pace.expected.min(max);
        if state.jobs.len() < expected && !state.closed && !pace.patience.is_zero() {
            state.wake_at = expected;
            let waited = self.arrived.wait_timeout_while(state, pace.patience, |state| {
                state.jobs.len() < expected && !state.closed
            });
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.jobs.is_empty() {
            return None;
        }
        let mut keys = 0;
        let fitting = state
            .jobs
            .iter()
            .take(max)
            .take_while(|job| {
                keys += job.call().locks.keys.len();
                keys <= KEYS_PER_BATCH
            })
            .count();
        Some(state.jobs.drain(..fitting.max(1)).collect())
    }
}
