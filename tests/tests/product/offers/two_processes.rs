//! Two processes on one database: what one writes, the other knows within a second.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use product_tests::halles::Halles;
use product_tests::http::Client;
use product_tests::offers::{recommend, set_inventory, shown, track};

use super::demo;
use crate::database;

const WITHIN: Duration = Duration::from_secs(1);
const ROUNDS: usize = 20;

async fn shows(client: &mut Client, offer: &str) -> Result<bool> {
    Ok(shown(&recommend(client, "USER001", 20).await?)?.contains(&offer))
}

/// How long it takes until a process shows an offer, or does not show it any more.
async fn until(client: &mut Client, offer: &str, is_shown: bool) -> Result<Duration> {
    let start = Instant::now();
    while shows(client, offer).await? != is_shown {
        ensure!(start.elapsed() < 10 * WITHIN, "{offer} is shown: {}, even now", !is_shown);
    }
    Ok(start.elapsed())
}

async fn pair() -> Result<(Halles, Halles)> {
    let data = database();
    Ok((demo(&data).await?, demo(&data).await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_emptied_in_one_is_gone_from_the_other() -> Result<()> {
    let (one, other) = pair().await?;
    let (mut writer, mut reader) = (one.client(), other.client());
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        set_inventory(&mut writer, "OFF001", 1).await?.expect(200)?;
        times.push(until(&mut reader, "OFF001", true).await?);
        if round % 2 == 0 {
            set_inventory(&mut writer, "OFF001", 0).await?.expect(200)?;
        } else {
            track(&mut writer, "USER001", "OFF001", "REDEMPTION").await?.expect(200)?;
        }
        ensure!(!shows(&mut writer, "OFF001").await?, "it is gone from the writer's own answers at once");
        times.push(until(&mut reader, "OFF001", false).await?);
    }
    times.sort_unstable();
    ensure!(times.iter().all(|time| *time < WITHIN), "some took longer than {WITHIN:?}: {times:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_learnt_in_one_is_known_to_the_other() -> Result<()> {
    let (one, other) = pair().await?;
    let (mut writer, mut reader) = (one.client(), other.client());
    for _ in 0..20 {
        track(&mut writer, "newcomer", "OFF005", "CLICK").await?.expect(200)?;
    }
    let start = Instant::now();
    loop {
        let answer = recommend(&mut reader, "newcomer", 3).await?;
        if shown(&answer)?.first() == Some(&"OFF005") {
            return Ok(());
        }
        ensure!(start.elapsed() < 10 * WITHIN, "twenty clicks on OFF005, and still {answer}");
    }
}
