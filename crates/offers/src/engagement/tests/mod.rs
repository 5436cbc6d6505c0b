#![expect(clippy::unwrap_used, reason = "tests")]

mod calls;
mod folding;
mod tracking;

use kernel::ProductId;
use store::{DbError, Tx};
use uuid::Uuid;

use super::EventType;
use super::commands::TrackItem;
use crate::inventory::{ProductLevel, ProductStock};
use crate::names::OfferId;
use crate::offer::details::tests::details;
use crate::offer::{Amount, Details};

/// Stores that have nothing.
pub(super) struct NoStores;

impl ProductStock for NoStores {
    fn levels(&self, _: &mut Tx<'_>, _: &[ProductId]) -> Result<Vec<ProductLevel>, DbError> {
        Ok(Vec::new())
    }
}

/// An offer with so many units.
pub(super) fn offer(id: &str, category: &str, units: i64) -> (OfferId, Details) {
    (id.parse().unwrap(), Details { discount_value: Amount::whole(25), ..details(id, category, 95, units) })
}

/// An event, whose name is the caller's unless it is empty.
pub(super) fn item(name: &str, user: &str, offer: &str, what: EventType) -> TrackItem {
    TrackItem {
        event_id: if name.is_empty() { mark().into() } else { name.parse().unwrap() },
        named: !name.is_empty(),
        user_id: user.parse().unwrap(),
        offer_id: offer.parse().unwrap(),
        event_type: what,
        decision_id: None,
    }
}

/// An id that nobody else has.
pub(super) fn mark() -> Uuid {
    use kernel::IdSource as _;
    kernel::SystemIds.next(crate::testing::NOON)
}
