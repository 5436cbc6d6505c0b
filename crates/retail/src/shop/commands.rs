//! Changing shops.

use kernel::ShopId;
use store::{DbError, Failure, Tx, params};

use super::{Details, Shop, ShopError};
use crate::SOURCE;

/// A shop has been added.
pub const SHOP_CREATED: &str = "halles.shop.created";
/// A shop's details have changed.
pub const SHOP_CHANGED: &str = "halles.shop.changed";

/// Adds a shop. The caller has declared `shop.ids`.
pub fn create(tx: &mut Tx<'_>, details: &Details) -> Result<Shop, DbError> {
    let id = tx.query_one("SELECT COALESCE(MAX(id), 0) + 1 FROM shop", &[], |row| row.get(0))?;
    let shop = details.clone().into_shop(id);
    tx.execute(
        "INSERT INTO shop (id, name, district, address, latitude, longitude, active) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &params![id, &shop.name, &shop.district, &shop.address, shop.latitude, shop.longitude, shop.active],
    )?;
    tx.emit(SHOP_CREATED, SOURCE, id.to_string(), &shop);
    Ok(shop)
}

/// Replaces a shop's details. The caller has declared the shop.
pub fn replace(tx: &mut Tx<'_>, id: ShopId, details: &Details) -> Result<Shop, Failure<ShopError>> {
    let shop = details.clone().into_shop(id);
    let replaced = tx.execute(
        "UPDATE shop SET name = $2, district = $3, address = $4, latitude = $5, longitude = $6, active = $7 WHERE id = $1",
        &params![id, &shop.name, &shop.district, &shop.address, shop.latitude, shop.longitude, shop.active],
    )?;
    if replaced == 0 {
        return Err(Failure::Refused(ShopError::Unknown(id)));
    }
    tx.emit(SHOP_CHANGED, SOURCE, id.to_string(), &shop);
    Ok(shop)
}
