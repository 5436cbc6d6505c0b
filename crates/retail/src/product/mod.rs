//! The catalogue: what the chain sells. One id space for the whole platform.
//!
//! A product is never deleted, since sales and orders refer to it: it is deactivated.

pub mod api;
pub mod commands;
pub mod import;
pub mod queries;

use kernel::{Currency, Ean13, Line, Money, ProductId, Text};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use utoipa::ToSchema;

/// The highest price, in minor units: a thousand million. A full basket of the dearest product, a million units on
/// each of a hundred lines, is still an amount that can be held.
pub const MAX_PRICE_MINOR: i64 = 1_000_000_000;

/// A product of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Produit, example = json!({
    "id": 1, "nom": "Cafetière à piston", "description": "Verre et inox, 1 litre", "categorie": "Maison",
    "prix": {"montant": "35.00", "devise": "EUR"}, "ean13": "3017620422003", "actif": true}))]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    #[serde(rename = "nom")]
    pub name: Line,
    /// What it is.
    pub description: Text,
    /// The category it is listed under.
    #[serde(rename = "categorie")]
    pub category: Line,
    /// The price of one unit.
    #[serde(rename = "prix")]
    pub price: Money,
    /// Its article number, if it has one; no two products share one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ean13: Option<Ean13>,
    /// Whether it is sold.
    #[serde(rename = "actif")]
    pub active: bool,
}

/// What is said of a product by whoever enters it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Its name.
    pub name: Line,
    /// What it is.
    pub description: Text,
    /// The category it is listed under.
    pub category: Line,
    /// The price of one unit, in the chain's currency: see [`checked_price`].
    pub price: Money,
    /// Its article number.
    pub ean13: Option<Ean13>,
}

impl Details {
    /// The product that these details make.
    pub(crate) fn into_product(self, id: ProductId, active: bool) -> Product {
        let Self { name, description, category, price, ean13 } = self;
        Product { id, name, description, category, price, ean13, active }
    }
}

/// Why a product cannot be what is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProductError {
    /// No such product.
    #[error("there is no product {0}")]
    Unknown(ProductId),
    /// Another product has the article number.
    #[error("product {holder} has the article number {ean13}")]
    Ean13Taken {
        /// The number.
        ean13: Ean13,
        /// Whose it is.
        holder: ProductId,
    },
    /// A file that is being imported brings a product with the article number.
    #[error("an import under way brings a product with the article number {0}")]
    Ean13Announced(Ean13),
}

/// Why an amount is not a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Below zero. Zero itself is a price: of a sample, or a gift.
    #[error("must not be below zero")]
    Negative,
    /// Above [`MAX_PRICE_MINOR`].
    #[error("must not be above {}", Money::from_minor(MAX_PRICE_MINOR, *.0))]
    TooHigh(Currency),
}

/// An amount, if it can be the price of one unit: from zero to [`MAX_PRICE_MINOR`].
pub fn checked_price(amount: Money) -> Result<Money, PriceError> {
    match amount.minor() {
        ..0 => Err(PriceError::Negative),
        0..=MAX_PRICE_MINOR => Ok(amount),
        _ => Err(PriceError::TooHigh(amount.currency())),
    }
}

/// A text as people search for it: without accents and in lower case, so that `cafe` finds `Café`.
pub fn search_key(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// Which elements of a list are shown, by whether they are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[schema(as = FiltreActif)]
pub enum Shown {
    /// Those in use.
    #[default]
    #[serde(rename = "true")]
    Active,
    /// Those no longer in use.
    #[serde(rename = "false")]
    Inactive,
    /// Both.
    #[serde(rename = "tous")]
    All,
}

impl Shown {
    /// What the column says of the elements shown; `None` when it does not matter.
    pub(crate) const fn active(self) -> Option<bool> {
        match self {
            Self::Active => Some(true),
            Self::Inactive => Some(false),
            Self::All => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_bounded() {
        let price = |minor| checked_price(Money::from_minor(minor, Currency::EUR));
        assert!(price(0).is_ok() && price(MAX_PRICE_MINOR).is_ok());
        assert_eq!(price(-1), Err(PriceError::Negative));
        let too_high = price(MAX_PRICE_MINOR + 1).map_err(|error| error.to_string());
        assert_eq!(too_high, Err("must not be above 10000000.00 EUR".to_owned()));
    }

    #[test]
    fn searching_ignores_accents_and_case() {
        assert_eq!(search_key("Cafetière À PISTON"), "cafetiere a piston");
        assert_eq!(search_key("ﬁlet d'œuf"), "filet d'œuf");
        assert_eq!(search_key("e\u{301}"), search_key("É"));
    }
}
