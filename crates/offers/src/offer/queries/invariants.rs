//! What must be true of all offers at any moment, checked against the rows themselves.
//!
//! 1. An offer's own count is never below zero, and its effective inventory is never above it.
//! 2. A pivot points from an active offer that ran out to an active one of the same category that is in stock. (That
//!    an offer has at most one pivot is the table's own key.)
//! 3. Every active offer that ran out has its pivot, which is without a target only while there is none.
//!
//! Whether an offer's time is over is taken from its status: between the moment and the sweep the pivots may lag.

use std::fmt;

use serde::Serialize;
use store::{DbError, Tx};

use crate::names::OfferId;

/// Something that is not as it must be about offers.
pub type Violation = kernel::Violation<Rule>;

/// What must be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Rule 1.
    OfferInventory,
    /// Rule 2.
    PivotEnds,
    /// Rule 3.
    PivotMissing,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OfferInventory => "offer inventory",
            Self::PivotEnds => "pivot ends",
            Self::PivotMissing => "pivot missing",
        })
    }
}

/// Checks all rules over all offers.
pub fn check(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    let mut violations = inventories(tx)?;
    violations.extend(pivots(tx)?);
    violations.extend(missing(tx)?);
    Ok(violations)
}

fn inventories(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    tx.query(
        "SELECT id, inventory_own, inventory_effective FROM offer
         WHERE inventory_own < 0 OR inventory_effective < 0 OR inventory_effective > inventory_own ORDER BY id",
        &[],
        |row| {
            Ok(Violation {
                rule: Rule::OfferInventory,
                subject: format!("offer {}", row.get::<OfferId>(0)?),
                expected: "own ≥ effective ≥ 0".to_owned(),
                found: format!("{} own, {} effective", row.get::<i64>(1)?, row.get::<i64>(2)?),
            })
        },
    )
}

fn pivots(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    tx.query(
        "SELECT p.from_offer, p.to_offer FROM offer_pivot p
         WHERE NOT EXISTS (SELECT 1 FROM offer f WHERE f.id = p.from_offer AND f.category = p.category
                             AND f.status = 'ACTIVE' AND NOT f.deleted AND f.inventory_effective = 0
                             AND f.out_since IS NOT NULL)
            OR p.to_offer IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM offer t WHERE t.id = p.to_offer AND t.category = p.category
                                 AND t.status = 'ACTIVE' AND NOT t.deleted AND t.inventory_effective > 0)
         ORDER BY p.from_offer",
        &[],
        |row| {
            let to = row.get_opt::<OfferId>(1)?.map_or("nothing".to_owned(), |to| format!("offer {to}"));
            Ok(Violation {
                rule: Rule::PivotEnds,
                subject: format!("offer {}", row.get::<OfferId>(0)?),
                expected: "a pivot from an active offer that ran out to an eligible one".to_owned(),
                found: format!("a pivot to {to}, or one of the two is something else"),
            })
        },
    )
}

fn missing(tx: &mut Tx<'_>) -> Result<Vec<Violation>, DbError> {
    // Offers that will end by themselves may be over by now: they prove nothing.
    tx.query(
        "SELECT f.id, p.from_offer FROM offer f LEFT JOIN offer_pivot p ON p.from_offer = f.id
         WHERE f.status = 'ACTIVE' AND NOT f.deleted AND f.out_since IS NOT NULL AND f.expires_at IS NULL
           AND (p.from_offer IS NULL
                OR p.to_offer IS NULL
                   AND EXISTS (SELECT 1 FROM offer t WHERE t.category = f.category AND t.status = 'ACTIVE'
                                 AND NOT t.deleted AND t.inventory_effective > 0 AND t.expires_at IS NULL))
         ORDER BY f.id",
        &[],
        |row| {
            let found = if row.get_opt::<OfferId>(1)?.is_some() { "one that waits" } else { "none" };
            Ok(Violation {
                rule: Rule::PivotMissing,
                subject: format!("offer {}, which ran out", row.get::<OfferId>(0)?),
                expected: "a pivot to the best eligible offer".to_owned(),
                found: found.to_owned(),
            })
        },
    )
}
