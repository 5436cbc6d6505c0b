//! Transactions on SQLite or PostgreSQL, shared commits, and the event log.
//!
//! A *command* is a plain function over a [`Tx`]: no I/O but the transaction, no clock, no randomness. The store
//! hands waiting commands to a writer, which runs them in one transaction, commits once and only then answers
//! them all. Every change writes its event into the log in the same transaction.
//!
//! The store knows no stall: each brings its tables as a [`Schema`] and its commands as closures
//! ([`Store::run`]) or, when they are hot, as [`Slice`]s ([`Store::run_one`]). SQL is written once for both
//! engines; where they differ, `dialect.rs` knows.

mod batch;
mod checkpoint;
mod command;
mod cursor;
mod dialect;
mod engine;
mod error;
mod feed;
mod folder;
mod gate;
pub mod idempotency;
mod life;
pub mod log;
mod migrate;
mod postgres;
mod queue;
mod reader;
mod shared;
mod sqlite;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tx;
mod value;
mod writer;

use std::sync::Arc;
use std::time::Instant;

use kernel::{Clock, SystemClock, Timestamp};
use tokio::sync::{broadcast, oneshot};

pub use command::{Call, Lane, Locks, Slice};
pub use cursor::Consumer;
pub use engine::Engine;
pub use error::{CallError, DbError, Failure, OpenError, Unavailable};
pub use feed::Events;
pub use log::StoredEvent;
pub use migrate::{Migration, Schema};
pub use reader::ReadOnly;
pub use shared::{OnFatal, Sabotage};
pub use sqlite::Durability;
pub use tx::Tx;
pub use value::{FromColumn, Param, RowRef, ToParam};

use command::{Element, Job, Single};
use life::Inner;

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// Where the data is.
    pub engine: Engine,
    /// The stalls' tables.
    pub schemas: Vec<Schema>,
    /// The clock that stamps commands.
    pub clock: Arc<dyn Clock>,
    /// How many commands may wait for one writer.
    pub queue: usize,
    /// How many commands one commit may carry.
    pub batch_max: usize,
    /// How many scans run at the same time (on PostgreSQL: reads), each on a connection of its own.
    pub readers: usize,
    /// What to do when the disk fails under a commit.
    pub on_fatal: OnFatal,
    /// A fault for tests of tests.
    pub sabotage: Sabotage,
    /// SQLite only: bounds the database's size in pages, so that a test can fill it.
    pub page_limit: Option<i64>,
    /// SQLite only: how long the WAL may get, in bytes, before new snapshots wait a moment so that it can start
    /// again from its beginning.
    pub wal_limit: u64,
}

impl Options {
    /// The product's defaults for an engine.
    pub fn new(engine: Engine, schemas: Vec<Schema>) -> Self {
        Self {
            engine,
            schemas,
            clock: Arc::new(SystemClock),
            queue: 8192,
            batch_max: 512,
            readers: 8,
            on_fatal: Arc::new(|_| std::process::abort()),
            sabotage: Sabotage::None,
            page_limit: None,
            wal_limit: 64 << 20,
        }
    }
}

/// What `/health` says of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// `sqlite` or `postgresql`.
    pub engine: &'static str,
    /// Whether commands can be run now.
    pub ready: bool,
}

/// The store: cheap to clone, one per process and database.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

impl Store {
    /// Opens the store and brings its tables up to date.
    ///
    /// A PostgreSQL server that cannot be reached is tried again in the background ([`Store::opened`]); any
    /// other obstacle is an error.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let inner = Arc::new(Inner::new(options)?);
        inner.open()?;
        Ok(Self { inner })
    }

    /// Runs a command: `f` in a transaction of its lane, shared with whatever else waits there.
    ///
    /// `f` may be run more than once; only its last run counts. `Err` means that nothing happened.
    pub async fn run<T, E, F>(&self, call: Call, f: F) -> Result<T, CallError<E>>
    where
        F: Fn(&mut Tx<'_>, Timestamp) -> Result<T, Failure<E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + call.patience;
        self.push(Box::new(Single { call, deadline, f, result: None, reply }));
        // Only a fault of the store drops a command unanswered, and nobody can say how far it had come.
        answer.await.unwrap_or(Err(CallError::Unavailable(Unavailable::OutcomeUnknown)))
    }

    /// Runs one item of a hot command, together with the other items of its kind that wait.
    pub async fn run_one<S: Slice>(&self, item: S::Item) -> Result<S::Output, Unavailable> {
        let mut call = Call::new(S::NAME, S::LANE);
        S::locks(&item, &mut call.locks);
        let (reply, answer) = oneshot::channel();
        let deadline = Instant::now() + call.patience;
        self.push(Box::new(Element::<S> { call, deadline, item, output: None, reply }));
        answer.await.unwrap_or(Err(Unavailable::OutcomeUnknown))
    }

    /// Runs a query that reads a few rows by key, on a snapshot. On SQLite it runs on the calling thread: it
    /// takes microseconds.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
    {
        if self.inner.shared.engine.is_embedded() { self.inner.readers.read(f) } else { self.scan(f).await }
    }

    /// Runs a query that may read many rows, on a snapshot, off the calling thread. It is stopped after 5 s, and
    /// waits when [`Options::readers`] others are under way.
    pub async fn scan<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
    {
        let _turn = self.inner.readers.turn().await?;
        let readers = Arc::clone(&self.inner.readers);
        let result = tokio::task::spawn_blocking(move || readers.read(f)).await;
        result.unwrap_or_else(|_| Err(Unavailable::Panicked.into()))
    }

    /// Waits until the store is open, or has been closed.
    pub async fn opened(&self) {
        // An error means that the sender is gone, which the store itself keeps.
        let _ = self.inner.opened.subscribe().wait_for(|opened| *opened).await;
    }

    /// What `/health` says.
    pub fn health(&self) -> Health {
        Health { engine: self.inner.shared.engine.name(), ready: self.inner.shared.is_ready() }
    }

    /// Listens to the events committed from now on, by this process or another, in order, batch by batch.
    pub fn tail(&self) -> broadcast::Receiver<Events> {
        self.inner.shared.feed.listen()
    }

    /// The position of the last event that this process has seen.
    pub fn head(&self) -> i64 {
        self.inner.shared.feed.position()
    }

    /// Adds a function that gets every event after the position returned, each batch before anybody whose
    /// command was in it is answered. It must be quick, and must neither call nor own the store.
    pub fn subscribe(&self, subscriber: impl Fn(&[StoredEvent]) + Send + Sync + 'static) -> i64 {
        self.inner.shared.feed.subscribe(Box::new(subscriber))
    }

    /// The clock that stamps commands.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.options.clock
    }

    /// The present instant by the store's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.options.clock.now()
    }

    /// Writes into the lock file who holds the data folder and where it can be called, for people who try to
    /// open it a second time.
    pub fn announce(&self, address: &str) {
        if let Some(lock) = &self.inner.lock {
            lock.write(&format!("process {}, listening on http://{address}", std::process::id()));
        }
    }

    /// Runs what waits, then ends the threads; blocks until they have ended. Later commands are answered
    /// [`Unavailable::Closed`].
    pub fn close(&self) {
        self.inner.close();
    }

    fn push(&self, job: Box<dyn Job>) {
        match self.inner.queue(job.call().lane) {
            Ok(queue) => queue.push(job),
            Err(error) => job.answer(Err(error)),
        }
    }
}
