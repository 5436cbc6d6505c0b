//! `OFF001` runs out, in whatever way: traffic moves to `OFF004` at once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use product_tests::catalogue::{CENTRE, every, levels};
use product_tests::eventually;
use product_tests::halles::{Data, Halles, check};
use product_tests::http::Client;
use product_tests::offers::{pivots, recommend, set_inventory, shown, track};
use serde_json::{Value, json};

use super::{demo, number};
use crate::{database, folder};

const STOCK_OUT: &str = "STOCKOUT DETECTED: OFF001 (electronics)";
const PIVOT: &str = "PIVOT TO: OFF004 (Priority: 82)";
const SOON: Duration = Duration::from_secs(20);

/// Traffic goes from `OFF001` to `OFF004`: in the very next answer, in the list of pivots, and in the log.
async fn has_moved(server: &Halles, client: &mut Client) -> Result<()> {
    for user in ["USER001", "USER002", "somebody"] {
        let answer = recommend(client, user, 20).await?;
        ensure!(!shown(&answer)?.contains(&"OFF001"), "it is still shown: {answer}");
    }
    let answer = recommend(client, "USER001", 3).await?;
    assert_eq!(shown(&answer)?.first(), Some(&"OFF004"), "{answer}");
    assert_eq!(pivots(client).await?, [("OFF001".to_owned(), Some("OFF004".to_owned()))]);
    eventually("the lines of the stock-out", SOON, async || {
        let log = server.log();
        let at = log.find(STOCK_OUT).with_context(|| format!("{STOCK_OUT} is missing:\n{log}"))?;
        ensure!(log[at..].contains(PIVOT), "{PIVOT} is missing after it:\n{log}");
        Ok(Some(()))
    })
    .await?;
    assert_eq!(server.log().matches(STOCK_OUT).count(), 1, "it is said once");
    Ok(())
}

async fn by_setting_it_to_nothing(data: Data) -> Result<()> {
    let server = demo(&data).await?;
    let mut client = server.client();
    ensure!(shown(&recommend(&mut client, "USER001", 20).await?)?.contains(&"OFF001"));
    set_inventory(&mut client, "OFF001", 0).await?.expect(200)?;
    has_moved(&server, &mut client).await?;

    set_inventory(&mut client, "OFF001", 50).await?.expect(200)?;
    ensure!(shown(&recommend(&mut client, "USER001", 20).await?)?.contains(&"OFF001"), "it is back");
    assert_eq!(pivots(&mut client).await?, []);
    ensure!(check(&data)?.sound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn set_to_nothing_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    by_setting_it_to_nothing(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn set_to_nothing_on_postgresql() -> Result<()> {
    by_setting_it_to_nothing(database()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn redeemed_to_the_last() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = demo(&data).await?;
    let mut client = server.client();
    set_inventory(&mut client, "OFF001", 7).await?.expect(200)?;
    for left in (0..7).rev() {
        track(&mut client, "USER003", "OFF001", "REDEMPTION").await?.expect(200)?;
        assert_eq!(number(&mut client, "OFF001", "inventory_count").await?, left);
    }
    has_moved(&server, &mut client).await?;
    track(&mut client, "USER003", "OFF001", "REDEMPTION").await?.expect(409)?;
    let log = server.log();
    assert_eq!(log.matches("LOW INVENTORY ALERT: OFF001 - 5 units remaining").count(), 1, "{log}");
    assert_eq!(log.matches("LOW INVENTORY ALERT: OFF001").count(), 1, "{log}");
    Ok(())
}

/// Takes everything that the stores have of the offer's product; the last unit goes over the counter of a shop.
async fn sell_out(client: &mut Client, product: i64) -> Result<()> {
    let centre = levels(client, CENTRE).await?.get(&product).copied().unwrap_or_default();
    let promised = centre.on_hand - centre.reserved;
    if promised > 0 {
        let lines = json!([{"produit_id": product, "quantite": promised}]);
        let body = json!({"reference": "tout", "emplacement_id": CENTRE, "produits": lines, "duree_s": 3600});
        let answer = client.post("/stock/reserver", &body).await?;
        ensure!(matches!(answer.status, 200 | 201), "{answer}");
    }
    for shop in every(client, "/magasins").await? {
        let shop = shop["id"].as_i64().context("a shop without id")?;
        let level = levels(client, shop).await?.get(&product).copied().unwrap_or_default();
        let units = level.on_hand - level.reserved;
        if units > 0 {
            let body = json!({"lignes": [{"produit_id": product, "quantite": units}]});
            client.post(&format!("/magasins/{shop}/ventes"), &body).await?.expect(201)?;
        }
    }
    Ok(())
}

async fn by_selling_its_product(data: Data) -> Result<()> {
    let server = demo(&data).await?;
    let mut client = server.client();
    let offer: Value = client.get("/offers/OFF001").await?;
    let product = offer["produit_id"].as_i64().context("OFF001 is tied to a product")?;
    ensure!(![1, 2, 4].contains(&product), "the README's calls sell those");
    sell_out(&mut client, product).await?;
    let answer = recommend(&mut client, "USER001", 20).await?;
    ensure!(!shown(&answer)?.contains(&"OFF001"), "the very next answer has it: {answer}");
    // The offer's own row and the pivot follow the sale through the log.
    eventually("the pivot", SOON, async || Ok((!pivots(&mut client).await?.is_empty()).then_some(())))
        .await?;
    has_moved(&server, &mut client).await?;
    let offer: Value = client.get("/offers/OFF001").await?;
    assert_eq!((&offer["inventory_count"], &offer["inventory_own"]), (&json!(0), &json!(50)));
    ensure!(check(&data)?.sound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn its_product_sold_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    by_selling_its_product(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn its_product_sold_on_postgresql() -> Result<()> {
    by_selling_its_product(database()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_runs_out_too() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = demo(&data).await?;
    let mut client = server.client();
    set_inventory(&mut client, "OFF001", 0).await?.expect(200)?;
    set_inventory(&mut client, "OFF004", 0).await?.expect(200)?;
    for (_, to) in pivots(&mut client).await? {
        assert_eq!(to, None, "nothing is left to move to");
    }
    eventually("the line about it", SOON, async || {
        Ok(server.log().contains("NO PIVOT AVAILABLE for category electronics").then_some(()))
    })
    .await?;
    let answer = recommend(&mut client, "USER001", 20).await?;
    ensure!(shown(&answer)?.len() == 3, "fashion, food and sports are left: {answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_runs_out() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = demo(&data).await?;
    let mut client = server.client();
    for number in 1..=5 {
        set_inventory(&mut client, &format!("OFF00{number}"), 0).await?.expect(200)?;
    }
    let answer = recommend(&mut client, "USER001", 3).await?;
    ensure!(shown(&answer)?.is_empty() && answer["total_available"] == 0, "{answer}");
    Ok(())
}
