//! The log as this process sees it live: every event once, in order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::engine::Session;
use crate::{DbError, StoredEvent, Tx, log};

/// A batch's events, shared by everyone who listens.
pub type Events = Arc<[StoredEvent]>;

/// How many batches a slow listener may be behind.
const BUFFERED: usize = 512;
/// How many events of other processes are read at a time.
const PAGE: i64 = 1000;

type Subscriber = Box<dyn Fn(&[StoredEvent]) + Send + Sync>;

pub(crate) struct Feed {
    state: Mutex<State>,
    /// The position of the last event handed out; written under the lock.
    delivered: AtomicI64,
    live: broadcast::Sender<Events>,
}

#[derive(Default)]
struct State {
    subscribers: Vec<Subscriber>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), delivered: AtomicI64::new(0), live: broadcast::channel(BUFFERED).0 }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets where the log stands when the process starts.
    pub(crate) fn start_at(&self, position: i64) {
        self.delivered.store(position, Ordering::Release);
    }

    pub(crate) fn position(&self) -> i64 {
        self.delivered.load(Ordering::Acquire)
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Events> {
        self.live.subscribe()
    }

    /// Adds a subscriber, which gets everything after the position returned.
    pub(crate) fn subscribe(&self, subscriber: Subscriber) -> i64 {
        let mut state = self.lock();
        state.subscribers.push(subscriber);
        self.position()
    }

    /// Delivers a batch that has just been committed here. Positions before it belong to other lanes or
    /// processes: all of them are committed, since the counter's row was theirs before it was ours.
    pub(crate) fn deliver(&self, events: Vec<StoredEvent>, session: &mut Session) -> Result<(), DbError> {
        let Some((first, last)) = events.first().zip(events.last()).map(|(a, b)| (a.position, b.position))
        else {
            return Ok(());
        };
        let state = self.lock();
        if first > self.position() + 1 {
            self.catch_up(&state, session)?;
        }
        let from = self.position();
        if first > from {
            self.hand_out(&state, events);
        } else if last > from {
            self.hand_out(&state, events.into_iter().filter(|event| event.position > from).collect());
        }
        Ok(())
    }

    /// Delivers what other processes have committed.
    pub(crate) fn poll(&self, session: &mut Session) -> Result<(), DbError> {
        self.catch_up(&self.lock(), session)
    }

    fn catch_up(&self, state: &State, session: &mut Session) -> Result<(), DbError> {
        loop {
            let page = log::after(&mut Tx::new(session.connection()), self.position(), None, PAGE)?;
            if page.is_empty() {
                return Ok(());
            }
            self.hand_out(state, page);
        }
    }

    fn hand_out(&self, state: &State, events: Vec<StoredEvent>) {
        let Some(last) = events.last().map(|event| event.position) else { return };
        for subscriber in &state.subscribers {
            // A fault of one subscriber must not end the writer, nor keep the events from the others.
            if catch_unwind(AssertUnwindSafe(|| subscriber(&events))).is_err() {
                tracing::error!(last, "a subscriber panicked over a batch of events");
            }
        }
        self.delivered.store(last, Ordering::Release);
        if self.live.receiver_count() > 0 {
            // The last listener may leave at this moment.
            let _ = self.live.send(events.into());
        }
    }
}
