//! What the index reads from events of which it needs only a part.

use serde::Deserialize;

use crate::names::OfferId;

/// The events that end a pivot, or tell that there is none.
#[derive(Deserialize)]
pub(super) struct Unpivoted {
    pub(super) from: OfferId,
}
