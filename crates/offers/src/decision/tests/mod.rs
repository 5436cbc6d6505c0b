//! Decisions on a real store: written behind, found again, joined with events, thrown away.
#![expect(clippy::unwrap_used, reason = "tests")]

mod exporting;
mod looking;
mod writing;

use anyhow::Result;
use kernel::Timestamp;
use store::Unavailable;
use uuid::Uuid;

use super::{Decision, Decisions, Shown, ShownSlot, Slot, queries};
use crate::experiment::ExperimentId;
use crate::names::OfferId;
use crate::testing::{NOON, World};

async fn find(world: &World, id: Uuid) -> Result<Option<Decision>> {
    Ok(world.store.read(move |tx| Ok::<_, Unavailable>(queries::by_id(tx, id)?)).await?)
}

async fn blocks(world: &World) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM offer_decision_block";
    Ok(world.store.read(|tx| Ok::<_, Unavailable>(tx.query_one(sql, &[], |row| row.get(0))?)).await?)
}

/// Records what would be read as this decision.
fn record(decisions: &Decisions, made: &Decision) {
    let slots = made.slots.iter().map(|slot| ShownSlot {
        offer_id: slot.offer_id.as_str(),
        category: slot.category.as_str(),
        propensity: slot.propensity,
        score: 87.5,
    });
    decisions.record(&Shown {
        decision_id: made.decision_id,
        at: made.at,
        user_id: made.user_id.as_str(),
        segment: made.segment.as_str(),
        policy: made.policy.parse().unwrap(),
        experiment: made.experiment.as_ref().map(|id| ExperimentId(id.parse().unwrap())),
        arm: made.arm.as_ref().map(|arm| arm.parse().unwrap()),
        slots: &slots.collect::<Vec<_>>(),
    });
}

/// So many milliseconds after noon.
fn after_noon(millis: i64) -> Timestamp {
    Timestamp::from_micros(NOON.micros() + millis * 1000)
}

/// The id of the `number`th decision made so many milliseconds after noon.
fn id(millis: i64, number: u64) -> Uuid {
    let random = 0x8000_0000_0000_0000 | number;
    Uuid::from_u64_pair(queries::floor_at(after_noon(millis)).as_u64_pair().0 | 0x7000, random)
}

/// The `number`th decision made so many milliseconds after noon: OFF001 and OFF002 shown to `U"{number}`.
fn decision(millis: i64, number: u64) -> Decision {
    let slot = |offer: u64, propensity: f64| Slot {
        offer_id: OfferId::numbered(offer),
        category: "électronique".parse().unwrap(),
        propensity,
        score: Some(87.5),
        rewards: Vec::new(),
    };
    Decision {
        decision_id: id(millis, number),
        at: after_noon(millis),
        user_id: format!("U\"{number}").parse().unwrap(),
        segment: "premium".parse().unwrap(),
        policy: "thompson".to_owned(),
        experiment: (number % 2 == 1).then(|| Uuid::from_u128(7).to_string()),
        arm: (number % 2 == 1).then(|| "thompson".to_owned()),
        slots: vec![slot(1, 0.75), slot(2, 0.015_625)],
    }
}
