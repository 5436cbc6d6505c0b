//! A full disk: clear refusals, nothing lost, and on it goes when there is room again.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use product_tests::catalogue::{product, receive};
use product_tests::eventually;
use product_tests::halles::{Data, Serve, check};
use product_tests::http::{Client, Request};
use serde_json::json;
use store::{Call, CallError, Durability, Engine, Failure, Options, Store, Unavailable, params};
use testkit::TempDir;

use crate::is_root;

/// The small disk, and how much of it is kept aside to be freed later.
const DISK: &str = "size=12m";
const BALLAST: usize = 4 << 20;
/// Far more orders than the disk can hold.
const MOST: usize = 50_000;

/// A small disk of its own, which only root can make.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Result<Self> {
        let folder = TempDir::with_prefix("halles-disk-")?;
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(folder.path()).status()?;
        ensure!(status.success(), "a small disk could not be mounted");
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a failed test may have left the server running for a moment.
        drop(Command::new("umount").arg("--lazy").arg(self.path()).status());
    }
}

/// Orders until the server says that the disk is full; returns the confirmed ones.
async fn order_until_full(client: &mut Client, product: i64) -> Result<Vec<String>> {
    let request =
        Request::post("/saga/commande").json(&json!({"produits": [{"produit_id": product, "quantite": 1}]}));
    let mut confirmed = Vec::new();
    for _ in 0..MOST {
        let answer = client.call(&request).await?;
        match (answer.status, answer.problem().as_deref()) {
            (201, _) => confirmed.push(answer.json()?["id"].as_str().context("an id")?.to_owned()),
            // Its stock was still promised; the rest is done when there is room.
            (202, _) => {}
            (503, Some("storage-full")) => {
                ensure!(answer.header("retry-after").is_some(), "{answer:?}");
                return Ok(confirmed);
            }
            _ => bail!("an order was answered {answer}"),
        }
    }
    bail!("{MOST} orders fit on the disk")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_survived() -> Result<()> {
    if !is_root() {
        eprintln!("only root can mount a small disk: the store's page limit stands in for it");
        return fill_a_bounded_store().await;
    }
    let disk = SmallDisk::mount()?;
    let (folder, ballast) = (disk.path().join("data"), disk.path().join("ballast"));
    fs::create_dir(&folder)?;
    fs::write(&ballast, vec![0; BALLAST])?;
    let data = Data::Folder(folder);
    let serve = Serve::on(&data)?;
    let mut server = serve.start_ready().await?;
    let mut client = server.client();
    let product = product(&mut client, "Pomme", 100).await?;
    receive(&mut client, product, 1_000_000).await?;
    let mut confirmed = order_until_full(&mut client, product).await?;
    ensure!(!confirmed.is_empty(), "the disk was full before the first order");

    let path = format!("/commande/{}", confirmed[0]);
    assert_eq!(client.get(&path).await?["etat"], "CONFIRMEE", "reading goes on");
    fs::remove_file(&ballast)?;
    let request =
        Request::post("/saga/commande").json(&json!({"produits": [{"produit_id": product, "quantite": 1}]}));
    let answer = eventually("orders to work again", Duration::from_secs(30), async || {
        let answer = client.call(&request).await?;
        Ok((answer.status == 201).then_some(answer))
    })
    .await?;
    confirmed.push(answer.json()?["id"].as_str().context("an id")?.to_owned());
    ensure!(!server.has_ended()?, "it ended: {}", server.log());

    server.kill9()?;
    let server = serve.start_ready().await?;
    let mut client = server.client();
    for id in &confirmed {
        assert_eq!(client.get(&format!("/commande/{id}")).await?["etat"], "CONFIRMEE", "{id}");
    }
    eventually("the books to be right", Duration::from_secs(30), async || {
        let books = check(&data)?;
        ensure!(books.sound, "{}", books.report);
        Ok(Some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_is_said_and_survived() -> Result<()> {
    fill_a_bounded_store().await
}

/// The same of the store alone, whose size SQLite bounds instead of a disk.
async fn fill_a_bounded_store() -> Result<()> {
    const PAGES: i64 = 120;
    let folder = TempDir::with_prefix("halles-test-")?;
    let engine = Engine::Sqlite { folder: folder.path().to_path_buf(), durability: Durability::Full };
    let bounded = Options { page_limit: Some(PAGES), ..Options::new(engine, vec![retail::SCHEMA]) };
    let store = tokio::task::spawn_blocking(move || Store::open(bounded)).await??;
    let write = |number: i64, size: usize| {
        let text = "x".repeat(size);
        store.run(Call::new("test.fill", retail::CATALOGUE), move |tx, _| {
            let sql = "INSERT INTO shop (id, name, district, active) VALUES ($1, $2, 'Les Halles', true)";
            Ok::<_, Failure<std::convert::Infallible>>(tx.execute(sql, &params![number, &text])?)
        })
    };
    let mut written = 0;
    let refusal = loop {
        match write(written + 1, 4_000).await {
            Ok(_) => written += 1,
            Err(refusal) => break refusal,
        }
        ensure!(written < PAGES, "the store does not fill");
    };
    ensure!(matches!(refusal, CallError::Unavailable(Unavailable::Full)), "{refusal:?}");
    ensure!(written > 0, "the store was full from the start");
    let count = store.read(|tx| {
        Ok::<_, Unavailable>(tx.query_one("SELECT COUNT(*) FROM shop", &[], |row| row.get::<i64>(0))?)
    });
    assert_eq!(count.await?, written, "what was written is there, what was refused is not");
    Ok(())
}
