//! Reading stock.

use std::collections::HashMap;

use kernel::{Limit, PlaceId, ProductId};
use store::{DbError, Failure, Tx, params};

use super::{Alert, Level, Levels, Offered, PlaceLevel, Slot, StockItem, Thresholds, Unusable};

/// The levels of some slots; a slot that has never held stock is absent.
pub fn levels(tx: &mut Tx<'_>, slots: &[Slot]) -> Result<Levels, DbError> {
    let rows = tx.query_each(
        "SELECT on_hand, reserved FROM stock_level WHERE place_id = $1 AND product_id = $2",
        slots.iter().map(|(place, product)| params![place, product]),
        |index, row| Ok((slots[index], Level { on_hand: row.get(0)?, reserved: row.get(1)? })),
    )?;
    Ok(rows.into_iter().collect())
}

/// The levels of some products in all places that have ever held them, by place within each product.
pub fn everywhere(tx: &mut Tx<'_>, products: &[ProductId]) -> Result<Vec<PlaceLevel>, DbError> {
    tx.query_each(
        "SELECT s.place_id, s.on_hand, s.reserved, COALESCE(m.active, s.place_id = 0) AS open, p.active AS sold
         FROM stock_level s JOIN product p ON p.id = s.product_id LEFT JOIN shop m ON m.id = s.place_id
         WHERE s.product_id = $1 ORDER BY s.place_id",
        products.iter().map(|product| params![product]),
        |index, row| {
            Ok(PlaceLevel {
                slot: (row.get(0)?, products[index]),
                level: Level { on_hand: row.get(1)?, reserved: row.get(2)? },
                active_place: row.get(3)?,
                active_product: row.get(4)?,
            })
        },
    )
}

/// A page of a place's stock by product, after one product, with all alerts or one.
pub fn page(
    tx: &mut Tx<'_>,
    place: PlaceId,
    alert: Option<Alert>,
    after: Option<ProductId>,
    limit: Limit,
) -> Result<Vec<StockItem>, DbError> {
    // The same rule as `Alert::of`, so that the filter can be left to the database.
    tx.query(
        "SELECT s.product_id, p.name, s.on_hand, s.reserved, s.low, s.reorder, s.overstock
         FROM stock_level s JOIN product p ON p.id = s.product_id
         WHERE s.place_id = $1 AND s.product_id > $2
           AND ($3 IS NULL OR $3 = CASE WHEN s.on_hand - s.reserved <= s.low THEN 'rupture'
                                        WHEN s.on_hand - s.reserved <= s.reorder THEN 'reappro'
                                        WHEN s.on_hand >= s.overstock THEN 'surstock' END)
         ORDER BY s.product_id LIMIT $4",
        &params![place, after.unwrap_or(ProductId(i64::MIN)), alert.map(Alert::name), limit.probe()],
        |row| {
            let level = Level { on_hand: row.get(2)?, reserved: row.get(3)? };
            let thresholds = Thresholds { low: row.get(4)?, reorder: row.get(5)?, overstock: row.get(6)? };
            Ok(StockItem::new(row.get(0)?, row.get(1)?, level, thresholds))
        },
    )
}

/// What the catalogue says of some products; unknown ones are absent.
pub fn offered(tx: &mut Tx<'_>, products: &[ProductId]) -> Result<HashMap<ProductId, Offered>, DbError> {
    let rows = tx.query_each(
        "SELECT price_minor, active FROM product WHERE id = $1",
        products.iter().map(|product| params![product]),
        |index, row| Ok((products[index], Offered { price_minor: row.get(0)?, active: row.get(1)? })),
    )?;
    Ok(rows.into_iter().collect())
}

/// Whether some places are open; unknown ones are absent, the logistics centre always is.
pub fn places(tx: &mut Tx<'_>, places: &[PlaceId]) -> Result<HashMap<PlaceId, bool>, DbError> {
    let rows = tx.query_each(
        "SELECT active FROM shop WHERE id = $1",
        places.iter().map(|place| params![place]),
        |index, row| Ok((places[index], row.get(0)?)),
    )?;
    Ok(rows.into_iter().chain([(PlaceId::CENTRE, true)]).collect())
}

/// Makes sure that a place exists, open or not.
pub fn known_place(tx: &mut Tx<'_>, place: PlaceId) -> Result<(), Failure<Unusable>> {
    match places(tx, &[place])?.get(&place) {
        Some(_) => Ok(()),
        None => Err(Failure::Refused(Unusable::UnknownPlace(place))),
    }
}

/// Makes sure that units of these products may be moved in this place: what is unknown is named before what is
/// merely inactive.
pub fn usable(tx: &mut Tx<'_>, place: PlaceId, products: &[ProductId]) -> Result<(), Failure<Unusable>> {
    let open = places(tx, &[place])?.get(&place).copied();
    let offered = offered(tx, products)?;
    check(place, open, products, &offered).map_err(Failure::Refused)
}

fn check(
    place: PlaceId,
    open: Option<bool>,
    products: &[ProductId],
    offered: &HashMap<ProductId, Offered>,
) -> Result<(), Unusable> {
    let open = open.ok_or(Unusable::UnknownPlace(place))?;
    if let Some(unknown) = products.iter().find(|product| !offered.contains_key(product)) {
        return Err(Unusable::UnknownProduct(*unknown));
    }
    if !open {
        return Err(Unusable::InactivePlace(place));
    }
    let active = |product: &&ProductId| offered.get(product).is_some_and(|offered| offered.active);
    match products.iter().find(|product| !active(product)) {
        Some(inactive) => Err(Unusable::InactiveProduct(*inactive)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use kernel::Timestamp;
    use store::testing::Scratch;

    use super::*;

    #[test]
    fn levels_everywhere_say_what_is_closed_and_what_is_not_sold() {
        let mut scratch = Scratch::new(&[crate::SCHEMA], Timestamp::default()).unwrap();
        scratch
            .run(|tx, now| {
                tx.execute_each(
                    "INSERT INTO product (id, name, name_key, description, category, price_minor, active, created_at, updated_at)
                     VALUES ($1, 'produit', 'produit', '', 'test', 1000, $2, $3, $3)",
                    [params![1_i64, true, now], params![2_i64, false, now], params![3_i64, true, now]],
                )?;
                tx.execute_each(
                    "INSERT INTO shop (id, name, district, active) VALUES ($1, 'magasin', 'x', $2)",
                    [params![1_i64, true], params![2_i64, false]],
                )?;
                tx.execute_each(
                    "INSERT INTO stock_level (place_id, product_id, initial, on_hand, reserved, low, reorder, overstock)
                     VALUES ($1, $2, $3, $3, 1, 5, 20, 100)",
                    [(2, 1, 30), (0, 1, 10), (1, 1, 20), (0, 2, 40)]
                        .map(|(place, product, units): (i64, i64, i64)| params![place, product, units]),
                )?;
                Ok::<_, Failure<DbError>>(())
            })
            .unwrap();
        let levels = scratch.read(|tx| everywhere(tx, &[2, 1, 3, 9].map(ProductId))).unwrap();
        let told: Vec<_> = levels
            .iter()
            .map(|PlaceLevel { slot, level, active_place, active_product }| {
                (slot.1.0, slot.0.0, level.available(), *active_place, *active_product)
            })
            .collect();
        assert_eq!(
            told,
            [(2, 0, 39, true, false), (1, 0, 9, true, true), (1, 1, 19, true, true), (1, 2, 29, false, true)]
        );
    }
}
