//! PostgreSQL's own benchmark program, running the same order as one function of the server.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testkit::{PrivatePostgres, TempDir};

use super::chain::{Demand, PRODUCTS};
use crate::halles::Data;
use crate::store_view::StoreView;

/// Clients of pgbench; more make it slower on two cores.
const CLIENTS: &str = "8";
/// What an event about two products takes; in the product one event tells of a whole batch.
const STOCK_EVENT: i64 = 240;

/// The program, or how to get it.
pub(super) fn program(postgres: &PrivatePostgres) -> Result<PathBuf> {
    let beside = postgres.binaries().program("pgbench");
    if beside.is_file() {
        return Ok(beside);
    }
    bail!(
        "pgbench was not found: run `apt-get install -y postgresql-contrib` (or postgresql-client) as root"
    );
}

/// Gives a filled database the function, whose events are as long as those of a run of the product.
pub(super) fn prepare(database: &str, measured: &str) -> Result<()> {
    let measured = StoreView::of(&Data::Database(measured.to_owned()))?;
    let length = |kind: &str| {
        measured.number(&format!(
            "SELECT CAST(AVG(octet_length(data)) AS BIGINT) FROM event WHERE kind = '{kind}'"
        ))
    };
    let function = include_str!("order_function.sql")
        .replace("{stock}", &STOCK_EVENT.to_string())
        .replace("{reserved}", &length("halles.order.reserved")?.to_string())
        .replace("{confirmed}", &length("halles.order.confirmed")?.to_string());
    testkit::Database::parse(database)?.query(&function)?;
    Ok(())
}

/// Orders per second of the function.
pub(super) fn run(postgres: &PrivatePostgres, database: &str, demand: Demand, time: Duration) -> Result<f64> {
    let folder = TempDir::with_prefix("halles-pgbench-")?;
    let script = folder.path().join("order.sql");
    let products = match demand {
        Demand::Hot => "\\set low 1\n\\set high 2\n".to_owned(),
        Demand::Uniform => format!(
            "\\set first random(1, {PRODUCTS})\n\\set other random(1, {})\n\
             \\set second CASE WHEN :other >= :first THEN :other + 1 ELSE :other END\n\
             \\set low least(:first, :second)\n\\set high greatest(:first, :second)\n",
            PRODUCTS - 1
        ),
    };
    fs::write(&script, products + "SELECT bench_order(:low, :high);\n")?;
    let seconds = time.as_secs().max(1).to_string();
    let output = Command::new(program(postgres)?)
        .args(["--no-vacuum", "--protocol=prepared", "--client", CLIENTS, "--jobs=2", "--time", &seconds])
        .args(["--host=127.0.0.1", "--port", &postgres.port().to_string(), "--username=postgres", "--file"])
        .args([script.as_os_str(), database.rsplit('/').next().unwrap_or_default().as_ref()])
        .output()
        .context("running pgbench")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("pgbench ended with {}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    transactions_per_second(&said).with_context(|| format!("pgbench said {said}"))
}

/// The number in `tps = 10900.123456 (without initial connection time)`.
fn transactions_per_second(said: &str) -> Option<f64> {
    said.lines().find_map(|line| line.strip_prefix("tps = "))?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read() {
        let said = "latency average = 1.1 ms\ntps = 3902.500000 (without initial connection time)\n";
        assert_eq!(transactions_per_second(said), Some(3902.5));
        assert_eq!(transactions_per_second("nothing"), None);
    }
}
