//! Reservations: units promised to whoever names a reference, for a while.
//!
//! This is the door for participants from outside; an order of this stall promises its units to itself and has
//! no row here. A reservation's lines never change, so its slots can be read before its locks are declared.

pub mod api;
pub mod commands;
pub mod queries;

pub use commands::expire_due;

use std::collections::BTreeSet;

use kernel::{FieldError, Line, PlaceId, ProductId, Timestamp};
use serde::Serialize;
use store::Call;
use utoipa::ToSchema;

use super::commands::lock_slots;
use super::{Shortage, Slot, Unusable, Wanted};

/// A reservation takes no more lines than this: it bounds what one command locks.
pub const MAX_LINES: usize = 100;
/// How long units are promised when nothing is said, seconds.
pub const DEFAULT_SECONDS: i64 = 900;
/// How long units can be promised, seconds: a day.
pub const MAX_SECONDS: i64 = 86_400;

/// Where a reservation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EtatReservation)]
pub enum State {
    /// Its units are promised.
    #[serde(rename = "ACTIVE")]
    Active,
    /// Its units were given back.
    #[serde(rename = "LIBEREE")]
    Released,
    /// Its time ran out and its units were taken back.
    #[serde(rename = "EXPIREE")]
    Expired,
}

impl State {
    /// The name on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Released => "LIBEREE",
            Self::Expired => "EXPIREE",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Released, Self::Expired].into_iter().find(|state| state.name() == name)
    }
}

/// A reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Reservation, example = json!({
    "reference": "panier-42", "emplacement_id": 0, "statut": "ACTIVE",
    "produits": [{"produit_id": 1, "quantite": 2}],
    "cree_le": "2026-03-01T12:00:00Z", "expire_le": "2026-03-01T12:15:00Z"
}))]
pub struct Reservation {
    /// The caller's name for it.
    pub reference: Line,
    /// Where its units are; 0 is the logistics centre.
    #[serde(rename = "emplacement_id")]
    pub place: PlaceId,
    /// Where it is in its life.
    #[serde(rename = "statut")]
    pub state: State,
    /// Its lines, by product.
    #[serde(rename = "produits")]
    pub lines: Vec<Wanted>,
    /// When it was made.
    #[serde(rename = "cree_le")]
    pub created_at: Timestamp,
    /// When its time runs out.
    #[serde(rename = "expire_le")]
    pub expires_at: Timestamp,
}

impl Reservation {
    /// The stock its lines draw on, with the units.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, i64)> + '_ {
        self.lines.iter().map(|line| ((self.place, line.product), line.quantity.get()))
    }

    /// Whether its units are still promised though its time has run out.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.state == State::Active && self.expires_at <= now
    }

    /// The same call with what changing this reservation decides on declared.
    pub fn lock(&self, call: Call) -> Call {
        lock(call, &self.reference, self.slots().map(|(slot, _)| slot))
    }
}

/// Declares a reservation's own key and those of its slots.
fn lock(call: Call, reference: &Line, slots: impl IntoIterator<Item = Slot>) -> Call {
    lock_slots(call.lock("reservation", reference.as_ref()), slots)
}

/// Units to be promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReservation {
    /// The caller's name for it.
    pub reference: Line,
    /// Where the units are.
    pub place: PlaceId,
    /// Its lines, by product, each product once ([`checked_lines`]).
    pub lines: Vec<Wanted>,
    /// For how long, seconds.
    pub seconds: i64,
}

impl NewReservation {
    /// The same call with what making this reservation decides on declared.
    pub fn lock(&self, call: Call) -> Call {
        lock(call, &self.reference, self.lines.iter().map(|line| (self.place, line.product)))
    }

    /// Whether this is the call that made that reservation.
    pub fn made(&self, reservation: &Reservation) -> bool {
        reservation.place == self.place
            && reservation.lines == self.lines
            && reservation.created_at.plus_seconds(self.seconds) == reservation.expires_at
    }
}

/// Why units cannot be promised or given back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    /// A place or product cannot be used.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// There are fewer units than asked for.
    #[error("there is not enough stock")]
    Short(Vec<Shortage>),
    /// The reference names another reservation.
    #[error("the reference {0} names another reservation")]
    Taken(Line),
    /// No such reservation.
    #[error("there is no reservation {0}")]
    Unknown(Line),
}

/// Lines sorted by product, or what is wrong with them. Two lines of one product would draw on the same units
/// without knowing of each other: they are refused.
pub fn checked_lines(field: &str, lines: &[Wanted], max: usize) -> Result<Vec<Wanted>, Vec<FieldError>> {
    let fault = |field: String, message: String| vec![FieldError { field, message }];
    if lines.is_empty() || lines.len() > max {
        return Err(fault(field.to_owned(), format!("must have 1 to {max} lines")));
    }
    let mut seen = BTreeSet::<ProductId>::new();
    let doubled = lines.iter().enumerate().filter(|(_, line)| !seen.insert(line.product));
    let faults: Vec<FieldError> = doubled
        .map(|(index, line)| FieldError {
            field: format!("{field}[{index}].produit_id"),
            message: format!("product {} is there already", line.product),
        })
        .collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut sorted = lines.to_vec();
    sorted.sort_unstable();
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use kernel::Quantity;

    use super::*;

    fn wanted(product: i64, units: i64) -> Wanted {
        Wanted { product: ProductId(product), quantity: Quantity::new(units).expect("a quantity") }
    }

    #[test]
    fn lines_are_sorted_and_each_product_comes_once() {
        assert_eq!(
            checked_lines("produits", &[wanted(3, 1), wanted(1, 2)], 2),
            Ok(vec![wanted(1, 2), wanted(3, 1)])
        );
        let faults = checked_lines("produits", &[wanted(3, 1), wanted(1, 2), wanted(3, 1)], 3)
            .expect_err("a product twice");
        assert_eq!(faults[0].field, "produits[2].produit_id");
        assert!(checked_lines("produits", &[], 2).is_err());
        assert!(checked_lines("produits", &[wanted(1, 1), wanted(2, 1), wanted(3, 1)], 2).is_err());
    }
}
