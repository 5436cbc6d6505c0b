//! What tracking has to know of offers.

use std::collections::HashMap;

use kernel::Timestamp;
use store::{DbError, Tx, params};

use crate::learn::OfferFeatures;
use crate::names::{Category, OfferId};
use crate::offer::{Amount, DiscountType};
use crate::rank::signals;

/// An offer as the events about it see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    /// Its category.
    pub(super) category: Category,
    priority: i64,
    inventory: i64,
    expires_at: Option<Timestamp>,
    discount: f32,
}

impl Standing {
    /// Its signals at an instant.
    pub(super) fn features(&self, now: Timestamp) -> OfferFeatures {
        #[expect(clippy::cast_precision_loss, reason = "1 to 100")]
        let priority = self.priority as f32;
        OfferFeatures {
            priority,
            urgency: signals::urgency(self.expires_at, now),
            inventory: signals::inventory(self.inventory),
            discount: self.discount,
        }
    }
}

/// How some offers stand; those that do not exist, or not any more, are left out.
pub(super) fn standings<'o>(
    tx: &mut Tx<'_>,
    offers: &[&'o OfferId],
) -> Result<HashMap<&'o OfferId, Standing>, DbError> {
    let rows = tx.query_each(
        "SELECT category, priority, inventory_effective, expires_at, discount_type, discount_value, min_purchase
         FROM offer WHERE id = $1 AND NOT deleted",
        offers.iter().map(|id| params![*id]),
        |index, row| {
            let kind: DiscountType = row.get::<String>(4)?.parse().map_err(|error: &str| DbError::Decode(error.into()))?;
            let amount = |at| row.get_opt::<Amount>(at);
            let standing = Standing {
                category: row.get(0)?,
                priority: row.get(1)?,
                inventory: row.get(2)?,
                expires_at: row.get_opt(3)?,
                discount: signals::discount_of(kind, row.get(5)?, amount(6)?),
            };
            Ok((offers[index], standing))
        },
    )?;
    Ok(rows.into_iter().collect())
}
