//! What the stores have of the products that offers are tied to.

use std::collections::{HashMap, HashSet};

use kernel::{PlaceId, ProductId};
use serde::Deserialize;

use crate::inventory::ProductLevel;

/// The products that offers are tied to, place by place.
///
/// Of a product that is new here nothing is available until its levels have been asked for ([`Products::take_wanted`],
/// [`Products::learn`]): what is not known to be in stock is not shown. Levels come as absolute numbers, so those of
/// an event are never older than those that were read before it.
#[derive(Debug, Default)]
pub(super) struct Products {
    tied: HashMap<ProductId, Product>,
    /// Whether a place is open.
    places: HashMap<PlaceId, bool>,
    wanted: HashSet<ProductId>,
    /// Products tied since the last levels were asked for.
    unasked: HashSet<ProductId>,
}

#[derive(Debug, Default)]
struct Product {
    /// The slots of its offers.
    offers: Vec<u32>,
    /// Whether it is sold, once that is known.
    active: Option<bool>,
    levels: Vec<(PlaceId, i64)>,
    /// Whether all levels have been read once.
    read: bool,
}

/// The content of `halles.stock.changed`.
#[derive(Deserialize)]
pub(super) struct StockChanged {
    niveaux: Vec<ChangedLevel>,
}

#[derive(Deserialize)]
struct ChangedLevel {
    emplacement_id: PlaceId,
    produit_id: ProductId,
    disponible: i64,
}

/// What the events of a product and of a shop have in common.
#[derive(Deserialize)]
pub(super) struct Activity {
    id: i64,
    actif: bool,
}

impl Products {
    /// Whether no offer is tied to any product.
    pub(super) fn is_empty(&self) -> bool {
        self.tied.is_empty()
    }

    /// Ties an offer to a product.
    pub(super) fn tie(&mut self, product: ProductId, offer: u32) {
        let known = self.tied.entry(product).or_default();
        known.offers.push(offer);
        if !known.read {
            self.wanted.insert(product);
        }
        if known.offers.len() == 1 {
            self.unasked.insert(product);
        }
    }

    /// Undoes [`Products::tie`].
    pub(super) fn untie(&mut self, product: ProductId, offer: u32) {
        if let Some(known) = self.tied.get_mut(&product) {
            known.offers.retain(|other| *other != offer);
            if known.offers.is_empty() {
                self.tied.remove(&product);
                self.wanted.remove(&product);
                if self.tied.is_empty() {
                    // From now on nobody tells of shops that open and close.
                    self.places.clear();
                }
            }
        }
    }

    /// Units of a product in open places; nothing of a product that is not sold or not known.
    pub(super) fn available(&self, product: ProductId) -> i64 {
        let Some(known) = self.tied.get(&product).filter(|known| known.read && known.active == Some(true))
        else {
            return 0;
        };
        let open = known.levels.iter().filter(|(place, _)| self.is_open(*place) == Some(true));
        open.fold(0, |sum: i64, (_, units)| sum.saturating_add(*units))
    }

    fn is_open(&self, place: PlaceId) -> Option<bool> {
        if place == PlaceId::CENTRE { Some(true) } else { self.places.get(&place).copied() }
    }

    /// The products whose levels have to be read.
    pub(super) fn take_wanted(&mut self) -> Vec<ProductId> {
        self.unasked.clear();
        self.wanted.drain().collect()
    }

    /// Whether levels have to be read.
    pub(super) fn wants(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Asks again for what could not be read.
    pub(super) fn want(&mut self, products: &[ProductId]) {
        self.wanted.extend(products.iter().filter(|product| self.tied.contains_key(product)));
    }

    /// Takes over levels that were read; what events have told meanwhile is newer. Returns the offers concerned.
    pub(super) fn learn(&mut self, asked: &[ProductId], levels: &[ProductLevel]) -> Vec<u32> {
        // Of what was tied while this was being read, it may be older than events that nobody took in.
        let unasked = &self.unasked;
        for level in levels.iter().filter(|level| !unasked.contains(&level.product)) {
            self.places.entry(level.place).or_insert(level.active_place);
            let Some(known) = self.tied.get_mut(&level.product) else { continue };
            known.active.get_or_insert(level.active_product);
            if known.levels.iter().all(|(place, _)| *place != level.place) {
                known.levels.push((level.place, level.available));
            }
        }
        let mut concerned = Vec::new();
        for product in asked.iter().filter(|product| !self.unasked.contains(product)) {
            if let Some(known) = self.tied.get_mut(product) {
                known.read = true;
                concerned.extend(&known.offers);
            }
        }
        concerned
    }

    /// Takes over changed levels. Returns the offers concerned.
    pub(super) fn change_levels(&mut self, changed: &StockChanged) -> Vec<u32> {
        let mut concerned = Vec::new();
        for level in &changed.niveaux {
            let unknown_place = self.is_open(level.emplacement_id).is_none();
            let Some(known) = self.tied.get_mut(&level.produit_id) else { continue };
            match known.levels.iter_mut().find(|(place, _)| *place == level.emplacement_id) {
                Some((_, units)) => *units = level.disponible,
                None => known.levels.push((level.emplacement_id, level.disponible)),
            }
            if unknown_place || known.active.is_none() {
                self.wanted.insert(level.produit_id);
            }
            concerned.extend(&known.offers);
        }
        concerned
    }

    /// Takes over whether a product is sold. Returns the offers concerned.
    pub(super) fn change_product(&mut self, product: &Activity) -> Vec<u32> {
        self.tied.get_mut(&ProductId(product.id)).map_or_else(Vec::new, |known| {
            known.active = Some(product.actif);
            known.offers.clone()
        })
    }

    /// Takes over whether a shop is open. Returns the offers concerned.
    pub(super) fn change_place(&mut self, shop: &Activity) -> Vec<u32> {
        let place = PlaceId(shop.id);
        self.places.insert(place, shop.actif);
        let holds = |known: &&Product| known.levels.iter().any(|(other, _)| *other == place);
        self.tied.values().filter(holds).flat_map(|known| known.offers.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCT: ProductId = ProductId(3);

    fn level(place: i64, available: i64, active_place: bool) -> ProductLevel {
        ProductLevel {
            product: PRODUCT,
            place: PlaceId(place),
            available,
            active_place,
            active_product: true,
        }
    }

    fn changed(place: i64, disponible: i64) -> StockChanged {
        let level = ChangedLevel { emplacement_id: PlaceId(place), produit_id: PRODUCT, disponible };
        StockChanged { niveaux: vec![level] }
    }

    #[test]
    fn open_places_count_and_unknown_products_have_nothing() {
        let mut products = Products::default();
        assert!(products.is_empty() && products.change_levels(&changed(0, 5)).is_empty());
        products.tie(PRODUCT, 7);
        assert_eq!((products.available(PRODUCT), products.take_wanted()), (0, vec![PRODUCT]));
        assert_eq!(
            products.learn(&[PRODUCT], &[level(0, 4, true), level(1, 2, true), level(2, 9, false)]),
            [7]
        );
        assert_eq!(products.available(PRODUCT), 6);
        assert_eq!(products.change_levels(&changed(0, 1)), [7]);
        assert_eq!(products.available(PRODUCT), 3);
        assert_eq!(products.change_place(&Activity { id: 2, actif: true }), [7]);
        assert_eq!(products.available(PRODUCT), 12);
        assert_eq!(products.change_product(&Activity { id: 3, actif: false }), [7]);
        assert_eq!(products.available(PRODUCT), 0);
        assert!(!products.wants());
    }

    #[test]
    fn what_an_event_tells_is_newer_than_what_was_read() {
        let mut products = Products::default();
        products.tie(PRODUCT, 0);
        let asked = products.take_wanted();
        products.change_levels(&changed(0, 0));
        products.learn(&asked, &[level(0, 4, true), level(1, 2, true)]);
        assert_eq!(products.available(PRODUCT), 2);
    }

    #[test]
    fn shops_are_forgotten_with_the_last_product() {
        let mut products = Products::default();
        products.tie(PRODUCT, 0);
        let asked = products.take_wanted();
        products.learn(&asked, &[level(2, 9, true)]);
        products.untie(PRODUCT, 0);
        // Shop 2 closes meanwhile, and nobody looks.
        products.tie(PRODUCT, 0);
        let asked = products.take_wanted();
        products.learn(&asked, &[level(0, 1, true), level(2, 9, false)]);
        assert_eq!(products.available(PRODUCT), 1);
    }

    #[test]
    fn what_was_read_for_an_earlier_tie_is_too_old() {
        let mut products = Products::default();
        products.tie(PRODUCT, 0);
        let asked = products.take_wanted();
        products.untie(PRODUCT, 0);
        products.tie(PRODUCT, 0);
        assert!(products.learn(&asked, &[level(0, 4, true)]).is_empty());
        assert_eq!((products.available(PRODUCT), products.take_wanted()), (0, vec![PRODUCT]));
        products.learn(&asked, &[level(0, 1, true)]);
        assert_eq!(products.available(PRODUCT), 1);
    }

    #[test]
    fn a_place_never_heard_of_is_asked_for_and_counts_for_nothing_until_then() {
        let mut products = Products::default();
        products.tie(PRODUCT, 0);
        let asked = products.take_wanted();
        products.learn(&asked, &[level(0, 4, true)]);
        products.change_levels(&changed(5, 10));
        assert_eq!((products.available(PRODUCT), products.take_wanted()), (4, vec![PRODUCT]));
        products.learn(&[PRODUCT], &[level(5, 3, true)]);
        assert_eq!(products.available(PRODUCT), 14);
        products.untie(PRODUCT, 0);
        assert!(products.is_empty());
    }
}
