//! The city's flow as its users meet it: files in, days and reports out.

mod beside_orders;
mod commands;
mod corrections;
mod damaged;
mod demo;
mod errors;
mod interrupted;
mod records;
mod sources;

use anyhow::Result;
use product_tests::halles::{Data, Halles, Serve};

/// A server without any data.
async fn empty(data: &Data) -> Result<Halles> {
    Serve::on(data)?.start_ready().await
}
