//! `--demo`: the invented chain and its offers, made once.

use std::sync::Arc;
use std::time::Instant;

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
