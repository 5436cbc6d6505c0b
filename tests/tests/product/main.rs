//! The product as its users meet it: the real program, over HTTP.

mod city;
mod collection;
mod crash;
mod disk;
mod hostile;
mod last_units;
mod offers;
mod outage;
mod readme;
mod speed;
mod start_stop;
mod streams;

use anyhow::Result;
use product_tests::halles::Data;
use testkit::TempDir;

/// A folder of a test's own, and the data in it.
fn folder() -> Result<(TempDir, Data)> {
    let folder = TempDir::with_prefix("halles-test-")?;
    let data = Data::Folder(folder.path().to_path_buf());
    Ok((folder, data))
}

/// An empty PostgreSQL database of a test's own.
fn database() -> Data {
    Data::Database(testkit::fresh_database())
}

/// Whether this test may do what only root may.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
