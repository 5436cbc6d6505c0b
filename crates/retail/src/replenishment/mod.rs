//! Replenishment: a shop asks the logistics centre for units.
//!
//! `EN_ATTENTE → VALIDEE → RECUE`, or `REJETEE`. The units move from the centre to the shop in the commit that
//! validates. Receiving only confirms; when something else arrived than was sent, the difference is a correction of
//! the shop's stock, since nobody can say where it went.

pub mod api;
pub mod commands;
pub mod queries;
pub mod suggestion;

use kernel::{Line, PlaceId, ProductId, Quantity, ReplenishmentId, ShopId, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::stock::{Shortage, Slot, Unusable};

/// Where a request is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = StatutApprovisionnement)]
pub enum State {
    /// Nobody has decided yet.
    #[serde(rename = "EN_ATTENTE")]
    Pending,
    /// The units have left the centre for the shop.
    #[serde(rename = "VALIDEE")]
    Validated,
    /// The shop has counted them.
    #[serde(rename = "RECUE")]
    Received,
    /// There will be none.
    #[serde(rename = "REJETEE")]
    Rejected,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Validated, Self::Received, Self::Rejected];

    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "EN_ATTENTE",
            Self::Validated => "VALIDEE",
            Self::Received => "RECUE",
            Self::Rejected => "REJETEE",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The state a request must be in before it can reach this one.
    pub const fn before(self) -> Option<Self> {
        match self {
            Self::Pending => None,
            Self::Validated | Self::Rejected => Some(Self::Pending),
            Self::Received => Some(Self::Validated),
        }
    }
}

/// A request to be made. Its id is drawn by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReplenishment {
    /// Its id.
    pub id: ReplenishmentId,
    /// The shop that asks.
    pub shop: ShopId,
    /// The product.
    pub product: ProductId,
    /// Units.
    pub quantity: Quantity,
    /// Who asks.
    pub by: Option<Line>,
}

/// A replenishment request, with who and when for each step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Approvisionnement, example = json!({
    "id": "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04", "magasin_id": 1, "produit_id": 12, "quantite": 40,
    "statut": "VALIDEE", "demande_par": "Claire", "demande_le": "2026-03-01T12:00:00Z",
    "decide_par": "Karim", "decide_le": "2026-03-01T14:30:00Z"
}))]
pub struct Replenishment {
    /// Its id.
    pub id: ReplenishmentId,
    /// The shop that asked.
    #[serde(rename = "magasin_id")]
    pub shop: ShopId,
    /// The product.
    #[serde(rename = "produit_id")]
    pub product: ProductId,
    /// Units asked for, and sent once it is validated.
    #[serde(rename = "quantite")]
    pub quantity: Quantity,
    /// Units that arrived, once it is received.
    #[serde(rename = "quantite_recue", skip_serializing_if = "Option::is_none")]
    pub received_quantity: Option<i64>,
    /// Where it is in its life.
    #[serde(rename = "statut")]
    pub state: State,
    /// Why it was rejected.
    #[serde(rename = "motif", skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// Who asked.
    #[serde(rename = "demande_par", skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Line>,
    /// When.
    #[serde(rename = "demande_le")]
    pub requested_at: Timestamp,
    /// Who validated or rejected.
    #[serde(rename = "decide_par", skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<Line>,
    /// When.
    #[serde(rename = "decide_le", skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// Who received.
    #[serde(rename = "recu_par", skip_serializing_if = "Option::is_none")]
    pub received_by: Option<Line>,
    /// When.
    #[serde(rename = "recu_le", skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
}

impl Replenishment {
    /// Where its units come from.
    pub fn source(&self) -> Slot {
        (PlaceId::CENTRE, self.product)
    }

    /// Where its units go.
    pub fn destination(&self) -> Slot {
        (self.shop.into(), self.product)
    }
}

/// Why a request cannot be made or brought further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplenishmentError {
    /// The shop or the product cannot be used.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// No such request.
    #[error("there is no replenishment request {0}")]
    Unknown(ReplenishmentId),
    /// The request is in another state than the step needs.
    #[error("the request is {}, it would have to be {}", present.name(), needed.name())]
    State {
        /// The state it is in.
        present: State,
        /// The state it would have to be in.
        needed: State,
    },
    /// The centre has too few units; the request stays as it is.
    #[error("the logistics centre has not enough units")]
    Short(Shortage),
    /// Fewer units arrived than were sent, and of those missing some are promised or sold already.
    #[error("{missing} units are missing, but only {available} are still available in the shop")]
    Missing {
        /// Units that did not arrive.
        missing: i64,
        /// Units of the product that are neither sold nor promised.
        available: i64,
    },
}
