//! A look into a store's tables beside the program, or without it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use testkit::Row;

use crate::halles::Data;

/// Reads a store with the same SQL on both engines; changes nothing, not even SQLite's log, so that a start after
/// a crash still has everything to recover.
#[derive(Debug, Clone)]
pub enum StoreView {
    /// The file of a SQLite store.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(testkit::Database),
}

impl StoreView {
    /// A view of this data.
    pub fn of(data: &Data) -> Result<Self> {
        Ok(match data {
            Data::Folder(folder) => Self::Sqlite(folder.join("halles.db")),
            Data::Database(url) => Self::Postgres(testkit::Database::parse(url)?),
        })
    }

    /// The rows of a query, every value as text.
    pub fn query(&self, sql: &str) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(file) => query_sqlite(&open(file)?, sql),
            Self::Postgres(database) => Ok(database.query(sql)?),
        }
    }

    /// The one number that a query gives.
    pub fn number(&self, sql: &str) -> Result<i64> {
        let rows = self.query(sql)?;
        let value = rows.first().and_then(|row| row.first()?.as_deref());
        let value = value.with_context(|| format!("`{sql}` gave nothing"))?;
        value.parse().with_context(|| format!("`{sql}` gave {value}"))
    }
}

#[expect(clippy::disallowed_methods, reason = "reads beside the store, on purpose not through it")]
fn open(file: &PathBuf) -> Result<Connection> {
    // Reading the log of a database that nobody holds open needs the right to write its index.
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .with_context(|| format!("opening {}", file.display()))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    Ok(connection)
}

fn query_sqlite(connection: &Connection, sql: &str) -> Result<Vec<Row>> {
    let mut statement = connection.prepare(sql)?;
    let width = statement.column_count();
    let rows =
        statement.query_map([], |row| (0..width).map(|column| row.get_ref(column).map(text)).collect());
    Ok(rows?.collect::<Result<_, _>>()?)
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(value) => Some(value.to_string()),
        ValueRef::Real(value) => Some(value.to_string()),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        // Ids are kept as their sixteen bytes; PostgreSQL writes them out.
        ValueRef::Blob(bytes) => {
            Some(uuid::Uuid::from_slice(bytes).map_or_else(|_| format!("{bytes:02x?}"), |id| id.to_string()))
        }
    }
}
