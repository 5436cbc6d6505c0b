//! Offers as a shop's site meets them: shown, opened, taken, out of stock.

mod fresh;
mod last_units;
mod restart;
mod seed;
mod stock_out;
mod two_processes;

use anyhow::{Context, Result};
use product_tests::halles::{Data, Halles, Serve};
use product_tests::http::Client;
use serde_json::Value;

/// A server with the demonstration's offers and people.
async fn demo(data: &Data) -> Result<Halles> {
    Serve::on(data)?.argument("--demo").start_ready().await
}

/// A number of an offer, such as `inventory_count`.
async fn number(client: &mut Client, offer: &str, field: &str) -> Result<i64> {
    let offer = client.get(&format!("/offers/{offer}")).await?;
    offer[field].as_i64().with_context(|| format!("{field} of {offer}"))
}

/// How often something was done with an offer, such as `clicks`.
async fn counted(client: &mut Client, offer: &str, field: &str) -> Result<i64> {
    let stats: Value = client.get(&format!("/offers/{offer}/stats")).await?;
    stats[field].as_i64().with_context(|| format!("{field} of {stats}"))
}
