//! Tables by stall, brought up to date at start.

use kernel::Timestamp;

use crate::engine::Session;
use crate::{DbError, OpenError, Tx, params};

/// One numbered step of a stall's tables.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// 1, 2, 3 …
    pub version: i64,
    /// What it does, for people.
    pub name: &'static str,
    /// Its statements, in the words of both engines: BIGINT, BOOLEAN, TEXT, BYTEA, UUID, DOUBLE PRECISION.
    pub sql: &'static str,
}

/// The tables of one stall. A stall never names another stall's tables.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The stall.
    pub stall: &'static str,
    /// Its steps, in order.
    pub migrations: &'static [Migration],
}

impl Schema {
    /// The version that this program brings its tables to.
    fn newest(&self) -> i64 {
        self.migrations.last().map_or(0, |migration| migration.version)
    }
}

/// The store's own tables.
pub(crate) const STORE: Schema = Schema {
    stall: "store",
    migrations: &[Migration {
        version: 1,
        name: "event log, cursors, idempotency",
        sql: include_str!("../migrations/0001_log.sql"),
    }],
};

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (
    stall TEXT NOT NULL, version BIGINT NOT NULL, name TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (stall, version))";

/// Brings all stalls' tables up to date, in one transaction; refuses data that is newer than the program.
pub(crate) fn migrate(session: &mut Session, schemas: &[Schema], now: Timestamp) -> Result<(), OpenError> {
    session.script(session.dialect().begin())?;
    let result = steps(session, schemas, now).and_then(|()| Ok(forget_writers(session, now)?));
    if result.is_ok() {
        session.script("COMMIT")?;
    } else {
        session.rollback();
    }
    result
}

/// Deletes the marks of writers that are long gone.
fn forget_writers(session: &mut Session, now: Timestamp) -> Result<(), DbError> {
    let week_ago = now.plus_seconds(-7 * 24 * 3600);
    Tx::new(session.connection()).execute("DELETE FROM writer_mark WHERE at < $1", &params![week_ago])?;
    Ok(())
}

fn steps(session: &mut Session, schemas: &[Schema], now: Timestamp) -> Result<(), OpenError> {
    let dialect = session.dialect();
    session.script(dialect.lock_schema())?;
    session.script(&dialect.schema(VERSIONS))?;
    for schema in std::iter::once(&STORE).chain(schemas) {
        let found = not_newer(&mut Tx::new(session.connection()), schema)?;
        for migration in schema.migrations.iter().filter(|migration| migration.version > found) {
            session.script(&dialect.schema(migration.sql))?;
            Tx::new(session.connection()).execute(
                "INSERT INTO schema_version (stall, version, name, at) VALUES ($1, $2, $3, $4)",
                &params![schema.stall, migration.version, migration.name, now],
            )?;
            tracing::info!(
                stall = schema.stall,
                version = migration.version,
                name = migration.name,
                "tables brought up to date"
            );
        }
    }
    Ok(())
}

/// Refuses data that a reader of these tables would not understand, since a reader changes nothing.
pub(crate) fn expect_current(tx: &mut Tx<'_>, schemas: &[Schema]) -> Result<(), OpenError> {
    for schema in std::iter::once(&STORE).chain(schemas) {
        let (stall, found, known) = (schema.stall.to_owned(), not_newer(tx, schema)?, schema.newest());
        if found < known {
            return Err(OpenError::Older { stall, found, known });
        }
    }
    Ok(())
}

/// The version of a stall's tables, unless the program does not know it.
fn not_newer(tx: &mut Tx<'_>, schema: &Schema) -> Result<i64, OpenError> {
    let found = tx.query_one(
        "SELECT COALESCE(MAX(version), 0) FROM schema_version WHERE stall = $1",
        &params![schema.stall],
        |row| row.get(0),
    )?;
    let known = schema.newest();
    if found > known {
        return Err(OpenError::Newer { stall: schema.stall.to_owned(), found, known });
    }
    Ok(found)
}
