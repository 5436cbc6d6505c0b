//! Reading baskets.

use kernel::{ClientId, Currency, Money, ProductId, Quantity};
use store::{DbError, Tx, params};

use super::{Basket, BasketLine};

/// A client's basket at today's prices; `None` when there is no such client.
pub fn basket(tx: &mut Tx<'_>, currency: Currency, client: ClientId) -> Result<Option<Basket>, DbError> {
    if crate::client::queries::client(tx, client)?.is_none() {
        return Ok(None);
    }
    let lines = tx.query(
        "SELECT b.product_id, p.name, b.quantity, p.price_minor, COALESCE(s.on_hand - s.reserved, 0), p.active
         FROM basket_line b JOIN product p ON p.id = b.product_id
         LEFT JOIN stock_level s ON s.place_id = 0 AND s.product_id = b.product_id
         WHERE b.client_id = $1 ORDER BY b.product_id",
        &params![client],
        |row| {
            let (quantity, price, active) = (row.get::<Quantity>(2)?, row.get::<i64>(3)?, row.get::<bool>(5)?);
            // A price is at most a thousand million and a quantity a million: their product fits.
            let subtotal = if active { price.saturating_mul(quantity.get()) } else { 0 };
            Ok(BasketLine {
                product: row.get(0)?,
                name: row.get(1)?,
                quantity,
                unit_price: Money::from_minor(price, currency),
                subtotal: Money::from_minor(subtotal, currency),
                available: row.get(4)?,
                active,
            })
        },
    )?;
    let total = lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.subtotal.minor()));
    Ok(Some(Basket { client_id: client, lines, total: Money::from_minor(total, currency) }))
}

/// A basket's products and units, by product.
pub fn lines(tx: &mut Tx<'_>, client: ClientId) -> Result<Vec<(ProductId, Quantity)>, DbError> {
    tx.query(
        "SELECT product_id, quantity FROM basket_line WHERE client_id = $1 ORDER BY product_id",
        &params![client],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
