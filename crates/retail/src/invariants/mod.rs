//! What must be true of all data at any moment, checked against the rows themselves.
//!
//! 1. For each place and product: what is there = initial + receipts + transfers in − transfers out − sales − confirmed
//!    orders + corrections (the orders that were cancelled after their confirmation are restocked and count no more),
//!    and what is there ≥ what is promised ≥ 0.
//! 2. What is promised = active reservations + orders between reservation and confirmation.
//! 3. A confirmed order is paid for exactly once, a cancelled one not at all: by our own rows and by the ledger of the
//!    payment simulator.
//! 4. A sale's and an order's total is the sum of its lines, and a sale's lines agree with it on shop and day.
//!
//! The rows are added up by the database and compared one by one: memory grows with the number of places × products
//! and of violations, not with that of sales and orders.

pub mod queries;

use std::collections::BTreeSet;
use std::fmt;

use kernel::{OrderId, Timestamp};
use serde::Serialize;
use store::{DbError, Tx};

use crate::stock::Slot;
use queries::{Counted, Paid, Stored, Totalled};

/// Something that is not as it must be in the stores.
pub type Violation = kernel::Violation<Rule>;

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Units come and go only by what is recorded.
    StockOnHand,
    /// No more is promised than is there, and nothing less than nothing.
    StockBounds,
    /// Units are promised only to live reservations and orders.
    StockReserved,
    /// A confirmed order is paid for, a cancelled one is not, by our own rows.
    OrderPayment,
    /// The same by the provider's ledger.
    ProviderLedger,
    /// Totals are sums of lines.
    Totals,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StockOnHand => "stock on hand",
            Self::StockBounds => "stock bounds",
            Self::StockReserved => "stock reserved",
            Self::OrderPayment => "order payment",
            Self::ProviderLedger => "provider ledger",
            Self::Totals => "totals",
        })
    }
}

/// Checks all rules over all data.
pub fn check(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    let mut violations = Vec::new();
    check_stock(tx, &mut violations)?;
    violations.extend(queries::payments(tx)?.iter().filter_map(check_payment));
    violations.extend(queries::paid_and_cancelled(tx)?.iter().map(|(order, state, amount)| Violation {
        rule: Rule::OrderPayment,
        subject: format!("order {order}, ANNULEE"),
        expected: "no money held or taken".to_owned(),
        found: format!("a payment {state} of {amount} minor units"),
    }));
    violations.extend(queries::ledger(tx)?.iter().map(check_ledger));
    violations.extend(queries::unknown_charges(tx)?.iter().map(|(payment, kept)| Violation {
        rule: Rule::ProviderLedger,
        subject: format!("payment {payment}, which does not exist"),
        expected: "nothing kept".to_owned(),
        found: format!("{kept} minor units kept"),
    }));
    violations.extend(queries::wrong_totals(tx)?.iter().map(wrong_total));
    Ok(violations)
}

fn check_stock(tx: &mut Tx<'_>, violations: &mut Vec<Violation>) -> Result<(), DbError> {
    let stored = queries::stored(tx)?;
    let counted = queries::counted(tx)?;
    let slots: BTreeSet<Slot> = stored.keys().chain(counted.keys()).copied().collect();
    for slot in slots {
        let stored = stored.get(&slot).copied().unwrap_or_default();
        let counted = counted.get(&slot).copied().unwrap_or_default();
        compare(slot, stored, counted, violations);
    }
    Ok(())
}

fn compare(slot: Slot, stored: Stored, counted: Counted, violations: &mut Vec<Violation>) {
    let Stored { initial, on_hand, reserved } = stored;
    let mut broken = |rule, expected: String, found: String| {
        let subject = format!("place {}, product {}", slot.0, slot.1);
        violations.push(Violation { rule, subject, expected, found });
    };
    let right = initial + counted.moved;
    if on_hand != right {
        broken(Rule::StockOnHand, format!("{right} on hand"), format!("{on_hand}"));
    }
    if reserved < 0 || on_hand < reserved {
        let found = format!("{on_hand} on hand, {reserved} reserved");
        broken(Rule::StockBounds, "on hand ≥ reserved ≥ 0".to_owned(), found);
    }
    if reserved != counted.promised {
        broken(Rule::StockReserved, format!("{} reserved", counted.promised), format!("{reserved}"));
    }
}

/// What is wrong with an order's payment by our own rows, if anything.
fn check_payment(paid: &Paid) -> Option<Violation> {
    let Paid { order, total_minor, cancelling, payment } = paid;
    let right = match payment {
        // Nothing to pay, nothing paid.
        None => *total_minor == 0,
        // While a cancellation runs, the refund may be recorded or not.
        Some((state, amount)) => {
            amount == total_minor && (state == "CAPTURE" || (*cancelling && state == "REMBOURSE"))
        }
    };
    let found = payment.as_ref().map_or_else(
        || "no payment".to_owned(),
        |(state, amount)| format!("a payment {state} of {amount} minor units"),
    );
    (!right).then(|| Violation {
        rule: Rule::OrderPayment,
        subject: format!("order {order}, CONFIRMEE"),
        expected: format!("a payment CAPTURE of {total_minor} minor units"),
        found,
    })
}

fn check_ledger(entry: &queries::LedgerFault) -> Violation {
    Violation {
        rule: Rule::ProviderLedger,
        subject: format!("order {}, {}", entry.order, entry.state),
        expected: format!("{} minor units captured and kept, in at most one charge", entry.due_minor),
        found: format!("{} minor units in {} charges", entry.kept_minor, entry.captured_charges),
    }
}

fn wrong_total(total: &Totalled) -> Violation {
    Violation {
        rule: Rule::Totals,
        subject: format!("{} {}", total.what, total.id),
        expected: format!("{} minor units", total.lines_minor),
        found: format!(
            "{}{}",
            total.total_minor,
            if total.misplaced { ", lines of another shop or day" } else { "" }
        ),
    }
}

/// An order that has not come to rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// The order.
    pub id: OrderId,
    /// The state it is in.
    pub state: String,
    /// When another process may take it over.
    pub lease_until: Timestamp,
}

/// The orders with something left to do, the longest waiting first.
pub fn unfinished(tx: &mut Tx<'_>) -> Result<Vec<Unfinished>, DbError> {
    queries::unfinished(tx)
}
