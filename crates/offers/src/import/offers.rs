//! Files of offers, under the names that the API has for their fields.

use kernel::Currency;

use super::fields::{Column, Fields, Seen, optional, required};
use crate::inventory::Units;
use crate::names::OfferId;
use crate::offer::{Details, Priority};

/// The columns of a file of offers.
pub(super) static COLUMNS: [Column; 14] = [
    required("offer_id"),
    required("offer_name"),
    required("category"),
    required("discount_type"),
    required("discount_value"),
    required("priority"),
    required("inventory_count"),
    optional("expires_at"),
    optional("min_purchase_amount"),
    optional("max_discount_cap"),
    optional("target_segments"),
    optional("margin_percent"),
    optional("produit_id"),
    optional("status"),
];

/// One offer of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferRecord {
    /// The line of the file, from 1.
    pub line: u64,
    /// Its id; one that there is already is replaced.
    pub id: OfferId,
    /// What is said of it.
    pub details: Details,
}

impl OfferRecord {
    pub(super) fn into_pair(self) -> (OfferId, Details) {
        (self.id, self.details)
    }
}

/// Makes offers of records.
pub(super) struct Reader {
    pub(super) records: Vec<OfferRecord>,
    currency: Currency,
    seen: Seen<OfferId>,
}

impl Reader {
    pub(super) fn new(currency: Currency) -> Self {
        Self { records: Vec::new(), currency, seen: Seen::default() }
    }

    pub(super) fn take(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        let id: Option<OfferId> = fields.get("offer_id");
        if let Some(id) = &id {
            self.seen.check(fields, "offer_id", id);
        }
        let details = details(fields)?;
        for fault in details.faults(self.currency) {
            fields.wrong(&fault.field, fault.message);
        }
        self.records.push(OfferRecord { line: fields.line(), id: id?, details });
        Some(())
    }
}

/// What a record says of an offer, when every value can be read.
fn details(fields: &mut Fields<'_>) -> Option<Details> {
    let (name, category) = (fields.get("offer_name"), fields.get("category"));
    let (discount_type, discount_value) = (fields.get("discount_type"), fields.decimal("discount_value"));
    let priority = fields.whole("priority", Priority::new);
    let inventory = fields.whole("inventory_count", Units::new);
    let expires_at = fields.get("expires_at");
    let min_purchase = fields.decimal("min_purchase_amount");
    let max_discount = fields.decimal("max_discount_cap");
    let target_segments = fields.list("target_segments");
    let margin_percent = fields.decimal("margin_percent");
    let product = fields.get("produit_id");
    let status = fields.get("status");
    // What may be left out is `None` when it is wrong, too: that has been noted.
    if !fields.is_sound() {
        return None;
    }
    Some(Details {
        name: name?,
        category: category?,
        discount_type: discount_type?,
        discount_value: discount_value?,
        priority: priority?,
        inventory: inventory?,
        expires_at,
        min_purchase,
        max_discount,
        target_segments,
        margin_percent,
        product,
        status,
    })
}
