//! More people than units: redemptions never exceed the inventory.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use product_tests::halles::{Data, check};
use product_tests::http::Client;
use product_tests::offers::set_inventory;
use serde_json::json;
use tokio::task::JoinSet;

use super::{demo, number};
use crate::{database, folder};

const PEOPLE: usize = 200;
const UNITS: i64 = 30;

async fn exactly_as_many_as_there_are(data: Data) -> Result<()> {
    let server = demo(&data).await?;
    let mut client = server.client();
    set_inventory(&mut client, "OFF001", UNITS).await?.expect(200)?;
    let mut people = JoinSet::new();
    for person in 0..PEOPLE {
        let address = server.address();
        people.spawn(async move {
            let mut client = Client::new(address);
            let body = json!({"user_id": format!("P{person}"), "offer_id": "OFF001", "event_type": "REDEMPTION",
                "event_id": format!("e{person}")});
            let first = client.post("/events/track", &body).await?.status;
            // The same event once more changes nothing.
            let second = client.post("/events/track", &body).await?.status;
            ensure!(first == second, "told {first}, then {second}");
            Ok(first)
        });
    }
    let mut told = BTreeMap::new();
    while let Some(status) = people.join_next().await {
        *told.entry(status??).or_insert(0_i64) += 1;
    }
    assert_eq!(told, BTreeMap::from([(200, UNITS), (409, i64::try_from(PEOPLE)? - UNITS)]));
    assert_eq!(number(&mut client, "OFF001", "inventory_own").await?, 0);
    ensure!(check(&data)?.sound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_units_for_two_hundred_people_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    exactly_as_many_as_there_are(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_units_for_two_hundred_people_on_postgresql() -> Result<()> {
    exactly_as_many_as_there_are(database()).await
}
