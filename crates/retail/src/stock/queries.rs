//! Reading stock.

use std::collections::HashMap;

use kernel::{Limit, PlaceId, ProductId};
use store::{DbError, Failure, Tx, params};

use super::{Alert, Level, Levels, Offered, Slot, StockItem, Thresholds, Unusable};

/// The levels of some slots; a slot that has never held stock is absent.
pub fn levels(tx: &mut Tx<'_>, slots: &[Slot]) -> Result<Levels, DbError> {
    let rows = tx.query_each(
        "SELECT on_hand, reserved FROM stock_level WHERE place_id = $1 AND product_id = $2",
        slots.iter().map(|(place, product)| params![place, product]),
        |index, row| Ok((slots[index], Level { on_hand: row.get(0)?, reserved: row.get(1)? })),
    )?;
    Ok(rows.into_iter().collect())
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
