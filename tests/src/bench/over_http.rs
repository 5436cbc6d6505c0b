//! The product over HTTP, with the load generator on the same cores.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::task::JoinSet;

use super::chain::{CALLERS, Demand, PRODUCTS, Throughput, WARM_UP};
use super::latency::Latencies;
use crate::http::{Connection, Request};

/// How many different requests each connection sends in turn.
const VARIANTS: usize = 64;

/// Orders of two lines on [`CALLERS`] connections for a time.
pub(super) async fn orders(address: SocketAddr, demand: Demand, time: Duration) -> Result<Throughput> {
    let request = move |rng: &mut StdRng| {
        let (first, second) = demand.pair(rng);
        let lines = [first, second].map(|product| json!({"produit_id": product, "quantite": 1}));
        Request::post("/saga/commande").json(&json!({"produits": lines}))
    };
    drive(address, request, 201, time).await
}

/// Reads of single products on [`CALLERS`] connections for a time.
pub(super) async fn product_reads(address: SocketAddr, time: Duration) -> Result<Throughput> {
    let request = |rng: &mut StdRng| Request::get(&format!("/produits/{}", rng.random_range(1..=PRODUCTS)));
    drive(address, request, 200, time).await
}

async fn drive(
    address: SocketAddr,
    request: impl Fn(&mut StdRng) -> Request,
    status: u16,
    time: Duration,
) -> Result<Throughput> {
    let mut connections = JoinSet::new();
    let start = Instant::now() + WARM_UP;
    for (seed, _) in (0_u64..).zip(0..CALLERS) {
        let mut rng = StdRng::seed_from_u64(seed);
        let requests: Arc<[Vec<u8>]> = (0..VARIANTS).map(|_| request(&mut rng).bytes()).collect();
        connections.spawn(ask(address, requests, status, (start, start + time)));
    }
    let mut latencies = Latencies::default();
    while let Some(times) = connections.join_next().await {
        latencies.add(times.context("a connection")??);
    }
    Ok(Throughput { per_second: latencies.per_second(time), latencies })
}

async fn ask(
    address: SocketAddr,
    requests: Arc<[Vec<u8>]>,
    status: u16,
    (from, until): (Instant, Instant),
) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(address).await?;
    let mut times = Vec::new();
    for request in requests.iter().cycle() {
        let began = Instant::now();
        let received = connection.exchange(request).await?;
        if received.status != status {
            bail!("{status} was expected, not {}", received.to_answer());
        }
        let now = Instant::now();
        if now >= until {
            break;
        }
        if now >= from {
            times.push(now - began);
        }
    }
    Ok(times)
}
