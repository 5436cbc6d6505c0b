//! What shops should ask for: products under their threshold, with a quantity from recent demand.

use std::collections::BTreeSet;

use kernel::{Day, Limit, ProductId, ShopId};
use serde::{Deserialize, Serialize};
use store::{DbError, Tx};
use utoipa::ToSchema;

use super::queries;

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
    let mut found = queries::under_threshold(tx, shop, after, limit)?;
    let shops: BTreeSet<ShopId> = found.iter().map(|suggestion| suggestion.shop).collect();
    let (from, to) = (today.plus(-DEMAND_DAYS), today.plus(-1));
    let sold = queries::units_sold(tx, from, to, &Vec::from_iter(shops))?;
    for suggestion in &mut found {
        let key = (suggestion.shop, suggestion.product);
        suggestion.sold = sold.get(&key).copied().unwrap_or(0);
        suggestion.needed =
            needed(suggestion.sold, suggestion.reorder, suggestion.available, suggestion.requested);
        suggestion.quantity = suggestion.needed.min(suggestion.centre_available);
    }
    Ok(found)
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
