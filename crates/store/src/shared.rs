//! What the threads of a store have in common.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use kernel::{Clock, Timestamp};

use crate::engine::Engine;
use crate::feed::Feed;
use crate::gate::Gate;

/// Faults that tests switch on to prove that other tests would notice them: the known-bad twins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sabotage {
    /// None: the product.
    #[default]
    None,
    /// PostgreSQL: the declared locks are not taken.
    NoLocks,
    /// Callers are answered before the commit.
    AnswerBeforeCommit,
}

/// What to do when the disk fails under a commit. The argument says what happened.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) feed: Feed,
    pub(crate) sabotage: Sabotage,
    pub(crate) on_fatal: OnFatal,
    /// Who reads a snapshot is inside.
    pub(crate) snapshots: Gate,
    /// Whoever runs a batch is inside.
    pub(crate) commits: Gate,
    last_stamp: AtomicI64,
    open: AtomicBool,
    reachable: AtomicBool,
    closing: Mutex<bool>,
    closed: Condvar,
}

impl Shared {
    pub(crate) fn new(engine: Engine, clock: Arc<dyn Clock>, sabotage: Sabotage, on_fatal: OnFatal) -> Self {
        Self {
            engine,
            clock,
            feed: Feed::new(),
            sabotage,
            on_fatal,
            snapshots: Gate::default(),
            commits: Gate::default(),
            last_stamp: AtomicI64::new(0),
            open: AtomicBool::new(false),
            reachable: AtomicBool::new(false),
            closing: Mutex::new(false),
            closed: Condvar::new(),
        }
    }

    /// The present instant for a batch; never before an earlier one's, whatever the machine's clock does.
    pub(crate) fn stamp(&self) -> Timestamp {
        let now = self.clock.now().micros();
        let last = self.last_stamp.fetch_max(now, Ordering::AcqRel);
        Timestamp::from_micros(now.max(last))
    }

    /// Sets the instant that no stamp may precede.
    pub(crate) fn not_before(&self, at: Timestamp) {
        self.last_stamp.fetch_max(at.micros(), Ordering::AcqRel);
    }

    /// The tables are up to date and the log's position is known.
    pub(crate) fn set_open(&self) {
        self.open.store(true, Ordering::Release);
        self.set_reachable(true);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    pub(crate) fn set_reachable(&self, reachable: bool) {
        self.reachable.store(reachable, Ordering::Release);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.is_open() && self.reachable.load(Ordering::Acquire)
    }

    pub(crate) fn close(&self) {
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.closed.notify_all();
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for so long, or until the store closes; says whether it does.
    pub(crate) fn pause(&self, length: Duration) -> bool {
        let closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.closed.wait_timeout_while(closing, length, |closing| !*closing);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn die(&self, reason: &str) {
        tracing::error!(reason, "the disk failed under a commit; ending this process, a restart recovers");
        (self.on_fatal)(reason);
    }
}
