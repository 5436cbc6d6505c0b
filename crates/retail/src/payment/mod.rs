//! Payments: what was asked of a provider and what came of it.
//!
//! An order's payment is driven by its saga (`order::saga`); a payment asked for at its own door
//! (`POST /paiement`) is driven by [`desk`]. Both call the same [`provider::PaymentProvider`] and neither
//! trusts anything but its answers.

pub mod api;
pub mod commands;
pub mod desk;
pub mod provider;
pub mod queries;
pub mod simulated;
pub mod stripe;

use kernel::{Money, OrderId, PaymentId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a payment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StatutPaiement)]
pub enum PaymentState {
    /// Intended: the provider's answer is not recorded yet.
    #[serde(rename = "EN_COURS")]
    Intended,
    /// The amount is held.
    #[serde(rename = "AUTORISE")]
    Authorised,
    /// The amount is taken.
    #[serde(rename = "CAPTURE")]
    Captured,
    /// Refused for good.
    #[serde(rename = "REFUSE")]
    Refused,
    /// Given up before any money moved.
    #[serde(rename = "ANNULE")]
    Cancelled,
    /// Taken and given back.
    #[serde(rename = "REMBOURSE")]
    Refunded,
}

impl PaymentState {
    const ALL: [Self; 6] =
        [Self::Intended, Self::Authorised, Self::Captured, Self::Refused, Self::Cancelled, Self::Refunded];

    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intended => "EN_COURS",
            Self::Authorised => "AUTORISE",
            Self::Captured => "CAPTURE",
            Self::Refused => "REFUSE",
            Self::Cancelled => "ANNULE",
            Self::Refunded => "REMBOURSE",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Paiement)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// The order it pays for.
    #[serde(rename = "commande_id", skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The caller's own name for it; the same reference is the same payment.
    #[serde(rename = "reference", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The amount.
    #[serde(rename = "montant")]
    pub amount: Money,
    /// Where it is in its life.
    #[serde(rename = "statut")]
    pub state: PaymentState,
    /// Who moves the money.
    #[serde(rename = "fournisseur")]
    pub provider: String,
    /// The provider's id of it, once known.
    #[serde(rename = "reference_fournisseur", skip_serializing_if = "Option::is_none")]
    pub provider_reference: Option<String>,
    /// Why it was refused or given up.
    #[serde(rename = "motif", skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was asked for.
    #[serde(rename = "cree_le")]
    pub created_at: Timestamp,
    /// When its state last changed.
    #[serde(rename = "modifie_le")]
    pub updated_at: Timestamp,
}
