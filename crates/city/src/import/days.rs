//! Publishing days, one after the other.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Day, Timestamp};
use store::{Call, Failure, Tx};
use uuid::Uuid;

use super::ground::{Ground, Stopped};
use super::register::{Entry, Register};
use super::work_out::{SensorType, Tables, work_out};
use super::{ImportError, aside};
use crate::MetricType;
use crate::archive::commands::day::{
    self as commands, Attempt, Claim, Overtaken, Publication, STAGED_AT_ONCE, Staged,
};
use crate::archive::commands::register::{self, Sighting};
use crate::archive::{Corrected, Facts, Version, changed_blocks, count, queries};
use crate::hours::Hours;
use crate::input::Seen;
use crate::metrics::SensorDay;

/// How long an import waits before it begins a day again.
const AGAIN_PAUSE: Duration = Duration::from_millis(20);
/// How long an import waits before it looks again whether another has let a day go.
const CLAIM_PAUSE: Duration = Duration::from_millis(200);
/// So many days are looked up at a time when all of them are gone through.
const DAYS_AT_ONCE: i64 = 100;

/// An import of sensors whose source is good.
pub(super) struct Days<'g> {
    ground: &'g Ground,
    kind: SensorType,
    import: Uuid,
    register: Arc<Register>,
}

/// What is known of a day when an attempt begins.
struct Base {
    version: Option<Version>,
    facts: Facts,
    pages: Vec<Vec<u8>>,
}

/// A version that is ready to be written.
struct Draft {
    publication: Publication,
    rows: VecDeque<Staged>,
}

/// How an attempt at a day ended.
enum Attempted {
    Published,
    Unchanged,
    /// The day, or what is known of its sensors, has changed meanwhile.
    Again,
}

impl<'g> Days<'g> {
    /// Registers the sensors of a source.
    pub(super) async fn begin(
        ground: &'g Ground,
        kind: SensorType,
        import: Uuid,
        mut seen: Vec<(String, Seen)>,
    ) -> Result<Self, ImportError> {
        let metric = kind.metric();
        while !seen.is_empty() {
            let rest = seen.split_off(seen.len().min(register::REGISTERED_AT_ONCE));
            let chunk: Arc<[_]> = std::mem::replace(&mut seen, rest).into_iter().map(sighting).collect();
            let call = register::call("city.register.add", metric);
            ground.sure(call, move |tx, _| register::register(tx, metric, &chunk)).await?;
        }
        let register = Arc::new(Register::load(ground, metric).await?);
        Ok(Self { ground, kind, import, register })
    }

    /// Corrects a day; returns whether that changed it.
    pub(super) async fn correct(
        &mut self,
        day: Day,
        measured: &[(String, Hours)],
    ) -> Result<bool, ImportError> {
        loop {
            if self.ground.drain.is_started() {
                return Err(ImportError::Stopped);
            }
            match self.attempt(day, measured).await? {
                Attempted::Published => return Ok(true),
                Attempted::Unchanged => return Ok(false),
                Attempted::Again => {
                    self.ground.pause(AGAIN_PAUSE).await?;
                    self.reload().await?;
                }
            }
        }
    }

    /// Works out anew the days of sensors of which something else is said now; returns how many of them changed.
    pub(super) async fn settle(&mut self) -> Result<u64, ImportError> {
        let kind = self.metric();
        let known = self.ground.read(move |tx| queries::register(tx, kind)).await?;
        if known.settled >= known.revision {
            return Ok(0);
        }
        self.reload().await?;
        let (mut changed, mut after) = (0, None);
        loop {
            let of = known.revision;
            let find =
                move |tx: &mut Tx<'_>| queries::days_before_revision(tx, kind, of, after, DAYS_AT_ONCE);
            let days = self.ground.read(find).await?;
            for day in &days {
                changed += u64::from(self.correct(*day, &[]).await?);
            }
            match days.last() {
                Some(last) => after = Some(*last),
                None => break,
            }
        }
        let revision = known.revision;
        let call = register::call("city.register.settle", kind);
        self.ground.sure(call, move |tx, _| register::settle(tx, kind, revision)).await?;
        Ok(changed)
    }

    async fn reload(&mut self) -> Result<(), ImportError> {
        self.register = Arc::new(Register::load(self.ground, self.metric()).await?);
        Ok(())
    }

    const fn metric(&self) -> MetricType {
        self.kind.metric()
    }

    async fn attempt(&self, day: Day, measured: &[(String, Hours)]) -> Result<Attempted, ImportError> {
        // All of them were registered when the import began.
        let measured = self.numbered(measured).ok_or(ImportError::Fault("registering sensors"))?;
        let base = self.base(day).await?;
        if base.facts.keys().any(|sensor| self.register.entry(*sensor).is_none()) {
            return Ok(Attempted::Again);
        }
        let (kind, import, register) = (self.kind, self.import, Arc::clone(&self.register));
        let drafted = aside::compute(move || draft(kind, import, day, &base, measured, &register)).await;
        let drafted = drafted.map_err(ImportError::Thread)?.ok_or(ImportError::Fault("working out a day"))?;
        let Some(draft) = drafted.map_err(|_| ImportError::Fault("writing a day as JSON"))? else {
            return Ok(Attempted::Unchanged);
        };
        match self.write(draft).await {
            Ok(()) => Ok(Attempted::Published),
            Err(Stop::Overtaken) => Ok(Attempted::Again),
            Err(Stop::Ended(error)) => Err(error),
        }
    }

    fn numbered(&self, measured: &[(String, Hours)]) -> Option<Vec<(i64, Hours)>> {
        measured.iter().map(|(id, hours)| Some((self.register.number(id)?, *hours))).collect()
    }

    async fn base(&self, day: Day) -> Result<Base, ImportError> {
        let kind = self.metric();
        let read = move |tx: &mut Tx<'_>| {
            let version = queries::day(tx, kind, day, None)?;
            let Some(head) = version.as_ref().map(|version| &version.head) else {
                return Ok(Base { version, facts: Facts::new(), pages: Vec::new() });
            };
            let facts = queries::facts(tx, kind, day, head.version)?;
            let pages = (0..head.pages).map(|page| queries::page(tx, kind, day, head.version, page));
            let pages = pages.map(|page| page.map(Option::unwrap_or_default)).collect::<Result<_, _>>()?;
            Ok(Base { version, facts, pages })
        };
        self.ground.read(read).await
    }

    async fn write(&self, draft: Draft) -> Result<(), Stop> {
        let Draft { publication, mut rows } = draft;
        let attempt = publication.attempt;
        if self.claim(attempt).await? {
            let clear = move |tx: &mut Tx<'_>, now| commands::clear(tx, now, &attempt);
            while self.step(commands::call("city.day.clear", &attempt), clear).await? {}
        }
        while !rows.is_empty() {
            if self.ground.drain.is_started() {
                self.give_up(attempt).await;
                return Err(Stop::Ended(ImportError::Stopped));
            }
            let chunk = take_chunk(&mut rows);
            let stage = move |tx: &mut Tx<'_>, now| commands::stage(tx, now, &attempt, &chunk);
            self.step(commands::stage_call(&attempt), stage).await?;
        }
        let publish = move |tx: &mut Tx<'_>, now| commands::publish(tx, now, &publication);
        self.step(commands::publish_call(&attempt), publish).await
    }

    /// Claims the day, waiting for another import to let it go; returns whether there is something to be cleared away.
    async fn claim(&self, attempt: Attempt) -> Result<bool, Stop> {
        loop {
            let claim = move |tx: &mut Tx<'_>, now| Ok(commands::claim(tx, now, &attempt)?);
            match self.step(commands::call("city.day.claim", &attempt), claim).await? {
                Claim::Ours { leftovers } => return Ok(leftovers),
                Claim::Moved => return Err(Stop::Overtaken),
                Claim::Held => self.ground.pause(CLAIM_PAUSE).await.map_err(Stop::Ended)?,
            }
        }
    }

    async fn give_up(&self, attempt: Attempt) {
        let give_up = move |tx: &mut Tx<'_>, now| Ok(commands::give_up(tx, now, &attempt)?);
        if self.step(commands::call("city.day.give_up", &attempt), give_up).await.is_err() {
            tracing::debug!(day = %attempt.day, "a day could not be given up; its claim will run out");
        }
    }

    async fn step<T, F>(&self, call: Call, f: F) -> Result<T, Stop>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>, Timestamp) -> Result<T, Failure<Overtaken>> + Send + Sync + 'static,
    {
        match self.ground.run(call, f).await {
            Ok(value) => Ok(value),
            // Whether it was done is seen when the day is begun again.
            Err(Stopped::Refused(Overtaken) | Stopped::Unknown) => Err(Stop::Overtaken),
            Err(Stopped::Ended(error)) => Err(Stop::Ended(error)),
        }
    }
}

/// Why a draft was not published.
enum Stop {
    /// The day is to be begun again.
    Overtaken,
    /// The import has ended.
    Ended(ImportError),
}

fn sighting((id, seen): (String, Seen)) -> Sighting {
    Sighting { id, measured_at: seen.measured_at, about: seen.about }
}

fn take_chunk(rows: &mut VecDeque<Staged>) -> Vec<Staged> {
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.pop_front() {
        bytes += row.size();
        chunk.push(row);
        if bytes >= STAGED_AT_ONCE {
            break;
        }
    }
    chunk
}

/// Works out what a day becomes; nothing when it stays as it is. All sensors are in the register.
fn draft(
    kind: SensorType,
    import: Uuid,
    day: Day,
    base: &Base,
    measured: Vec<(i64, Hours)>,
    register: &Register,
) -> io::Result<Option<Draft>> {
    let head = base.version.as_ref().map(|version| &version.head);
    let Corrected { facts, mut changes } = Corrected::new(head.map(|_| &base.facts), measured);
    let mut sensors: Vec<(&Entry, &Hours)> =
        facts.iter().filter_map(|(number, hours)| Some((register.entry(*number)?, hours))).collect();
    let described = |entry: &Entry| head.is_some_and(|head| entry.revision > head.revision);
    changes.sensors_described = sensors.iter().filter(|(entry, _)| described(entry)).count() as u64;
    if !changes.is_any() {
        return Ok(None);
    }
    sensors.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    let days: Vec<SensorDay<'_>> = sensors
        .iter()
        .map(|(entry, hours)| SensorDay { id: &entry.id, about: &entry.about, hours })
        .collect();
    let Tables { summary, totals, findings, pages } = work_out(kind, day, &days)?;
    let same_totals = base.version.as_ref().is_some_and(|version| version.totals == totals);
    if !changes.is_of_hours() && same_totals && base.pages == pages {
        return Ok(None);
    }
    let attempt = Attempt { kind: kind.metric(), day, from: head.map_or(0, |head| head.version), import };
    let publication = Publication {
        attempt,
        revision: register.revision,
        sensors: facts.len(),
        hours: facts.values().map(Hours::len).sum(),
        pages: pages.len(),
        summary,
        totals,
        findings,
        changes,
    };
    let blocks = changed_blocks(&base.facts, &facts);
    let blocks = blocks.into_iter().map(|(number, facts)| Staged::Block { number, facts });
    let pages = (0..).zip(pages).filter(|(number, body)| base.pages.get(*number) != Some(body));
    let pages = pages.map(|(number, body)| Staged::Page { number: count(number), body });
    Ok(Some(Draft { publication, rows: blocks.chain(pages).collect() }))
}
