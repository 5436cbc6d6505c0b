//! A chain with ten thousand products, and callers who order from it in process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kernel::{Currency, IdSource, Money, OrderId, PaymentId, PlaceId, ProductId, Quantity, SystemIds};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use retail::order::commands::NewOrder;
use retail::order::metrics::SagaMetrics;
use retail::order::saga::{Saga, SagaSettings, Told};
use retail::payment::simulated::Simulated;
use store::{Call, Durability, Engine, Failure, Options, Store, params};
use telemetry::Metrics;
use tokio::task::JoinSet;

use super::super::latency::Latencies;
use super::super::load::{CALLERS, Throughput, WARM_UP};
use crate::halles::Data;

/// How many products there are.
pub(super) const PRODUCTS: i64 = 10_000;
/// The price of each, in cents: an order of two stays under the simulator's limit of 500.00.
const PRICE: i64 = 700;
/// More than any run can sell.
const UNITS: i64 = 1_000_000_000;
const LIMIT: i64 = 50_000;

/// Which products are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Demand {
    /// Any two of ten thousand.
    Uniform,
    /// Always the same two.
    Hot,
}

impl Demand {
    /// Two different products, the smaller first.
    pub(super) fn pair(self, rng: &mut impl Rng) -> (i64, i64) {
        match self {
            Self::Hot => (1, 2),
            Self::Uniform => {
                let first = rng.random_range(1..=PRODUCTS);
                let other = rng.random_range(1..PRODUCTS);
                let second = if other >= first { other + 1 } else { other };
                (first.min(second), first.max(second))
            }
        }
    }
}

/// The engine over this data, as the product opens it: every commit reaches the disk.
fn engine(data: &Data) -> Engine {
    match data {
        Data::Folder(folder) => Engine::Sqlite { folder: folder.clone(), durability: Durability::Full },
        Data::Database(url) => Engine::Postgres { url: url.clone() },
    }
}

/// Opens a store with all tables, as the product has them; not from within a runtime's own threads.
fn open(data: &Data) -> Result<Store> {
    Ok(Store::open(Options::new(engine(data), halles::database::SCHEMAS.to_vec()))?)
}

/// Fills an empty store with the products and their stock.
pub(in crate::bench) async fn fill(data: &Data) -> Result<()> {
    /// One command for each keeps all of them short.
    const CHUNKS: i64 = 10;
    let store = {
        let data = data.clone();
        tokio::task::spawn_blocking(move || open(&data)).await??
    };
    for chunk in 0..CHUNKS {
        let call = Call::new("bench.fill", retail::STOCK);
        let filled = store.run(call, move |tx, now| {
            let products = 1 + chunk * PRODUCTS / CHUNKS..=(chunk + 1) * PRODUCTS / CHUNKS;
            let texts: Vec<(i64, String)> = products.map(|id| (id, format!("produit {id}"))).collect();
            tx.execute_each(
                "INSERT INTO product (id, name, name_key, description, category, price_minor, active, created_at, updated_at)
                 VALUES ($1, $2, $2, '', 'Essais', $3, $4, $5, $5)",
                texts.iter().map(|(id, name)| params![*id, name, PRICE, true, now]),
            )?;
            tx.execute_each(
                "INSERT INTO stock_level (place_id, product_id, initial, on_hand, reserved, low, reorder, overstock)
                 VALUES (0, $1, $2, $2, 0, 5, 20, 100)",
                texts.iter().map(|(id, _)| params![*id, UNITS]),
            )?;
            Ok::<_, Failure<std::convert::Infallible>>(())
        });
        filled.await.map_err(|error| anyhow::anyhow!("filling the store: {error:?}"))?;
    }
    close(store).await
}

async fn close(store: Store) -> Result<()> {
    Ok(tokio::task::spawn_blocking(move || store.close()).await?)
}

/// Lets [`CALLERS`] callers order, each one order of two lines after the other, through the saga and its simulated
/// payment, for a time.
pub(super) async fn order(data: &Data, demand: Demand, time: Duration) -> Result<Throughput> {
    let store = {
        let data = data.clone();
        tokio::task::spawn_blocking(move || open(&data)).await??
    };
    order_on(store, demand, time).await
}

/// The same on a store that is open, and that is closed then; others may be at work on it.
pub(in crate::bench) async fn order_on(store: Store, demand: Demand, time: Duration) -> Result<Throughput> {
    let provider = Arc::new(Simulated::new(store.clone(), Money::from_minor(LIMIT, Currency::EUR)));
    let settings = SagaSettings {
        currency: Currency::EUR,
        reservation_seconds: 900,
        provider_timeout: Duration::from_secs(10),
    };
    let metrics = SagaMetrics::register(&Metrics::new());
    let saga = Arc::new(Saga::new(store.clone(), provider, settings, metrics, SystemIds.next(store.now())));
    let start = Instant::now() + WARM_UP;
    let mut callers = JoinSet::new();
    for (seed, _) in (0_u64..).zip(0..CALLERS) {
        let rng = StdRng::seed_from_u64(seed);
        callers.spawn(call(Arc::clone(&saga), store.clone(), demand, rng, (start, start + time)));
    }
    let mut latencies = Latencies::default();
    while let Some(result) = callers.join_next().await {
        latencies.add(result.context("a caller")??);
    }
    drop(saga);
    close(store).await?;
    Ok(Throughput { per_second: latencies.per_second(time), latencies })
}

/// One caller, who counts what ended within a span of time.
async fn call(
    saga: Arc<Saga>,
    store: Store,
    demand: Demand,
    mut rng: StdRng,
    (from, until): (Instant, Instant),
) -> Result<Vec<Duration>> {
    let one = Quantity::new(1).context("one is a quantity")?;
    let mut times = Vec::new();
    loop {
        let began = Instant::now();
        let (first, second) = demand.pair(&mut rng);
        let new = NewOrder {
            id: OrderId(SystemIds.next(store.now())),
            payment_id: PaymentId(SystemIds.next(store.now())),
            client: None,
            place: PlaceId::CENTRE,
            lines: vec![(ProductId(first), one), (ProductId(second), one)],
            from_basket: false,
            currency: Currency::EUR,
            reservation_seconds: saga.reservation_seconds(),
            provider: Simulated::NAME,
            lease: saga.lease(),
            key: None,
        };
        match saga.order(new, false).await? {
            Told::Answer(answer) if answer.status == 201 => {}
            told @ (Told::Answer(_) | Told::Claimed(_) | Told::Refused(_)) => {
                bail!("an order was answered {told:?}")
            }
        }
        let now = Instant::now();
        if now >= until {
            return Ok(times);
        }
        if now >= from {
            times.push(now - began);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_two_products_in_order() {
        let mut rng = StdRng::seed_from_u64(7);
        for _ in 0..1_000 {
            let (first, second) = Demand::Uniform.pair(&mut rng);
            assert!(1 <= first && first < second && second <= PRODUCTS, "{first} {second}");
        }
    }
}
