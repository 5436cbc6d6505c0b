//! PostgreSQL away: at the start, and in the middle.

use std::time::Duration;

use anyhow::{Context, Result};
use product_tests::catalogue::{CENTRE, levels, product, receive};
use product_tests::eventually;
use product_tests::halles::{Data, Serve, check};
use product_tests::http::{Answer, Client, Request};
use serde_json::json;
use testkit::PrivatePostgres;

/// Longer than any pause between two attempts to reach a database.
const LIMIT: Duration = Duration::from_secs(30);

/// The answers while the database is away: alive, not ready, and 503 with a time to come back.
async fn is_away(client: &mut Client) -> Result<()> {
    client.call(&Request::get("/health/live")).await?.expect(204)?;
    let order = json!({"produits": [{"produit_id": 1, "quantite": 1}]});
    for request in [
        Request::get("/health/ready"),
        Request::get("/health"),
        Request::get("/produits/1"),
        Request::get("/evenements"),
        Request::post("/saga/commande").json(&order),
        Request::post("/produits").json(&json!({
            "nom": "Pomme", "description": "", "categorie": "Fruits", "prix": {"montant": "1.00", "devise": "EUR"}
        })),
    ] {
        let answer = client.call(&request).await?;
        let told = (answer.status, answer.problem());
        let problem = told.1.clone().unwrap_or_default();
        assert!(
            told.0 == 503 && ["unavailable", "outcome-unknown"].contains(&problem.as_str()),
            "{} {} was answered {answer}",
            request.method(),
            request.path()
        );
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    Ok(())
}

/// The server serves again without having been started again.
async fn is_back(client: &mut Client) -> Result<()> {
    eventually("the server to be ready again", LIMIT, async || {
        let answer = client.call(&Request::get("/health/ready")).await?;
        Ok((answer.status == 200).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_before_its_database() -> Result<()> {
    let mut postgres = PrivatePostgres::start()?;
    let data = Data::Database(postgres.create_database("halles")?);
    postgres.stop()?;
    let server = Serve::on(&data)?.start()?;
    let mut client = server.client();
    is_away(&mut client).await?;

    postgres.start_again()?;
    is_back(&mut client).await?;
    let product = product(&mut client, "Pomme", 100).await?;
    assert_eq!(client.get(&format!("/produits/{product}")).await?["nom"], "Pomme");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_dies_comes_back_without_a_restart() -> Result<()> {
    let mut postgres = PrivatePostgres::start()?;
    let data = Data::Database(postgres.create_database("halles")?);
    let mut server = Serve::on(&data)?.start_ready().await?;
    let mut client = server.client();
    let product = product(&mut client, "Pomme", 100).await?;
    receive(&mut client, product, 10).await?;
    let order =
        Request::post("/saga/commande").json(&json!({"produits": [{"produit_id": product, "quantite": 1}]}));
    let placed = client.call(&order).await?.expect(201)?.json()?;

    for round in 1..=2_i64 {
        postgres.kill9()?;
        eventually("the server to notice", LIMIT, async || {
            let answer: Answer = client.call(&Request::get("/health/ready")).await?;
            Ok((answer.status == 503).then_some(()))
        })
        .await?;
        is_away(&mut client).await?;

        postgres.start_again()?;
        is_back(&mut client).await?;
        let path = format!("/commande/{}", placed["id"].as_str().context("an id")?);
        let found = eventually("reads to work again", LIMIT, async || Ok(Some(client.get(&path).await?)));
        assert_eq!(found.await?, placed);
        let again = eventually("orders to work again", LIMIT, async || {
            let answer = client.call(&order).await?;
            Ok((answer.status != 503).then_some(answer))
        });
        again.await?.expect(201)?;
        let level = levels(&mut client, CENTRE).await?.get(&product).copied().unwrap_or_default();
        assert_eq!((level.on_hand, level.reserved), (9 - round, 0));
    }
    assert!(!server.has_ended()?);
    assert!(check(&data)?.sound);
    Ok(())
}
