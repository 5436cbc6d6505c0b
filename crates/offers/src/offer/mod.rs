//! Offers: what they promise, to whom, until when, and how many are left.
//!
//! An offer is never taken out of the tables: deleted, it is gone from every answer, while its id stays taken for what
//! was learned under it.

pub mod amount;
pub mod api;
pub mod commands;
pub mod details;
pub mod queries;
pub mod sweep;

use std::fmt;
use std::str::FromStr;

use kernel::{Line, ProductId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use amount::{Amount, AmountError};
pub use details::Details;
pub use queries::invariants;

use crate::inventory::Units;
use crate::names::{Category, OfferId, Segment};

/// How the discount of an offer is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DiscountType {
    /// So many percent off.
    Percentage,
    /// An amount off, in the chain's currency.
    FixedAmount,
    /// Buy one, get one free; the value means nothing.
    Bogo,
}

/// Whether an offer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It is, as long as it is in stock.
    Active,
    /// Not for the moment.
    Paused,
    /// Its time is over.
    Expired,
}

/// The names of a type's variants, on the wire and in the store.
macro_rules! named {
    ($type:ident: $($variant:ident $name:literal),+) => {
        impl $type {
            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl FromStr for $type {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($name => Ok(Self::$variant),)+ _ => Err(concat!("must be one of", $(" ", $name),+)) }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
named!(DiscountType: Percentage "PERCENTAGE", FixedAmount "FIXED_AMOUNT", Bogo "BOGO");
named!(Status: Active "ACTIVE", Paused "PAUSED", Expired "EXPIRED");

/// How much an offer matters to the merchant: 1 to 100, 100 the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64, minimum = 1, maximum = 100, example = 95)]
pub struct Priority(u8);

/// Not a whole number from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to 100")]
pub struct PriorityError;

impl Priority {
    /// A priority within 1 to 100.
    pub fn new(priority: i64) -> Result<Self, PriorityError> {
        u8::try_from(priority)
            .ok()
            .filter(|priority| (1..=100).contains(priority))
            .map(Self)
            .ok_or(PriorityError)
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An offer as everybody sees it: the content of its events, the answer of its administration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "offer_id": "OFF001", "offer_name": "Premium Laptop Deal", "category": "electronics",
    "discount_type": "PERCENTAGE", "discount_value": 25, "priority": 95, "inventory_count": 50, "inventory_own": 50,
    "target_segments": [], "status": "ACTIVE"}))]
pub struct Offer {
    /// Its id.
    #[serde(rename = "offer_id")]
    pub id: OfferId,
    /// What people read.
    #[serde(rename = "offer_name")]
    pub name: Line,
    /// What it is about.
    pub category: Category,
    /// How the discount is meant.
    pub discount_type: DiscountType,
    /// Percent for `PERCENTAGE`, units of the chain's currency for `FIXED_AMOUNT`, nothing for `BOGO`.
    pub discount_value: Amount,
    /// How much it matters to the merchant.
    pub priority: Priority,
    /// Effective inventory: the smaller of `inventory_own` and what the stores have of the product.
    #[serde(rename = "inventory_count")]
    pub inventory: Units,
    /// What the merchant has given it, less what was redeemed.
    pub inventory_own: Units,
    /// When its time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What has to be bought at least, in the chain's currency.
    #[serde(rename = "min_purchase_amount", default, skip_serializing_if = "Option::is_none")]
    pub min_purchase: Option<Amount>,
    /// The discount is never more than this, in the chain's currency.
    #[serde(rename = "max_discount_cap", default, skip_serializing_if = "Option::is_none")]
    pub max_discount: Option<Amount>,
    /// Who it is for; everybody when empty.
    #[serde(default)]
    pub target_segments: Vec<Segment>,
    /// What the merchant earns on it, percent of its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_percent: Option<Amount>,
    /// The product whose stock in the stores bounds its inventory.
    #[serde(rename = "produit_id", default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// Whether it is shown.
    pub status: Status,
}

impl Offer {
    /// Whether it may be shown at all: active, and its time is not over. Stock is another matter.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.status == Status::Active && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether traffic may be sent to it: live and in stock.
    pub fn is_eligible(&self, now: Timestamp) -> bool {
        self.is_live(now) && !self.inventory.is_zero()
    }
}

/// An offer as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The offer, with its effective inventory when it was last looked at.
    pub offer: Offer,
    /// Since when it is out of stock, having been in stock before.
    pub out_since: Option<Timestamp>,
    /// Whether the low alert has been given, and is not due again before there are more than
    /// [`LOW`](crate::inventory::LOW).
    pub low_told: bool,
    /// Whether it has been deleted.
    pub deleted: bool,
    /// Counts its changes, from 1.
    pub version: i64,
}

/// Why something cannot be done with an offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// No such offer, or it has been deleted.
    #[error("there is no offer {0}")]
    Unknown(OfferId),
    /// Another offer has the id, or had it.
    #[error("the id {0} is taken")]
    IdTaken(OfferId),
    /// There are fewer left than asked for.
    #[error("offer {offer} is out of stock: asked {asked}, left {left}")]
    OutOfStock {
        /// The offer.
        offer: OfferId,
        /// Units asked for.
        asked: i64,
        /// Units there are.
        left: i64,
    },
}
