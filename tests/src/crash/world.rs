//! What the server starts a life with, and what its stock must be at the end of each round.

use std::collections::BTreeMap;

use anyhow::Result;

use super::offers::Offers;
use crate::catalogue::{self, CENTRE, Level};
use crate::http::Client;

/// Where stock is kept: a place and a product.
pub(super) type Slot = (i64, i64);
/// A product and how many units of it.
pub(super) type Line = (i64, i64);

/// Products that never run out, and some that do.
const PLENTY: usize = 20;
const SCARCE: usize = 6;
const SHOPS: usize = 3;
const PLENTY_UNITS: i64 = 900_000;
const SCARCE_UNITS: i64 = 40;
const SHOP_UNITS: i64 = 50_000;

/// The prices, in cents: two lines of a few units stay under the payment limit of 500.00.
const PRICE: i64 = 700;
/// So many units of one product cost more than the limit.
pub(super) const TOO_DEAR: i64 = 80;
/// More units than there are of anything.
pub(super) const TOO_MANY: i64 = 1_000_000;

/// The chain that a store was filled with.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    /// Products of which every place has plenty.
    pub(super) plenty: Vec<i64>,
    /// Products of which the centre has few.
    pub(super) scarce: Vec<i64>,
    /// The shops.
    pub(super) shops: Vec<i64>,
    /// The offers; some of them are bounded by what is scarce.
    pub(super) offers: Offers,
}

impl World {
    /// Makes it over HTTP in an empty store.
    pub(super) async fn make(client: &mut Client) -> Result<Self> {
        let (mut plenty, mut scarce, mut shops) = (Vec::new(), Vec::new(), Vec::new());
        for number in 1..=SHOPS {
            shops.push(catalogue::shop(client, &format!("Magasin {number}")).await?);
        }
        for number in 1..=PLENTY {
            let product = catalogue::product(client, &format!("Courant {number}"), PRICE).await?;
            catalogue::receive(client, product, PLENTY_UNITS).await?;
            for shop in &shops {
                catalogue::send(client, *shop, product, SHOP_UNITS).await?;
            }
            plenty.push(product);
        }
        for number in 1..=SCARCE {
            let product = catalogue::product(client, &format!("Rare {number}"), PRICE).await?;
            catalogue::receive(client, product, SCARCE_UNITS).await?;
            scarce.push(product);
        }
        let offers = Offers::make(client, &scarce).await?;
        Ok(Self { plenty, scarce, shops, offers })
    }

    /// Every level, as the server tells it.
    pub(super) async fn levels(&self, client: &mut Client) -> Result<Levels> {
        let mut levels = Levels::default();
        for place in std::iter::once(CENTRE).chain(self.shops.iter().copied()) {
            for (product, level) in catalogue::levels(client, place).await? {
                levels.0.insert((place, product), level);
            }
        }
        Ok(levels)
    }
}

/// Stock by slot; a slot that is not there has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Levels(BTreeMap<Slot, Level>);

impl Levels {
    /// Brings units in, or takes them out when negative.
    pub(super) fn bring(&mut self, slot: Slot, units: i64) {
        self.0.entry(slot).or_default().on_hand += units;
    }

    /// Promises units, or gives them back when negative.
    pub(super) fn promise(&mut self, slot: Slot, units: i64) {
        self.0.entry(slot).or_default().reserved += units;
    }

    /// [`Levels::bring`] for each line, `sign` times.
    pub(super) fn bring_lines(&mut self, place: i64, lines: &[Line], sign: i64) {
        for (product, units) in lines {
            self.bring((place, *product), sign * units);
        }
    }

    /// Where these differ from what was found, in words.
    pub(super) fn differences(&self, found: &Self) -> Vec<String> {
        let slots = self.0.keys().chain(found.0.keys().filter(|slot| !self.0.contains_key(slot)));
        let differing = slots.filter_map(|slot| {
            let expected = self.0.get(slot).copied().unwrap_or_default();
            let found = found.0.get(slot).copied().unwrap_or_default();
            let (place, product) = slot;
            (expected != found).then(|| {
                format!("stock of product {product} at {place}: expected {expected:?}, found {found:?}")
            })
        });
        differing.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_in_both_directions() {
        let (mut expected, mut found) = (Levels::default(), Levels::default());
        expected.bring((0, 1), 5);
        found.bring((0, 1), 5);
        found.promise((1, 2), 0);
        assert!(expected.differences(&found).is_empty(), "nothing is nothing, said or not");
        found.bring((1, 2), 1);
        expected.bring_lines(0, &[(1, 2)], -1);
        let differences = expected.differences(&found);
        assert_eq!(differences.len(), 2, "{differences:?}");
        assert!(differences[0].starts_with("stock of product 1 at 0"), "{differences:?}");
    }
}
