//! The benchmarks work, and the one of orders still compares with the statements that the product runs. How fast it
//! is, only a release build tells.

use std::time::Duration;

use anyhow::{Result, ensure};
use product_tests::bench::{OfferOptions, Options, offers, orders};

#[test]
fn the_benchmark_of_orders_measures_everything() -> Result<()> {
    let options = Options { time: Duration::from_secs(1), sqlite: true, postgres: true, access_log: false };
    let report = orders(&options, |_| ())?;
    for name in [
        "sqlite.uniform/bare",
        "sqlite.hot/uniform",
        "http.orders",
        "http.reads",
        "memory.load",
        "start",
        "demo",
    ] {
        ensure!(report.value(name).is_some_and(|value| value > 0.0), "{name} is missing:\n{report}");
    }
    for name in ["postgres/pgbench.uniform", "postgres/pgbench.hot"] {
        ensure!(report.value(name).is_some_and(|value| value > 0.0), "{name} is missing:\n{report}");
    }
    Ok(())
}

#[test]
fn the_benchmark_of_offers_measures_everything() -> Result<()> {
    let options = OfferOptions { time: Duration::from_secs(1), users: 2_000, peers: false };
    let report = offers(&options, |_| ())?;
    for name in [
        "rank.p99",
        "many/few",
        "linear.p99",
        "memory.server",
        "rebuild",
        "http",
        "events.batch",
        "events.single",
        "events.seen",
    ] {
        ensure!(report.value(name).is_some_and(|value| value > 0.0), "{name} is missing:\n{report}");
    }
    Ok(())
}
