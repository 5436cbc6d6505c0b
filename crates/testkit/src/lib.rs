//! Private servers and other tools that only tests use.
//!
//! - [`PrivatePostgres`]: a PostgreSQL of one's own in a temporary folder, which can be killed and started again.
//! - [`fresh_database`]: a new empty database on a server that the whole test run shares.
//! - [`ServerProcess`]: the product itself (or any other server) as a child process.
//! - [`wait_until`], [`free_port`], [`TempDir`].
//!
//! Architecture invariant: knows nothing of the product, and no crate of the product depends on it except for
//! its tests. Whatever is started here ends with the test that started it, even when that test is killed.
//!
//! One more kind of server: a private struct in the manner of [`PrivatePostgres`] (own folder, free port,
//! bounded wait for readiness, log in every error, end on drop), and one line in `xtask`'s list of needs.

mod error;
mod port;
mod postgres;
mod process;
mod shared;
mod signal;
mod wait;

pub use error::{Error, Result};
pub use port::free_port;
pub use postgres::{Database, PostgresBinaries, PrivatePostgres, Row};
pub use process::ServerProcess;
pub use shared::{SHARED_POSTGRES, SharedPostgres, fresh_database, shared_postgres};
pub use tempfile::TempDir;
pub use wait::wait_until;
