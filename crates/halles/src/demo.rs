//! `--demo`: the invented chain, its offers and its city, made once.

use std::sync::Arc;
use std::time::Instant;

use city::City;
use kernel::Currency;
use retail::demo::Loaded;
use store::Store;

use crate::product_stock::RetailStock;

/// Loads the demo data into an empty store; leaves what a store has of it alone, and one with other data altogether.
pub(crate) async fn load(store: &Store, currency: Currency) -> anyhow::Result<()> {
    let started = Instant::now();
    let progress = |done, all| tracing::debug!(done, all, "making the demo data");
    let chain = retail::demo::load(store, currency, store.now().paris_day(), progress).await?;
    if chain == Loaded::NotEmpty {
        tracing::warn!("this store holds other data: no demo data was made");
        return Ok(());
    }
    // The offers come after the chain, also to one that was made by a version that had none.
    let offers = offers::demo::load(store, Arc::new(RetailStock)).await?;
    if chain == Loaded::Before && offers == offers::demo::Loaded::Before {
        tracing::info!("the demo data is there already");
    } else {
        let seconds = started.elapsed().as_secs_f32();
        tracing::info!(seconds, "demo data made: invented shops, products, people and offers");
    }
    Ok(())
}

/// Takes the demonstration's city in, unless there is any other data of a city, or was.
pub(crate) async fn load_city(city: &City) {
    let started = Instant::now();
    match city::demo::load(city).await {
        Ok(city::demo::Loaded::Now) => {
            let seconds = started.elapsed().as_secs_f32();
            tracing::info!(seconds, "demo data made: an invented city's traffic, up to yesterday");
        }
        Ok(city::demo::Loaded::Before) => tracing::debug!("there is data of a city already"),
        Err(error) => tracing::warn!(%error, "the invented city could not be taken in"),
    }
}
