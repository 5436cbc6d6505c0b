//! Callers who ask one thing after the other, all at once, for a time.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::task::JoinSet;

use super::latency::Latencies;
use crate::http::Connection;

/// Callers at a time, where nothing else is said.
pub(super) const CALLERS: usize = 256;
/// What is done before this much time has passed is not counted.
pub(super) const WARM_UP: Duration = Duration::from_millis(500);

/// What callers got done.
#[derive(Debug)]
pub(super) struct Throughput {
    /// Calls per second, after the warm-up.
    pub(super) per_second: f64,
    /// How long each of them took.
    pub(super) latencies: Latencies,
}

/// Somebody who asks.
pub(super) trait Caller: Send + 'static {
    /// Asks once and waits until it is done.
    fn call(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// Lets all of them call for a time, and counts what ended in it.
pub(super) async fn drive<C: Caller>(
    callers: impl IntoIterator<Item = C>,
    time: Duration,
) -> Result<Throughput> {
    let mut running = JoinSet::new();
    let start = Instant::now() + WARM_UP;
    for caller in callers {
        running.spawn(call(caller, (start, start + time)));
    }
    let mut latencies = Latencies::default();
    while let Some(times) = running.join_next().await {
        latencies.add(times.context("a caller")??);
    }
    Ok(Throughput { per_second: latencies.per_second(time), latencies })
}

async fn call(mut caller: impl Caller, (from, until): (Instant, Instant)) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    loop {
        let began = Instant::now();
        caller.call().await?;
        let now = Instant::now();
        if now >= until {
            return Ok(times);
        }
        if now >= from {
            times.push(now - began);
        }
    }
}

/// A caller over HTTP, on a connection of its own.
pub(super) struct HttpCaller<S> {
    connection: Connection,
    source: S,
    request: Vec<u8>,
    status: u16,
}

impl<S: FnMut(&mut Vec<u8>)> HttpCaller<S> {
    /// Connects; `source` writes each request into an empty buffer, and each must be answered with `status`.
    pub(super) async fn open(address: SocketAddr, status: u16, source: S) -> Result<Self> {
        let connection = Connection::open(address).await.context("connecting")?;
        Ok(Self { connection, source, request: Vec::new(), status })
    }
}

impl<S: FnMut(&mut Vec<u8>) + Send + 'static> Caller for HttpCaller<S> {
    async fn call(&mut self) -> Result<()> {
        self.request.clear();
        (self.source)(&mut self.request);
        let received = self.connection.exchange(&self.request).await?;
        if received.status != self.status {
            bail!("{} was expected, not {}", self.status, received.to_answer());
        }
        Ok(())
    }
}

/// A source of requests that were made beforehand, in turn.
pub(super) fn in_turn(requests: Vec<Vec<u8>>) -> impl FnMut(&mut Vec<u8>) + Send + 'static {
    let mut next = 0;
    move |buffer| {
        buffer.extend_from_slice(&requests[next]);
        next = (next + 1) % requests.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sleeper(Duration);

    impl Caller for Sleeper {
        async fn call(&mut self) -> Result<()> {
            tokio::time::sleep(self.0).await;
            Ok(())
        }
    }

    #[tokio::test]
    async fn calls_are_counted_after_the_warm_up() -> Result<()> {
        let callers = [5, 5, 5, 5].map(|millis| Sleeper(Duration::from_millis(millis)));
        let mut done = drive(callers, Duration::from_millis(200)).await?;
        // At most 4 × 40 in 200 ms; a busy machine does fewer.
        assert!((1.0..=800.0).contains(&done.per_second), "{done:?}");
        assert!(done.latencies.quantile(0.5) >= 5.0);
        Ok(())
    }

    #[test]
    fn requests_come_in_turn() {
        let mut source = in_turn(vec![b"a".to_vec(), b"b".to_vec()]);
        let mut seen = Vec::new();
        for _ in 0..3 {
            source(&mut seen);
        }
        assert_eq!(seen, b"aba");
    }
}
