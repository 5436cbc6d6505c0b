//! An import never holds up the orders of the shops.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kernel::Day;
use product_tests::catalogue::{CENTRE, product, receive};
use product_tests::city::{bikes, send};
use serde_json::json;

use super::empty;
use crate::folder;

/// An order takes some milliseconds; on a busy machine, in a program that is not optimised, it may take more. An import
/// that held the writer for all of its days would take seconds.
const LONGEST: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_answered_while_an_import_runs() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = empty(&data).await?;
    let mut client = server.client();
    let sold = product(&mut client, "Lampe", 1_000).await?;
    receive(&mut client, sold, 1_000).await?;
    let first: Day = "2023-11-01".parse().map_err(anyhow::Error::msg)?;
    let days: Vec<String> = (0..60).map(|later| first.plus(later).to_string()).collect();
    let file = bikes(60, &days.iter().map(String::as_str).collect::<Vec<_>>(), 100);
    let accepted = send(&mut client, "bikes", file).await?.expect(202)?.json()?;
    let path = format!("/metrics/imports/{}", accepted["id"].as_str().context("an id")?);

    let order = json!({"produits": [{"produit_id": sold, "quantite": 1}], "emplacement_id": CENTRE});
    let (mut orders, mut slowest) = (0, Duration::ZERO);
    loop {
        let import = client.get(&path).await?;
        if import["etat"] == "DONE" {
            break;
        }
        ensure!(import["etat"] != "FAILED", "{import}");
        let started = Instant::now();
        client.post("/saga/commande/", &order).await?.expect(201)?;
        (orders, slowest) = (orders + 1, slowest.max(started.elapsed()));
    }
    ensure!(orders >= 3, "only {orders} orders: the import was too short to say anything");
    ensure!(slowest < LONGEST, "an order took {slowest:?}");
    Ok(())
}
