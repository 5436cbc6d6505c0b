//! Starting, stopping, and being the only one on a folder.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use product_tests::catalogue::{product, receive};
use product_tests::halles::{Data, Serve, check};
use product_tests::http::{Connection, Request};
use serde_json::{Value, json};
use testkit::ServerProcess;
use tokio::task::JoinSet;

use crate::{database, folder, is_root};

/// The configured time to drain is 10 s; nothing here needs it.
const DRAINED: Duration = Duration::from_secs(10);
const CALLERS: usize = 32;

/// Orders one after the other until the server is gone; returns the confirmed ones. A request that has been sent is
/// answered or was never taken on.
async fn order_until_gone(address: SocketAddr, product: i64) -> Result<Vec<String>> {
    let request =
        Request::post("/saga/commande").json(&json!({"produits": [{"produit_id": product, "quantite": 1}]}));
    let (request, mut confirmed) = (request.bytes(), Vec::new());
    let mut connection = Connection::open(address).await?;
    while let Ok(received) = connection.exchange(&request).await {
        let answer = received.to_answer();
        match answer.status {
            201 => confirmed.push(answer.json()?["id"].as_str().context("an id")?.to_owned()),
            // It came too late to be begun.
            503 => {}
            _ => anyhow::bail!("an order was answered {answer}"),
        }
        if answer.header("connection") == Some("close") {
            break;
        }
    }
    Ok(confirmed)
}

async fn sigterm_drains(data: Data) -> Result<()> {
    let serve = Serve::on(&data)?;
    let mut server = serve.start_ready().await?;
    let mut client = server.client();
    let product = product(&mut client, "Pomme", 100).await?;
    receive(&mut client, product, 1_000_000).await?;
    // A stream that never ends by itself must not keep the server from ending.
    let (answer, mut stream) = client.follow(&Request::get("/evenements/flux")).await?;
    answer.expect(200)?;

    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(order_until_gone(server.address(), product));
    }
    while stream.next(DRAINED).await?.context("an event")?.kind != "halles.order.confirmed" {}
    let start = Instant::now();
    server.terminate()?;
    let mut confirmed = Vec::new();
    while let Some(orders) = callers.join_next().await {
        confirmed.extend(orders??);
    }
    let status = server.wait(DRAINED)?;
    ensure!(status.success(), "it ended with {status} after {:?}: {}", start.elapsed(), server.log());
    while stream.next(DRAINED).await?.is_some() {}

    ensure!(!confirmed.is_empty(), "nothing was confirmed");
    let server = serve.start_ready().await?;
    let mut client = server.client();
    for id in &confirmed {
        assert_eq!(client.get(&format!("/commande/{id}")).await?["etat"], "CONFIRMEE");
    }
    let books = check(&data)?;
    ensure!(books.sound, "{}", books.report);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_what_is_running_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    sigterm_drains(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_what_is_running_on_postgresql() -> Result<()> {
    sigterm_drains(database()).await
}

/// Runs a server that cannot start, and returns what it says.
fn refused(serve: &Serve) -> Result<String> {
    let limit = Duration::from_secs(30);
    let mut process = ServerProcess::start(serve.command())?;
    // Awaited in vain, until it has said everything and its streams are closed.
    ensure!(process.wait_for_line("listening on ", limit).is_err(), "it said that it listens");
    let status = process.wait(limit)?;
    let log = process.log();
    ensure!(!status.success(), "it ended with {status}: {log}");
    ensure!(!log.contains("panicked"), "{log}");
    Ok(log)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_folder_is_told_who_is_there() -> Result<()> {
    let (_folder, data) = folder()?;
    let serve = Serve::on(&data)?;
    let server = serve.start_ready().await?;
    let said = refused(&serve)?;
    for expected in [format!("process {}", server.pid()), format!("http://{}", server.address())] {
        ensure!(said.contains(&expected), "{expected} is not named: {said}");
    }
    assert_eq!(server.client().get("/health").await?["status"], "healthy", "the first goes on");
    // Reading beside it is allowed.
    ensure!(check(&data)?.sound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_is_free_again_after_a_kill() -> Result<()> {
    let (_folder, data) = folder()?;
    let serve = Serve::on(&data)?;
    serve.start_ready().await?.kill9()?;
    serve.start_ready().await?;
    Ok(())
}

/// A folder that nobody, not even root, can write to.
struct ReadOnly<'a>(&'a Path);

impl<'a> ReadOnly<'a> {
    fn make(folder: &'a Path) -> Result<Self> {
        if is_root() {
            let mounted =
                Command::new("mount").args(["-t", "tmpfs", "-o", "ro", "tmpfs"]).arg(folder).status()?;
            ensure!(mounted.success(), "a read-only file system could not be mounted");
        } else {
            fs::set_permissions(folder, Permissions::from_mode(0o555))?;
        }
        Ok(Self(folder))
    }
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        // Best effort: the folder is a temporary one.
        if is_root() {
            drop(Command::new("umount").arg(self.0).status());
        } else {
            drop(fs::set_permissions(self.0, Permissions::from_mode(0o755)));
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() -> Result<()> {
    let (folder, data) = folder()?;
    let _read_only = ReadOnly::make(folder.path())?;
    let said = refused(&Serve::on(&data)?)?;
    let name = folder.path().display().to_string();
    ensure!(said.contains(&name), "{name} is not named: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_a_newer_program_is_refused() -> Result<()> {
    let (folder, data) = folder()?;
    let serve = Serve::on(&data)?;
    serve.start_ready().await?.kill9()?;
    raise_version(&folder.path().join("halles.db"))?;
    let said = refused(&serve)?;
    ensure!(said.contains("newer"), "{said}");
    Ok(())
}

/// Says in the store that a later version of the program has been there.
#[expect(clippy::disallowed_methods, reason = "plays a later version of the store")]
fn raise_version(file: &Path) -> Result<()> {
    let connection = rusqlite::Connection::open(file)?;
    let changed = connection.execute(
        "INSERT INTO schema_version SELECT stall, version + 1000, name, at FROM schema_version",
        [],
    )?;
    ensure!(changed > 0, "no migration is recorded");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_what_runs() -> Result<()> {
    let (_folder, data) = folder()?;
    for (data, engine) in [(data, "sqlite"), (database(), "postgresql")] {
        let server = Serve::on(&data)?.variable("HALLES_ENV", "essai").start_ready().await?;
        let health = server.client().get("/health").await?;
        let version = health["version"].clone();
        let expected = json!({"status": "healthy", "service": "halles", "version": version, "database": engine, "environment": "essai"});
        assert_eq!(health, expected);
        ensure!(matches!(version, Value::String(_)));
    }
    Ok(())
}
