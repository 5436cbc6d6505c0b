//! The offers that a store is filled with.

use anyhow::Result;

use crate::http::Client;
use crate::offers::NewOffer;

const CATEGORIES: [&str; 4] = ["electronics", "fashion", "food", "sports"];
/// Redeemed by everybody and never out.
const PLENTY: usize = 8;
/// Redeemed by everybody until there are none.
const SCARCE: usize = 8;
/// Set and redeemed by one client each.
const OWN: usize = 16;
/// Bounded by the stock of a product that runs out.
const TIED: usize = 4;
const PLENTY_UNITS: i64 = 900_000;
const SCARCE_UNITS: i64 = 60;

/// The offers, by what may happen to them.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Offers {
    /// Redeemed by everybody, never set.
    pub(in super::super) shared: Vec<String>,
    /// One client's each.
    pub(in super::super) own: Vec<String>,
    /// Seen and opened, never redeemed or set; with their product.
    pub(in super::super) tied: Vec<(String, i64)>,
}

impl Offers {
    /// Makes them over HTTP.
    pub(in super::super) async fn make(client: &mut Client, products: &[i64]) -> Result<Self> {
        let mut offers = Self::default();
        for number in 0..PLENTY + SCARCE {
            let units = if number < PLENTY { PLENTY_UNITS } else { SCARCE_UNITS };
            offers.shared.push(create(client, "S", number, units, None).await?);
        }
        for number in 0..OWN {
            offers.own.push(create(client, "P", number, SCARCE_UNITS, None).await?);
        }
        for (number, product) in products.iter().copied().take(TIED).enumerate() {
            offers.tied.push((create(client, "T", number, PLENTY_UNITS, Some(product)).await?, product));
        }
        Ok(offers)
    }

    /// Every id.
    pub(in super::super) fn ids(&self) -> impl Iterator<Item = &str> {
        let tied = self.tied.iter().map(|(id, _)| id);
        self.shared.iter().chain(&self.own).chain(tied).map(String::as_str)
    }
}

async fn create(
    client: &mut Client,
    kind: &str,
    number: usize,
    inventory: i64,
    product: Option<i64>,
) -> Result<String> {
    let id = format!("{kind}{number:02}");
    let priority = 40 + i64::try_from(number)? * 3;
    let category = CATEGORIES[number % CATEGORIES.len()];
    NewOffer { id: &id, category, priority, inventory, product }.create(client).await?;
    Ok(id)
}
