//! Reading sales.

use kernel::{Currency, Day, Limit, Money, SaleId, ShopId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{DbError, Tx, params};
use uuid::Uuid;

use super::{Sale, SaleLine};

/// Where a page of sales ended: the sort key of its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct After(pub Timestamp, pub SaleId);

/// Which sales a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// From this day of Europe/Paris on.
    pub from: Option<Day>,
    /// Up to this day of Europe/Paris, its sales included.
    pub to: Option<Day>,
    /// Older than this sale.
    pub after: Option<After>,
}

/// A page of a shop's sales, newest first.
pub fn page(
    tx: &mut Tx<'_>,
    currency: Currency,
    shop: ShopId,
    filter: &Filter,
    limit: Limit,
) -> Result<Vec<Sale>, DbError> {
    let from = filter.from.map_or(i64::MIN, |day| day.start().micros());
    let until = filter.to.map_or(i64::MAX, |day| day.plus(1).start().micros());
    let (at, id) = match filter.after {
        Some(After(at, id)) => (at.micros(), id.0),
        None => (i64::MAX, Uuid::max()),
    };
    let mut sales = tx.query(
        "SELECT id, shop_id, total_minor, at, cashier FROM sale
         WHERE shop_id = $1 AND at >= $2 AND at < $3 AND (at, id) < ($4, $5)
         ORDER BY at DESC, id DESC LIMIT $6",
        &params![shop, from, until, at, id, limit.probe()],
        |row| {
            Ok(Sale {
                id: row.get(0)?,
                shop: row.get(1)?,
                lines: Vec::new(),
                total: Money::from_minor(row.get(2)?, currency),
                at: row.get(3)?,
                cashier: row.get_opt(4)?,
            })
        },
    )?;
    let lines = tx.query_each(
        "SELECT product_id, quantity, unit_price_minor FROM sale_line WHERE sale_id = $1 ORDER BY product_id",
        sales.iter().map(|sale| params![sale.id]),
        |index, row| {
            let unit_price = Money::from_minor(row.get(2)?, currency);
            Ok((index, SaleLine { product: row.get(0)?, quantity: row.get(1)?, unit_price }))
        },
    )?;
    for (index, line) in lines {
        sales[index].lines.push(line);
    }
    Ok(sales)
}
