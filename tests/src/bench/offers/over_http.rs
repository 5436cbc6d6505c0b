//! The product's offers over HTTP, with the load generator on the same cores.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::super::latency::Latencies;
use super::super::load::{HttpCaller, Throughput, drive, in_turn};
use super::world;
use crate::http::{Client, Request};
use crate::offers::track;

/// Connections that ask for recommendations.
pub(super) const ASKERS: usize = 64;
/// How many different requests each connection sends in turn.
const VARIANTS: usize = 256;
/// How often it is measured how soon an event is seen.
const LOOKS: usize = 200;

/// Three offers for one person after the other.
pub(super) async fn recommendations(address: SocketAddr, users: usize, time: Duration) -> Result<Throughput> {
    let mut callers = Vec::with_capacity(ASKERS);
    for (seed, _) in (0_u64..).zip(0..ASKERS) {
        let mut rng = StdRng::seed_from_u64(seed);
        let requests = (0..VARIANTS).map(|_| {
            let user = world::user_id(rng.random_range(0..users));
            Request::post("/offers/recommend").json(&json!({"user_id": user})).bytes()
        });
        callers.push(HttpCaller::open(address, 200, in_turn(requests.collect())).await?);
    }
    drive(callers, time).await
}

/// How long after the answer to an event a person's profile, which is what the next decision goes by, has it.
pub(super) async fn visibility(address: SocketAddr) -> Result<Latencies> {
    let mut client = Client::new(address);
    let mut times = Vec::with_capacity(LOOKS);
    for number in 0..LOOKS {
        let (user, offer) = (format!("V{number}"), world::offer_id(number));
        track(&mut client, &user, &offer, "ADD_TO_CART").await?.expect(200)?;
        let told = Instant::now();
        loop {
            let profile = client.call(&Request::get(&format!("/users/{user}/profile"))).await?;
            let is_there = profile.status == 200
                && profile.json()?["affinities"][0]["category"] == world::category(number);
            if is_there {
                times.push(told.elapsed());
                break;
            }
            ensure!(told.elapsed() < Duration::from_secs(10), "an event is not seen: {profile}");
        }
    }
    let mut latencies = Latencies::default();
    latencies.add(times);
    Ok(latencies)
}
