//! Reading replenishment requests.

use kernel::{Limit, ReplenishmentId, ShopId};
use store::{DbError, RowRef, Tx, params};
use uuid::Uuid;

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
