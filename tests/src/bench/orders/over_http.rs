//! The product over HTTP, with the load generator on the same cores.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::super::load::{CALLERS, HttpCaller, Throughput, drive, in_turn};
use super::chain::{Demand, PRODUCTS};
use crate::http::Request;

/// How many different requests each connection sends in turn.
const VARIANTS: usize = 64;

/// Orders of two lines on [`CALLERS`] connections for a time.
pub(super) async fn orders(address: SocketAddr, demand: Demand, time: Duration) -> Result<Throughput> {
    let request = move |rng: &mut StdRng| {
        let (first, second) = demand.pair(rng);
        let lines = [first, second].map(|product| json!({"produit_id": product, "quantite": 1}));
        Request::post("/saga/commande").json(&json!({"produits": lines}))
    };
    ask(address, request, 201, time).await
}

/// Reads of single products on [`CALLERS`] connections for a time.
pub(super) async fn product_reads(address: SocketAddr, time: Duration) -> Result<Throughput> {
    let request = |rng: &mut StdRng| Request::get(&format!("/produits/{}", rng.random_range(1..=PRODUCTS)));
    ask(address, request, 200, time).await
}

async fn ask(
    address: SocketAddr,
    request: impl Fn(&mut StdRng) -> Request,
    status: u16,
    time: Duration,
) -> Result<Throughput> {
    let mut callers = Vec::with_capacity(CALLERS);
    for (seed, _) in (0_u64..).zip(0..CALLERS) {
        let mut rng = StdRng::seed_from_u64(seed);
        let requests = (0..VARIANTS).map(|_| request(&mut rng).bytes()).collect();
        callers.push(HttpCaller::open(address, status, in_turn(requests)).await?);
    }
    drive(callers, time).await
}
