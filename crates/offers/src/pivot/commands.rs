//! Changing pivots: only as part of a change of offers, whose `Ledger` is open.

use std::collections::BTreeMap;

use kernel::Timestamp;
use store::{DbError, Tx, params};

use super::{
    NoPivot, OFFER_NO_PIVOT, OFFER_PIVOTED, OFFER_UNPIVOTED, Pivoted, Step, Unpivoted, Why, plan, queries,
};
use crate::SOURCE;
use crate::names::{Category, OfferId};

/// Brings the pivots of some categories to what they should be; returns what was done, to be told ([`tell`]) after
/// whatever has caused it.
pub(crate) fn settle<'c>(
    tx: &mut Tx<'_>,
    now: Timestamp,
    categories: &[&'c Category],
) -> Result<BTreeMap<&'c Category, Vec<Step>>, DbError> {
    let mut categories = categories.to_vec();
    categories.sort_unstable();
    categories.dedup();
    if categories.is_empty() {
        return Ok(BTreeMap::new());
    }
    let scenes = queries::scenes(tx, now, &categories)?;
    let steps: BTreeMap<&Category, Vec<Step>> =
        scenes.into_iter().map(|(category, scene)| (category, plan(scene))).collect();
    // An offer may have moved from one of the categories to another: all ends come before all beginnings.
    tx.execute_each(
        "DELETE FROM offer_pivot WHERE from_offer = $1",
        ended(&steps).map(|from| params![from]),
    )?;
    tx.execute_each(
        "INSERT INTO offer_pivot (from_offer, to_offer, category, since) VALUES ($1, $2, $3, $4)",
        begun(&steps).map(|(category, from, to)| params![from, to, category, now]),
    )?;
    Ok(steps)
}

/// The offers whose rows are to go, each once: those of which a pivot ends, and those that waited for a target.
fn ended<'s>(steps: &'s BTreeMap<&Category, Vec<Step>>) -> impl Iterator<Item = &'s OfferId> {
    let mut ended: Vec<&OfferId> = steps
        .values()
        .flatten()
        .map(|step| match step {
            Step::End { from, .. } | Step::Drop { from } | Step::Begin { from, .. } | Step::Lack { from } => {
                from
            }
        })
        .collect();
    ended.sort_unstable();
    ended.dedup();
    ended.into_iter()
}

fn begun<'s>(
    steps: &'s BTreeMap<&Category, Vec<Step>>,
) -> impl Iterator<Item = (&'s Category, &'s OfferId, Option<&'s OfferId>)> {
    let all = steps.iter().flat_map(|(category, steps)| steps.iter().map(move |step| (*category, step)));
    all.filter_map(|(category, step)| match step {
        Step::Begin { from, to, .. } => Some((category, from, Some(to))),
        Step::Lack { from } => Some((category, from, None)),
        Step::End { .. } | Step::Drop { .. } => None,
    })
}

/// Tells of the pivots that ended with the offer they were for. That comes before anything else: the offer may have
/// moved to another category and send its traffic there already.
pub(crate) fn tell_ended(tx: &mut Tx<'_>, now: Timestamp, pivots: &BTreeMap<&Category, Vec<Step>>) {
    for (category, steps) in pivots {
        for step in steps.iter().filter(|step| is_ended(step)) {
            tell_step(tx, now, category, step.clone());
        }
    }
}

/// Tells what else was done to the pivots of a category.
pub(crate) fn tell(tx: &mut Tx<'_>, now: Timestamp, category: &Category, steps: &[Step]) {
    for step in steps.iter().filter(|step| !is_ended(step)) {
        tell_step(tx, now, category, step.clone());
    }
}

fn is_ended(step: &Step) -> bool {
    matches!(step, Step::End { why: Why::Ended, .. })
}

fn tell_step(tx: &mut Tx<'_>, now: Timestamp, category: &Category, step: Step) {
    let category = category.clone();
    match step {
        Step::Drop { .. } => {}
        Step::End { from, to, why } => {
            tx.emit(OFFER_UNPIVOTED, SOURCE, from.to_string(), &Unpivoted { from, to, category, why });
        }
        Step::Begin { from, to, priority } => {
            let subject = from.to_string();
            tx.emit(OFFER_PIVOTED, SOURCE, subject, &Pivoted { from, to, category, priority, since: now });
        }
        Step::Lack { from } => {
            tx.emit(OFFER_NO_PIVOT, SOURCE, from.to_string(), &NoPivot { from, category });
        }
    }
}
