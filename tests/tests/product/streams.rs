//! Event streams over HTTP: what was missed, then live, in one order and without gaps.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use product_tests::catalogue::{product, receive};
use product_tests::halles::{Data, Serve};
use product_tests::http::{Client, Event, EventStream, Request};
use serde_json::{Value, json};

use crate::{database, folder};

const SOON: Duration = Duration::from_secs(20);

async fn order(client: &mut Client, product: i64) -> Result<String> {
    let body = json!({"produits": [{"produit_id": product, "quantite": 1}]});
    let order = client.post("/saga/commande", &body).await?.expect(201)?.json()?;
    Ok(order["id"].as_str().context("an id")?.to_owned())
}

async fn next(stream: &mut EventStream) -> Result<Event> {
    stream.next(SOON).await?.context("the stream has ended")
}

/// Reads on until the order is confirmed; returns the positions.
async fn until_confirmed(stream: &mut EventStream, order: &str) -> Result<Vec<i64>> {
    let mut positions = Vec::new();
    loop {
        let event = next(stream).await?;
        positions.push(event.id.parse()?);
        assert_eq!(event.data["specversion"], "1.0");
        assert_eq!((&event.data["type"], &event.data["id"]), (&json!(event.kind), &json!(event.id)));
        if event.kind == "halles.order.confirmed" && event.data["subject"] == order {
            return Ok(positions);
        }
    }
}

fn has_no_gap(positions: &[i64]) -> bool {
    positions.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

async fn a_client_that_comes_back_misses_nothing(data: Data) -> Result<()> {
    let serve = Serve::on(&data)?;
    let mut server = serve.start_ready().await?;
    let mut client = server.client();
    let product = product(&mut client, "Pomme", 100).await?;
    receive(&mut client, product, 100).await?;
    let from_the_start = Request::get("/evenements/flux?apres=0");
    let (answer, mut stream) = client.follow(&from_the_start).await?;
    assert_eq!(answer.expect(200)?.header("content-type"), Some("text/event-stream"));
    let first = order(&mut client, product).await?;
    let seen = until_confirmed(&mut stream, &first).await?;
    assert!(seen[0] == 1 && has_no_gap(&seen), "{seen:?}");
    let last = *seen.last().context("a position")?;

    // The client is gone, then the server too; things happen in between.
    drop(stream);
    order(&mut client, product).await?;
    server.kill9()?;
    let server = serve.start_ready().await?;
    let mut client = server.client();
    let resume = Request::get("/evenements/flux").header("last-event-id", &last.to_string());
    let (answer, mut stream) = client.follow(&resume).await?;
    answer.expect(200)?;
    let third = order(&mut client, product).await?;
    let missed = until_confirmed(&mut stream, &third).await?;
    assert!(missed[0] == last + 1 && has_no_gap(&missed), "{last}: {missed:?}");

    let (answer, _) = client.follow(&Request::get("/evenements/flux?apres=-1")).await?;
    assert_eq!(answer.status, 422);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_back_misses_nothing_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    a_client_that_comes_back_misses_nothing(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_comes_back_misses_nothing_on_postgresql() -> Result<()> {
    a_client_that_comes_back_misses_nothing(database()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_followed_to_its_end() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = Serve::on(&data)?.start_ready().await?;
    let mut client = server.client();
    let product = product(&mut client, "Pomme", 100).await?;
    receive(&mut client, product, 100).await?;
    let body = json!({"produits": [{"produit_id": product, "quantite": 1}]});
    let request = Request::post("/saga/commande").json(&body).header("prefer", "respond-async");
    let accepted = client.call(&request).await?.expect(202)?;
    let path = accepted.header("location").context("where to look")?.to_owned();
    let (answer, mut stream) = client.follow(&Request::get(&format!("{path}/suivi"))).await?;
    answer.expect(200)?;
    let mut states = Vec::new();
    while let Some(event) = stream.next(SOON).await? {
        let added = event.data["data"]["etats"].as_array().cloned().context("the states that were added")?;
        states.extend(added.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    assert_eq!(states, ["CREEE", "STOCK_VERIFIE", "STOCK_RESERVE", "PAYEE", "CONFIRMEE"]);
    assert_eq!(client.get(&path).await?["etat"], "CONFIRMEE");
    let unknown = Request::get("/commande/019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04/suivi");
    ensure!(client.call(&unknown).await?.status == 404);
    Ok(())
}
