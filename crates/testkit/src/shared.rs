//! One PostgreSQL server for all tests of a run.

use std::env;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use crate::{Database, Error, PrivatePostgres, Result};

/// The environment variable that names the run's server: `postgres://USER@HOST:PORT/NAME`, without password.
pub const SHARED_POSTGRES: &str = "HALLES_TEST_POSTGRES";

/// Settings of a server that many tests use at once.
const SETTINGS: [(&str, &str); 1] = [("max_connections", "400")];

/// The server on which [`fresh_database`] makes databases.
#[derive(Debug)]
pub struct SharedPostgres {
    main: Database,
    /// Ours, if nobody handed us one.
    _server: Option<PrivatePostgres>,
}

impl SharedPostgres {
    /// Uses the server of [`SHARED_POSTGRES`], or starts one.
    fn open() -> Result<Self> {
        match env::var(SHARED_POSTGRES) {
            Ok(url) => Ok(Self { main: Database::parse(&url)?, _server: None }),
            Err(env::VarError::NotPresent) => {
                let server = PrivatePostgres::start_with(&SETTINGS)?;
                Ok(Self { main: server.database("postgres"), _server: Some(server) })
            }
            Err(error @ env::VarError::NotUnicode(_)) => {
                Err(Error::Invalid(format!("{SHARED_POSTGRES}: {error}")))
            }
        }
    }

    /// The database that exists from the start.
    pub fn main(&self) -> &Database {
        &self.main
    }

    /// Creates an empty database with a name of its own.
    pub fn fresh_database(&self) -> Result<Database> {
        // Each RandomState has new keys, so this is a random number without a dependency.
        let unique = RandomState::new().build_hasher().finish();
        self.main.create_sibling(&format!("test_{unique:016x}"))
    }
}

/// The run's server: the one that [`SHARED_POSTGRES`] names (`cargo xtask test` sets it), otherwise one that is
/// started once per process and ends with it.
///
/// # Panics
/// When there is no server to be had; the text says why and what to do.
pub fn shared_postgres() -> &'static SharedPostgres {
    static SHARED: OnceLock<SharedPostgres> = OnceLock::new();
    SHARED.get_or_init(|| {
        SharedPostgres::open().unwrap_or_else(|error| panic!("no PostgreSQL for tests: {error}"))
    })
}

/// The URL of a new empty database on [`shared_postgres`]. It lives as long as that server.
///
/// # Panics
/// When there is no server to be had or it refuses; the text says why and what to do.
pub fn fresh_database() -> String {
    match shared_postgres().fresh_database() {
        Ok(database) => database.url(),
        Err(error) => panic!("no database for this test: {error}"),
    }
}
