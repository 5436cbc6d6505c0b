//! The three calls of the README, on a fresh demo.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use product_tests::catalogue::{CENTRE, Level, levels};
use product_tests::eventually;
use product_tests::halles::{Serve, check};
use product_tests::http::{Answer, Client, Request};
use serde_json::Value;

use crate::folder;

/// As the README writes them, without its remarks.
const CONFIRMED: &str = r#"{
    "produits": [
      {"produit_id": 1, "quantite": 1},
      {"produit_id": 2, "quantite": 1}
    ]
  }"#;
const SHORT: &str = r#"{
    "produits": [
      {"produit_id": 2, "quantite": 999}
    ]
  }"#;
const REFUSED: &str = r#"{
    "produits": [
      {"produit_id": 4, "quantite": 10}
    ]
  }"#;

/// What `curl -H …`, `curl -d` and other clients say of a body, and both spellings of the path.
const TYPES: [Option<&str>; 4] =
    [Some("application/json"), None, Some("application/x-www-form-urlencoded"), Some("text/plain")];
const PATHS: [&str; 2] = ["/saga/commande/", "/saga/commande"];

async fn call(client: &mut Client, path: &str, content_type: Option<&str>, body: &str) -> Result<Answer> {
    client.call(&Request::post(path).typed(content_type, body)).await
}

fn states(order: &Value) -> Vec<&str> {
    let steps = order["historique"].as_array().map(Vec::as_slice).unwrap_or_default();
    steps.iter().filter_map(|step| step["etat"].as_str()).collect()
}

/// The centre's stock of the products that the calls name.
async fn stock(client: &mut Client) -> Result<[Level; 3]> {
    let levels = levels(client, CENTRE).await?;
    Ok([1, 2, 4].map(|product| levels.get(&product).copied().unwrap_or_default()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_calls_do_what_the_seed_says_again_and_again() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = Serve::on(&data)?.argument("--demo").start_ready().await?;
    let mut client = server.client();
    for (path, content_type) in
        PATHS.into_iter().flat_map(|path| TYPES.map(|content_type| (path, content_type)))
    {
        let before = stock(&mut client).await?;

        let order = call(&mut client, path, content_type, CONFIRMED).await?.expect(201)?.json()?;
        assert_eq!(order["etat"], "CONFIRMEE");
        assert_eq!(states(&order), ["CREEE", "STOCK_VERIFIE", "STOCK_RESERVE", "PAYEE", "CONFIRMEE"]);
        let id = order["id"].as_str().context("an id")?;
        assert_eq!(client.get(&format!("/commande/{id}")).await?, order, "it is as it was told");

        let short = call(&mut client, path, content_type, SHORT).await?.expect(409)?;
        assert_eq!(short.problem().as_deref(), Some("insufficient-stock"));
        let problem = short.json()?;
        assert_eq!(
            (&problem["produits"][0]["produit_id"], &problem["produits"][0]["demande"]),
            (&2.into(), &999.into())
        );
        assert_eq!(
            (states(&problem["commande"]), &problem["commande"]["etat"]),
            (vec!["CREEE", "ANNULEE"], &"ANNULEE".into())
        );

        let refused = call(&mut client, path, content_type, REFUSED).await?.expect(402)?.json()?;
        let expected = vec!["CREEE", "STOCK_VERIFIE", "STOCK_RESERVE", "ANNULEE"];
        assert_eq!(states(&refused["commande"]), expected, "the stock was there, the money was not");

        let [mut one, mut two, four] = before;
        (one.on_hand, two.on_hand) = (one.on_hand - 1, two.on_hand - 1);
        assert_eq!(stock(&mut client).await?, [one, two, four], "only the confirmed order took units");
    }
    ensure!(check(&data)?.sound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_remarks_in_the_seed_s_bodies_are_told_where_they_are() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = Serve::on(&data)?.argument("--demo").start_ready().await?;
    let literal = SHORT.replace("999}", "999}  # Produit stock trop faible");
    let answer = call(&mut server.client(), PATHS[0], TYPES[0], &literal).await?.expect(400)?;
    assert_eq!(answer.problem().as_deref(), Some("malformed"));
    assert_eq!(answer.json()?["ligne"], 3, "{answer}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_made_once() -> Result<()> {
    let (_folder, data) = folder()?;
    let serve = Serve::on(&data)?.argument("--demo");
    let mut server = serve.start_ready().await?;
    let mut client = server.client();
    let order = call(&mut client, PATHS[0], TYPES[0], CONFIRMED).await?.expect(201)?.json()?;
    let before = stock(&mut client).await?;
    server.terminate()?;
    assert!(server.wait(Duration::from_secs(30))?.success());

    let server = serve.start_ready().await?;
    let mut client = server.client();
    assert_eq!(stock(&mut client).await?, before);
    let id = order["id"].as_str().context("an id")?;
    let path = format!("/commande/{id}");
    let found =
        eventually("the order", Duration::from_secs(10), async || Ok(Some(client.get(&path).await?))).await?;
    assert_eq!(found, order);
    Ok(())
}
