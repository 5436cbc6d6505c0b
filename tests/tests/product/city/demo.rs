//! The city's calls, on the demonstration's invented data.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use product_tests::city::demo_is_there;
use product_tests::halles::Serve;
use product_tests::http::{Client, Request};

use crate::folder;

/// The last day of all types, once the demonstration is complete.
async fn last_day(client: &mut Client) -> Result<String> {
    demo_is_there(client).await?;
    let stats = client.get("/stats").await?;
    let covered = stats["couverture"].as_array().context("a list")?;
    let bikes = covered.iter().find(|covered| covered["type"] == "bikes").context("bikes")?;
    bikes["dernier_jour"].as_str().map(str::to_owned).with_context(|| format!("no day in {stats}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_city_can_be_looked_at() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = Serve::on(&data)?.argument("--demo").start_ready().await?;
    let mut client = server.client();
    let day = last_day(&mut client).await?;

    let bikes = client.get(&format!("/metrics/bikes/{day}")).await?;
    assert_eq!((bikes["metric_type"].as_str(), bikes["date"].as_str()), (Some("bikes"), Some(day.as_str())));
    let counters = bikes["data"]["metrics"].as_array().context("counters")?;
    ensure!(counters.len() == 12, "{} counters", counters.len());
    for field in
        ["id_compteur", "nom_compteur", "total_jour", "moyenne_horaire", "pic_horaire", "arrondissement"]
    {
        ensure!(!counters[0][field].is_null(), "{field} of {}", counters[0]);
    }
    for field in ["top_counters", "failing_sensors", "anomalies"] {
        ensure!(bikes["data"][field].is_array(), "{field}");
    }
    ensure!(
        bikes["data"]["failing_sensors"].as_array().is_some_and(|failing| failing.len() >= 2),
        "two fail"
    );

    let roads = client.get(&format!("/metrics/comptages/{day}?limite=10")).await?;
    let data = &roads["data"];
    ensure!(data["metrics"].as_array().is_some_and(|arcs| arcs.len() == 10), "{roads}");
    ensure!(data["curseur"].is_string(), "there are more");
    for field in ["total_vehicules_jour", "nombre_troncons_actifs", "temps_perdu_total_minutes"] {
        ensure!(data["global_metrics"][field].is_number(), "{field} of {data}");
    }

    let all = client.get(&format!("/metrics/{day}")).await?;
    assert_eq!(all["metrics"].as_object().map(serde_json::Map::len), Some(6), "all six types");
    assert_eq!(all["metrics"]["bikes"]["total_velos"], bikes["data"]["total_velos"]);
    client.get(&format!("/metrics/bikes?au={day}")).await?;
    let counter = counters[0]["id_compteur"].as_str().context("an id")?;
    client.get(&format!("/metrics/bikes?au={day}&id={counter}")).await?;
    client.get(&format!("/metrics/bikes/{day}/qualite")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_json_or_csv() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = Serve::on(&data)?.argument("--demo").start_ready().await?;
    let mut client = server.client();
    let day = last_day(&mut client).await?;
    let report = client.get(&format!("/report/{day}")).await?;
    assert_eq!(report["date"], day.as_str());
    for field in
        ["total_vehicules_paris", "temps_perdu_total_minutes", "nombre_troncons_satures", "total_velos_paris"]
    {
        ensure!(report["summary"][field].is_number(), "{field} of {report}");
    }
    for field in [
        "top_10_troncons_frequentes",
        "top_10_zones_congestionnees",
        "capteurs_defaillants",
        "chantiers_actifs",
    ] {
        ensure!(report[field].as_array().is_some_and(|list| !list.is_empty()), "{field} of {report}");
    }
    let mut latest = client.get("/report/latest").await?;
    latest["generated_at"] = report["generated_at"].clone();
    assert_eq!(latest, report);

    for request in [
        Request::get(&format!("/report/{day}?format=csv")),
        Request::get(&format!("/report/{day}")).header("accept", "text/csv"),
    ] {
        let csv = client.call(&request).await?.expect(200)?;
        ensure!(csv.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")), "{csv}");
        ensure!(csv.body.starts_with("\u{feff}".as_bytes()), "a byte order mark");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_is_made_once() -> Result<()> {
    let (_folder, data) = folder()?;
    let serve = Serve::on(&data)?.argument("--demo");
    let mut server = serve.start_ready().await?;
    let day = last_day(&mut server.client()).await?;
    server.terminate()?;
    ensure!(server.wait(Duration::from_secs(30))?.success());
    let server = serve.start_ready().await?;
    let mut client = server.client();
    assert_eq!(last_day(&mut client).await?, day);
    let imports = client.get("/metrics/imports").await?;
    assert_eq!(imports["elements"].as_array().map(Vec::len), Some(6));
    Ok(())
}
