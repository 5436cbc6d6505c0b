//! Event logs that take the same events: the product, NATS `JetStream` and Redis Streams.

mod nats;
mod product;
mod redis;

use std::future::Future;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use testkit::{ServerProcess, TempDir};

use super::super::load::{Caller, Throughput, drive};
use super::world::Events;
use crate::eventually;

pub(super) use nats::{Flush, JetStream};
pub(super) use product::Product;
pub(super) use redis::RedisStreams;

/// Events of a batch.
pub(super) const BATCH: usize = 1_000;
/// Connections that send batches.
pub(super) const BATCHERS: usize = 8;
/// How long a peer's server may take to start.
const START: Duration = Duration::from_secs(20);
/// How long it may leave a first request unanswered.
const ATTEMPT: Duration = Duration::from_secs(2);

/// A server that keeps events.
pub(super) trait EventLog {
    /// A connection to it.
    type Producer: Producer;

    /// Connects.
    fn connect(&self) -> impl Future<Output = Result<Self::Producer>>;
}

/// A connection over which events are sent.
pub(super) trait Producer: Send + 'static {
    /// Sends the events, each once, and returns when the server has acknowledged all of them.
    fn append(&mut self, events: &Batch) -> impl Future<Output = Result<()>> + Send;
}

/// The JSON of some events.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// The events.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn refill(&mut self, events: &mut Events, count: usize) {
        self.bytes.clear();
        self.ends.clear();
        for _ in 0..count {
            events.write(&mut self.bytes);
            self.ends.push(self.bytes.len());
        }
    }
}

/// Events per second that a log takes from `connections`, each with `batch` events at a time, and how long each batch
/// took.
pub(super) async fn measure(
    log: &impl EventLog,
    (connections, batch): (usize, usize),
    time: Duration,
) -> Result<Throughput> {
    let mut callers = Vec::with_capacity(connections);
    for (seed, _) in (0_u64..).zip(0..connections) {
        let producer = log.connect().await?;
        callers.push(Sender { producer, events: Events::new(seed), batch: Batch::default(), count: batch });
    }
    let done = drive(callers, time).await?;
    #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
    Ok(Throughput { per_second: done.per_second * batch as f64, ..done })
}

struct Sender<P> {
    producer: P,
    events: Events,
    batch: Batch,
    count: usize,
}

impl<P: Producer> Caller for Sender<P> {
    async fn call(&mut self) -> Result<()> {
        self.batch.refill(&mut self.events, self.count);
        self.producer.append(&self.batch).await
    }
}

/// A peer's server on data of its own; ended when it is dropped.
struct Server {
    process: ServerProcess,
    address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    fn start(command: Command, port: u16, folder: TempDir) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Ok(Self { process: ServerProcess::start(command)?, address, _folder: folder })
    }

    /// Waits until `attempt` succeeds; one that hangs is given up and made again.
    async fn ready<T>(&self, attempt: impl AsyncFn(SocketAddr) -> Result<T>) -> Result<T> {
        let ready = eventually("the server to be ready", START, async || {
            tokio::time::timeout(ATTEMPT, attempt(self.address)).await?.map(Some)
        });
        ready.await.with_context(|| format!("it said:\n{}", self.process.log()))
    }
}

/// What a program says of its version, or `None` when it is not there.
fn version(programs: &[&'static str], argument: &str) -> Option<(&'static str, String)> {
    programs.iter().find_map(|program| {
        let output = Command::new(program).arg(argument).output().ok()?;
        Some((*program, String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn takes(log: &impl EventLog) -> Result<()> {
        let mut producer = log.connect().await?;
        let mut batch = Batch::default();
        for count in [1, 20] {
            batch.refill(&mut Events::new(1), count);
            producer.append(&batch).await?;
        }
        Ok(())
    }

    /// Peers need not be installed; then they are named with how to get them.
    fn is_told(why: &anyhow::Error) {
        let why = format!("{why:#}");
        assert!(why.contains("apt-get install") || why.contains("does not know"), "{why}");
    }

    #[tokio::test]
    async fn peers_take_events_or_are_told_how_to_be_had() -> Result<()> {
        match RedisStreams::start().await {
            Ok(redis) => takes(&redis).await?,
            Err(why) => is_told(&why),
        }
        for flush in [Flush::Always, Flush::Default] {
            match JetStream::start(flush).await {
                Ok(nats) => takes(&nats).await?,
                Err(why) => is_told(&why),
            }
        }
        Ok(())
    }

    #[test]
    fn a_batch_gives_back_what_was_put_in() -> Result<()> {
        let mut batch = Batch::default();
        batch.refill(&mut Events::new(1), 3);
        assert_eq!((batch.len(), batch.iter().count()), (3, 3));
        for event in batch.iter() {
            serde_json::from_slice::<serde_json::Value>(event)?;
        }
        batch.refill(&mut Events::new(1), 1);
        assert_eq!(batch.len(), 1);
        Ok(())
    }
}
