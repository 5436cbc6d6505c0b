//! PostgreSQL: a connection with one transaction at a time, driven from a thread of its own.
//!
//! Writes that return nothing are sent at once and waited for later, so that a batch costs a few round trips.

mod cell;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use kernel::Timestamp;
use tokio::runtime::Runtime;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use crate::dialect::{self, Dialect};
use crate::tx::{Connection, Each, Expected, PendingEvent, Rows, TextId, text_id};
use crate::value::{Param, RowRef, Source};
use crate::{DbError, OpenError};
use cell::{Cell, columns, references};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long things may take on a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// One statement, and the wait for one lock; zero for no limit.
    statement: Duration,
    /// The pause between two statements of a transaction; zero for no limit.
    idle: Duration,
    /// A server that answers nothing at all for so long is taken for dead.
    silence: Duration,
}

/// For commands: an import or a report works in chunks. A transaction whose client has gone must have ended
/// before its outcome is given up (`engine::RESOLVE_LIMIT`).
pub(crate) const COMMANDS: Limits = Limits {
    statement: Duration::from_secs(10),
    idle: Duration::from_secs(6),
    silence: Duration::from_secs(20),
};
/// For snapshots of a serving process.
pub(crate) const SNAPSHOTS: Limits = Limits {
    statement: Duration::from_secs(5),
    idle: Duration::from_secs(6),
    silence: Duration::from_secs(10),
};
/// For migrations and for programs that read everything.
pub(crate) const UNHURRIED: Limits =
    Limits { statement: Duration::ZERO, idle: Duration::ZERO, silence: Duration::from_hours(24) };

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + Send>>;

/// A statement that has been sent and not been waited for.
struct Waiting {
    answer: Answer<u64>,
    expected: Expected,
}

/// One connection.
pub(crate) struct Postgres {
    /// There until the connection is dropped.
    runtime: Option<Runtime>,
    client: Arc<Client>,
    silence: Duration,
    /// By the static text's identity and whether it runs over arrays.
    statements: HashMap<(TextId, bool), Statement>,
    waiting: Vec<Waiting>,
    /// Whether something has failed since the transaction began. The server answers the COMMIT of a failed
    /// transaction with success (and the tag ROLLBACK, which the driver hides), so it must not be sent.
    failed: bool,
}

impl Postgres {
    /// Connects.
    #[expect(clippy::disallowed_methods, reason = "the one place that connects to PostgreSQL")]
    pub(crate) fn connect(url: &str, limits: Limits) -> Result<Self, OpenError> {
        let mut config: Config = url
            .parse()
            .map_err(|_| OpenError::Url("expected postgres://user:password@host:port/database".into()))?;
        config.connect_timeout(CONNECT_LIMIT).tcp_user_timeout(COMMANDS.silence).application_name("halles");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| DbError::Connection(error.to_string()))?;
        let client = runtime.block_on(async {
            let (client, connection) = tokio::time::timeout(CONNECT_LIMIT, config.connect(NoTls))
                .await
                .map_err(|_| DbError::Connection("no answer while connecting".into()))??;
            // It ends when the client is dropped or the connection breaks; both show in the client.
            tokio::spawn(connection);
            Ok::<_, DbError>(client)
        })?;
        let mut conn = Self {
            runtime: Some(runtime),
            client: Arc::new(client),
            silence: limits.silence,
            statements: HashMap::new(),
            waiting: Vec::new(),
            failed: false,
        };
        conn.script(&dialect::postgres_session(limits.statement.as_millis(), limits.idle.as_millis()))?;
        Ok(conn)
    }

    /// Refuses a server that is too old or may forget what it acknowledged.
    pub(crate) fn check_durability(&mut self) -> Result<(), OpenError> {
        let mut found = Vec::new();
        self.query(dialect::DURABILITY, &[], &mut |_, row| {
            found.push((row.get::<String>(0)?, row.get::<String>(1)?));
            Ok(())
        })?;
        for (name, setting) in found {
            let fine = match name.as_str() {
                "server_version_num" => setting.parse::<u32>().is_ok_and(|version| version >= 150_000),
                _ => setting == "on",
            };
            if !fine {
                return Err(OpenError::Unsafe(format!(
                    "{name} is {setting}; Halles needs PostgreSQL 15 or later with fsync, full_page_writes and synchronous_commit on"
                )));
            }
        }
        Ok(())
    }

    /// Runs statements without parameters or results.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), DbError> {
        let client = Arc::clone(&self.client);
        let sql = sql.to_owned();
        self.ask(Box::pin(async move { client.batch_execute(&sql).await }))
    }

    /// Sends statements without parameters or results; their errors come with what follows.
    pub(crate) fn send_script(&mut self, sql: &'static str) {
        let client = Arc::clone(&self.client);
        self.send(Box::pin(async move { client.batch_execute(sql).await.map(|()| 0) }), None);
    }

    /// Starts a batch's transaction: takes its locks in one order, so that no two batches of any process can
    /// wait for each other, and asks for the transaction's id.
    pub(crate) fn begin(&mut self, spaces: &[(i64, bool)], keys: &[i64]) -> Result<String, DbError> {
        self.send_script(Dialect::Postgres.begin());
        if !spaces.is_empty() {
            let cells = spaces
                .iter()
                .flat_map(|(key, whole)| [Param::Int(Some(*key)), Param::Bool(Some(*whole))])
                .collect();
            self.execute_each(dialect::LOCK_SPACE, &Rows { width: 2, cells }, None)?;
        }
        if !keys.is_empty() {
            let cells = keys.iter().map(|key| Param::Int(Some(*key))).collect();
            self.execute_each(dialect::LOCK_KEY, &Rows { width: 1, cells }, None)?;
        }
        self.first(dialect::TRANSACTION_ID, &[])?.ok_or_else(|| DbError::Decode("no transaction id".into()))
    }

    /// Whether a transaction is still under way. One that the server has never heard of, which it says by an error,
    /// was lost in a crash.
    pub(crate) fn is_under_way(&mut self, transaction: &str) -> Result<bool, DbError> {
        match self.first(dialect::TRANSACTION_STATUS, &[Param::Text(Some(transaction))]) {
            Ok(status) => Ok(status.as_deref() == Some("in progress")),
            Err(error @ (DbError::Connection(_) | DbError::Timeout)) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// The text in the first column of the first row.
    fn first(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<Option<String>, DbError> {
        let mut text = None;
        self.query(sql, params, &mut |_, row| {
            text = row.get_opt(0)?;
            Ok(())
        })?;
        Ok(text)
    }

    /// Appends events to the log behind everything that was sent, and returns the last one's position.
    pub(crate) fn append(&mut self, now: Timestamp, events: &[PendingEvent]) -> Result<i64, DbError> {
        let types = || {
            vec![
                Type::INT8,
                Type::INT8,
                Type::TEXT_ARRAY,
                Type::TEXT_ARRAY,
                Type::TEXT_ARRAY,
                Type::TEXT_ARRAY,
            ]
        };
        let statement =
            self.prepared((text_id(dialect::APPEND), false), || (dialect::APPEND.to_owned(), types()))?;
        let texts = |text: fn(&PendingEvent) -> &str| {
            Cell::Texts(events.iter().map(|event| Some(text(event).to_owned())).collect())
        };
        let cells = vec![
            Cell::Int(i64::try_from(events.len()).ok()),
            Cell::Int(Some(now.micros())),
            texts(|event| event.kind),
            texts(|event| event.source),
            texts(|event| &event.subject),
            texts(|event| &event.data),
        ];
        let rows = self.rows(statement, cells)?;
        let last = rows.first().ok_or_else(|| DbError::Decode("the log has no head".into()))?;
        RowRef(Source::Postgres(last)).get(0)
    }

    /// Commits, unless something has failed.
    pub(crate) fn commit(&mut self) -> Result<(), DbError> {
        self.flush()?;
        if self.failed {
            return Err(DbError::Poisoned);
        }
        self.script("COMMIT")
    }

    /// Undoes everything since the transaction's beginning, or since a savepoint, with the script that does it.
    pub(crate) fn undo(&mut self, script: &str) -> Result<(), DbError> {
        // The answers of what was sent still come, and nobody wants them any more.
        self.waiting.clear();
        self.script(script)?;
        self.failed = false;
        Ok(())
    }

    /// Waits for everything that was sent.
    pub(crate) fn flush(&mut self) -> Result<(), DbError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let first_error = self.wait(async move {
            let mut first_error = None;
            for Waiting { answer, expected } in waiting {
                let outcome = match (answer.await, expected) {
                    (Ok(found), Some(expected)) if found != expected => {
                        Err(DbError::Guard { expected, found })
                    }
                    (Ok(_), _) => Ok(()),
                    (Err(error), _) => Err(DbError::from(error)),
                };
                first_error = first_error.or(outcome.err());
            }
            first_error
        })?;
        let result = first_error.map_or(Ok(()), Err);
        self.failed |= result.is_err();
        result
    }

    /// Whether the connection is known to be broken.
    pub(crate) fn is_closed(&self) -> bool {
        // The connection is only looked at while something is waited for. Two turns of the runtime are enough to
        // notice that the server has gone in the meantime.
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async {
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            });
        }
        self.client.is_closed()
    }

    fn wait<T>(&mut self, future: impl Future<Output = T>) -> Result<T, DbError> {
        let Some(runtime) = &self.runtime else { return Err(DbError::Connection("closed".into())) };
        let silence = self.silence;
        let answer = runtime.block_on(async { tokio::time::timeout(silence, future).await });
        self.failed |= answer.is_err();
        answer.map_err(|_| DbError::Connection("the server does not answer".into()))
    }

    /// Polls a request once, which puts its message on its way, and keeps it for [`Postgres::flush`].
    fn send(&mut self, mut answer: Answer<u64>, expected: Expected) {
        let answer = match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => answer,
            Poll::Ready(result) => Box::pin(std::future::ready(result)),
        };
        self.waiting.push(Waiting { answer, expected });
    }

    /// Sends a request behind the writes that wait, so that one round trip serves all, and waits for all.
    fn ask<T: Send + 'static>(&mut self, mut request: Answer<T>) -> Result<T, DbError> {
        let early = match request.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        };
        // When one of them has failed, this one's answer is dropped: the driver reads it and throws it away.
        self.flush()?;
        let result = match early {
            Some(result) => result,
            None => self.wait(request)?,
        };
        self.failed |= result.is_err();
        Ok(result?)
    }

    fn statement(&mut self, sql: &'static str, row: &[Param<'_>], each: bool) -> Result<Statement, DbError> {
        self.prepared((text_id(sql), each), || {
            if each {
                let types = row.iter().map(|param| dialect::postgres_array_type(*param)).collect();
                (dialect::postgres_each(sql, row.len()), types)
            } else {
                (sql.to_owned(), row.iter().map(|param| dialect::postgres_type(*param)).collect())
            }
        })
    }

    fn prepared(
        &mut self,
        key: (TextId, bool),
        text_and_types: impl FnOnce() -> (String, Vec<Type>),
    ) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.get(&key) {
            return Ok(statement.clone());
        }
        let (text, types) = text_and_types();
        let client = Arc::clone(&self.client);
        let statement = self.ask(Box::pin(async move { client.prepare_typed(&text, &types).await }))?;
        self.statements.insert(key, statement.clone());
        Ok(statement)
    }

    fn rows(&mut self, statement: Statement, cells: Vec<Cell>) -> Result<Vec<Row>, DbError> {
        let client = Arc::clone(&self.client);
        self.ask(Box::pin(async move { client.query(&statement, &references(&cells)).await }))
    }

    /// Every row of a statement made up at run time.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn all_rows(&mut self, sql: String) -> Result<Vec<Row>, DbError> {
        let client = Arc::clone(&self.client);
        self.ask(Box::pin(async move { client.query(&sql, &[]).await }))
    }

    fn read(
        &mut self,
        statement: Statement,
        cells: Vec<Cell>,
        mut each: impl FnMut(&Row) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let result = self.rows(statement, cells)?.iter().try_for_each(&mut each);
        self.failed |= result.is_err();
        result
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The usual drop would wait for the runtime, which panics on a thread of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Connection for Postgres {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, DbError> {
        let statement = self.statement(sql, params, false)?;
        let cells: Vec<Cell> = params.iter().map(|param| Cell::one(*param)).collect();
        let client = Arc::clone(&self.client);
        self.ask(Box::pin(async move { client.execute(&statement, &references(&cells)).await }))
    }

    fn query(&mut self, sql: &'static str, params: &[Param<'_>], each: Each<'_>) -> Result<(), DbError> {
        let statement = self.statement(sql, params, false)?;
        let cells = params.iter().map(|param| Cell::one(*param)).collect();
        self.read(statement, cells, |row| each(0, RowRef(Source::Postgres(row))))
    }

    fn execute_each(
        &mut self,
        sql: &'static str,
        rows: &Rows<'_>,
        expected: Expected,
    ) -> Result<(), DbError> {
        let first = rows.iter().next().unwrap_or(&[]);
        let statement = self.statement(sql, first, true)?;
        let cells = columns(rows)?;
        let client = Arc::clone(&self.client);
        let answer = Box::pin(async move { client.execute(&statement, &references(&cells)).await });
        self.send(answer, expected);
        Ok(())
    }

    fn query_each(&mut self, sql: &'static str, rows: &Rows<'_>, each: Each<'_>) -> Result<(), DbError> {
        let first = rows.iter().next().unwrap_or(&[]);
        let statement = self.statement(sql, first, true)?;
        let cells = columns(rows)?;
        self.read(statement, cells, |row| {
            let number = row.try_get::<_, i64>(row.len() - 1)?;
            let number = usize::try_from(number - 1).map_err(|error| DbError::Decode(error.to_string()))?;
            each(number, RowRef(Source::Postgres(row)))
        })
    }
}
