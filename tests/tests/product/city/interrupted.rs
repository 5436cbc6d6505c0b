//! A kill in the middle of an import: whole days are there, no half ones, and importing again does the rest.

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
    let found = whole_days(&mut client, &days).await?;
    ensure!((4..days.len()).contains(&found), "{found} of {} days: not in the middle", days.len());
    if matches!(data, Data::Folder(_)) {
        let cut_off = ended(&mut client, &id).await?;
        ensure!(cut_off["etat"] == "FAILED" && cut_off["erreur"].is_string(), "{cut_off}");
    }
    let again = import(&mut client, "bikes", file).await?;
    assert_eq!(again["jours_modifies"].as_u64(), Some((days.len() - found) as u64), "only the rest");
    assert_eq!(whole_days(&mut client, &days).await?, days.len());
    ensure!(check(&data)?.sound);
    Ok(())
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
