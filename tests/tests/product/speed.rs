//! The benchmark works, and still compares with the statements that the product runs. How fast it is, only a
//! release build tells.

use std::time::Duration;

use anyhow::{Result, ensure};
use product_tests::bench::{Options, orders};

#[test]
fn the_benchmark_measures_everything() -> Result<()> {
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
