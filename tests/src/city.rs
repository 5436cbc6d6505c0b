//! The city's open data: files of our own in the portals' formats, sent over HTTP and read back.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::eventually;
use crate::http::{Answer, Client, Request};

/// How long a small import may take on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// The nine columns of the city's bicycle counts.
pub const BIKES: &str = "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;Nom du site de comptage;\
    Comptage horaire;Date et heure de comptage;Date d'installation du site de comptage;\
    Lien vers photo du site de comptage;Coordonnées géographiques\n";

/// A row of [`BIKES`]: a counter, the hour of a winter's day on clocks in Paris, and how many came by.
pub fn bike_row(counter: u32, day: &str, hour: u32, count: i64) -> String {
    format!(
        "{counter}-{counter};Compteur {counter};{counter};Site {counter};{count};{day}T{hour:02}:00:00+01:00;\
         2020-01-01;;48.8600,2.3500\n"
    )
}

/// A file with whole winter days of counters that each count `base` plus the hour.
pub fn bikes(counters: u32, days: &[&str], base: i64) -> String {
    let mut text = BIKES.to_owned();
    for day in days {
        for counter in 1..=counters {
            for hour in 0..24 {
                // Writing to a String cannot fail.
                let _ = write!(text, "{}", bike_row(counter, day, hour, base + i64::from(hour)));
            }
        }
    }
    text
}

/// Sends a file; the answer says whether it was accepted.
pub async fn send(client: &mut Client, kind: &str, body: impl Into<Vec<u8>>) -> Result<Answer> {
    let path = format!("/metrics/imports?type={kind}&nom=essai");
    client.call(&Request::post(&path).header("content-type", "text/csv").body(body)).await
}

/// Waits until an import has ended, well or not.
pub async fn ended(client: &mut Client, id: &str) -> Result<Value> {
    let path = format!("/metrics/imports/{id}");
    eventually("the import to end", SOON, async || {
        let import = client.get(&path).await?;
        Ok(matches!(import["etat"].as_str(), Some("DONE" | "FAILED")).then_some(import))
    })
    .await
}

/// Sends a file and waits until it has been taken in; returns the import.
pub async fn import(client: &mut Client, kind: &str, body: impl Into<Vec<u8>>) -> Result<Value> {
    let accepted = send(client, kind, body).await?.expect(202)?.json()?;
    let id = accepted["id"].as_str().context("an import without id")?;
    let import = ended(client, id).await?;
    ensure!(import["etat"] == "DONE", "{import}");
    Ok(import)
}

/// The bicycles of a day in all of the city.
pub async fn total(client: &mut Client, path: &str) -> Result<i64> {
    let answer = client.get(path).await?;
    let total = answer["data"]["total_velos"].as_f64().with_context(|| format!("no total in {answer}"))?;
    // Counters count whole bicycles.
    Ok(format!("{total:.0}").parse()?)
}

/// Waits until the demonstration's city has been taken in, which goes on beside requests.
pub async fn demo_is_there(client: &mut Client) -> Result<()> {
    const FILES: usize = 6;
    eventually("the demonstration's city", SOON, async || {
        let imports = client.get("/metrics/imports").await?;
        let all = imports["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
        let complete = all.len() == FILES && all.iter().all(|import| import["etat"] == "DONE");
        Ok(complete.then_some(()))
    })
    .await
}
