//! Sales at the till.

pub mod api;
pub mod commands;
pub mod queries;

use std::collections::HashMap;

use kernel::{Currency, Line, Money, ProductId, Quantity, SaleId, ShopId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::stock::{Offered, Shortage, Unusable};

/// A sale takes no more lines than this: it bounds what one command locks.
pub const MAX_LINES: usize = 100;
/// The largest total of one sale, in minor units: ten billion euros. It keeps every sum of a report within 64 bits
/// for nine million such sales.
pub const MAX_TOTAL_MINOR: i64 = 1_000_000_000_000;

/// One product of a sale to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewLine {
    /// The product.
    pub product: ProductId,
    /// Units.
    pub quantity: Quantity,
    /// The price per unit in minor units of the chain's currency, when it is not the product's.
    pub unit_price_minor: Option<i64>,
}

/// A sale to be recorded. Its id is drawn by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSale {
    /// Its id.
    pub id: SaleId,
    /// The shop.
    pub shop: ShopId,
    /// Its lines, by product, each product once.
    pub lines: Vec<NewLine>,
    /// Who sold.
    pub cashier: Option<Line>,
    /// The chain's currency.
    pub currency: Currency,
}

/// One product of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LigneVente)]
pub struct SaleLine {
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Units.
    #[serde(rename = "quantite")]
    pub quantity: Quantity,
    /// The price per unit.
    #[serde(rename = "prix_unitaire")]
    pub unit_price: Money,
}

/// A sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Vente, example = json!({
    "id": "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04", "magasin_id": 1,
    "lignes": [{"produit_id": 1, "quantite": 2, "prix_unitaire": {"montant": "35.00", "devise": "EUR"}}],
    "total": {"montant": "70.00", "devise": "EUR"}, "horodatage": "2026-03-01T12:00:00Z", "caissier": "Caisse 2"
}))]
pub struct Sale {
    /// Its id.
    pub id: SaleId,
    /// The shop.
    #[serde(rename = "magasin_id")]
    pub shop: ShopId,
    /// Its lines, by product.
    #[serde(rename = "lignes")]
    pub lines: Vec<SaleLine>,
    /// What was paid.
    pub total: Money,
    /// When it was recorded.
    #[serde(rename = "horodatage")]
    pub at: Timestamp,
    /// Who sold.
    #[serde(rename = "caissier", skip_serializing_if = "Option::is_none")]
    pub cashier: Option<Line>,
}

/// Why a sale cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SaleError {
    /// The shop or a product cannot be used.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// There are fewer units than are sold; promised units cannot be sold.
    #[error("there is not enough stock")]
    Short(Vec<Shortage>),
    /// The total is above [`MAX_TOTAL_MINOR`].
    #[error("the total is too large")]
    TotalTooLarge,
}

impl NewSale {
    /// The sale at the catalogue's prices where none is given.
    pub fn priced(&self, now: Timestamp, offered: &HashMap<ProductId, Offered>) -> Result<Sale, SaleError> {
        let mut total = Money::from_minor(0, self.currency);
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let price = self.unit_price(line, offered)?;
            let amount = price.times(line.quantity.get()).map_err(|_| SaleError::TotalTooLarge)?;
            total = total.plus(amount).map_err(|_| SaleError::TotalTooLarge)?;
            lines.push(SaleLine { product: line.product, quantity: line.quantity, unit_price: price });
        }
        if total.minor() > MAX_TOTAL_MINOR {
            return Err(SaleError::TotalTooLarge);
        }
        Ok(Sale { id: self.id, shop: self.shop, lines, total, at: now, cashier: self.cashier.clone() })
    }

    fn unit_price(&self, line: &NewLine, offered: &HashMap<ProductId, Offered>) -> Result<Money, SaleError> {
        let known = offered.get(&line.product).ok_or(Unusable::UnknownProduct(line.product))?;
        let minor = line.unit_price_minor.unwrap_or(known.price_minor);
        Ok(Money::from_minor(minor, self.currency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sale(lines: &[(i64, i64, Option<i64>)]) -> NewSale {
        let lines = lines.iter().map(|(product, units, price)| NewLine {
            product: ProductId(*product),
            quantity: Quantity::new(*units).expect("a quantity"),
            unit_price_minor: *price,
        });
        NewSale {
            id: SaleId(uuid::Uuid::nil()),
            shop: ShopId(1),
            lines: lines.collect(),
            cashier: None,
            currency: Currency::EUR,
        }
    }

    fn price(lines: &[(i64, i64, Option<i64>)]) -> Result<i64, SaleError> {
        let offered = HashMap::from([(ProductId(1), Offered { price_minor: 350, active: true })]);
        sale(lines).priced(Timestamp::default(), &offered).map(|sale| sale.total.minor())
    }

    #[test]
    fn a_given_price_replaces_the_catalogue_s() {
        assert_eq!(price(&[(1, 2, None)]), Ok(700));
        assert_eq!(price(&[(1, 2, Some(100))]), Ok(200));
        assert_eq!(price(&[(1, 2, Some(0))]), Ok(0));
        assert_eq!(price(&[(2, 1, None)]), Err(Unusable::UnknownProduct(ProductId(2)).into()));
    }

    #[test]
    fn a_total_stays_within_what_reports_can_add_up() {
        assert_eq!(price(&[(1, 1, Some(MAX_TOTAL_MINOR))]), Ok(MAX_TOTAL_MINOR));
        assert_eq!(price(&[(1, 1, Some(MAX_TOTAL_MINOR + 1))]), Err(SaleError::TotalTooLarge));
        assert_eq!(price(&[(1, 1_000_000, Some(i64::MAX))]), Err(SaleError::TotalTooLarge));
    }
}
