//! What cannot be answered is said: dates first, then types, then that there is nothing.

use anyhow::{Context as _, Result, ensure};
use product_tests::city::send;
use product_tests::http::{Client, Request};
use serde_json::json;

use super::empty;
use crate::folder;

const TYPES: [&str; 6] = ["bikes", "comptages", "traffic", "weather", "chantiers", "referentiel"];

async fn refused(client: &mut Client, path: &str, status: u16, problem: &str) -> Result<String> {
    let answer = client.call(&Request::get(path)).await?.expect(status).with_context(|| path.to_owned())?;
    ensure!(answer.problem().as_deref() == Some(problem), "{path}: {answer}");
    Ok(answer.json()?["detail"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_come_first_then_types_then_that_there_is_nothing() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = empty(&data).await?;
    let mut client = server.client();
    for date in ["2024-02-30", "20240331", "2024-3-1", "hier", "2024-03-31T00:00:00Z"] {
        for kind in ["bikes", "scooters"] {
            refused(&mut client, &format!("/metrics/{kind}/{date}"), 400, "invalid-date").await?;
        }
        refused(&mut client, &format!("/report/{date}"), 400, "invalid-date").await?;
    }
    for kind in ["scooters", "Bikes", "velos"] {
        let told =
            refused(&mut client, &format!("/metrics/{kind}/2024-03-31"), 400, "unknown-metric-type").await?;
        ensure!(TYPES.iter().all(|known| told.contains(known)), "{told}");
    }
    let told = refused(&mut client, "/metrics/scooters", 400, "unknown-metric-type").await?;
    ensure!(told.contains("YYYY-MM-DD") && told.contains("bikes"), "{told}");
    refused(&mut client, "/metrics/2024-13-01", 400, "invalid-date").await?;
    for kind in TYPES {
        refused(&mut client, &format!("/metrics/{kind}/2024-03-31"), 404, "no-data").await?;
    }
    for path in ["/metrics/2024-03-31", "/report/2024-03-31", "/report/latest"] {
        refused(&mut client, path, 404, "no-data").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_days_in_order_and_not_too_many() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = empty(&data).await?;
    let mut client = server.client();
    for (query, problem) in [
        ("du=2024-03-31&au=2024-03-30", "invalid-range"),
        ("du=2023-01-01&au=2024-03-30", "invalid-range"),
        ("du=demain", "invalid-date"),
        ("du=2024-03-01&au=2024-03-02&connu_le=jamais", "invalid-date"),
    ] {
        refused(&mut client, &format!("/metrics/bikes?{query}"), 400, problem).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_is_said_before_it_is_read() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = empty(&data).await?;
    let mut client = server.client();
    let upload = Request::post("/metrics/imports?type=scooters").body("a;b\n");
    ensure!(client.call(&upload).await?.expect(400)?.problem().as_deref() == Some("unknown-metric-type"));
    let form = Request::post("/metrics/imports?type=bikes")
        .header("content-type", "multipart/form-data; boundary=x");
    let told = client.call(&form.body("--x\r\n\r\na;b\r\n--x--")).await?.expect(415)?.json()?;
    ensure!(told["detail"].as_str().is_some_and(|told| told.contains("--data-binary")), "{told}");
    let told = send(&mut client, "bikes", "").await?.expect(422)?.json()?;
    ensure!(told["detail"].as_str().is_some_and(|told| told.contains("empty")), "{told}");
    // A type that was forgotten or mistyped is told, whatever the size of the file, which is not read.
    for (body, path) in
        [("a;b\n".repeat(1 << 20), "/metrics/imports"), ("a;b\n".to_owned(), "/metrics/imports?typ=bikes")]
    {
        let file = Request::post(path).header("content-type", "text/csv").body(body);
        let told = client.call(&file).await?.expect(400)?.json()?;
        ensure!(told["detail"].as_str().is_some_and(|told| told.contains("?type=")), "{told}");
    }
    // No folder is configured from which files could be named, and nothing else may be read.
    for source in ["/etc/passwd", "../secret.csv", "file:///etc/passwd", "http://169.254.169.254/"] {
        let answer = client.post("/metrics/imports", &json!({"type": "bikes", "source": source})).await?;
        answer.expect(422).with_context(|| source.to_owned())?;
    }
    client.call(&Request::get("/metrics/imports/019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04")).await?.expect(404)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_prometheus_and_the_answer_of_health_stay_what_they_are() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = empty(&data).await?;
    let mut client = server.client();
    let page = client.call(&Request::get("/metrics")).await?.expect(200)?;
    ensure!(page.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text")));
    let health = client.get("/health").await?;
    ensure!(health["status"] == "healthy", "{health}");
    for field in ["service", "version", "database", "environment"] {
        ensure!(health[field].is_string(), "{health}");
    }
    let elsewhere = Request::get("/stats").header("origin", "https://elsewhere.example");
    let answer = client.call(&elsewhere).await?.expect(200)?;
    ensure!(answer.header("access-control-allow-origin") == Some("*"), "{answer}");
    Ok(())
}
