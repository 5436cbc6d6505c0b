//! Stock in every place: what is there, what is promised, what is left.

pub mod api;
pub mod commands;
pub mod queries;
pub mod reservation;

use std::collections::HashMap;

use kernel::{PlaceId, ProductId, Quantity, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Thresholds of a product in a place that nobody has set (units): out of stock, to be reordered, too much.
pub const DEFAULT_THRESHOLDS: Thresholds = Thresholds { low: 5, reorder: 20, overstock: 100 };

/// When a level is worth a person's attention, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// At or below: nearly out (`seuil_rupture`).
    pub low: i64,
    /// At or below: reorder (`seuil_reappro`).
    pub reorder: i64,
    /// At or above: too much (`seuil_surstock`).
    pub overstock: i64,
}

/// Units of a product in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// Units that are there (`en_main`).
    pub on_hand: i64,
    /// Units among them that are promised (`reserve`).
    pub reserved: i64,
}

impl Level {
    /// Units that may still be sold or promised (`disponible`).
    pub const fn available(self) -> i64 {
        self.on_hand - self.reserved
    }
}

/// Where stock is kept: a place and a product.
pub type Slot = (PlaceId, ProductId);

/// Levels as they were read in a transaction, by slot; a slot that has never held stock is absent.
pub type Levels = HashMap<Slot, Level>;

/// The stock of a product in one place, and whether it may be sold there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceLevel {
    /// Where, and of which product.
    pub slot: Slot,
    /// How much.
    pub level: Level,
    /// Whether the place is open; the logistics centre always is.
    pub active_place: bool,
    /// Whether the product is sold.
    pub active_product: bool,
}

/// A change of one level, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Which level.
    pub slot: Slot,
    /// Change of what is there.
    pub on_hand: i64,
    /// Change of what is promised.
    pub reserved: i64,
}

impl Movement {
    /// Promises units.
    pub const fn reserve(slot: Slot, units: i64) -> Self {
        Self { slot, on_hand: 0, reserved: units }
    }

    /// Takes a promise back.
    pub const fn release(slot: Slot, units: i64) -> Self {
        Self { slot, on_hand: 0, reserved: -units }
    }

    /// Hands promised units out.
    pub const fn fulfil(slot: Slot, units: i64) -> Self {
        Self { slot, on_hand: -units, reserved: -units }
    }

    /// Brings units in (takes them out when negative).
    pub const fn bring(slot: Slot, units: i64) -> Self {
        Self { slot, on_hand: units, reserved: 0 }
    }
}

/// Why a level is worth a person's attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = AlerteStock)]
#[serde(rename_all = "lowercase")]
pub enum Alert {
    /// What is available is at or below the low threshold.
    #[serde(rename = "rupture")]
    Out,
    /// What is available is at or below the reorder threshold.
    #[serde(rename = "reappro")]
    Reorder,
    /// What is there is at or above the overstock threshold.
    #[serde(rename = "surstock")]
    Overstock,
}

impl Alert {
    /// The most urgent alert of a level, if any.
    pub const fn of(level: Level, thresholds: Thresholds) -> Option<Self> {
        if level.available() <= thresholds.low {
            Some(Self::Out)
        } else if level.available() <= thresholds.reorder {
            Some(Self::Reorder)
        } else if level.on_hand >= thresholds.overstock {
            Some(Self::Overstock)
        } else {
            None
        }
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Out => "rupture",
            Self::Reorder => "reappro",
            Self::Overstock => "surstock",
        }
    }
}

/// The stock of one product in a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = NiveauStock, example = json!({
    "produit_id": 1, "nom": "Casque audio sans fil", "en_main": 42, "reserve": 2, "disponible": 40,
    "seuil_rupture": 5, "seuil_reappro": 20, "seuil_surstock": 100
}))]
pub struct StockItem {
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Its name.
    #[serde(rename = "nom")]
    pub name: String,
    /// Units that are there.
    #[serde(rename = "en_main")]
    pub on_hand: i64,
    /// Units among them that are promised.
    #[serde(rename = "reserve")]
    pub reserved: i64,
    /// Units that may still be sold or promised.
    #[serde(rename = "disponible")]
    pub available: i64,
    /// Nearly out when so many or fewer are available.
    #[serde(rename = "seuil_rupture")]
    pub low: i64,
    /// To be reordered when so many or fewer are available.
    #[serde(rename = "seuil_reappro")]
    pub reorder: i64,
    /// Too much when so many or more are there.
    #[serde(rename = "seuil_surstock")]
    pub overstock: i64,
    /// The most urgent of the three, if any.
    #[serde(rename = "alerte", skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
}

impl StockItem {
    /// The line of a product with this level and these thresholds.
    pub fn new(product: ProductId, name: String, level: Level, thresholds: Thresholds) -> Self {
        Self {
            product,
            name,
            on_hand: level.on_hand,
            reserved: level.reserved,
            available: level.available(),
            low: thresholds.low,
            reorder: thresholds.reorder,
            overstock: thresholds.overstock,
            alert: Alert::of(level, thresholds),
        }
    }
}

/// A product and how many units of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = ProduitQuantite, example = json!({"produit_id": 1, "quantite": 2}))]
pub struct Wanted {
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Units.
    #[serde(rename = "quantite")]
    pub quantity: Quantity,
}

/// A product of which there is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Manque)]
pub struct Shortage {
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Units asked for.
    #[serde(rename = "demande")]
    pub asked: i64,
    /// Units there are.
    #[serde(rename = "disponible")]
    pub available: i64,
}

/// The names of products in a list, each with what was asked and what there is, for people.
pub fn describe_shortages(shortages: &[Shortage]) -> String {
    let named: Vec<String> = shortages
        .iter()
        .map(|short| {
            format!("product {}: asked {}, available {}", short.product, short.asked, short.available)
        })
        .collect();
    named.join("; ")
}

/// What the catalogue says of a product to whoever moves its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// Its price in minor units of the chain's currency.
    pub price_minor: i64,
    /// Whether it is still sold.
    pub active: bool,
}

/// A place or product that stock cannot be moved for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No such place.
    #[error("there is no place {0}")]
    UnknownPlace(PlaceId),
    /// The shop is closed.
    #[error("shop {0} is closed")]
    InactivePlace(PlaceId),
    /// No such product.
    #[error("there is no product {0}")]
    UnknownProduct(ProductId),
    /// The product is not sold any more.
    #[error("product {0} is not sold any more")]
    InactiveProduct(ProductId),
}

/// Goods that came in from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Reception, example = json!({
    "id": "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04", "emplacement_id": 0, "produit_id": 1, "quantite": 50,
    "en_main": 92, "reserve": 2, "disponible": 90, "horodatage": "2026-03-01T12:00:00Z"
}))]
pub struct Receipt {
    /// Its id.
    pub id: Uuid,
    /// Where they came in; 0 is the logistics centre.
    #[serde(rename = "emplacement_id")]
    pub place: PlaceId,
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Units that came in.
    #[serde(rename = "quantite")]
    pub quantity: Quantity,
    /// Units that are there now.
    #[serde(rename = "en_main")]
    pub on_hand: i64,
    /// Units among them that are promised.
    #[serde(rename = "reserve")]
    pub reserved: i64,
    /// Units that may be sold or promised now.
    #[serde(rename = "disponible")]
    pub available: i64,
    /// When they came in.
    #[serde(rename = "horodatage")]
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_alert_wins() {
        let alert = |on_hand, reserved| Alert::of(Level { on_hand, reserved }, DEFAULT_THRESHOLDS);
        assert_eq!(alert(0, 0), Some(Alert::Out));
        assert_eq!(alert(5, 0), Some(Alert::Out));
        assert_eq!(alert(6, 0), Some(Alert::Reorder));
        assert_eq!(alert(20, 0), Some(Alert::Reorder));
        assert_eq!(alert(21, 0), None);
        assert_eq!(alert(99, 0), None);
        assert_eq!(alert(100, 0), Some(Alert::Overstock));
        // Units that are promised are still there, but cannot be sold.
        assert_eq!(alert(200, 195), Some(Alert::Out));
    }
}
