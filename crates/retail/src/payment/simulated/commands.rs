//! The simulator's ledger.

use std::collections::HashMap;

use kernel::{PaymentId, Timestamp};
use store::{DbError, Lane, Locks, Slice, Tx, params};

use crate::payment::provider::{Outcome, RefusalReason};

/// What the simulator is asked to do with a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Charge,
    Cancel,
    Refund,
    Find,
}

/// One request to the simulator.
#[derive(Debug, Clone)]
pub(super) struct Simulate {
    pub(super) payment_id: PaymentId,
    pub(super) amount: i64,
    pub(super) limit: i64,
    pub(super) action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Captured,
    Refused,
    Cancelled,
    Refunded,
}

impl Entry {
    const ALL: [Self; 4] = [Self::Captured, Self::Refused, Self::Cancelled, Self::Refunded];

    const fn name(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }

    /// What was taken and what was given back, in minor units.
    const fn amounts(self, amount: i64) -> (i64, i64) {
        match self {
            Self::Captured => (amount, 0),
            Self::Refunded => (amount, amount),
            Self::Refused | Self::Cancelled => (0, 0),
        }
    }

    fn outcome(self, id: PaymentId) -> Outcome {
        let reference = format!("sim_{id}");
        match self {
            Self::Captured => Outcome::Captured { reference },
            Self::Refused => Outcome::refused(Some(reference), RefusalReason::Limit),
            Self::Cancelled => Outcome::Cancelled { reference: Some(reference) },
            Self::Refunded => Outcome::Refunded { reference },
        }
    }
}

/// The entry after an action, when it changes anything: pure.
fn act(action: Action, entry: Option<Entry>, over_limit: bool) -> Option<Entry> {
    match (action, entry) {
        (Action::Charge, None) if over_limit => Some(Entry::Refused),
        (Action::Charge, None) => Some(Entry::Captured),
        // A payment given up before its request arrives is refused when it does.
        (Action::Cancel, None) => Some(Entry::Cancelled),
        (Action::Refund, Some(Entry::Captured)) => Some(Entry::Refunded),
        (Action::Charge | Action::Cancel, Some(_)) | (Action::Refund | Action::Find, _) => None,
    }
}

impl Slice for Simulate {
    type Item = Self;
    type Output = Outcome;
    const NAME: &'static str = "retail.payment.simulate";
    const LANE: Lane = crate::PAYMENTS;

    fn locks(item: &Self, locks: &mut Locks) {
        locks.key("simulated", item.payment_id);
    }

    fn run(tx: &mut Tx<'_>, now: Timestamp, items: &[&Self]) -> Result<Vec<Outcome>, DbError> {
        let mut entries: HashMap<PaymentId, Entry> = tx
            .query_each(
                "SELECT state FROM simulated_charge WHERE payment_id = $1",
                items.iter().map(|item| params![item.payment_id]),
                |index, row| {
                    let name: String = row.get(0)?;
                    let entry = Entry::ALL.into_iter().find(|entry| entry.name() == name);
                    let entry = entry
                        .ok_or_else(|| DbError::Decode(format!("a simulated charge cannot be {name}")))?;
                    Ok((items[index].payment_id, entry))
                },
            )?
            .into_iter()
            .collect();
        let mut written: HashMap<PaymentId, (&Self, Entry)> = HashMap::new();
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            let entry = entries.get(&item.payment_id).copied();
            if let Some(changed) = act(item.action, entry, item.amount > item.limit) {
                entries.insert(item.payment_id, changed);
                written.insert(item.payment_id, (item, changed));
            }
            outcomes.push(
                entries
                    .get(&item.payment_id)
                    .map_or(Outcome::Unknown, |entry| entry.outcome(item.payment_id)),
            );
        }
        tx.execute_each(
            "INSERT INTO simulated_charge (payment_id, amount_minor, state, captured_minor, refunded_minor, at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (payment_id) DO UPDATE SET state = excluded.state, captured_minor = excluded.captured_minor,
               refunded_minor = excluded.refunded_minor, at = excluded.at",
            written.iter().map(|(id, (item, entry))| {
                let (captured, refunded) = entry.amounts(item.amount);
                params![id, item.amount, entry.name(), captured, refunded, now]
            }),
        )?;
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_charge_is_made_twice_and_none_after_giving_up() {
        assert_eq!(act(Action::Charge, None, false), Some(Entry::Captured));
        assert_eq!(act(Action::Charge, None, true), Some(Entry::Refused));
        for entry in Entry::ALL {
            assert_eq!(act(Action::Charge, Some(entry), false), None, "{entry:?}");
            assert_eq!(act(Action::Cancel, Some(entry), false), None, "{entry:?}");
        }
        assert_eq!(act(Action::Cancel, None, false), Some(Entry::Cancelled));
        assert_eq!(act(Action::Refund, Some(Entry::Captured), false), Some(Entry::Refunded));
        assert_eq!(act(Action::Refund, Some(Entry::Refunded), false), None);
        assert_eq!(act(Action::Refund, None, false), None);
    }
}
