//! What the stores have of the products that offers are tied to.

use std::collections::HashMap;

use kernel::{PlaceId, ProductId};
use store::{DbError, Tx};

use super::Units;
use crate::offer::Offer;

/// What one place of the stores has of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductLevel {
    /// The product.
    pub product: ProductId,
    /// The place: a shop, or [`PlaceId::CENTRE`].
    pub place: PlaceId,
    /// Units that may still be sold or promised there.
    pub available: i64,
    /// Whether the place is open; the centre always is.
    pub active_place: bool,
    /// Whether the product is sold.
    pub active_product: bool,
}

/// Who knows what the stores have: asked within a command's own transaction.
pub trait ProductStock: Send + Sync {
    /// The levels of some products in all places that have ever held them; products nobody knows are absent.
    fn levels(&self, tx: &mut Tx<'_>, products: &[ProductId]) -> Result<Vec<ProductLevel>, DbError>;
}

/// What the stores have of some products: open places only, nothing of a product that is not sold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Availability(HashMap<ProductId, i64>);

impl Availability {
    /// The sum of some levels.
    pub fn of(levels: &[ProductLevel]) -> Self {
        let mut sums = HashMap::new();
        for level in levels.iter().filter(|level| level.active_place && level.active_product) {
            let sum: &mut i64 = sums.entry(level.product).or_default();
            *sum = sum.saturating_add(level.available);
        }
        Self(sums)
    }

    /// What the stores have of the products of some offers.
    pub(crate) fn read<'o>(
        tx: &mut Tx<'_>,
        stock: &dyn ProductStock,
        offers: impl Iterator<Item = &'o Offer>,
    ) -> Result<Self, DbError> {
        let mut products: Vec<ProductId> = offers.filter_map(|offer| offer.product).collect();
        products.sort_unstable();
        products.dedup();
        if products.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self::of(&stock.levels(tx, &products)?))
    }

    /// The effective inventory of an offer with its own count: bounded by its product's stock, if it has a product.
    pub fn bound(&self, own: Units, product: Option<ProductId>) -> Units {
        let Some(product) = product else { return own };
        own.min(Units::saturating(self.0.get(&product).copied().unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_places_and_products_on_sale_count() {
        let level = |product, place, available, active_place, active_product| ProductLevel {
            product: ProductId(product),
            place: PlaceId(place),
            available,
            active_place,
            active_product,
        };
        let availability = Availability::of(&[
            level(1, 0, 3, true, true),
            level(1, 1, 4, true, true),
            level(1, 2, 100, false, true),
            level(2, 0, 7, true, false),
        ]);
        let bound = |own, product: Option<i64>| {
            availability.bound(Units::saturating(own), product.map(ProductId)).get()
        };
        assert_eq!([bound(50, None), bound(50, Some(1)), bound(5, Some(1))], [50, 7, 5]);
        assert_eq!([bound(50, Some(2)), bound(50, Some(3))], [0, 0], "not sold any more, unknown");
    }
}
