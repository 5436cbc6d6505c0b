//! A city stall of a command's own: nobody else writes to its data.

use std::future::Future;

use city::City;
use store::{Engine, OpenError, Store};
use telemetry::Metrics;
use web::Drain;

use super::stall;
use crate::config::Settings;
use crate::database;

/// Opens the store, lets `work` have its city stall, and closes it again; Ctrl-C stops the work where nothing is half
/// done. `instead` is the call that a running server answers in the command's place.
pub(super) async fn with_city<T, F>(
    settings: &Settings,
    instead: &str,
    work: impl FnOnce(City) -> F,
) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let options = database::options(settings);
    let alone = matches!(options.engine, Engine::Sqlite { .. });
    let store = tokio::task::spawn_blocking(move || Store::open(options)).await?.map_err(|error| {
        let hint = if matches!(error, OpenError::InUse { .. }) { instead } else { "" };
        anyhow::anyhow!("{error}{hint}")
    })?;
    let drain = Drain::new();
    let stopping = drain.clone();
    let signals = tokio::spawn(async move {
        if crate::serve::signalled().await.is_ok() {
            stopping.start();
        }
    });
    let city = stall(settings, &store, &Metrics::new(), &drain);
    if alone {
        city.open(alone);
        city.release_claims().await;
    }
    let done = work(city).await;
    signals.abort();
    tokio::task::spawn_blocking(move || store.close()).await?;
    done
}
