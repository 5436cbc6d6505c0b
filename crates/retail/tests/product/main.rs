//! Catalogue, shops, clients and baskets over HTTP, on both engines.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod basket;
mod chain;
mod client;
mod hostile;
mod import;
mod products;
mod shop;
