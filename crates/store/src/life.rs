//! A store's life: how it opens, which threads it runs, how it closes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use crate::checkpoint::Checkpointer;
use crate::engine::Session;
use crate::folder::FolderLock;
use crate::queue::Queue;
use crate::reader::Readers;
use crate::shared::Shared;
use crate::sqlite::Sqlite;
use crate::writer::Writer;
use crate::{DbError, Engine, Lane, OpenError, Options, Tx, Unavailable, migrate};

/// On SQLite every lane is this one.
const ONLY_LANE: Lane = Lane("writer");
/// How often the log is asked for what other processes have committed.
const POLL: Duration = Duration::from_millis(100);
/// How often an unreachable database is tried again at start.
const START_PAUSE: Duration = Duration::from_millis(500);

/// What all clones of a store share.
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) readers: Arc<Readers>,
    queues: Mutex<HashMap<Lane, Arc<Queue>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) opened: watch::Sender<bool>,
    pub(crate) options: Options,
    /// Held as long as the store lives; SQLite only.
    pub(crate) lock: Option<FolderLock>,
}

impl Inner {
    pub(crate) fn new(options: Options) -> Result<Self, OpenError> {
        let lock = match &options.engine {
            Engine::Sqlite { folder, .. } => Some(FolderLock::take(folder)?),
            Engine::Postgres { .. } => None,
        };
        let shared = Arc::new(Shared::new(
            options.engine.clone(),
            Arc::clone(&options.clock),
            options.sabotage,
            Arc::clone(&options.on_fatal),
        ));
        Ok(Self {
            readers: Arc::new(Readers::new(Arc::clone(&shared), options.readers)),
            shared,
            queues: Mutex::default(),
            threads: Mutex::default(),
            opened: watch::channel(false).0,
            options,
            lock,
        })
    }

    /// Opens the database, or leaves that to a thread when it cannot be reached yet.
    pub(crate) fn open(self: &Arc<Self>) -> Result<(), OpenError> {
        // On a thread of its own: a connection to PostgreSQL cannot be driven from an asynchronous caller's.
        let started = std::thread::scope(|scope| scope.spawn(|| self.start()).join())
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match started {
            Err(OpenError::Db(DbError::Connection(reason))) => {
                tracing::warn!(reason, "the database cannot be reached yet; trying again until it can");
                // It must not keep a store alive that nobody wants any more.
                let (inner, shared) = (Arc::downgrade(self), Arc::clone(&self.shared));
                self.spawn("opener", move || keep_starting(&inner, &shared))
            }
            Ok(()) | Err(_) => started,
        }
    }

    /// The queue of a lane, whose writer is started with its first command.
    pub(crate) fn queue(&self, lane: Lane) -> Result<Arc<Queue>, Unavailable> {
        let embedded = self.shared.engine.is_embedded();
        let lane = if embedded { ONLY_LANE } else { lane };
        let mut queues = self.queues();
        if self.shared.is_closing() {
            return Err(Unavailable::Closed);
        }
        // While the server is away the answer is that at once, not after a wait for a connection.
        if !self.shared.is_open() || !embedded && !self.shared.is_ready() {
            return Err(Unavailable::NotReady);
        }
        if let Some(queue) = queues.get(&lane) {
            return Ok(Arc::clone(queue));
        }
        let queue = self.start_writer(lane, None).map_err(|error| Unavailable::Busy(error.to_string()))?;
        queues.insert(lane, Arc::clone(&queue));
        Ok(queue)
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Lane, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Result<(), OpenError> {
        let Self { shared, options, .. } = self;
        let mut session = Session::open_for_migration(&options.engine)?;
        migrate::migrate(&mut session, &options.schemas, options.clock.now())?;
        let (position, at) = Tx::new(session.connection()).query_one(
            "SELECT position, at FROM event_head WHERE id = 1",
            &[],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        shared.feed.start_at(position);
        shared.not_before(at);
        if let (Session::Sqlite(conn), Some(pages)) = (&mut session, options.page_limit) {
            conn.limit_pages(pages)?;
        }
        match &options.engine {
            Engine::Sqlite { folder, durability } => {
                let queue = self.start_writer(ONLY_LANE, Some(session))?;
                self.queues().insert(ONLY_LANE, queue);
                let checkpointer = Checkpointer::open(folder, *durability, options.wal_limit)?;
                let shared = Arc::clone(shared);
                self.spawn("checkpoint", move || checkpointer.work(&shared))?;
            }
            Engine::Postgres { .. } => {
                drop(session);
                let shared = Arc::clone(shared);
                self.spawn("poller", move || poll(&shared))?;
            }
        }
        shared.set_open();
        self.opened.send_replace(true);
        Ok(())
    }

    fn start_writer(&self, lane: Lane, session: Option<Session>) -> Result<Arc<Queue>, OpenError> {
        let queue = Arc::new(Queue::new(self.options.queue));
        let shared = Arc::clone(&self.shared);
        let writer = Writer::new(Arc::clone(&queue), session, shared, self.options.batch_max);
        self.spawn(lane.0, move || writer.work())?;
        Ok(queue)
    }

    fn spawn(&self, name: &str, f: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread = std::thread::Builder::new()
            .name(format!("store-{name}"))
            .spawn(f)
            .map_err(|error| DbError::Io(format!("the thread {name} cannot be started: {error}")))?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    pub(crate) fn close(&self) {
        self.shared.close();
        for queue in self.queues().values() {
            queue.close();
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        // The last clone of a store may be dropped on one of its own threads, by a command that owned it.
        let here = std::thread::current().id();
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != here) {
            // The threads catch the panics of commands; one of their own has been logged by then.
            let _ = thread.join();
        }
        self.readers.forget_idle();
        self.tidy_up();
        self.opened.send_replace(true);
    }

    /// Copies what is left of the WAL: of several connections that close at the same time none may be the last.
    fn tidy_up(&self) {
        if let Engine::Sqlite { folder, durability } = &self.options.engine
            && self.shared.is_open()
            && let Err(error) = Sqlite::open(folder, *durability).map(drop)
        {
            tracing::debug!(%error, "the WAL stays; the next start copies it");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Tries to open until it works, can never work, or nobody wants it any more.
fn keep_starting(inner: &Weak<Inner>, shared: &Shared) {
    while !shared.pause(START_PAUSE) {
        let Some(inner) = inner.upgrade() else { return };
        match inner.start() {
            Ok(()) => return,
            Err(OpenError::Db(DbError::Connection(_))) => {}
            Err(error) => {
                tracing::error!(%error, "the database can be reached and cannot be used");
                (inner.options.on_fatal)(&error.to_string());
                return;
            }
        }
    }
}

/// Brings in what other processes commit, and knows whether the database can be reached, until the store closes.
fn poll(shared: &Shared) {
    let mut session: Option<Session> = None;
    while !shared.pause(POLL) {
        if session.as_ref().is_none_or(Session::is_closed) {
            session = Session::open(&shared.engine).ok();
        }
        let polled = session.as_mut().map(|session| shared.feed.poll(session));
        shared.set_reachable(matches!(polled, Some(Ok(()))));
        if let Some(Err(error)) = polled {
            tracing::warn!(%error, "the event log cannot be read now");
            session = None;
        }
    }
}
