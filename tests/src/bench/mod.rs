//! Speed: what the product does in a second, beside what each number is compared with, in one run.
//!
//! - [`orders()`]: complete orders, beside the bare engine and `pgbench`.
//! - [`offers()`]: recommendations and events, beside numpy, Vowpal Wabbit, NATS `JetStream` and Redis Streams.
//! - [`city()`]: reading the city's open data, beside DuckDB and Polars.
//!
//! Ratios are what counts; times say what one machine did once. What cannot be measured because a program is missing
//! is a line of the report that says how to get it, never left out.

mod city;
mod latency;
mod load;
mod machine;
mod offers;
mod orders;
mod python;
mod report;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use testkit::TempDir;

use crate::halles::{Data, Halles, check};

pub use city::{CityOptions, CityReading, city, city_read};
pub use latency::Latencies;
pub use machine::Machine;
pub use offers::{OfferOptions, USERS, offers};
pub use orders::{Options, orders};
pub use report::{Measure, NotRun, Report, Target};

/// A copy of a filled store's folder, so that each measurement starts with the same.
fn copy_of(filled: &Path) -> Result<TempDir> {
    let copy = TempDir::with_prefix("halles-bench-")?;
    for entry in std::fs::read_dir(filled)? {
        let entry = entry?;
        std::fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
    }
    Ok(copy)
}

/// What was measured must also be right.
fn sound(data: &Data) -> Result<()> {
    let books = check(data)?;
    anyhow::ensure!(books.sound, "halles check --settled: {}", books.report);
    Ok(())
}

fn stop(mut server: Halles) -> Result<()> {
    server.terminate()?;
    let status = server.wait(Duration::from_secs(30))?;
    status
        .success()
        .then_some(())
        .with_context(|| format!("the server ended with {status}: {}", server.log()))
}
