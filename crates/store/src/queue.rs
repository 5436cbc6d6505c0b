//! The commands that wait for one writer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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
            let was_idle = state.jobs.len() == 1;
            drop(state);
            if was_idle {
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
    pub(crate) fn take(&self, max: usize) -> Option<Vec<Box<dyn Job>>> {
        let mut state = self.lock();
        while state.jobs.is_empty() {
            if state.closed {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
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
