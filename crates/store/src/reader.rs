//! Snapshot reads: a pool of connections, each read bounded in time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::engine::Session;
use crate::shared::Shared;
use crate::{DbError, OpenError, Schema, Tx, Unavailable, migrate};

/// How long a snapshot may live: longer ones would keep the WAL from being reused.
pub(crate) const SNAPSHOT_LIMIT: Duration = Duration::from_secs(5);
/// How long a read may wait for its turn.
const TURN_LIMIT: Duration = Duration::from_secs(5);

pub(crate) struct Readers {
    shared: Arc<Shared>,
    idle: Mutex<Vec<Reader>>,
    /// How many are kept, and how many scans run at a time.
    limit: usize,
    turns: Semaphore,
    started: Instant,
}

struct Reader {
    session: Session,
    /// When the read under way must end, in milliseconds since `Readers::started`; 0 for never.
    deadline: Arc<AtomicU64>,
}

impl Readers {
    pub(crate) fn new(shared: Arc<Shared>, limit: usize) -> Self {
        Self { shared, idle: Mutex::default(), limit, turns: Semaphore::new(limit), started: Instant::now() }
    }

    /// Waits for a turn to scan.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, Unavailable> {
        match tokio::time::timeout(TURN_LIMIT, self.turns.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Unavailable::Closed),
            Err(_) => Err(Unavailable::Busy("too many reads are under way".into())),
        }
    }

    /// Runs a query on a snapshot.
    pub(crate) fn read<T, E: From<Unavailable>>(
        &self,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if !self.shared.is_open() {
            return Err(Unavailable::NotReady.into());
        }
        let taken = self.take();
        self.shared.set_reachable(taken.is_ok());
        let mut reader = taken.map_err(|error| {
            tracing::warn!(%error, "the database cannot be read");
            Unavailable::NotReady
        })?;
        let _inside = self.shared.snapshots.enter();
        let until = Instant::now() + SNAPSHOT_LIMIT;
        reader.deadline.store(self.millis(until), Ordering::Relaxed);
        let result = match reader.session.begin_snapshot() {
            Ok(()) => f(&mut Tx::until(reader.session.connection(), until)),
            Err(error) => Err(Unavailable::from(error).into()),
        };
        reader.deadline.store(0, Ordering::Relaxed);
        if reader.session.end_snapshot() {
            self.put_back(reader);
        }
        result
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn forget_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn take(&self) -> Result<Reader, OpenError> {
        loop {
            // Bound here, so that the lock is not held while a connection is looked at or opened.
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(reader) if reader.session.is_closed() => {}
                Some(reader) => return Ok(reader),
                None => return self.open(),
            }
        }
    }

    fn put_back(&self, reader: Reader) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.limit {
            idle.push(reader);
        }
    }

    fn open(&self) -> Result<Reader, OpenError> {
        let mut session = Session::open_reader(&self.shared.engine)?;
        let deadline = Arc::new(AtomicU64::new(0));
        if let Session::Sqlite(conn) = &mut session {
            let (deadline, started) = (Arc::clone(&deadline), self.started);
            conn.interrupt_when(move || {
                let deadline = deadline.load(Ordering::Relaxed);
                deadline != 0 && millis_between(started, Instant::now()) > deadline
            })?;
        }
        Ok(Reader { session, deadline })
    }

    fn millis(&self, at: Instant) -> u64 {
        millis_between(self.started, at)
    }
}

fn millis_between(start: Instant, end: Instant) -> u64 {
    u64::try_from(end.saturating_duration_since(start).as_millis()).unwrap_or(u64::MAX)
}

/// Opens a database for reading beside whoever writes it, for commands such as `check`. Not for asynchronous
/// code.
pub struct ReadOnly {
    session: Session,
}

impl ReadOnly {
    /// Opens it; there must be one, with the tables that this program knows.
    pub fn open(engine: &crate::Engine, schemas: &[Schema]) -> Result<Self, OpenError> {
        let mut this = Self { session: Session::open_unhurried_reader(engine)? };
        // Whatever else is in that place has no log.
        let head: Result<i64, DbError> = this.read(crate::log::head);
        match head {
            Ok(_) => {}
            Err(DbError::Other(_)) => return Err(OpenError::Missing(engine.place())),
            Err(error) => return Err(error.into()),
        }
        this.read(|tx| migrate::expect_current(tx, schemas))?;
        Ok(this)
    }

    /// Runs a query on a snapshot, however long it takes.
    pub fn read<T, E: From<DbError>>(&mut self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        self.session.begin_snapshot()?;
        let result = f(&mut Tx::new(self.session.connection()));
        if !self.session.end_snapshot() {
            tracing::debug!("the snapshot could not be ended; the next one will fail");
        }
        result
    }
}
