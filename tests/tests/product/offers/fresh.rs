//! No stale offer: once the write that empties it is answered, no later answer has it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use product_tests::http::{Client, Connection, Request};
use product_tests::offers::{set_inventory, track};
use serde_json::json;
use tokio::task::JoinSet;

use super::demo;
use crate::folder;

const READERS: usize = 4;
const ROUNDS: u64 = 1_000;
/// A look takes about a millisecond.
const SOON: Duration = Duration::from_secs(20);

/// What writer and readers know of the offer.
#[derive(Default)]
struct Moment {
    /// Odd while it is known to be empty: from the answer to the write that emptied it to the next write.
    turns: AtomicU64,
    /// How often somebody has looked from beginning to end of an answer while it was.
    looks: AtomicU64,
}

impl Moment {
    fn now(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }

    fn turn(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until somebody has looked once more.
    async fn looked_at(&self) {
        let before = self.looks.load(Ordering::SeqCst);
        while self.looks.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
    }
}

/// Looks until it is over; returns how often the offer was shown.
async fn read(address: SocketAddr, moment: Arc<Moment>, over: Arc<AtomicBool>) -> Result<u64> {
    let request = Request::post("/offers/recommend").json(&json!({"user_id": "USER001"})).bytes();
    let mut connection = Connection::open(address).await?;
    let mut shown = 0;
    while !over.load(Ordering::SeqCst) {
        let before = moment.now();
        let answer = connection.exchange(&request).await?.to_answer().expect(200)?;
        let has_it = answer.body.windows(6).any(|window| window == b"OFF001");
        // The same moment before and after: the offer was empty all the time.
        if before % 2 == 1 && moment.now() == before {
            ensure!(!has_it, "OFF001 was shown after it was out: {answer}");
            moment.looks.fetch_add(1, Ordering::SeqCst);
        }
        shown += u64::from(has_it);
    }
    Ok(shown)
}

/// Empties the offer in turn by setting it to nothing and by redeeming its last unit, and fills it again.
async fn write(client: &mut Client, moment: &Moment) -> Result<()> {
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            set_inventory(client, "OFF001", 0).await?.expect(200)?;
        } else {
            set_inventory(client, "OFF001", 1).await?.expect(200)?;
            track(client, "USER002", "OFF001", "REDEMPTION").await?.expect(200)?;
        }
        moment.turn();
        let looked = tokio::time::timeout(SOON, moment.looked_at()).await;
        moment.turn();
        looked.context("the readers have stopped")?;
        set_inventory(client, "OFF001", 50).await?.expect(200)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_and_readers_race() -> Result<()> {
    let (_folder, data) = folder()?;
    let server = demo(&data).await?;
    let (moment, over): (Arc<Moment>, Arc<AtomicBool>) = Default::default();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read(server.address(), Arc::clone(&moment), Arc::clone(&over)));
    }
    let written = write(&mut server.client(), &moment).await;
    over.store(true, Ordering::SeqCst);
    let mut shown = 0;
    while let Some(reader) = readers.join_next().await {
        shown += reader??;
    }
    written?;
    ensure!(shown > ROUNDS / 10, "it was hardly ever shown in between: {shown} times");
    Ok(())
}
