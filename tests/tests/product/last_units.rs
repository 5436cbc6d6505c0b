//! Two thousand buyers at once for five hundred units.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use product_tests::catalogue::{CENTRE, Level, levels, product, receive};
use product_tests::halles::{Data, Serve, check};
use product_tests::http::{Connection, Request};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::{database, folder};

const BUYERS: usize = 2_000;
const UNITS: i64 = 500;
/// A connection of each buyer here, one in the server (which inherits the limit), and some for everything else.
const FILES: u64 = 2_500;

/// Lets this process and its children hold a connection for every buyer.
fn allow_many_files() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < FILES) {
        limit.current = Some(FILES);
        setrlimit(Resource::Nofile, limit)
            .with_context(|| format!("allow {FILES} open files: `ulimit -Hn {FILES}`"))?;
    }
    Ok(())
}

/// Connects, waits for all the others, then buys one unit.
async fn buy(address: SocketAddr, request: Arc<Vec<u8>>, start: Arc<Barrier>) -> Result<u16> {
    let mut connection = Connection::open(address).await.context("connecting")?;
    start.wait().await;
    let received = connection.exchange(&request).await?;
    match received.status {
        status @ (201 | 409) => Ok(status),
        _ => bail!("a buyer was answered {}", received.to_answer()),
    }
}

async fn exactly_as_many_as_there_are(data: Data) -> Result<()> {
    allow_many_files()?;
    let server = Serve::on(&data)?.start_ready().await?;
    let mut client = server.client();
    let product = product(&mut client, "Dernier", 100).await?;
    receive(&mut client, product, UNITS).await?;
    let body = json!({"produits": [{"produit_id": product, "quantite": 1}]});
    let request = Arc::new(Request::post("/saga/commande").json(&body).bytes());
    let start = Arc::new(Barrier::new(BUYERS));
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        buyers.spawn(buy(server.address(), Arc::clone(&request), Arc::clone(&start)));
    }
    let mut told = BTreeMap::new();
    while let Some(status) = buyers.join_next().await {
        *told.entry(status??).or_insert(0_i64) += 1;
    }
    let refused = i64::try_from(BUYERS)? - UNITS;
    assert_eq!(told, BTreeMap::from([(201, UNITS), (409, refused)]));
    let level = levels(&mut client, CENTRE).await?.get(&product).copied();
    assert_eq!(level, Some(Level::default()), "nothing is left, nothing is promised");
    let books = check(&data)?;
    ensure!(books.sound, "{}", books.report);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_units_for_two_thousand_buyers_on_sqlite() -> Result<()> {
    let (_folder, data) = folder()?;
    exactly_as_many_as_there_are(data).await
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_units_for_two_thousand_buyers_on_postgresql() -> Result<()> {
    exactly_as_many_as_there_are(database()).await
}
