//! What lasts from one day to another: disruptions, works, arcs.

use anyhow::{Result, ensure};
use product_tests::city::import;
use product_tests::halles::{Data, check};
use product_tests::http::{Client, Request};
use serde_json::json;

use super::empty;
use crate::{database, folder};

const WORKS: &str = "Identifiant;Date de début;Date de fin;Impact sur la circulation\n";

async fn missing(client: &mut Client, path: &str, problem: &str) -> Result<()> {
    let answer = client.call(&Request::get(path)).await?.expect(404)?;
    ensure!(answer.problem().as_deref() == Some(problem), "{path}: {answer}");
    Ok(())
}

async fn records_are_of_their_days(data: Data) -> Result<()> {
    let server = empty(&data).await?;
    let mut client = server.client();
    let arcs =
        "Identifiant arc;Date debut dispo data;Date fin dispo data;Libelle\n1;2005-01-01;2023-01-01;Quai\n";
    import(&mut client, "referentiel", arcs.to_owned()).await?;
    missing(&mut client, "/metrics/2024-03-02", "no-data").await?;
    missing(&mut client, "/report/2024-03-02", "no-data").await?;
    let now = client.get("/metrics/referentiel").await?;
    ensure!(now["au"].as_str() > Some("2026"), "the network is there to this day: {now}");

    let export = format!("{WORKS}a;2024-03-01;2024-03-02;RESTREINTE\nb;2024-03-05;2024-03-05;\n");
    import(&mut client, "chantiers", export).await?;
    let quiet = client.get("/metrics/chantiers/2024-03-03").await?;
    assert_eq!(quiet["data"]["total_chantiers_actifs"], 0, "between the first and the last day of an export");
    missing(&mut client, "/metrics/chantiers/2024-03-06", "no-data").await?;
    let range = client.get("/metrics/chantiers?du=2024-03-01&au=2024-03-31").await?;
    assert_eq!(range["jours"].as_array().map(Vec::len), Some(5));
    assert_eq!(range["jours"][4]["data"]["repartition_impacts"], json!({"NON_PRECISE": 1}));
    ensure!(range["jours"][0]["data"].get("chantiers_actifs").is_none(), "{range}");
    missing(&mut client, "/metrics/chantiers/2024-03-01/qualite", "no-findings").await?;

    import(&mut client, "chantiers", format!("{WORKS}a;2024-03-01;;RESTREINTE\n")).await?;
    let versions = client.get("/metrics/chantiers/2024-03-01/versions").await?;
    assert_eq!(
        (&versions["elements"][0]["version"], &versions["elements"][1]["version"]),
        (&json!(2), &json!(1))
    );
    let known = versions["elements"][1]["connu_le"].as_str().unwrap_or_default().to_owned();
    let before = client.get(&format!("/metrics/chantiers/2024-03-01?connu_le={known}")).await?;
    assert_eq!(before["data"]["chantiers_actifs"][0]["date_fin"], "2024-03-02");
    let after = client.get("/metrics/chantiers/2024-06-01").await?;
    ensure!(after["data"]["chantiers_actifs"][0]["date_fin"].is_null(), "{after}");
    ensure!(check(&data)?.sound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_of_their_days_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    records_are_of_their_days(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_of_their_days_on_postgresql() -> Result<()> {
    records_are_of_their_days(database()).await
}
