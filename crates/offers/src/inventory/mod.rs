//! How many of an offer are left: the merchant's own count, bounded by what the stores have of its product.

pub mod commands;
mod evaluate;
pub mod stock;
pub mod watch;

use std::fmt;

use serde::{Deserialize, Serialize};
use store::{DbError, FromColumn, Param, RowRef, ToParam};
use utoipa::ToSchema;

pub(crate) use commands::ledger::{Act, Change, Ledger};
pub use stock::{Availability, ProductLevel, ProductStock};

use crate::names::{Category, OfferId};
use crate::offer::Offer;

/// So many left, or fewer, and the merchant is told once.
pub const LOW: Units = Units(5);

/// An offer's counts have changed: its own, its effective one, or both.
pub const OFFER_STOCK: &str = "halles.offer.stock";
/// An offer that was in stock has run out.
pub const OFFER_STOCKOUT: &str = "halles.offer.stockout";
/// An offer that was out of stock is in stock.
pub const OFFER_RESTOCKED: &str = "halles.offer.restocked";
/// Only few of an offer are left.
pub const OFFER_LOW: &str = "halles.offer.low";

/// What [`OFFER_STOCK`] tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The offer.
    #[serde(rename = "offer_id")]
    pub offer: OfferId,
    /// Its category.
    pub category: Category,
    /// Its effective inventory now.
    #[serde(rename = "inventory_count")]
    pub inventory: Units,
    /// Its own count now.
    pub inventory_own: Units,
}

/// What [`OFFER_STOCKOUT`] and [`OFFER_RESTOCKED`] tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// The offer.
    #[serde(rename = "offer_id")]
    pub offer: OfferId,
    /// Its category.
    pub category: Category,
}

/// What [`OFFER_LOW`] tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Low {
    /// The offer.
    #[serde(rename = "offer_id")]
    pub offer: OfferId,
    /// Its effective inventory.
    pub remaining: Units,
}

impl From<&Offer> for Counted {
    fn from(offer: &Offer) -> Self {
        Self {
            offer: offer.id.clone(),
            category: offer.category.clone(),
            inventory: offer.inventory,
            inventory_own: offer.inventory_own,
        }
    }
}

impl From<&Offer> for Turned {
    fn from(offer: &Offer) -> Self {
        Self { offer: offer.id.clone(), category: offer.category.clone() }
    }
}

/// A number of units of an offer: 0 to 1,000,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64, minimum = 0, maximum = 1_000_000_000, example = 50)]
pub struct Units(i64);

/// Not a whole number from 0 to 1,000,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to 1000000000")]
pub struct UnitsError;

impl Units {
    /// None left.
    pub const ZERO: Self = Self(0);
    /// The most.
    pub const MAX: Self = Self(1_000_000_000);

    /// A number within 0 to [`Units::MAX`].
    pub fn new(units: i64) -> Result<Self, UnitsError> {
        if (0..=Self::MAX.0).contains(&units) { Ok(Self(units)) } else { Err(UnitsError) }
    }

    /// The nearest number within 0 to [`Units::MAX`].
    pub fn saturating(units: i64) -> Self {
        Self(units.clamp(0, Self::MAX.0))
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whether none are left.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl ToParam<'_> for Units {
    const NULL: Param<'static> = Param::Int(None);

    fn to_param(self) -> Param<'static> {
        Param::Int(Some(self.0))
    }
}

impl FromColumn for Units {
    fn from_column(row: RowRef<'_>, index: usize) -> Result<Option<Self>, DbError> {
        let stored = i64::from_column(row, index)?;
        stored.map(|units| Self::new(units).map_err(|error| DbError::Decode(error.to_string()))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_bounded() {
        assert_eq!(Units::new(1_000_000_000), Ok(Units::MAX));
        assert_eq!([Units::new(-1), Units::new(1_000_000_001)], [Err(UnitsError); 2]);
        assert_eq!([Units::saturating(-3), Units::saturating(i64::MAX)], [Units::ZERO, Units::MAX]);
        assert!(serde_json::from_str::<Units>("1.5").is_err());
    }
}
