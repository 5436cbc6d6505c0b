//! The archive on both engines.
#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod days;
mod imports;
mod invariants;
mod migration;
mod old_days;
mod register;

use anyhow::Result;
use kernel::{Day, Timestamp};
use store::{CallError, Failure};
use uuid::Uuid;

use super::commands::day::{self, Attempt, Claim, Overtaken, Publication, Staged};
use super::{Changes, Facts, SensorFacts, changed_blocks};
use crate::MetricType;
use crate::hours::{Hours, Reading};
use crate::testing::World;

/// A day by its date.
fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// An id of an import.
const fn import(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Facts with these flows, from midnight on.
fn flows(flows: &[i32]) -> SensorFacts {
    let mut hours = Hours::default();
    for (slot, flow) in flows.iter().enumerate() {
        hours.set(slot, Reading { flow: Some(*flow), ..Reading::default() });
    }
    SensorFacts { hours, described: None }
}

/// An attempt of an import at a day of the roads.
fn attempt(number: u128, date: &str, from: i64) -> Attempt {
    Attempt { kind: MetricType::Roads, day: day(date), from, import: import(number) }
}

/// A version without content.
fn publication(attempt: Attempt) -> Publication {
    let summary = format!("{{\"version\":{}}}", attempt.from + 1);
    Publication {
        attempt,
        sensors: 1,
        hours: 2,
        pages: 1,
        summary,
        totals: "{}".to_owned(),
        findings: "[]".to_owned(),
        changes: Changes { sensors_added: 1, hours_added: 2, total_after: 3.5, ..Changes::default() },
    }
}

impl World {
    async fn claim(&self, attempt: Attempt) -> Result<Claim> {
        let claimed = self.run(move |tx, now| Ok::<_, Failure<Overtaken>>(day::claim(tx, now, &attempt)?));
        Ok(claimed.await.unwrap())
    }

    async fn stage(&self, attempt: Attempt, rows: Vec<Staged>) -> Result<(), CallError<Overtaken>> {
        self.run(move |tx, now| day::stage(tx, now, &attempt, &rows)).await
    }

    async fn publish(&self, attempt: Attempt) -> Result<(), CallError<Overtaken>> {
        let publication = publication(attempt);
        self.run(move |tx, now| day::publish(tx, now, &publication)).await
    }

    /// Writes a version of a day from beginning to end.
    async fn write(&self, attempt: Attempt, before: &Facts, after: &Facts) -> Result<()> {
        anyhow::ensure!(self.claim(attempt).await? == Claim::Ours { leftovers: false });
        let blocks = changed_blocks(before, after);
        let rows = blocks.into_iter().map(|(number, facts)| Staged::Block { number, facts });
        let page = Staged::Page { number: 0, body: format!("page of {}", attempt.from + 1).into_bytes() };
        self.stage(attempt, rows.chain([page]).collect()).await.unwrap();
        self.publish(attempt).await.unwrap();
        Ok(())
    }
}

/// The instant at which a day was published, by its version.
async fn known_at(world: &World, date: &str, version: i64) -> Result<Timestamp> {
    let date = day(date);
    let versions =
        world.read(move |tx| super::queries::versions(tx, MetricType::Roads, date, None, 100)).await?;
    Ok(versions.iter().find(|it| it.version == version).unwrap().known_at)
}
