//! The binary's own parts: command line and configuration.
//!
//! Only this crate knows all stalls. [`cli`] says what can be asked for, [`config`] what it is to be done with.

pub mod check;
pub mod city;
pub mod cli;
pub mod config;
pub mod database;
mod demo;
mod housekeeping;
pub mod import;
pub mod offers;
pub mod output;
pub mod product_stock;
pub mod serve;
