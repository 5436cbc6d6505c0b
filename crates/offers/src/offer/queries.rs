//! Reading offers.

pub mod invariants;

use kernel::{ProductId, Timestamp};
use store::{DbError, RowRef, Tx, params};

use super::{Offer, Priority, Status, Stored};
use crate::names::{Category, OfferId};

/// Whether there has ever been an offer.
pub fn is_any(tx: &mut Tx<'_>) -> Result<bool, DbError> {
    let any = tx.query_opt("SELECT id FROM offer LIMIT 1", &[], |row| row.get::<String>(0))?;
    Ok(any.is_some())
}

/// A statement that reads whole offers, in the order that [`read`] expects.
macro_rules! select_offers {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, category, discount_type, discount_value, priority, inventory_effective, inventory_own,
                    expires_at, min_purchase, max_discount, target_segments, margin_percent, product_id, status,
                    out_since, low_told, deleted, version FROM offer ",
            $rest
        )
    };
}

/// One offer, unless it has been deleted.
pub fn offer(tx: &mut Tx<'_>, id: &OfferId) -> Result<Option<Offer>, DbError> {
    tx.query_opt(select_offers!("WHERE id = $1 AND NOT deleted"), &params![id], |row| Ok(read(row)?.offer))
}

/// Which offers a list holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only this category.
    pub category: Option<Category>,
    /// Only this status.
    pub status: Option<Status>,
    /// Only those after this one.
    pub after: Option<OfferId>,
}

/// Up to `limit` of the offers that a filter lets through, by id.
pub fn page(tx: &mut Tx<'_>, filter: &Filter, limit: i64) -> Result<Vec<Offer>, DbError> {
    tx.query(
        select_offers!(
            "WHERE id > $1 AND NOT deleted AND ($2 IS NULL OR category = $2) AND ($3 IS NULL OR status = $3)
             ORDER BY id LIMIT $4"
        ),
        &params![
            filter.after.as_ref().map_or("", OfferId::as_str),
            &filter.category,
            filter.status.map(Status::name),
            limit
        ],
        |row| Ok(read(row)?.offer),
    )
}

/// Some offers as they are stored, deleted ones too; unknown ones are absent.
pub(crate) fn stored(tx: &mut Tx<'_>, ids: &[&OfferId]) -> Result<Vec<Stored>, DbError> {
    tx.query_each(select_offers!("WHERE id = $1"), ids.iter().map(|id| params![*id]), |_, row| read(row))
}

/// The offers that are tied to some products.
pub(crate) fn tied(tx: &mut Tx<'_>, products: &[ProductId]) -> Result<Vec<Stored>, DbError> {
    tx.query_each(
        select_offers!("WHERE product_id = $1 AND NOT deleted ORDER BY id"),
        products.iter().map(|product| params![*product]),
        |_, row| read(row),
    )
}

/// Up to `limit` of the products that offers are tied to, after one of them.
pub(crate) fn tied_products(
    tx: &mut Tx<'_>,
    after: ProductId,
    limit: i64,
) -> Result<Vec<ProductId>, DbError> {
    tx.query(
        "SELECT DISTINCT product_id FROM offer WHERE product_id IS NOT NULL AND product_id > $1 AND NOT deleted
         ORDER BY product_id LIMIT $2",
        &params![after, limit],
        |row| row.get(0),
    )
}

/// Up to `limit` of the offers whose time is over and that do not say so yet, the longest over first.
pub(crate) fn due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<Stored>, DbError> {
    tx.query(
        select_offers!(
            "WHERE expires_at IS NOT NULL AND expires_at <= $1 AND status <> 'EXPIRED' AND NOT deleted
             ORDER BY expires_at, id LIMIT $2"
        ),
        &params![now, limit],
        read,
    )
}

/// The highest number of an id such as `OFF012`, 0 when there is none.
pub(crate) fn highest_number(tx: &mut Tx<'_>) -> Result<i64, DbError> {
    tx.query_one("SELECT COALESCE(MAX(number), 0) FROM offer WHERE number IS NOT NULL", &[], |row| row.get(0))
}

fn read(row: RowRef<'_>) -> Result<Stored, DbError> {
    let offer = Offer {
        id: row.get(0)?,
        name: row.get(1)?,
        category: row.get(2)?,
        discount_type: parsed(&row.get::<String>(3)?)?,
        discount_value: row.get(4)?,
        priority: priority(row.get(5)?)?,
        inventory: row.get(6)?,
        inventory_own: row.get(7)?,
        expires_at: row.get_opt(8)?,
        min_purchase: row.get_opt(9)?,
        max_discount: row.get_opt(10)?,
        target_segments: serde_json::from_str(&row.get::<String>(11)?)
            .map_err(|error| DbError::Decode(error.to_string()))?,
        margin_percent: row.get_opt(12)?,
        product: row.get_opt(13)?,
        status: parsed(&row.get::<String>(14)?)?,
    };
    Ok(Stored {
        offer,
        out_since: row.get_opt(15)?,
        low_told: row.get(16)?,
        deleted: row.get(17)?,
        version: row.get(18)?,
    })
}

/// A stored priority.
pub(crate) fn priority(stored: i64) -> Result<Priority, DbError> {
    Priority::new(stored).map_err(|error| DbError::Decode(format!("a stored priority {error}")))
}

/// A stored text that is one of a few names.
pub(crate) fn parsed<T: std::str::FromStr<Err = &'static str>>(stored: &str) -> Result<T, DbError> {
    stored.parse().map_err(|error| DbError::Decode(format!("a stored name {error}")))
}
