//! A corrected file replaces; what was known before can still be read.

use anyhow::{Context as _, Result, ensure};
use product_tests::city::{BIKES, bike_row, bikes, import, total};
use product_tests::halles::{Data, check};
use serde_json::json;

use super::empty;
use crate::{database, folder};

const DAY: &str = "2024-01-10";
/// Two counters, 24 hours, 100 plus the hour.
const TOTAL: i64 = 2 * (24 * 100 + 276);

async fn a_correction_is_one_more_version(data: Data) -> Result<()> {
    let server = empty(&data).await?;
    let mut client = server.client();
    let day = format!("/metrics/bikes/{DAY}");
    let first = import(&mut client, "bikes", bikes(2, &[DAY, "2024-01-11"], 100)).await?;
    assert_eq!((&first["jours_total"], &first["jours_modifies"]), (&json!(2), &json!(2)));
    assert_eq!(total(&mut client, &day).await?, TOTAL);

    let again = import(&mut client, "bikes", bikes(2, &[DAY, "2024-01-11"], 100)).await?;
    assert_eq!(again["jours_modifies"], 0, "the same file changes nothing");
    let versions = client.get(&format!("{day}/versions")).await?;
    assert_eq!(versions["elements"].as_array().map(Vec::len), Some(1));
    let known = versions["elements"][0]["connu_le"].as_str().context("an instant")?.to_owned();

    let correction = format!("{BIKES}{}", bike_row(1, DAY, 8, 1_108));
    let corrected = import(&mut client, "bikes", correction).await?;
    assert_eq!(corrected["jours_modifies"], 1);
    assert_eq!(total(&mut client, &day).await?, TOTAL + 1_000, "one hour was corrected, the others stay");
    assert_eq!(total(&mut client, &format!("{day}?connu_le={known}")).await?, TOTAL);
    let versions = client.get(&format!("{day}/versions")).await?;
    let changes = &versions["elements"][0]["modifications"];
    assert_eq!((&versions["elements"][0]["version"], &changes["heures_modifiees"]), (&json!(2), &json!(1)));
    client
        .call(&product_tests::http::Request::get(&format!("{day}?connu_le=2024-01-09")))
        .await?
        .expect(404)?;
    ensure!(check(&data)?.sound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_one_more_version_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    a_correction_is_one_more_version(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_one_more_version_on_postgresql() -> Result<()> {
    a_correction_is_one_more_version(database()).await
}
