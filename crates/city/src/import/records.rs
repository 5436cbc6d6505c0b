//! Publishing the records of an import as one edition of their type.

mod plan;

use std::sync::Arc;
use std::time::Duration;

use kernel::Timestamp;
use store::{Failure, Tx};
use uuid::Uuid;

use super::ImportError;
use super::ground::{Ground, Stopped};
use crate::MetricType;
use crate::archive::commands::day::{self, Attempt, Claim, Overtaken};
use crate::archive::commands::records::{self as commands, Revised, STAGED_BYTES, STAGED_RECORDS};
use crate::archive::count;
use crate::archive::queries::{self, Edition, InForce};
use crate::record::{Records, united};
use plan::{Plan, Telling};

/// How long an import waits before it begins an edition again.
const AGAIN_PAUSE: Duration = Duration::from_millis(20);
/// How long an import waits before it looks again whether another has let the next edition go.
const CLAIM_PAUSE: Duration = Duration::from_millis(200);
/// So many records are compared with those in force at a time.
const COMPARED_AT_ONCE: usize = 500;

/// An import of records whose source is good.
pub(super) struct Publisher<'g> {
    ground: &'g Ground,
    kind: MetricType,
    import: Uuid,
    found: Records,
}

/// How an attempt ended.
enum Attempted {
    /// So many records are new or different.
    Published(u64),
    /// The edition has been overtaken.
    Again,
}

impl<'g> Publisher<'g> {
    /// Of what a source holds: no two records may have the same id.
    pub(super) fn new(ground: &'g Ground, kind: MetricType, import: Uuid, mut found: Records) -> Self {
        found.covered = united(found.covered);
        Self { ground, kind, import, found }
    }

    /// Publishes what is not known like that already; returns how many records are new or different.
    pub(super) async fn publish(&self) -> Result<u64, ImportError> {
        loop {
            if self.ground.drain.is_started() {
                return Err(ImportError::Stopped);
            }
            match self.attempt().await {
                Ok(Attempted::Published(changed)) => return Ok(changed),
                // Whether it was done is seen when it is begun again.
                Ok(Attempted::Again) | Err(Stopped::Refused(Overtaken) | Stopped::Unknown) => {
                    self.ground.pause(AGAIN_PAUSE).await?;
                }
                Err(Stopped::Ended(error)) => return Err(error),
            }
        }
    }

    async fn attempt(&self) -> Result<Attempted, Stopped<Overtaken>> {
        let kind = self.kind;
        let base = self.read(move |tx| queries::edition(tx, kind, None)).await?;
        let attempt = commands::attempt(kind, base.number, self.import);
        let Some(leftovers) = self.claim(attempt).await? else { return Ok(Attempted::Again) };
        if leftovers {
            clear(self.ground, attempt).await?;
        }
        let plan = self.plan(&base).await?;
        if plan.is_empty() {
            self.release(attempt).await?;
            return Ok(Attempted::Published(0));
        }
        let changed = plan.rows.len();
        let publication = plan.publication(attempt);
        for chunk in chunks(plan.rows) {
            if self.ground.drain.is_started() {
                // Its claim runs out at once, so that what is staged is swept away.
                let give_up = move |tx: &mut Tx<'_>, now| Ok(day::give_up(tx, now, &attempt)?);
                self.ground.run(day::call("city.records.give_up", &attempt), give_up).await?;
                return Err(Stopped::Ended(ImportError::Stopped));
            }
            let stage = move |tx: &mut Tx<'_>, now| commands::stage(tx, now, &attempt, &chunk);
            self.ground.run(commands::stage_call(&attempt), stage).await?;
        }
        let publish = move |tx: &mut Tx<'_>, now| commands::publish(tx, now, &publication);
        self.ground.run(day::call("city.records.publish", &attempt), publish).await?;
        Ok(Attempted::Published(changed as u64))
    }

    /// Claims the next edition, waiting for another import to let it go; returns whether there is something to be
    /// cleared away, and nothing when another has published it.
    async fn claim(&self, attempt: Attempt) -> Result<Option<bool>, Stopped<Overtaken>> {
        loop {
            let claim = move |tx: &mut Tx<'_>, now| Ok(commands::claim(tx, now, &attempt)?);
            match self.ground.run(day::call("city.records.claim", &attempt), claim).await? {
                Claim::Ours { leftovers } => return Ok(Some(leftovers)),
                Claim::Moved => return Ok(None),
                Claim::Held => self.ground.pause(CLAIM_PAUSE).await.map_err(Stopped::Ended)?,
            }
        }
    }

    async fn release(&self, attempt: Attempt) -> Result<(), Stopped<Overtaken>> {
        let release = move |tx: &mut Tx<'_>, _| day::release(tx, &attempt);
        self.ground.run(day::call("city.records.release", &attempt), release).await
    }

    /// What the next edition changes. The claim is ours: what is in force does not change meanwhile.
    async fn plan(&self, base: &Edition) -> Result<Plan, Stopped<Overtaken>> {
        let (kind, records) = (self.kind, &self.found);
        let telling = Telling::of(kind, base, &records.covered);
        let mut plan = Plan::new(telling);
        for chunk in records.list.chunks(COMPARED_AT_ONCE) {
            let ids: Arc<[String]> = chunk.iter().map(|record| record.id.clone()).collect();
            let find = move |tx: &mut Tx<'_>| {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                queries::in_force_of(tx, kind, &ids)
            };
            let known = self.read(find).await?;
            for (index, record) in chunk.iter().enumerate() {
                plan.add(record, known.get(&index)).map_err(|_| Stopped::Ended(UNWRITABLE))?;
            }
        }
        if telling.is_newer() {
            self.end_what_is_told_no_more(&mut plan).await?;
        }
        if let Some(days) = plan::whole(&records.covered) {
            let number = base.number;
            let known = self.read(move |tx| queries::covered(tx, kind, number, days)).await?;
            plan.cover(&records.covered, known);
        }
        Ok(plan)
    }

    async fn end_what_is_told_no_more(&self, plan: &mut Plan) -> Result<(), Stopped<Overtaken>> {
        let (kind, mut after) = (self.kind, String::new());
        loop {
            let from = after.clone();
            let limit = count(COMPARED_AT_ONCE);
            let told = self.read(move |tx| queries::being_told(tx, kind, &from, limit)).await?;
            let Some(InForce { id, .. }) = told.last() else { return Ok(()) };
            after.clone_from(id);
            // The list is ascending by id.
            let is_there =
                |id: &str| self.found.list.binary_search_by(|record| record.id.as_str().cmp(id)).is_ok();
            for row in told.iter().filter(|row| !is_there(&row.id)) {
                plan.end(row);
            }
        }
    }

    async fn read<T, F>(&self, f: F) -> Result<T, Stopped<Overtaken>>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, store::DbError> + Send + Sync + 'static,
    {
        self.ground.read(f).await.map_err(Stopped::Ended)
    }
}

const UNWRITABLE: ImportError = ImportError::Fault("writing a record as JSON");

/// Undoes what a cut-off import has staged of the next edition, which has been claimed.
pub(super) async fn clear(ground: &Ground, attempt: Attempt) -> Result<(), Stopped<Overtaken>> {
    let clear = move |tx: &mut Tx<'_>, now: Timestamp| commands::clear(tx, now, &attempt);
    while ground.run(day::call("city.records.clear", &attempt), clear).await? {}
    Ok(())
}

/// Claims and clears what a cut-off import has left of a type; `sweep` is an id to claim it by.
pub(super) async fn sweep(ground: &Ground, kind: MetricType, sweep: Uuid) -> Result<(), Stopped<Overtaken>> {
    let base = ground.read(move |tx| queries::edition(tx, kind, None)).await.map_err(Stopped::Ended)?;
    let attempt = commands::attempt(kind, base.number, sweep);
    let claim = move |tx: &mut Tx<'_>, now: Timestamp| {
        commands::claim(tx, now, &attempt).map_err(Failure::<Overtaken>::Db)
    };
    let claimed = ground.run(day::call("city.sweep.claim", &attempt), claim).await?;
    let Claim::Ours { leftovers } = claimed else { return Ok(()) };
    if leftovers {
        clear(ground, attempt).await?;
    }
    ground.run(day::call("city.sweep.release", &attempt), move |tx, _| day::release(tx, &attempt)).await
}

/// The rows in the chunks in which they are staged.
fn chunks(rows: Vec<Revised>) -> impl Iterator<Item = Vec<Revised>> {
    let mut rest = rows.into_iter().peekable();
    std::iter::from_fn(move || {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rest.next_if(|row| {
            chunk.is_empty() || chunk.len() < STAGED_RECORDS && bytes + row.size() <= STAGED_BYTES
        }) {
            bytes += row.size();
            chunk.push(row);
        }
        (!chunk.is_empty()).then_some(chunk)
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::archive::commands::records::Stored;

    #[test]
    fn chunks_are_bounded_by_count_and_by_bytes() {
        let row = |bytes: usize| Revised {
            replaces: None,
            id: String::new(),
            stored: Stored {
                from: "2024-01-01".parse().unwrap(),
                to: 0,
                told: false,
                body: "x".repeat(bytes),
            },
        };
        let sizes = |rows: Vec<Revised>| chunks(rows).map(|chunk| chunk.len()).collect::<Vec<_>>();
        assert_eq!(sizes((0..250).map(|_| row(10)).collect()), [100, 100, 50]);
        let large = STAGED_BYTES * 2 / 5;
        assert_eq!(sizes(vec![row(large), row(large), row(large), row(3 * large), row(1)]), [2, 1, 1, 1]);
        assert_eq!(sizes(Vec::new()), [0; 0]);
    }
}
