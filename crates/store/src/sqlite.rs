//! SQLite: one connection that writes, some that read.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection as Handle, OpenFlags};

use crate::dialect;
use crate::tx::{Connection, Each, Expected, Rows, TextId, text_id};
use crate::value::{Param, RowRef, Source};
use crate::{DbError, OpenError};

/// The name of the database's file in the data folder.
pub(crate) const FILE: &str = "halles.db";

/// How many prepared statements a connection keeps: more than all stalls have.
const STATEMENTS: usize = 512;
/// How long to wait for the file: a checkpoint may hold it for a moment.
const BUSY_LIMIT: Duration = Duration::from_secs(5);

/// How hard a commit is pressed onto the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit reaches the disk before it is answered (`synchronous=FULL`).
    Full,
    /// The operating system writes when it likes: for tests whose machine does not lose power.
    Relaxed,
}

/// A connection and the statements it has rewritten so far.
pub(crate) struct Sqlite {
    handle: Handle,
    /// The static texts seen so far, rewritten for SQLite.
    texts: HashMap<TextId, Box<str>>,
}

impl Sqlite {
    /// Opens the database of a folder for writing, making it if it is not there.
    #[expect(clippy::disallowed_methods, reason = "the one place that opens SQLite")]
    pub(crate) fn open(folder: &Path, durability: Durability) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let handle = Handle::open_with_flags(folder.join(FILE), flags).map_err(DbError::from)?;
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::Relaxed => "OFF",
        };
        let conn = Self::set_up(
            handle,
            &[
                ("journal_mode", "WAL"),
                ("synchronous", synchronous),
                // Checkpoints are a thread's work, not a committing command's.
                ("wal_autocheckpoint", "0"),
                ("cache_size", "-16384"),
            ],
        )?;
        conn.check_durability(durability)?;
        Ok(conn)
    }

    /// A database in memory, for tests.
    #[cfg(any(test, feature = "testing"))]
    #[expect(clippy::disallowed_methods, reason = "the one place that opens SQLite")]
    pub(crate) fn open_in_memory() -> Result<Self, OpenError> {
        let handle = Handle::open_in_memory().map_err(DbError::from)?;
        Self::set_up(handle, &[])
    }

    /// Opens the database of a folder for reading beside its writer.
    ///
    /// The file is opened for writing all the same: after a crash somebody has to rebuild the index of the WAL,
    /// and a connection that could not would leave its files behind.
    #[expect(clippy::disallowed_methods, reason = "the one place that opens SQLite")]
    pub(crate) fn open_reader(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Err(OpenError::Missing(folder.display().to_string()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let handle = Handle::open_with_flags(path, flags).map_err(DbError::from)?;
        Self::set_up(handle, &[("query_only", "true"), ("cache_size", "-4096")])
    }

    /// Sets pragmas. Those of a cache are in KiB when negative.
    fn set_up(handle: Handle, pragmas: &[(&str, &str)]) -> Result<Self, OpenError> {
        handle.set_prepared_statement_cache_capacity(STATEMENTS);
        handle.busy_timeout(BUSY_LIMIT).map_err(DbError::from)?;
        for (name, value) in [("temp_store", "MEMORY")].iter().chain(pragmas) {
            // Some pragmas answer with their new value, some with nothing.
            handle.execute_batch(&format!("PRAGMA {name} = {value}")).map_err(DbError::from)?;
        }
        Ok(Self { handle, texts: HashMap::new() })
    }

    /// Gives up sooner when another connection holds what is needed.
    pub(crate) fn be_impatient(&mut self, limit: Duration) -> Result<(), DbError> {
        Ok(self.handle.busy_timeout(limit)?)
    }

    fn check_durability(&self, durability: Durability) -> Result<(), OpenError> {
        let pragma = |name: &str| {
            self.handle.pragma_query_value(None, name, |row| row.get::<_, Value>(0)).map_err(DbError::from)
        };
        let (journal, synchronous) = (pragma("journal_mode")?, pragma("synchronous")?);
        let kept = durability == Durability::Relaxed || synchronous == Value::Integer(2);
        if journal == Value::Text("wal".into()) && kept {
            return Ok(());
        }
        Err(OpenError::Unsafe(format!(
            "SQLite runs with journal_mode {journal:?} and synchronous {synchronous:?}"
        )))
    }

    /// Runs statements without parameters or results.
    pub(crate) fn script(&mut self, sql: &str) -> Result<(), DbError> {
        Ok(self.handle.execute_batch(sql)?)
    }

    /// Whether a transaction is open; an error may have ended it.
    pub(crate) fn in_transaction(&self) -> bool {
        !self.handle.is_autocommit()
    }

    /// Copies pages from the WAL into the database, in the given mode, and returns whether all were.
    pub(crate) fn checkpoint(&mut self, mode: &str) -> Result<bool, DbError> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let (busy, log, done) = self.handle.query_row(&sql, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })?;
        Ok(busy == 0 && log == done)
    }

    /// Stops any statement that runs longer than until `limit` says so.
    pub(crate) fn interrupt_when(
        &mut self,
        limit: impl FnMut() -> bool + Send + 'static,
    ) -> Result<(), DbError> {
        // Asked every 10,000 steps of the virtual machine: about every millisecond.
        Ok(self.handle.progress_handler(10_000, Some(limit))?)
    }

    /// Bounds the database's size in pages, so that a test can fill it.
    pub(crate) fn limit_pages(&mut self, pages: i64) -> Result<(), DbError> {
        Ok(self.handle.execute_batch(&format!("PRAGMA max_page_count = {pages}"))?)
    }

    /// Every row of a statement made up at run time, column by column.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn all_rows(&mut self, sql: &str) -> Result<Vec<Vec<Value>>, DbError> {
        let mut statement = self.handle.prepare(sql)?;
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|column| row.get(column)).collect())?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn statement(&mut self, sql: &'static str) -> Result<CachedStatement<'_>, DbError> {
        let text = self.texts.entry(text_id(sql)).or_insert_with(|| dialect::sqlite(sql).into_boxed_str());
        Ok(self.handle.prepare_cached(text)?)
    }
}

fn bind(statement: &mut CachedStatement<'_>, params: &[Param<'_>]) -> Result<(), DbError> {
    for (index, param) in params.iter().enumerate() {
        let index = index + 1;
        match *param {
            Param::Int(value) => statement.raw_bind_parameter(index, value),
            Param::Bool(value) => statement.raw_bind_parameter(index, value),
            Param::Real(value) => statement.raw_bind_parameter(index, value),
            Param::Text(value) => statement.raw_bind_parameter(index, value),
            Param::Bytes(value) => statement.raw_bind_parameter(index, value),
            Param::Uuid(value) => {
                statement.raw_bind_parameter(index, value.as_ref().map(|id| id.as_bytes().as_slice()))
            }
        }?;
    }
    Ok(())
}

fn read(statement: &mut CachedStatement<'_>, number: usize, each: Each<'_>) -> Result<(), DbError> {
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        each(number, RowRef(Source::Sqlite(row)))?;
    }
    Ok(())
}

impl Connection for Sqlite {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, DbError> {
        let mut statement = self.statement(sql)?;
        bind(&mut statement, params)?;
        Ok(statement.raw_execute()? as u64)
    }

    fn query(&mut self, sql: &'static str, params: &[Param<'_>], each: Each<'_>) -> Result<(), DbError> {
        let mut statement = self.statement(sql)?;
        bind(&mut statement, params)?;
        read(&mut statement, 0, each)
    }

    fn execute_each(
        &mut self,
        sql: &'static str,
        rows: &Rows<'_>,
        expected: Expected,
    ) -> Result<(), DbError> {
        let mut statement = self.statement(sql)?;
        let mut found = 0;
        for row in rows.iter() {
            bind(&mut statement, row)?;
            found += statement.raw_execute()? as u64;
        }
        match expected {
            Some(expected) if expected != found => Err(DbError::Guard { expected, found }),
            Some(_) | None => Ok(()),
        }
    }

    fn query_each(&mut self, sql: &'static str, rows: &Rows<'_>, each: Each<'_>) -> Result<(), DbError> {
        let mut statement = self.statement(sql)?;
        for (number, row) in rows.iter().enumerate() {
            bind(&mut statement, row)?;
            read(&mut statement, number, each)?;
        }
        Ok(())
    }
}
