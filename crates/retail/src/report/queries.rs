//! Sums of sales and orders.

use std::collections::{BTreeMap, HashMap};

use kernel::{Day, PlaceId, ShopId, Timestamp};
use store::{DbError, Tx, params};
use uuid::Uuid;

use super::{Cell, Channel, ProductSum, Sum};

/// Days that a report is about, both included, and the one place it may be limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// The only place.
    pub place: Option<PlaceId>,
}

/// What was sold at the tills, by day and shop.
///
/// Both statements read nothing but an index, in its order: a million sales take a few tenths of a second.
pub fn till_cells(tx: &mut Tx<'_>, scope: Scope) -> Result<Vec<Cell>, DbError> {
    let Scope { from, to, place } = scope;
    let mut sums: BTreeMap<(Day, PlaceId), Sum> = tx
        .query(
            "SELECT day, shop_id, CAST(SUM(total_minor) AS BIGINT), COUNT(*) FROM sale
             WHERE day >= $1 AND day <= $2 AND ($3 IS NULL OR shop_id = $3) GROUP BY day, shop_id",
            &params![from, to, place],
            |row| {
                let sum = Sum { revenue_minor: row.get(2)?, units: 0, count: row.get(3)? };
                Ok(((row.get(0)?, row.get(1)?), sum))
            },
        )?
        .into_iter()
        .collect();
    let units = tx.query(
        "SELECT day, shop_id, CAST(SUM(quantity) AS BIGINT) FROM sale_line
         WHERE day >= $1 AND day <= $2 AND ($3 IS NULL OR shop_id = $3) GROUP BY day, shop_id",
        &params![from, to, place],
        |row| Ok(((row.get(0)?, row.get(1)?), row.get::<i64>(2)?)),
    )?;
    for (key, units) in units {
        sums.entry(key).or_default().units = units;
    }
    let cell = |((day, place), sum)| Cell { day, place, channel: Channel::Till, sum };
    Ok(sums.into_iter().map(cell).collect())
}

/// What was sold at the tills, by product: of all shops together (`place` is then the logistics centre's id).
pub fn till_products(tx: &mut Tx<'_>, scope: Scope) -> Result<Vec<ProductSum>, DbError> {
    // Grouped first in the index's order, so that only few rows are sorted by product.
    tx.query(
        "SELECT g.product_id, p.name, CAST(SUM(g.units) AS BIGINT), CAST(SUM(g.revenue) AS BIGINT)
         FROM (SELECT day, shop_id, product_id, SUM(quantity) AS units, SUM(quantity * unit_price_minor) AS revenue
               FROM sale_line WHERE day >= $1 AND day <= $2 AND ($3 IS NULL OR shop_id = $3)
               GROUP BY day, shop_id, product_id) AS g
         JOIN product p ON p.id = g.product_id GROUP BY g.product_id, p.name",
        &params![scope.from, scope.to, scope.place],
        |row| {
            Ok(ProductSum {
                place: PlaceId::CENTRE,
                product: row.get(0)?,
                name: row.get(1)?,
                units: row.get(2)?,
                revenue_minor: row.get(3)?,
            })
        },
    )
}

/// What was sold at the tills, by shop and product.
pub fn till_products_by_shop(tx: &mut Tx<'_>, scope: Scope) -> Result<Vec<ProductSum>, DbError> {
    tx.query(
        "SELECT g.shop_id, g.product_id, p.name, CAST(SUM(g.units) AS BIGINT), CAST(SUM(g.revenue) AS BIGINT)
         FROM (SELECT day, shop_id, product_id, SUM(quantity) AS units, SUM(quantity * unit_price_minor) AS revenue
               FROM sale_line WHERE day >= $1 AND day <= $2 AND ($3 IS NULL OR shop_id = $3)
               GROUP BY day, shop_id, product_id) AS g
         JOIN product p ON p.id = g.product_id GROUP BY g.shop_id, g.product_id, p.name",
        &params![scope.from, scope.to, scope.place],
        |row| {
            Ok(ProductSum {
                place: row.get(0)?,
                product: row.get(1)?,
                name: row.get(2)?,
                units: row.get(3)?,
                revenue_minor: row.get(4)?,
            })
        },
    )
}

/// What was sold online, by day and place.
pub fn online_cells(tx: &mut Tx<'_>, scope: Scope) -> Result<Vec<Cell>, DbError> {
    let Bounds { low, high, first, last } = bounds(scope);
    let orders = tx.query(
        "SELECT o.place_id, o.created_at, o.total_minor,
                CAST((SELECT SUM(l.quantity) FROM order_line l WHERE l.order_id = o.id) AS BIGINT)
         FROM orders o
         WHERE o.id >= $1 AND o.id < $2 AND o.state = 'CONFIRMEE' AND o.created_at >= $3 AND o.created_at < $4
           AND ($5 IS NULL OR o.place_id = $5)",
        &params![low, high, first, last, scope.place],
        |row| {
            let sum = Sum { revenue_minor: row.get(2)?, units: row.get_opt(3)?.unwrap_or(0), count: 1 };
            Ok((row.get::<PlaceId>(0)?, row.get::<Timestamp>(1)?, sum))
        },
    )?;
    let mut sums: BTreeMap<(Day, PlaceId), Sum> = BTreeMap::new();
    for (place, at, sum) in orders {
        sums.entry((at.paris_day(), place)).or_default().add(sum);
    }
    let cell = |((day, place), sum)| Cell { day, place, channel: Channel::Online, sum };
    Ok(sums.into_iter().map(cell).collect())
}

/// What was sold online, by product: of all places together (`place` is then the logistics centre's id).
pub fn online_products(tx: &mut Tx<'_>, scope: Scope) -> Result<Vec<ProductSum>, DbError> {
    let Bounds { low, high, first, last } = bounds(scope);
    tx.query(
        "SELECT l.product_id, p.name, CAST(SUM(l.quantity) AS BIGINT), CAST(SUM(l.quantity * l.unit_price_minor) AS BIGINT)
         FROM orders o JOIN order_line l ON l.order_id = o.id JOIN product p ON p.id = l.product_id
         WHERE o.id >= $1 AND o.id < $2 AND o.state = 'CONFIRMEE' AND o.created_at >= $3 AND o.created_at < $4
           AND ($5 IS NULL OR o.place_id = $5)
         GROUP BY l.product_id, p.name",
        &params![low, high, first, last, scope.place],
        |row| {
            Ok(ProductSum {
                place: PlaceId::CENTRE,
                product: row.get(0)?,
                name: row.get(1)?,
                units: row.get(2)?,
                revenue_minor: row.get(3)?,
            })
        },
    )
}

/// Between which ids and which instants (the last one excluded) the orders of some days are.
struct Bounds {
    low: Uuid,
    high: Uuid,
    first: Timestamp,
    last: Timestamp,
}

/// Ids sort by time, so the days are a range of the key; it is a day wider on both ends, since an id is drawn a moment
/// before its order is stored.
fn bounds(scope: Scope) -> Bounds {
    Bounds {
        low: id_floor(scope.from.plus(-1)),
        high: id_floor(scope.to.plus(2)),
        first: scope.from.start(),
        last: scope.to.plus(1).start(),
    }
}

/// The least UUID of version 7 (RFC 9562, 5.7) of a day's first millisecond.
fn id_floor(day: Day) -> Uuid {
    let millis = u64::try_from(day.start().micros() / 1000).unwrap_or(0);
    Uuid::from_u128(u128::from(millis) << 80)
}

/// The names of all shops, by id.
pub fn shop_names(tx: &mut Tx<'_>) -> Result<BTreeMap<ShopId, String>, DbError> {
    let rows =
        tx.query("SELECT id, name FROM shop ORDER BY id", &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.into_iter().collect())
}

/// How many products of a place are out of stock, and of how many there is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StockCounts {
    /// Products at or under their low threshold.
    pub out: i64,
    /// Products at or over their overstock threshold.
    pub overstock: i64,
}

/// The stock counts of all places.
pub fn stock_counts(tx: &mut Tx<'_>) -> Result<HashMap<PlaceId, StockCounts>, DbError> {
    let rows = tx.query(
        "SELECT s.place_id,
                CAST(SUM(CASE WHEN s.on_hand - s.reserved <= s.low THEN 1 ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN s.on_hand - s.reserved > s.reorder AND s.on_hand >= s.overstock
                              THEN 1 ELSE 0 END) AS BIGINT)
         FROM stock_level s JOIN product p ON p.id = s.product_id AND p.active GROUP BY s.place_id",
        &[],
        |row| Ok((row.get(0)?, StockCounts { out: row.get(1)?, overstock: row.get(2)? })),
    )?;
    Ok(rows.into_iter().collect())
}
