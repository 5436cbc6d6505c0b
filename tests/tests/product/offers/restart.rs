//! A kill forgets nothing: what was learnt, taken and moved is there again.

use std::time::Duration;

use anyhow::{Result, ensure};
use product_tests::eventually;
use product_tests::halles::{Data, check};
use product_tests::http::Client;
use product_tests::offers::{pivots, recommend, set_inventory, shown};
use serde_json::json;

use super::{counted, demo, number};
use crate::{database, folder};

const SOON: Duration = Duration::from_secs(20);

async fn click(client: &mut Client, event: usize) -> Result<()> {
    let body = json!({"user_id": "newcomer", "offer_id": "OFF005", "event_type": "CLICK",
        "event_id": format!("click-{event}")});
    client.post("/events/track", &body).await?.expect(200)?;
    Ok(())
}

async fn nothing_is_forgotten(data: Data) -> Result<()> {
    let mut server = demo(&data).await?;
    let mut client = server.client();
    for event in 0..20 {
        click(&mut client, event).await?;
    }
    set_inventory(&mut client, "OFF001", 0).await?.expect(200)?;
    let moved = pivots(&mut client).await?;
    server.kill9()?;

    let server = demo(&data).await?;
    let mut client = server.client();
    let answer = recommend(&mut client, "newcomer", 3).await?;
    assert_eq!(shown(&answer)?.first(), Some(&"OFF005"), "twenty clicks say so: {answer}");
    ensure!(!shown(&answer)?.contains(&"OFF001"), "{answer}");
    assert_eq!(number(&mut client, "OFF001", "inventory_count").await?, 0, "demo data is made once");
    assert_eq!(pivots(&mut client).await?, moved);
    for event in 0..20 {
        click(&mut client, event).await?;
    }
    click(&mut client, 20).await?;
    eventually("the clicks to be counted", SOON, async || {
        Ok((counted(&mut client, "OFF005", "clicks").await? >= 21).then_some(()))
    })
    .await?;
    assert_eq!(counted(&mut client, "OFF005", "clicks").await?, 21, "each name counts once");
    ensure!(check(&data)?.sound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_forgotten_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    nothing_is_forgotten(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_forgotten_on_postgresql() -> Result<()> {
    nothing_is_forgotten(database()).await
}
