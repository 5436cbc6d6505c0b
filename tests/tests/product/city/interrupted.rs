//! A process that ends in the middle of imports: whole days are there, no half ones, and what was accepted is carried out
//! by the next process.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kernel::Day;
use product_tests::city::{bikes, ended, import, send, total};
use product_tests::eventually;
use product_tests::halles::{Data, check};
use product_tests::http::{Client, Request};

use super::empty;
use crate::{database, folder};

/// Enough that the kill comes before the end.
const DAYS: i32 = 120;
const COUNTERS: u32 = 40;
/// 24 hours, 100 plus the hour, of each counter.
const TOTAL: i64 = 40 * (24 * 100 + 276);
const SOON: Duration = Duration::from_mins(1);

fn days() -> Result<Vec<String>> {
    let first: Day = "2023-11-01".parse().map_err(anyhow::Error::msg)?;
    Ok((0..DAYS).map(|later| first.plus(later).to_string()).collect())
}

/// Each day is there with all of its counters, or not at all; returns how many are.
async fn whole_days(client: &mut Client, days: &[String]) -> Result<usize> {
    let mut found = 0;
    for day in days {
        let path = format!("/metrics/bikes/{day}");
        match client.call(&Request::get(&path)).await?.status {
            200 => {
                assert_eq!(total(client, &path).await?, TOTAL, "{day} is whole");
                found += 1;
            }
            404 => {}
            status => anyhow::bail!("{path}: {status}"),
        }
    }
    Ok(found)
}

async fn a_kill_leaves_whole_days(data: Data) -> Result<()> {
    let days = days()?;
    let file = bikes(COUNTERS, &days.iter().map(String::as_str).collect::<Vec<_>>(), 100);
    let mut server = empty(&data).await?;
    let mut client = server.client();
    let accepted = send(&mut client, "bikes", file.clone()).await?.expect(202)?.json()?;
    let id = accepted["id"].as_str().context("an id")?.to_owned();
    let first = format!("/metrics/bikes/{}", days[3]);
    eventually("the first days", SOON, async || {
        Ok((client.call(&Request::get(&first)).await?.status == 200).then_some(()))
    })
    .await?;
    server.kill9()?;
    ensure!(check(&data)?.sound);

    let server = empty(&data).await?;
    let mut client = server.client();
    // Whole or not at all, while the rest is being done.
    let found = whole_days(&mut client, &days).await?;
    ensure!(found >= 4, "{found} days are left of those that were there");
    if matches!(data, Data::Folder(_)) {
        // Nobody else can be at it, so it goes on at once.
        let resumed = ended(&mut client, &id).await?;
        ensure!(resumed["etat"] == "DONE", "{resumed}");
        let changed = resumed["jours_modifies"].as_u64().context("a count")?;
        ensure!((1..days.len() as u64 - 3).contains(&changed), "{changed} of {}: only the rest", days.len());
    }
    import(&mut client, "bikes", file).await?;
    assert_eq!(whole_days(&mut client, &days).await?, days.len());
    ensure!(check(&data)?.sound);
    Ok(())
}

/// Everything that was answered 202 is carried out, though the server stops before it has come to it.
async fn a_stop_loses_no_upload(data: Data) -> Result<()> {
    let mut server = empty(&data).await?;
    let mut client = server.client();
    let days = days()?;
    let long = bikes(COUNTERS, &days.iter().map(String::as_str).collect::<Vec<_>>(), 100);
    let mut accepted = Vec::new();
    for number in 0..6 {
        let file = if number == 0 { long.clone() } else { bikes(1, &[&format!("2023-01-0{number}")], 100) };
        let import = send(&mut client, "bikes", file).await?.expect(202)?.json()?;
        accepted.push(import["id"].as_str().context("an id")?.to_owned());
    }
    server.terminate()?;
    server.wait(SOON)?;
    ensure!(!server.log().contains("could not be written down"), "{}", server.log());
    let server = empty(&data).await?;
    let mut client = server.client();
    for id in &accepted {
        let import = ended(&mut client, id).await?;
        ensure!(import["etat"] == "DONE", "{import}");
    }
    for number in 1..6 {
        assert_eq!(total(&mut client, &format!("/metrics/bikes/2023-01-0{number}")).await?, 24 * 100 + 276);
    }
    assert_eq!(whole_days(&mut client, &days).await?, days.len());
    ensure!(check(&data)?.sound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_loses_no_upload_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    a_stop_loses_no_upload(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_loses_no_upload_on_postgresql() -> Result<()> {
    // Both processes keep uploads in the same folder, as on a machine of one's own.
    a_stop_loses_no_upload(database()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_whole_days_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    a_kill_leaves_whole_days(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_leaves_whole_days_on_postgresql() -> Result<()> {
    a_kill_leaves_whole_days(database()).await
}
