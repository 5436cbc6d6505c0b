//! `--demo`: the invented chain, made once.

use kernel::Currency;
use retail::demo::Loaded;
use store::Store;

/// Loads the demo data into an empty store; leaves a store that has it alone.
pub(crate) async fn load(store: &Store, currency: Currency) -> anyhow::Result<()> {
    let started = std::time::Instant::now();
    let progress = |done, all| tracing::debug!(done, all, "making the demo data");
    match retail::demo::load(store, currency, store.now().paris_day(), progress).await? {
        Loaded::Now => {
            let seconds = started.elapsed().as_secs_f32();
            tracing::info!(seconds, "demo data made: invented shops, products and people");
        }
        Loaded::Before => tracing::info!("the demo data is there already"),
        Loaded::NotEmpty => tracing::warn!("this store holds other data: no demo data was made"),
    }
    Ok(())
}
