//! Whole-product tests: the real program, started as users start it and spoken to over HTTP.
//!
//! - [`halles`]: starts `halles serve` on data of its own, and runs `halles check`.
//! - [`http`]: a small client, also the load generator.
//! - [`catalogue`]: products, shops and stock, made over HTTP.
//! - [`city`]: open data, sent and read over HTTP.
//! - [`offers`]: offers, made, shown, taken and emptied over HTTP.
//! - [`store_view`]: looks into a store's tables beside the program.
//! - `crash` and `bench`: what `cargo xtask crash` and `cargo xtask bench` run.
//!
//! The tests themselves are in `tests/tests/`. They run the program that lies beside them, so it is built first:
//! `cargo build --workspace --bins` (`cargo xtask` does it).

pub mod bench;
pub mod catalogue;
pub mod city;
pub mod crash;
pub mod halles;
pub mod http;
pub mod offers;
pub mod store_view;
mod wait;

pub use wait::eventually;
