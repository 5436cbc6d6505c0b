//! What people of an experiment did, summed up for each of them.

use std::collections::BTreeMap;

use kernel::Timestamp;
use store::{DbError, Tx, params};

use super::queries;
use crate::engagement::{EventType, Tracked};
use crate::learn::PolicyName;

/// What one person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Did {
    arm: PolicyName,
    views: i64,
    clicks: i64,
    redemptions: i64,
}

/// Adds the events of one instant of the log to the experiment that was running then.
///
/// Every event of a person counts for the person's arm, whether it names a decision or not. To be called once for each
/// event of the log, from a durable consumer.
pub fn fold(tx: &mut Tx<'_>, at: Timestamp, events: &[Tracked<'_>]) -> Result<(), DbError> {
    let Some(experiment) = queries::at(tx, at)? else { return Ok(()) };
    let mut people = BTreeMap::<&str, Did>::new();
    for event in events {
        let user = event.user_id.as_ref();
        let Some(assigned) = experiment.assign(user, at).filter(|assigned| assigned.counted) else {
            continue;
        };
        let none = Did { arm: assigned.policy, views: 0, clicks: 0, redemptions: 0 };
        let did = people.entry(user).or_insert(none);
        match event.event_type {
            EventType::View => did.views += 1,
            EventType::Click => did.clicks += 1,
            EventType::Redemption => did.redemptions += 1,
            EventType::AddToCart | EventType::Dismiss => {}
        }
    }
    let rows = people.iter().map(|(user, did)| {
        params![experiment.id.0, *user, did.arm.as_str(), did.views, did.clicks, did.redemptions]
    });
    queries::add(tx, rows)
}
