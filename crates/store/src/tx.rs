//! The transaction that commands and queries see, the same on both engines.

use std::time::Instant;

use kernel::Timestamp;
use serde::Serialize;

use crate::value::{Param, RowRef};
use crate::{DbError, StoredEvent, dialect};

/// What tells static texts apart without reading them: place and length.
pub(crate) type TextId = (usize, usize);

pub(crate) fn text_id(sql: &'static str) -> TextId {
    (sql.as_ptr() as usize, sql.len())
}

/// Many rows of parameters, one after the other.
pub(crate) struct Rows<'a> {
    pub(crate) width: usize,
    pub(crate) cells: Vec<Param<'a>>,
}

impl<'a> Rows<'a> {
    pub(crate) fn len(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }

    pub(crate) fn iter(&self) -> std::slice::ChunksExact<'_, Param<'a>> {
        self.cells.chunks_exact(self.width.max(1))
    }
}

/// Reads one row.
pub(crate) type Each<'f> = &'f mut dyn FnMut(usize, RowRef<'_>) -> Result<(), DbError>;

/// How many rows a write may touch: `None` for any number.
pub(crate) type Expected = Option<u64>;

/// A connection to either engine. Writes of `execute_each` may be sent later, but before anything that
/// follows them; their errors then come with what follows.
pub(crate) trait Connection: Send {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, DbError>;
    fn query(&mut self, sql: &'static str, params: &[Param<'_>], each: Each<'_>) -> Result<(), DbError>;
    fn execute_each(&mut self, sql: &'static str, rows: &Rows<'_>, expected: Expected)
    -> Result<(), DbError>;
    fn query_each(&mut self, sql: &'static str, rows: &Rows<'_>, each: Each<'_>) -> Result<(), DbError>;
}

/// An event that a command wrote and that has no position yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PendingEvent {
    pub(crate) kind: &'static str,
    pub(crate) source: &'static str,
    pub(crate) subject: String,
    pub(crate) data: String,
}

impl PendingEvent {
    pub(crate) fn stored(self, position: i64, time: Timestamp) -> StoredEvent {
        StoredEvent {
            position,
            kind: self.kind.to_owned(),
            source: self.source.to_owned(),
            subject: self.subject,
            time,
            data: self.data,
        }
    }
}

/// An open transaction, or in a query an open snapshot.
///
/// After a statement has failed every further one fails too: what a command expects to happen is written with
/// `ON CONFLICT` or a guarded `UPDATE`, never by catching an error.
pub struct Tx<'c> {
    conn: &'c mut dyn Connection,
    pub(crate) events: Vec<PendingEvent>,
    pub(crate) wrote: bool,
    /// What failed first.
    pub(crate) failure: Option<DbError>,
    until: Option<Instant>,
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: &'c mut dyn Connection) -> Self {
        Self { conn, events: Vec::new(), wrote: false, failure: None, until: None }
    }

    /// A transaction whose statements fail from an instant on.
    pub(crate) fn until(conn: &'c mut dyn Connection, until: Instant) -> Self {
        Self { until: Some(until), ..Self::new(conn) }
    }

    fn checked<T>(
        &mut self,
        f: impl FnOnce(&mut dyn Connection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        if self.failure.is_some() {
            return Err(DbError::Poisoned);
        }
        let result = if self.until.is_some_and(|until| Instant::now() > until) {
            Err(DbError::Timeout)
        } else {
            f(self.conn)
        };
        self.failure = result.as_ref().err().cloned();
        result
    }

    /// Runs a writing statement and returns how many rows it touched.
    pub fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<u64, DbError> {
        self.wrote = true;
        self.checked(|conn| conn.execute(sql, params))
    }

    /// Runs a writing statement once per row of parameters, in few round trips. The statement is an
    /// `INSERT … VALUES (…)`, an `UPDATE … WHERE …` or a `DELETE … WHERE …`; no two rows may aim at the same
    /// stored row.
    pub fn execute_each<'p, const N: usize>(
        &mut self,
        sql: &'static str,
        rows: impl IntoIterator<Item = [Param<'p>; N]>,
    ) -> Result<(), DbError> {
        self.many(sql, rows, |_| None)
    }

    /// As [`Tx::execute_each`], and each row must touch exactly one stored row: otherwise the transaction is
    /// undone, since what its command had decided on was not so.
    pub fn execute_each_once<'p, const N: usize>(
        &mut self,
        sql: &'static str,
        rows: impl IntoIterator<Item = [Param<'p>; N]>,
    ) -> Result<(), DbError> {
        self.many(sql, rows, |rows| Some(rows as u64))
    }

    fn many<'p, const N: usize>(
        &mut self,
        sql: &'static str,
        rows: impl IntoIterator<Item = [Param<'p>; N]>,
        expected: impl FnOnce(usize) -> Expected,
    ) -> Result<(), DbError> {
        let rows = Rows { width: N, cells: rows.into_iter().flatten().collect() };
        if rows.len() == 0 {
            return Ok(());
        }
        self.wrote = true;
        self.checked(|conn| conn.execute_each(sql, &rows, expected(rows.len())))
    }

    /// Reads all rows of a query, or of what a writing statement returns.
    pub fn query<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        mut read: impl FnMut(RowRef<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        let mut out = Vec::new();
        self.wrote |= !dialect::only_reads(sql);
        self.checked(|conn| {
            conn.query(sql, params, &mut |_, row| {
                out.push(read(row)?);
                Ok(())
            })
        })?;
        Ok(out)
    }

    /// Reads the first row of a query, if there is one.
    pub fn query_opt<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnMut(RowRef<'_>) -> Result<T, DbError>,
    ) -> Result<Option<T>, DbError> {
        Ok(self.query(sql, params, read)?.into_iter().next())
    }

    /// Reads the one row of a query that always has one.
    pub fn query_one<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnMut(RowRef<'_>) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        self.query_opt(sql, params, read)?
            .ok_or_else(|| DbError::Decode("a row that must exist does not".into()))
    }

    /// Runs a `SELECT` once per row of parameters, in one round trip; `read` gets the row of parameters'
    /// index (from 0) with each result, in that order.
    pub fn query_each<'p, T, const N: usize>(
        &mut self,
        sql: &'static str,
        rows: impl IntoIterator<Item = [Param<'p>; N]>,
        mut read: impl FnMut(usize, RowRef<'_>) -> Result<T, DbError>,
    ) -> Result<Vec<T>, DbError> {
        let rows = Rows { width: N, cells: rows.into_iter().flatten().collect() };
        let mut out = Vec::new();
        if rows.len() > 0 {
            self.checked(|conn| {
                conn.query_each(sql, &rows, &mut |index, row| {
                    out.push(read(index, row)?);
                    Ok(())
                })
            })?;
        }
        Ok(out)
    }

    /// Writes an event into the log, in this transaction. `kind` is its CloudEvents type, `source` the path of
    /// what speaks (`/retail`), `subject` what it is about, `data` its content.
    pub fn emit(
        &mut self,
        kind: &'static str,
        source: &'static str,
        subject: impl Into<String>,
        data: &impl Serialize,
    ) {
        self.wrote = true;
        match serde_json::to_string(data) {
            Ok(data) => self.events.push(PendingEvent { kind, source, subject: subject.into(), data }),
            Err(error) => {
                // A fault of ours, such as a map whose keys are not texts: the command fails as a whole.
                let failure = DbError::Other(format!("an event {kind} cannot be written as JSON: {error}"));
                self.failure.get_or_insert(failure);
            }
        }
    }
}
