//! Baskets: what a client has in mind. Prices and availability are today's, nothing is promised.

pub mod api;
pub mod commands;
pub mod queries;

use kernel::{ClientId, Line, Money, ProductId, Quantity};
use serde::Serialize;
use utoipa::ToSchema;

/// A client's basket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Panier)]
pub struct Basket {
    /// Whose it is.
    pub client_id: ClientId,
    /// Its lines, by product.
    #[serde(rename = "lignes")]
    pub lines: Vec<BasketLine>,
    /// What the lines that can be bought cost together.
    pub total: Money,
}

/// One product of a basket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LignePanier)]
pub struct BasketLine {
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Its name.
    #[serde(rename = "nom")]
    pub name: Line,
    /// Units.
    #[serde(rename = "quantite")]
    pub quantity: Quantity,
    /// Its price now.
    #[serde(rename = "prix_unitaire")]
    pub unit_price: Money,
    /// What the line costs; nothing when the product is no longer sold.
    #[serde(rename = "sous_total")]
    pub subtotal: Money,
    /// Units that the logistics centre could send now.
    #[serde(rename = "disponible")]
    pub available: i64,
    /// Whether the product is still sold; the line does not count when it is not.
    #[serde(rename = "actif")]
    pub active: bool,
}

/// Why a basket cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BasketError {
    /// No such client.
    #[error("there is no client {0}")]
    UnknownClient(ClientId),
    /// No such product.
    #[error("there is no product {0}")]
    UnknownProduct(ProductId),
    /// The product is not sold any more.
    #[error("product {0} is not sold any more")]
    InactiveProduct(ProductId),
    /// The product is not in the basket.
    #[error("product {0} is not in the basket")]
    NotInBasket(ProductId),
    /// The line would hold more than a quantity may be.
    #[error("a line holds at most 1000000 units")]
    TooMany,
    /// The basket holds as many products as an order may.
    #[error("a basket holds at most 100 products")]
    Full,
}
