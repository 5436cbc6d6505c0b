//! What tests of stalls need: a database in memory that runs commands at once, and the content of a store.

use kernel::Timestamp;
use rusqlite::types::Value;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use crate::engine::{Committed, Session};
use crate::migrate::migrate;
use crate::sqlite::Sqlite;
use crate::{DbError, Engine, Failure, OpenError, Schema, Slice, StoredEvent, Tx};

const NULL: &str = "NULL";

/// A database in memory, one transaction after the other, on the calling thread.
pub struct Scratch {
    session: Session,
    now: Timestamp,
}

impl Scratch {
    /// An empty database with the stalls' tables, whose clock stands at `now`.
    pub fn new(schemas: &[Schema], now: Timestamp) -> Result<Self, OpenError> {
        let mut session = Session::Sqlite(Sqlite::open_in_memory()?);
        migrate(&mut session, schemas, now)?;
        Ok(Self { session, now })
    }

    /// Moves the clock.
    pub fn advance_seconds(&mut self, seconds: i64) {
        self.now = self.now.plus_seconds(seconds);
    }

    /// The instant commands are stamped with.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Runs a command in a transaction of its own; undone when it fails.
    pub fn run<T, E>(
        &mut self,
        f: impl FnOnce(&mut Tx<'_>, Timestamp) -> Result<T, Failure<E>>,
    ) -> Result<T, Failure<E>> {
        self.session.begin(self.now, std::iter::empty())?;
        let result = self.run_and_commit(f);
        if result.is_err() {
            self.session.rollback();
        }
        result
    }

    fn run_and_commit<T, E>(
        &mut self,
        f: impl FnOnce(&mut Tx<'_>, Timestamp) -> Result<T, Failure<E>>,
    ) -> Result<T, Failure<E>> {
        let mut tx = Tx::new(self.session.connection());
        let value = f(&mut tx, self.now)?;
        if let Some(hidden) = tx.failure.take() {
            return Err(hidden.into());
        }
        let events = std::mem::take(&mut tx.events);
        if !events.is_empty() {
            self.session.append(self.now, &events)?;
        }
        match self.session.commit(|| {}) {
            Committed::Yes => Ok(value),
            Committed::No(error) => Err(error.into()),
            Committed::Fatal(reason) => Err(DbError::Io(reason).into()),
            Committed::Unknown => Err(DbError::Connection("unknown".into()).into()),
        }
    }

    /// Runs a slice.
    pub fn slice<S: Slice>(&mut self, items: &[S::Item]) -> Result<Vec<S::Output>, DbError> {
        let items: Vec<&S::Item> = items.iter().collect();
        match self.run(|tx, now| S::run(tx, now, &items).map_err(Failure::<std::convert::Infallible>::Db)) {
            Ok(outputs) => Ok(outputs),
            Err(Failure::Db(error)) => Err(error),
            Err(Failure::Refused(never)) => match never {},
        }
    }

    /// Runs a query.
    pub fn read<T, E: From<DbError>>(&mut self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        f(&mut Tx::new(self.session.connection()))
    }

    /// All events so far.
    pub fn events(&mut self) -> Result<Vec<StoredEvent>, DbError> {
        self.read(|tx| crate::log::after(tx, 0, None, i64::MAX))
    }
}

/// Every row of every table of a store as text, sorted: equal on both engines after the same commands.
pub fn dump(engine: &Engine) -> Result<Vec<String>, OpenError> {
    apart(|| {
        let mut session = Session::open_reader(engine)?;
        let sql = session.dialect().tables();
        let tables = Tx::new(session.connection()).query(sql, &[], |row| row.get::<String>(0))?;
        let mut out = Vec::new();
        for table in tables {
            for cells in rows(&mut session, format!("SELECT * FROM {table}"))? {
                out.push(format!("{table}|{}", cells.join("|")));
            }
        }
        out.sort();
        Ok(out)
    })
}

/// Every column of every table, `table.column type null?`, and every index, sorted: equal on both engines.
pub fn schema(engine: &Engine) -> Result<Vec<String>, OpenError> {
    apart(|| {
        let mut session = Session::open_reader(engine)?;
        let sql = session.dialect().columns_and_indexes();
        let mut rows = Tx::new(session.connection()).query(sql, &[], |row| row.get::<String>(0))?;
        rows.sort();
        Ok(rows)
    })
}

/// Runs `f` on a thread of its own: a connection to PostgreSQL cannot be driven from an asynchronous test's.
fn apart<T: Send>(f: impl FnOnce() -> Result<T, OpenError> + Send) -> Result<T, OpenError> {
    std::thread::scope(|scope| scope.spawn(f).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// All rows of a statement, each value as text: numbers in decimal, booleans as 1 and 0, texts in quotes, bytes and
/// UUIDs in hexadecimal.
fn rows(session: &mut Session, sql: String) -> Result<Vec<Vec<String>>, DbError> {
    match session {
        Session::Sqlite(conn) => {
            let rows = conn.all_rows(&sql)?;
            Ok(rows.iter().map(|row| row.iter().map(sqlite_cell).collect()).collect())
        }
        Session::Postgres { conn, .. } => {
            let rows = conn.all_rows(sql)?;
            rows.iter().map(|row| (0..row.len()).map(|i| postgres_cell(row, i)).collect()).collect()
        }
    }
}

fn sqlite_cell(value: &Value) -> String {
    match value {
        Value::Null => NULL.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Blob(bytes) => hexadecimal(bytes),
    }
}

fn postgres_cell(row: &tokio_postgres::Row, index: usize) -> Result<String, DbError> {
    fn text<'a, T: FromSql<'a>>(
        row: &'a tokio_postgres::Row,
        index: usize,
        show: impl FnOnce(T) -> String,
    ) -> Result<String, DbError> {
        Ok(row.try_get::<_, Option<T>>(index)?.map_or_else(|| NULL.to_owned(), show))
    }
    match *row.columns()[index].type_() {
        Type::INT8 => text(row, index, |number: i64| number.to_string()),
        Type::FLOAT8 => text(row, index, |number: f64| number.to_string()),
        Type::BOOL => text(row, index, |flag: bool| i32::from(flag).to_string()),
        Type::BYTEA => text(row, index, |bytes: &[u8]| hexadecimal(bytes)),
        Type::UUID => text(row, index, |id: Uuid| hexadecimal(id.as_bytes())),
        _ => text(row, index, |text: &str| format!("{text:?}")),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
