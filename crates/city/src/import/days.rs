//! Publishing days, one after the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Day, Timestamp};
use store::{Call, Failure, Tx};
use uuid::Uuid;

use super::ground::{Ground, Stopped};
use super::register::{Descriptions, Register, Registered};
use super::{ImportError, aside};
use crate::MetricType;
use crate::archive::commands::day::{
    self as commands, Attempt, Claim, Overtaken, Publication, STAGED_AT_ONCE, Staged,
};
use crate::archive::commands::register::Sighting;
use crate::archive::{
    Abouts, Corrected, Facts, SensorFacts, SensorType, Tables, Version, changed_blocks, count, queries,
    sensors_of_day, work_out,
};
use crate::input::SensorOfDay;

/// How long an import waits before it begins a day again.
const AGAIN_PAUSE: Duration = Duration::from_millis(20);
/// How long an import waits before it looks again whether another has let a day go.
const CLAIM_PAUSE: Duration = Duration::from_millis(200);

/// An import of sensors whose source is good.
pub(super) struct Days<'g> {
    ground: &'g Ground,
    kind: SensorType,
    import: Uuid,
    /// The source's own sensors.
    registered: Registered,
    register: Arc<Register>,
    descriptions: Descriptions,
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
    /// The day has changed meanwhile.
    Again,
}

impl<'g> Days<'g> {
    /// Registers the sensors of a source.
    pub(super) async fn begin(
        ground: &'g Ground,
        kind: SensorType,
        import: Uuid,
        seen: Vec<Sighting>,
    ) -> Result<Self, ImportError> {
        let registered = Registered::add(ground, kind.metric(), seen).await?;
        let register = Arc::new(Register::load(ground, kind.metric()).await?);
        Ok(Self { ground, kind, import, registered, register, descriptions: Descriptions::default() })
    }

    /// Corrects a day; returns whether that changed it.
    pub(super) async fn correct(&mut self, day: Day, measured: &[SensorOfDay]) -> Result<bool, ImportError> {
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

    async fn reload(&mut self) -> Result<(), ImportError> {
        self.register = Arc::new(Register::load(self.ground, self.metric()).await?);
        Ok(())
    }

    const fn metric(&self) -> MetricType {
        self.kind.metric()
    }

    async fn attempt(&mut self, day: Day, measured: &[SensorOfDay]) -> Result<Attempted, ImportError> {
        // All of them were registered when the import began.
        let measured: Option<Vec<_>> = measured.iter().map(|of| self.registered.facts(of)).collect();
        let measured = measured.ok_or(ImportError::Fault("registering sensors"))?;
        let base = self.base(day).await?;
        if base.facts.keys().any(|sensor| self.register.id(*sensor).is_none()) {
            return Ok(Attempted::Again);
        }
        let corrected = correct(&base, measured);
        if corrected.facts == base.facts {
            return Ok(Attempted::Unchanged);
        }
        let abouts = self.descriptions.of(self.ground, self.metric(), &corrected.facts).await?;
        let (kind, import, register) = (self.kind, self.import, Arc::clone(&self.register));
        let work = Work { kind, import, day, base, corrected, abouts, register };
        let drafted = aside::compute(move || work.draft()).await.map_err(ImportError::Thread)?;
        match self.write(drafted.ok_or(ImportError::Fault("working out a day"))??).await {
            Ok(()) => Ok(Attempted::Published),
            Err(Stop::Overtaken) => Ok(Attempted::Again),
            Err(Stop::Ended(error)) => Err(error),
        }
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

fn correct(base: &Base, measured: Vec<(i64, SensorFacts)>) -> Corrected {
    Corrected::new(base.version.is_some().then_some(&base.facts), measured)
}

/// What a version of a day is worked out from.
struct Work {
    kind: SensorType,
    import: Uuid,
    day: Day,
    base: Base,
    corrected: Corrected,
    abouts: Abouts,
    register: Arc<Register>,
}

impl Work {
    /// Works out what the day becomes.
    fn draft(self) -> Result<Draft, ImportError> {
        let Self { kind, import, day, base, corrected, abouts, register } = self;
        let Corrected { facts, changes } = corrected;
        let sensors = sensors_of_day(&facts, |number| register.id(number), &abouts);
        let sensors = sensors.map_err(|_| ImportError::Fault("naming the sensors of a day"))?;
        let tables =
            work_out(kind, day, &sensors).map_err(|_| ImportError::Fault("writing a day as JSON"))?;
        let Tables { summary, totals, findings, pages } = tables;
        let from = base.version.map_or(0, |version| version.head.version);
        let publication = Publication {
            attempt: Attempt { kind: kind.metric(), day, from, import },
            sensors: facts.len(),
            hours: facts.values().map(|facts| facts.hours.len()).sum(),
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
        Ok(Draft { publication, rows: blocks.chain(pages).collect() })
    }
}
