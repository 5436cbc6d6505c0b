//! What the offers stall wants to know of the stores.

use kernel::ProductId;
use offers::inventory::{ProductLevel, ProductStock};
use retail::stock::queries;
use store::{DbError, Tx};

/// Asks the stores stall, in the caller's own transaction.
#[derive(Debug, Clone, Copy)]
pub struct RetailStock;

impl ProductStock for RetailStock {
    fn levels(&self, tx: &mut Tx<'_>, products: &[ProductId]) -> Result<Vec<ProductLevel>, DbError> {
        let levels = queries::everywhere(tx, products)?.into_iter().map(|found| ProductLevel {
            product: found.slot.1,
            place: found.slot.0,
            available: found.level.available(),
            active_place: found.active_place,
            active_product: found.active_product,
        });
        Ok(levels.collect())
    }
}
