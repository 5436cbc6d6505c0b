//! In which step of its saga each order was when everything stopped, read from the store before anybody goes on.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result};

use super::ask::{Ask, Exchange, Known};
use crate::store_view::StoreView;

/// Where an order was at a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SagaStep {
    /// It was asked for, and nothing of it is stored.
    NothingStored,
    /// `STOCK_RESERVE`, and the provider knows nothing of it.
    ReservedNotCharged,
    /// `STOCK_RESERVE`, and the provider has taken the money.
    ReservedCharged,
    /// `STOCK_RESERVE`, and the provider has refused.
    ReservedRefused,
    /// `PAYEE`: only with a provider that authorises first; the simulator captures at once, and then this state and
    /// `CONFIRMEE` share a commit.
    Paid,
    /// `CONFIRMEE` being cancelled, the money still taken.
    CancellingNotRefunded,
    /// `CONFIRMEE` being cancelled, the money given back.
    CancellingRefunded,
    /// Settled, and its client was not told.
    SettledNotTold,
}

impl SagaStep {
    /// Every step, in order.
    pub const ALL: [Self; 8] = [
        Self::NothingStored,
        Self::ReservedNotCharged,
        Self::ReservedCharged,
        Self::ReservedRefused,
        Self::Paid,
        Self::CancellingNotRefunded,
        Self::CancellingRefunded,
        Self::SettledNotTold,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NothingStored => "nothing stored",
            Self::ReservedNotCharged => "STOCK_RESERVE, not charged",
            Self::ReservedCharged => "STOCK_RESERVE, charged",
            Self::ReservedRefused => "STOCK_RESERVE, charge refused",
            Self::Paid => "PAYEE",
            Self::CancellingNotRefunded => "CONFIRMEE, cancelling, not refunded",
            Self::CancellingRefunded => "CONFIRMEE, cancelling, refunded",
            Self::SettledNotTold => "settled, client not told",
        }
    }

    /// Whether the built-in simulator ever leaves an order there.
    pub const fn occurs_with_the_simulator(self) -> bool {
        !matches!(self, Self::Paid)
    }

    /// The step of an order with something left to do.
    fn of(state: &str, cancelling: bool, charge: &str) -> Result<Self> {
        Ok(match (state, cancelling, charge) {
            ("STOCK_RESERVE", false, "absent") => Self::ReservedNotCharged,
            ("STOCK_RESERVE", false, "captured") => Self::ReservedCharged,
            ("STOCK_RESERVE", false, "refused") => Self::ReservedRefused,
            ("PAYEE", false, _) => Self::Paid,
            ("CONFIRMEE", true, "captured") => Self::CancellingNotRefunded,
            ("CONFIRMEE", true, "refunded") => Self::CancellingRefunded,
            _ => anyhow::bail!("an unfinished order in {state}, cancelling: {cancelling}, charge {charge}"),
        })
    }
}

/// How many orders were in each step.
pub type StepCounts = BTreeMap<SagaStep, usize>;

/// How many orders a store holds.
pub(super) fn count_orders(view: &StoreView) -> Result<i64> {
    view.number("SELECT COUNT(*) FROM orders")
}

/// Reads the steps. `before` is how many orders there were when the clients began.
pub(super) fn read(view: &StoreView, before: i64, exchanges: &[Exchange]) -> Result<StepCounts> {
    let rows = view.query(
        "SELECT o.id, o.state, CASE WHEN o.cancelling THEN 1 ELSE 0 END, COALESCE(c.state, 'absent')
         FROM orders o LEFT JOIN simulated_charge c ON c.payment_id = o.payment_id WHERE o.lease_until IS NOT NULL",
    )?;
    let stored = usize::try_from(count_orders(view)? - before).context("orders have disappeared")?;
    let told: HashSet<String> = exchanges
        .iter()
        .filter_map(Exchange::told_order)
        .filter_map(|order| order["id"].as_str().map(str::to_owned))
        .collect();
    let mut counts = StepCounts::new();
    let mut unfinished_untold = 0;
    for row in &rows {
        let [Some(id), Some(state), Some(cancelling), Some(charge)] = row.as_slice() else {
            anyhow::bail!("an order with empty columns: {row:?}");
        };
        let cancelling = cancelling == "1";
        *counts.entry(SagaStep::of(state, cancelling, charge)?).or_default() += 1;
        unfinished_untold += usize::from(!cancelling && !told.contains(id));
    }
    let stored_untold = stored.saturating_sub(told.len());
    let asked_untold = exchanges
        .iter()
        .filter(|exchange| matches!((&exchange.ask, exchange.known()), (Ask::Order { .. }, Known::Nothing)))
        .count();
    for (step, count) in [
        (SagaStep::NothingStored, asked_untold.saturating_sub(stored_untold)),
        (SagaStep::SettledNotTold, stored_untold.saturating_sub(unfinished_untold)),
    ] {
        if count > 0 {
            counts.insert(step, count);
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_tells_the_step() -> Result<()> {
        assert_eq!(SagaStep::of("STOCK_RESERVE", false, "captured")?, SagaStep::ReservedCharged);
        assert_eq!(SagaStep::of("CONFIRMEE", true, "refunded")?, SagaStep::CancellingRefunded);
        SagaStep::of("CONFIRMEE", false, "captured").expect_err("a finished order has no lease");
        SagaStep::of("STOCK_RESERVE", false, "refunded").expect_err("nobody refunds what is not confirmed");
        Ok(())
    }
}
