//! What a merchant says of an offer, and whether it can be so.

use kernel::{Currency, FieldError, Line, ProductId, Timestamp};

use super::{Amount, DiscountType, Offer, Priority, Status};
use crate::inventory::Units;
use crate::names::{Category, OfferId, Segment};

/// The most segments that one offer may name.
const MAX_SEGMENTS: usize = 50;

/// What is said of an offer by whoever enters it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// What people read.
    pub name: Line,
    /// What it is about.
    pub category: Category,
    /// How the discount is meant.
    pub discount_type: DiscountType,
    /// Percent, or units of the chain's currency.
    pub discount_value: Amount,
    /// How much it matters.
    pub priority: Priority,
    /// Its own count.
    pub inventory: Units,
    /// When its time is over.
    pub expires_at: Option<Timestamp>,
    /// What has to be bought at least.
    pub min_purchase: Option<Amount>,
    /// The most that is given.
    pub max_discount: Option<Amount>,
    /// Who it is for; everybody when empty.
    pub target_segments: Vec<Segment>,
    /// What the merchant earns on it, percent.
    pub margin_percent: Option<Amount>,
    /// The product whose stock bounds its inventory.
    pub product: Option<ProductId>,
    /// Whether it is shown. When not said: a new offer is, another stays as it was.
    pub status: Option<Status>,
}

impl Details {
    /// What is wrong with these details for a chain of a currency, by the wire names of the fields.
    pub fn faults(&self, currency: Currency) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut fault =
            |field: &str, message: String| faults.push(FieldError { field: field.to_owned(), message });
        let too_fine = || format!("must have at most {} decimals, as {currency} has", currency.exponent());
        match self.discount_type {
            DiscountType::Percentage if !is_percentage(self.discount_value) => {
                fault("discount_value", "must be above 0 and at most 100 percent".to_owned());
            }
            DiscountType::FixedAmount if self.discount_value <= Amount::ZERO => {
                fault("discount_value", "must be above 0".to_owned());
            }
            DiscountType::FixedAmount if !self.discount_value.fits(currency) => {
                fault("discount_value", too_fine());
            }
            DiscountType::Bogo if self.discount_value < Amount::ZERO => {
                fault("discount_value", "must not be below 0".to_owned());
            }
            DiscountType::Percentage | DiscountType::FixedAmount | DiscountType::Bogo => {}
        }
        for (field, amount) in
            [("min_purchase_amount", self.min_purchase), ("max_discount_cap", self.max_discount)]
        {
            let Some(amount) = amount else { continue };
            if amount < Amount::ZERO {
                fault(field, "must not be below 0".to_owned());
            } else if !amount.fits(currency) {
                fault(field, too_fine());
            }
        }
        let whole = Amount::whole(100);
        if self.margin_percent.is_some_and(|margin| !(Amount::whole(-100)..=whole).contains(&margin)) {
            fault("margin_percent", "must be within -100 to 100 percent".to_owned());
        }
        if self.target_segments.len() > MAX_SEGMENTS {
            fault("target_segments", format!("must name at most {MAX_SEGMENTS} segments"));
        }
        faults
    }

    /// The offer that these details make of what was there before, if anything was. Its effective inventory is
    /// still to be found.
    pub(crate) fn into_offer(self, id: OfferId, before: Option<&Offer>, now: Timestamp) -> Offer {
        let status = status_of(self.status, before, self.expires_at, now);
        let mut target_segments = self.target_segments;
        target_segments.sort_unstable();
        target_segments.dedup();
        Offer {
            id,
            name: self.name,
            category: self.category,
            discount_type: self.discount_type,
            discount_value: self.discount_value,
            priority: self.priority,
            inventory: before.map_or(self.inventory, |before| before.inventory),
            inventory_own: self.inventory,
            expires_at: self.expires_at,
            min_purchase: self.min_purchase,
            max_discount: self.max_discount,
            target_segments,
            margin_percent: self.margin_percent,
            product: self.product,
            status,
        }
    }
}

fn is_percentage(value: Amount) -> bool {
    Amount::ZERO < value && value <= Amount::whole(100)
}

/// The status of an offer: over when its time is, whatever is asked for; else what is asked for; else what it was. One
/// that was only over because of its time, and has been given more, is active again.
fn status_of(
    asked: Option<Status>,
    before: Option<&Offer>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Status {
    let is_over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    if is_over(expires_at) {
        return Status::Expired;
    }
    asked.unwrap_or_else(|| match before {
        None => Status::Active,
        Some(before) if before.status == Status::Expired && is_over(before.expires_at) => Status::Active,
        Some(before) => before.status,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use DiscountType::{Bogo, FixedAmount, Percentage};

    use super::*;

    /// Ten percent off, for everybody, without an end.
    pub(crate) fn details(name: &str, category: &str, priority: i64, units: i64) -> Details {
        Details {
            name: name.parse().unwrap(),
            category: category.parse().unwrap(),
            discount_type: DiscountType::Percentage,
            discount_value: Amount::whole(10),
            priority: Priority::new(priority).unwrap(),
            inventory: Units::new(units).unwrap(),
            expires_at: None,
            min_purchase: None,
            max_discount: None,
            target_segments: Vec::new(),
            margin_percent: None,
            product: None,
            status: None,
        }
    }

    fn wrong(change: impl FnOnce(&mut Details)) -> Vec<String> {
        let mut details = details("a", "food", 1, 1);
        change(&mut details);
        details.faults(Currency::EUR).into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn discounts_are_bounded_by_their_type() {
        let value = |discount_type, text: &str| {
            let value = text.parse().unwrap();
            wrong(|details| {
                details.discount_type = discount_type;
                details.discount_value = value;
            })
            .is_empty()
        };
        let cases = [
            (Percentage, "0", false),
            (Percentage, "0.0001", true),
            (Percentage, "100", true),
            (Percentage, "100.5", false),
            (FixedAmount, "0", false),
            (FixedAmount, "-1", false),
            (FixedAmount, "15.25", true),
            (FixedAmount, "15.255", false),
            (Bogo, "0", true),
            (Bogo, "-1", false),
        ];
        for (discount_type, text, good) in cases {
            assert_eq!(value(discount_type, text), good, "{discount_type} {text}");
        }
    }

    #[test]
    fn every_fault_is_named() {
        let faults = wrong(|details| {
            details.min_purchase = Some("-0.01".parse().unwrap());
            details.max_discount = Some("1.001".parse().unwrap());
            details.margin_percent = Some(Amount::whole(101));
            details.target_segments = (0..51).map(|n| format!("s{n}").parse().unwrap()).collect();
        });
        assert_eq!(faults, ["min_purchase_amount", "max_discount_cap", "margin_percent", "target_segments"]);
    }

    #[test]
    fn the_status_follows_the_time() {
        let now = Timestamp::default();
        let id: OfferId = "A".parse().unwrap();
        let (past, future) = (Some(now), Some(now.plus_seconds(1)));
        let make = |status, expires_at, before: Option<&Offer>| {
            Details { expires_at, status, ..details("a", "food", 1, 1) }.into_offer(id.clone(), before, now)
        };
        let status = |asked, end, before| make(asked, end, before).status;
        assert_eq!(status(None, None, None), Status::Active);
        assert_eq!(status(Some(Status::Active), past, None), Status::Expired);
        let over = make(None, past, None);
        assert_eq!(status(None, future, Some(&over)), Status::Active, "it was given more time");
        let ended = make(Some(Status::Expired), future, None);
        assert_eq!(status(None, future, Some(&ended)), Status::Expired, "it was ended by hand");
        let paused = make(Some(Status::Paused), None, None);
        assert_eq!(status(None, None, Some(&paused)), Status::Paused);
        assert_eq!(status(Some(Status::Active), None, Some(&paused)), Status::Active);
    }

    #[test]
    fn segments_are_a_set() {
        let segments = ["b", "a", "b"].map(|segment| segment.parse().unwrap()).to_vec();
        let details = Details { target_segments: segments, ..details("a", "food", 1, 1) };
        let offer = details.into_offer("A".parse().unwrap(), None, Timestamp::default());
        assert_eq!(offer.target_segments.iter().map(Segment::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }
}
