//! Orders, baskets being checked out, and payments over HTTP, on both engines.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod cancelling;
mod checkout;
mod following;
mod keys;
mod listing;
mod notices;
mod paying;
mod placing;
mod shop;
