//! Reading replenishment requests, and what shops are short of.

use std::collections::HashMap;

use kernel::{Day, Limit, PlaceId, ProductId, ReplenishmentId, ShopId};
use store::{DbError, RowRef, Tx, params};
use uuid::Uuid;

use super::suggestion::{After, Suggestion};
use super::{Replenishment, State};

/// Which requests a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// In one state.
    pub state: Option<State>,
    /// Of one shop.
    pub shop: Option<ShopId>,
    /// Older than this one.
    pub after: Option<ReplenishmentId>,
}

/// One request.
pub fn find(tx: &mut Tx<'_>, id: ReplenishmentId) -> Result<Option<Replenishment>, DbError> {
    tx.query_opt(
        "SELECT id, shop_id, product_id, quantity, received_quantity, state, reason, requested_by, requested_at,
                decided_by, decided_at, received_by, received_at
         FROM replenishment WHERE id = $1",
        &params![id],
        read,
    )
}

/// A page of requests, newest first (ids sort by time).
pub fn page(tx: &mut Tx<'_>, filter: &Filter, limit: Limit) -> Result<Vec<Replenishment>, DbError> {
    let before = filter.after.map_or(Uuid::max(), |id| id.0);
    match filter.state {
        Some(state) => tx.query(
            "SELECT id, shop_id, product_id, quantity, received_quantity, state, reason, requested_by, requested_at,
                    decided_by, decided_at, received_by, received_at
             FROM replenishment WHERE state = $1 AND id < $2 AND ($3 IS NULL OR shop_id = $3)
             ORDER BY id DESC LIMIT $4",
            &params![state.name(), before, filter.shop, limit.probe()],
            read,
        ),
        None => tx.query(
            "SELECT id, shop_id, product_id, quantity, received_quantity, state, reason, requested_by, requested_at,
                    decided_by, decided_at, received_by, received_at
             FROM replenishment WHERE id < $1 AND ($2 IS NULL OR shop_id = $2)
             ORDER BY id DESC LIMIT $3",
            &params![before, filter.shop, limit.probe()],
            read,
        ),
    }
}

/// The levels at or under their reorder threshold of open shops and products that are sold, by shop and product, as
/// suggestions without quantities.
pub(super) fn under_threshold(
    tx: &mut Tx<'_>,
    shop: Option<ShopId>,
    after: Option<After>,
    limit: Limit,
) -> Result<Vec<Suggestion>, DbError> {
    let After(after_shop, after_product) = after.unwrap_or(After(ShopId(0), ProductId(i64::MAX)));
    tx.query(
        "SELECT s.place_id, m.name, s.product_id, p.name, s.on_hand - s.reserved, s.reorder,
                CAST(COALESCE((SELECT SUM(r.quantity) FROM replenishment r
                               WHERE r.shop_id = s.place_id AND r.product_id = s.product_id
                                 AND r.state = 'EN_ATTENTE'), 0) AS BIGINT),
                COALESCE(c.on_hand - c.reserved, 0)
         FROM stock_level s
         JOIN shop m ON m.id = s.place_id AND m.active
         JOIN product p ON p.id = s.product_id AND p.active
         LEFT JOIN stock_level c ON c.place_id = $5 AND c.product_id = s.product_id
         WHERE (s.place_id, s.product_id) > ($1, $2) AND s.on_hand - s.reserved <= s.reorder
           AND ($3 IS NULL OR s.place_id = $3)
         ORDER BY s.place_id, s.product_id LIMIT $4",
        &params![after_shop, after_product, shop, limit.probe(), PlaceId::CENTRE],
        |row| {
            Ok(Suggestion {
                shop: row.get(0)?,
                shop_name: row.get(1)?,
                product: row.get(2)?,
                product_name: row.get(3)?,
                available: row.get(4)?,
                reorder: row.get(5)?,
                sold: 0,
                requested: row.get(6)?,
                centre_available: row.get(7)?,
                needed: 0,
                quantity: 0,
            })
        },
    )
}

/// Units sold at the tills of some shops from one day to another, both included, by product.
pub(super) fn units_sold(
    tx: &mut Tx<'_>,
    from: Day,
    to: Day,
    shops: &[ShopId],
) -> Result<HashMap<(ShopId, ProductId), i64>, DbError> {
    // One row per shop and product and day is what the index gives in order; they are added up here.
    let rows = tx.query_each(
        "SELECT product_id, CAST(SUM(quantity) AS BIGINT) FROM sale_line
         WHERE day >= $2 AND day <= $3 AND shop_id = $1 GROUP BY day, product_id",
        shops.iter().map(|shop| params![shop, from, to]),
        |index, row| Ok(((shops[index], row.get(0)?), row.get::<i64>(1)?)),
    )?;
    let mut sold = HashMap::new();
    for (key, units) in rows {
        *sold.entry(key).or_default() += units;
    }
    Ok(sold)
}

fn read(row: RowRef<'_>) -> Result<Replenishment, DbError> {
    let name: String = row.get(5)?;
    Ok(Replenishment {
        id: row.get(0)?,
        shop: row.get(1)?,
        product: row.get(2)?,
        quantity: row.get(3)?,
        received_quantity: row.get_opt(4)?,
        state: State::from_name(&name)
            .ok_or_else(|| DbError::Decode(format!("a request cannot be in state {name}")))?,
        reason: row.get_opt(6)?,
        requested_by: row.get_opt(7)?,
        requested_at: row.get(8)?,
        decided_by: row.get_opt(9)?,
        decided_at: row.get_opt(10)?,
        received_by: row.get_opt(11)?,
        received_at: row.get_opt(12)?,
    })
}
