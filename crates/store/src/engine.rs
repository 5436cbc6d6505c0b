//! A connection of either engine that holds one transaction at a time.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kernel::{IdSource as _, SystemIds, Timestamp};
use uuid::Uuid;

use crate::command::Locks;
use crate::dialect::Dialect;
use crate::postgres::{self, Postgres};
use crate::sqlite::{Durability, Sqlite};
use crate::tx::{Connection, PendingEvent};
use crate::{DbError, OpenError, Tx, params};

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// A SQLite database in this folder.
    Sqlite {
        /// The folder.
        folder: PathBuf,
        /// How hard commits are pressed onto the disk.
        durability: Durability,
    },
    /// A PostgreSQL database.
    Postgres {
        /// `postgres://user:password@host:port/database`.
        url: String,
    },
}

impl Engine {
    /// The engine's name as `/health` shows it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgresql",
        }
    }

    /// Whether it runs inside this process.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// Where the data is, for people; no password in it.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Sqlite { folder, .. } => folder.display().to_string(),
            Self::Postgres { url } => url.rsplit('@').next().unwrap_or("PostgreSQL").to_owned(),
        }
    }
}

/// How a COMMIT ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Committed {
    /// It is on the disk.
    Yes,
    /// It is not, for this reason.
    No(DbError),
    /// The disk failed under it: this process must not go on.
    Fatal(String),
    /// Nobody can say.
    Unknown,
}

/// How long to ask what became of a COMMIT whose connection broke. The server ends a transaction whose client
/// has gone sooner (`postgres::COMMANDS`).
const RESOLVE_LIMIT: Duration = Duration::from_secs(10);
const RESOLVE_PAUSE: Duration = Duration::from_millis(100);

/// How a batch is recognised after its connection broke during COMMIT.
#[derive(Debug, Clone)]
pub(crate) struct BatchMark {
    /// This writer.
    writer: Uuid,
    /// This batch, written into the writer's row by the batch itself.
    token: Uuid,
    /// The transaction's id, which says whether it is still under way, and no more: a server that crashed gives the
    /// ids of lost transactions out again.
    transaction: String,
}

const MARK_BATCH: &str = "INSERT INTO writer_mark (writer, token, at) VALUES ($1, $2, $3)
    ON CONFLICT (writer) DO UPDATE SET token = excluded.token, at = excluded.at";
const READ_MARK: &str = "SELECT token FROM writer_mark WHERE writer = $1";

/// One connection.
pub(crate) enum Session {
    Sqlite(Sqlite),
    Postgres { conn: Postgres, url: String, batch: BatchMark },
}

impl Session {
    /// Opens a connection that may write.
    pub(crate) fn open(engine: &Engine) -> Result<Self, OpenError> {
        match engine {
            Engine::Sqlite { folder, durability } => Ok(Self::Sqlite(Sqlite::open(folder, *durability)?)),
            Engine::Postgres { url } => {
                let mut conn = Postgres::connect(url, postgres::COMMANDS)?;
                conn.check_durability()?;
                Ok(Self::postgres(conn, url))
            }
        }
    }

    /// Opens a connection that brings the tables up to date, however long that takes.
    pub(crate) fn open_for_migration(engine: &Engine) -> Result<Self, OpenError> {
        match engine {
            Engine::Sqlite { .. } => Self::open(engine),
            Engine::Postgres { url } => {
                let mut conn = Postgres::connect(url, postgres::UNHURRIED)?;
                conn.check_durability()?;
                Ok(Self::postgres(conn, url))
            }
        }
    }

    /// Opens a connection for short snapshots.
    pub(crate) fn open_reader(engine: &Engine) -> Result<Self, OpenError> {
        match engine {
            Engine::Sqlite { folder, .. } => Ok(Self::Sqlite(Sqlite::open_reader(folder)?)),
            Engine::Postgres { url } => Ok(Self::postgres(Postgres::connect(url, postgres::SNAPSHOTS)?, url)),
        }
    }

    /// Opens a connection for snapshots that take their time.
    pub(crate) fn open_unhurried_reader(engine: &Engine) -> Result<Self, OpenError> {
        match engine {
            Engine::Sqlite { folder, .. } => Ok(Self::Sqlite(Sqlite::open_reader(folder)?)),
            Engine::Postgres { url } => Ok(Self::postgres(Postgres::connect(url, postgres::UNHURRIED)?, url)),
        }
    }

    fn postgres(conn: Postgres, url: &str) -> Self {
        // Only the randomness of these ids counts; the batch's own has its time.
        let (writer, token) = (SystemIds.next(Timestamp::default()), Uuid::nil());
        let batch = BatchMark { writer, token, transaction: String::new() };
        Self::Postgres { conn, url: url.to_owned(), batch }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres { .. } => Dialect::Postgres,
        }
    }

    pub(crate) fn connection(&mut self) -> &mut dyn Connection {
        match self {
            Self::Sqlite(conn) => conn,
            Self::Postgres { conn, .. } => conn,
        }
    }

    /// Whether the connection is known to be broken.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres { conn, .. } => conn.is_closed(),
        }
    }

    /// Runs statements without parameters or results.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), DbError> {
        match self {
            Self::Sqlite(conn) => conn.script(sql),
            Self::Postgres { conn, .. } => conn.script(sql),
        }
    }

    /// Starts a batch's transaction and takes the locks of all its commands.
    pub(crate) fn begin<'l>(
        &mut self,
        now: Timestamp,
        locks: impl Iterator<Item = &'l Locks>,
    ) -> Result<(), DbError> {
        match self {
            // The one writer's transaction excludes every other.
            Self::Sqlite(conn) => conn.script(Dialect::Sqlite.begin()),
            Self::Postgres { conn, batch, .. } => {
                let locks = Locks::union(locks);
                batch.transaction = conn.begin(&locks.spaces, &locks.keys)?;
                batch.token = SystemIds.next(now);
                Tx::new(conn).execute_each(MARK_BATCH, [params![batch.writer, batch.token, now]])
            }
        }
    }

    /// Starts a snapshot that only reads.
    pub(crate) fn begin_snapshot(&mut self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(conn) => conn.script(Dialect::Sqlite.begin_snapshot()),
            Self::Postgres { conn, .. } => {
                conn.send_script(Dialect::Postgres.begin_snapshot());
                Ok(())
            }
        }
    }

    /// Ends a snapshot; false when the connection is of no more use.
    pub(crate) fn end_snapshot(&mut self) -> bool {
        self.rollback()
    }

    pub(crate) fn savepoint(&mut self) -> Result<(), DbError> {
        self.step("SAVEPOINT command")
    }

    pub(crate) fn release(&mut self) -> Result<(), DbError> {
        self.step("RELEASE SAVEPOINT command")
    }

    pub(crate) fn rollback_to(&mut self) -> Result<(), DbError> {
        let script = "ROLLBACK TO SAVEPOINT command; RELEASE SAVEPOINT command";
        match self {
            Self::Sqlite(conn) => conn.script(script),
            Self::Postgres { conn, .. } => conn.undo(script),
        }
    }

    /// Runs a script whose error may come with what follows.
    fn step(&mut self, sql: &'static str) -> Result<(), DbError> {
        match self {
            Self::Sqlite(conn) => conn.script(sql),
            Self::Postgres { conn, .. } => {
                conn.send_script(sql);
                Ok(())
            }
        }
    }

    /// Whether the transaction is still open; an error of SQLite may have ended it.
    pub(crate) fn in_transaction(&self) -> bool {
        match self {
            Self::Sqlite(conn) => conn.in_transaction(),
            Self::Postgres { .. } => true,
        }
    }

    /// Waits for writes that were sent and not waited for.
    pub(crate) fn flush(&mut self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres { conn, .. } => conn.flush(),
        }
    }

    /// Gives the batch's events their positions, the last thing a batch does: the counter's row stays locked
    /// until the end of the transaction, so positions have no gaps and are seen in order. Returns the last.
    pub(crate) fn append(&mut self, now: Timestamp, events: &[PendingEvent]) -> Result<i64, DbError> {
        let conn = match self {
            Self::Sqlite(conn) => conn,
            Self::Postgres { conn, .. } => return conn.append(now, events),
        };
        let mut tx = Tx::new(conn);
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let last = tx.query_one(
            "UPDATE event_head SET position = position + $1, at = $2 WHERE id = 1 RETURNING position",
            &params![count, now],
            |row| row.get::<i64>(0),
        )?;
        tx.execute_each(
            "INSERT INTO event (position, kind, source, subject, at, data) VALUES ($1, $2, $3, $4, $5, $6)",
            (last - count + 1..).zip(events).map(|(position, event)| {
                params![position, event.kind, event.source, &event.subject, now, &event.data]
            }),
        )?;
        Ok(last)
    }

    /// Commits the batch. While nobody can say what became of it, `meanwhile` is called now and then.
    pub(crate) fn commit(&mut self, meanwhile: impl FnMut()) -> Committed {
        match self {
            Self::Sqlite(conn) => match conn.script("COMMIT") {
                Ok(()) => Committed::Yes,
                Err(DbError::Io(text)) => Committed::Fatal(text),
                Err(error) => Committed::No(error),
            },
            Self::Postgres { conn, url, batch } => match conn.commit() {
                Ok(()) => Committed::Yes,
                Err(error @ (DbError::Connection(_) | DbError::Other(_) | DbError::Io(_))) => {
                    let transaction = &batch.transaction;
                    tracing::warn!(%error, transaction, "COMMIT was not acknowledged; asking what became of it");
                    resolve(conn, url, batch, meanwhile)
                }
                Err(error) => Committed::No(error),
            },
        }
    }

    /// Undoes the batch; false when the connection is of no more use.
    pub(crate) fn rollback(&mut self) -> bool {
        match self {
            Self::Sqlite(conn) => !conn.in_transaction() || conn.script("ROLLBACK").is_ok(),
            Self::Postgres { conn, .. } => conn.undo("ROLLBACK").is_ok(),
        }
    }
}

/// What became of a batch: `Some(true)` committed, `Some(false)` not, `None` still under way.
fn outcome(conn: &mut Postgres, batch: &BatchMark) -> Result<Option<bool>, DbError> {
    if conn.is_under_way(&batch.transaction)? {
        return Ok(None);
    }
    let mark = Tx::new(conn).query_opt(READ_MARK, &params![batch.writer], |row| row.get::<Uuid>(0))?;
    Ok(Some(mark == Some(batch.token)))
}

/// Asks new connections what became of a transaction, until one knows or [`RESOLVE_LIMIT`] is over. The
/// connection that knew takes the broken one's place.
fn resolve(conn: &mut Postgres, url: &str, batch: &BatchMark, mut meanwhile: impl FnMut()) -> Committed {
    let until = Instant::now() + RESOLVE_LIMIT;
    while Instant::now() < until {
        if let Ok(mut fresh) = Postgres::connect(url, postgres::COMMANDS)
            && let Ok(Some(committed)) = outcome(&mut fresh, batch)
        {
            *conn = fresh;
            let undone = || Committed::No(DbError::Connection("lost before COMMIT".into()));
            return if committed { Committed::Yes } else { undone() };
        }
        meanwhile();
        std::thread::sleep(RESOLVE_PAUSE);
    }
    Committed::Unknown
}
