//! Reading shops.

use kernel::{Limit, ShopId};
use store::{DbError, RowRef, Tx, params};

use super::Shop;

/// One shop.
pub fn shop(tx: &mut Tx<'_>, id: ShopId) -> Result<Option<Shop>, DbError> {
    tx.query_opt(
        "SELECT id, name, district, address, latitude, longitude, active FROM shop WHERE id = $1",
        &params![id],
        read,
    )
}

/// A page of shops by id, after one of them.
pub fn page(tx: &mut Tx<'_>, after: ShopId, limit: Limit) -> Result<Vec<Shop>, DbError> {
    tx.query(
        "SELECT id, name, district, address, latitude, longitude, active FROM shop WHERE id > $1 ORDER BY id LIMIT $2",
        &params![after, limit.probe()],
        read,
    )
}

fn read(row: RowRef<'_>) -> Result<Shop, DbError> {
    Ok(Shop {
        id: row.get(0)?,
        name: row.get(1)?,
        district: row.get(2)?,
        address: row.get_opt(3)?,
        latitude: row.get_opt(4)?,
        longitude: row.get_opt(5)?,
        active: row.get(6)?,
    })
}
