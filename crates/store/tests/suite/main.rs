//! What every store must do, on both engines: one list of tests, run on SQLite and on PostgreSQL.
//!
//! On PostgreSQL two stores work on one database, as two processes would, with four lanes each.
#![expect(clippy::unwrap_used, reason = "tests")]

#[macro_use]
mod world;

mod batches;
mod commands;
mod consumers;
mod faults;
mod idempotency;
mod life;
mod locks;
mod log;
mod outages;
mod reads;
mod schemas;
mod slices;
mod statements;
