//! Orders: a saga that ends fully confirmed or leaves no trace.
//!
//! `CREEE → STOCK_VERIFIE → STOCK_RESERVE → PAYEE → CONFIRMEE`, or `ANNULEE` after compensation. Between two
//! states lies one durable commit ([`commands`]); between two commits lies one call to the payment provider.
//! [`plan`] says from the stored state alone which call comes next, and [`saga`] makes it: a request's handler
//! and the worker that resumes after a crash follow the same path.

pub mod api;
pub mod commands;
pub mod metrics;
pub mod plan;
pub mod queries;
pub mod saga;

use kernel::{ClientId, Money, OrderId, PaymentId, PlaceId, ProductId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::stock::Slot;

/// An order takes no more lines than this: it bounds what one command locks.
pub const MAX_LINES: usize = 100;

/// Where an order is in its life.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize, ToSchema,
)]
#[schema(as = EtatCommande)]
pub enum State {
    /// It exists.
    #[serde(rename = "CREEE")]
    Created,
    /// There is enough stock.
    #[serde(rename = "STOCK_VERIFIE")]
    StockVerified,
    /// The stock is promised to it.
    #[serde(rename = "STOCK_RESERVE")]
    StockReserved,
    /// The money is held or taken.
    #[serde(rename = "PAYEE")]
    Paid,
    /// The money is taken and the units are handed out.
    #[serde(rename = "CONFIRMEE")]
    Confirmed,
    /// Nothing of it remains: no unit, no money.
    #[serde(rename = "ANNULEE")]
    Cancelled,
}

impl State {
    /// Every state, in the order of an order's life.
    pub const ALL: [Self; 6] = [
        Self::Created,
        Self::StockVerified,
        Self::StockReserved,
        Self::Paid,
        Self::Confirmed,
        Self::Cancelled,
    ];

    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "CREEE",
            Self::StockVerified => "STOCK_VERIFIE",
            Self::StockReserved => "STOCK_RESERVE",
            Self::Paid => "PAYEE",
            Self::Confirmed => "CONFIRMEE",
            Self::Cancelled => "ANNULEE",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The number of the step that reaches this state when all goes well, from 0. A cancellation is numbered
    /// after whatever came before it.
    const fn step(self) -> i64 {
        match self {
            Self::Created => 0,
            Self::StockVerified => 1,
            Self::StockReserved => 2,
            Self::Paid => 3,
            Self::Confirmed => 4,
            Self::Cancelled => 5,
        }
    }
}

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = LigneCommande)]
pub struct OrderLine {
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Units.
    #[serde(rename = "quantite")]
    pub quantity: i64,
    /// The product's price when the order was placed.
    #[serde(rename = "prix_unitaire")]
    pub unit_price: Money,
}

/// A state that an order went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EtapeCommande)]
pub struct Step {
    /// The state.
    #[serde(rename = "etat")]
    pub state: State,
    /// When it was reached.
    #[serde(rename = "horodatage")]
    pub at: Timestamp,
    /// Why, when that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How far a cancellation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Annulation)]
pub enum Cancellation {
    /// The refund is not recorded yet.
    #[serde(rename = "EN_COURS")]
    Running,
}

/// An order, as it is shown and as the saga works on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Commande)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// The place whose stock it draws on; 0 is the logistics centre.
    #[serde(rename = "emplacement_id")]
    pub place: PlaceId,
    /// Its lines, by product.
    #[serde(rename = "lignes")]
    pub lines: Vec<OrderLine>,
    /// What it costs.
    #[serde(rename = "montant_total")]
    pub total: Money,
    /// Where it is in its life.
    #[serde(rename = "etat")]
    pub state: State,
    /// Present while a cancellation waits for its refund.
    #[serde(rename = "annulation", skip_serializing_if = "Option::is_none")]
    pub cancellation: Option<Cancellation>,
    /// Every state it went through.
    #[serde(rename = "historique")]
    pub history: Vec<Step>,
    /// Its payment, once there is one.
    #[serde(rename = "paiement_id", skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Whether it empties its client's basket.
    #[serde(skip)]
    pub from_basket: bool,
    /// When its reservation ends.
    #[serde(skip)]
    pub expires_at: Timestamp,
    /// The provider's id of its payment, once known.
    #[serde(skip)]
    pub payment_reference: Option<String>,
    /// The provider that its payment was intended for.
    #[serde(skip)]
    pub provider: Option<String>,
}

impl Order {
    /// The stock its lines draw on, with the units.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, i64)> + '_ {
        self.lines.iter().map(|line| ((self.place, line.product), line.quantity))
    }

    /// When it was placed.
    pub fn created_at(&self) -> Timestamp {
        self.history.first().map(|step| step.at).unwrap_or_default()
    }

    /// Whether nothing is left to do for it.
    pub fn is_settled(&self) -> bool {
        self.cancellation.is_none() && matches!(self.state, State::Confirmed | State::Cancelled)
    }
}
