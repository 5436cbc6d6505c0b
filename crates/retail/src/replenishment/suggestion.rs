//! What shops should ask for: products under their threshold, with a quantity from recent demand.

use std::collections::{BTreeSet, HashMap};

use kernel::{Day, Limit, PlaceId, ProductId, ShopId};
use serde::{Deserialize, Serialize};
use store::{DbError, Tx, params};
use utoipa::ToSchema;

/// How many whole days of Europe/Paris demand is taken from, up to yesterday: four weeks, so that every weekday
/// counts alike.
pub const DEMAND_DAYS: i32 = 28;
/// For how many days of mean demand a shop is stocked up.
pub const COVER_DAYS: i64 = 14;

/// The method in words, as it is answered.
pub const METHOD: &str = "besoin = seuil_reappro + 14 × ventes moyennes par jour (28 derniers jours de Paris, jusqu'à hier), \
     arrondi à l'unité supérieure, − disponible − déjà demandé (EN_ATTENTE) ; \
     quantite = besoin borné par le disponible du centre logistique";

/// A product that a shop is short of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Suggestion)]
pub struct Suggestion {
    /// The shop.
    #[serde(rename = "magasin_id")]
    pub shop: ShopId,
    /// Its name.
    #[serde(rename = "magasin")]
    pub shop_name: String,
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Its name.
    #[serde(rename = "nom")]
    pub product_name: String,
    /// Units the shop may sell.
    #[serde(rename = "disponible")]
    pub available: i64,
    /// The threshold it is under.
    #[serde(rename = "seuil_reappro")]
    pub reorder: i64,
    /// Units sold in the last 28 days.
    #[serde(rename = "ventes_28_jours")]
    pub sold: i64,
    /// Units in requests that nobody has decided yet.
    #[serde(rename = "deja_demande")]
    pub requested: i64,
    /// Units the centre may send.
    #[serde(rename = "disponible_centre")]
    pub centre_available: i64,
    /// Units the shop needs.
    #[serde(rename = "besoin")]
    pub needed: i64,
    /// Units worth asking for now; 0 when the centre has none.
    #[serde(rename = "quantite")]
    pub quantity: i64,
}

/// Where a page of suggestions ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct After(pub ShopId, pub ProductId);

/// Units a shop needs so that it holds its threshold and [`COVER_DAYS`] of the mean demand of [`DEMAND_DAYS`], on top
/// of what it has and has asked for. It is at least what lifts the shop to its threshold.
pub fn needed(sold: i64, reorder: i64, available: i64, requested: i64) -> i64 {
    let cover = (sold * COVER_DAYS + i64::from(DEMAND_DAYS) - 1) / i64::from(DEMAND_DAYS);
    (reorder + cover - available - requested).max(0)
}

/// A page of suggestions by shop and product: open shops, products that are sold, levels at or under their reorder
/// threshold. `today` is the present day of Europe/Paris.
///
/// Several suggestions may count on the same units of the centre: whoever is validated first gets them.
pub fn page(
    tx: &mut Tx<'_>,
    today: Day,
    shop: Option<ShopId>,
    after: Option<After>,
    limit: Limit,
) -> Result<Vec<Suggestion>, DbError> {
    let mut found = candidates(tx, shop, after, limit)?;
    let shops: BTreeSet<ShopId> = found.iter().map(|suggestion| suggestion.shop).collect();
    let sold = demand(tx, today, &Vec::from_iter(shops))?;
    for suggestion in &mut found {
        let key = (suggestion.shop, suggestion.product);
        suggestion.sold = sold.get(&key).copied().unwrap_or(0);
        suggestion.needed =
            needed(suggestion.sold, suggestion.reorder, suggestion.available, suggestion.requested);
        suggestion.quantity = suggestion.needed.min(suggestion.centre_available);
    }
    Ok(found)
}

fn candidates(
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

/// Units sold per shop and product in the [`DEMAND_DAYS`] before `today`.
fn demand(
    tx: &mut Tx<'_>,
    today: Day,
    shops: &[ShopId],
) -> Result<HashMap<(ShopId, ProductId), i64>, DbError> {
    let (from, to) = (today.plus(-DEMAND_DAYS), today.plus(-1));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_stocked_up_to_its_threshold_and_two_weeks_of_demand() {
        // Nothing sold: up to the threshold.
        assert_eq!(needed(0, 20, 5, 0), 15);
        // One a day: fourteen more.
        assert_eq!(needed(28, 20, 5, 0), 29);
        // Half a unit is rounded up.
        assert_eq!(needed(29, 20, 5, 0), 30);
        // What is under way counts, and more than enough is no negative need.
        assert_eq!(needed(28, 20, 5, 10), 19);
        assert_eq!(needed(0, 20, 20, 40), 0);
    }
}
