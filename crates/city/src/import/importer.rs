//! Imports from beginning to end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::{IdSource, Timestamp};
use store::{DbError, Failure, Store, Tx};
use tokio::sync::Semaphore;
use uuid::Uuid;
use web::Drain;

use super::days::Days;
use super::ground::Ground;
use super::reader::{self, Good, Part};
use super::{ImportError, Outcome, Watch, leftovers, records};
use crate::MetricType;
use crate::archive::SensorType;
use crate::archive::commands::day as days;
use crate::archive::commands::register::Sighting;
use crate::archive::imports::{self, New, Origin, Progress, State, Unfinished};
use crate::counters::Counters;
use crate::input::{Limits, Source, Tally};
use crate::quality::{self, Findings};

/// How often it is written down how far an import has come.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How often a process says that it is still at work: several times before it is taken for dead.
const RENEW_EVERY: Duration = Duration::from_secs(15);

/// Takes data in, one import at a time in each process. Cheap to clone.
#[derive(Clone)]
pub struct Importer {
    ground: Ground,
    ids: Arc<dyn IdSource>,
    /// This process.
    holder: Uuid,
    limits: Limits,
    turn: Arc<Semaphore>,
    counters: Counters,
}

impl Importer {
    /// An importer of this process.
    pub fn new(store: Store, ids: Arc<dyn IdSource>, drain: Drain, limits: Limits) -> Self {
        let holder = ids.next(store.now());
        Self {
            ground: Ground::new(store, drain),
            ids,
            holder,
            limits,
            turn: Arc::new(Semaphore::new(1)),
            counters: Counters::default(),
        }
    }

    /// The same, counting what it does.
    pub(crate) fn counted_by(self, counters: Counters) -> Self {
        Self { counters, ..self }
    }

    /// Imports sources of one type.
    ///
    /// # Errors
    ///
    /// See [`ImportError`]; that it failed is written down, too.
    pub async fn run(
        &self,
        kind: MetricType,
        sources: Vec<Source>,
        watch: Arc<dyn Watch>,
    ) -> Result<Outcome, ImportError> {
        let name = sources.iter().map(Source::name).collect::<Vec<_>>().join(", ");
        let id = self.begin(kind, &name).await?;
        self.carry_out(id, kind, sources, watch).await
    }

    /// Writes an import down, whose turn comes later.
    pub(super) async fn begin(&self, kind: MetricType, source: &str) -> Result<Uuid, ImportError> {
        let new = self.entry(kind, source, None);
        let id = new.id;
        let call = imports::call("city.import.begin");
        self.ground.sure(call, move |tx, now| imports::begin(tx, now, &new)).await?;
        Ok(id)
    }

    /// Carries out an import that has been written down.
    pub(crate) async fn carry_out(
        &self,
        id: Uuid,
        kind: MetricType,
        sources: Vec<Source>,
        watch: Arc<dyn Watch>,
    ) -> Result<Outcome, ImportError> {
        let started = Instant::now();
        let run = Run { ground: &self.ground, counters: &self.counters, id, kind, watch };
        let result = tokio::select! {
            result = self.in_turn(&run, sources) => result,
            () = self.stay_known() => Err(ImportError::Stopped),
        };
        self.counters.imported(kind, started.elapsed(), result.is_ok());
        self.end(id, result).await
    }

    /// Ends an import whose source cannot be had, or has nothing new.
    pub(super) async fn settle(&self, id: Uuid, result: Result<(), ImportError>) -> Result<(), ImportError> {
        self.end(id, result).await
    }

    /// An import that is to be written down.
    pub(super) fn entry(&self, kind: MetricType, source: &str, origin: Option<Origin>) -> New {
        New {
            id: self.ids.next(self.ground.store.now()),
            kind,
            source: shortened(source),
            origin,
            holder: self.holder,
        }
    }

    /// Writes down how an import has ended.
    async fn end<T>(&self, id: Uuid, result: Result<T, ImportError>) -> Result<T, ImportError> {
        let error = result.as_ref().err().map(ToString::to_string);
        let stopped = matches!(result, Err(ImportError::Stopped));
        let end = move |tx: &mut Tx<'_>, now| match &error {
            Some(error) if stopped => imports::stop(tx, now, id, error),
            error => imports::end(tx, now, id, error.as_deref()),
        };
        self.at_last("city.import.end", end).await;
        result
    }

    /// Writes something down even when the server is stopping: this is the last that there is to do.
    async fn at_last<F>(&self, name: &'static str, f: F)
    where
        F: Fn(&mut Tx<'_>, Timestamp) -> Result<(), DbError> + Send + 'static,
    {
        let call = imports::call(name);
        let done = self.ground.store.run(call, move |tx, now| f(tx, now).map_err(Failure::<Infallible>::Db));
        if let Err(error) = done.await {
            tracing::warn!(?error, "how imports ended could not be written down");
        }
    }

    /// Lets go of all imports that wait, when the server is stopping.
    pub(super) async fn let_go(&self) {
        let holder = self.holder;
        self.at_last("city.import.let_go", move |tx, now| imports::let_go(tx, now, holder)).await;
    }

    /// Imports that could be taken over; `alone` says that there is no other process.
    pub(super) async fn unfinished(&self, alone: bool) -> Result<Vec<Unfinished>, ImportError> {
        let (now, holder) = (self.ground.store.now(), self.holder);
        self.ground.read(move |tx| imports::unfinished(tx, now, holder, alone)).await
    }

    /// Takes an import over; returns whether it is ours now.
    pub(super) async fn take_over(&self, id: Uuid, alone: bool) -> Result<bool, ImportError> {
        let holder = self.holder;
        let call = imports::call("city.import.take_over");
        self.ground.sure(call, move |tx, now| imports::take_over(tx, now, id, holder, alone)).await
    }

    /// Whether an import is there that has not ended.
    pub(super) async fn is_unfinished(&self, id: Uuid) -> Result<bool, ImportError> {
        let import = self.ground.read(move |tx| imports::get(tx, id)).await?;
        Ok(import.is_some_and(|import| import.ended_at.is_none()))
    }

    /// Frees the days that others had claimed; there is no other process any more.
    pub(crate) async fn release_claims(&self) -> Result<(), ImportError> {
        self.ground.sure(imports::call("city.day.end_claims"), days::end_claims).await
    }

    /// Waits for something; nothing when the server is stopping.
    pub(super) async fn unless_stopping<T>(&self, awaited: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            value = awaited => Some(value),
            () = self.ground.drain.started() => None,
        }
    }

    /// Waits; false when the server is stopping.
    pub(super) async fn pause(&self, time: Duration) -> bool {
        self.ground.pause(time).await.is_ok()
    }

    async fn in_turn(&self, run: &Run<'_>, sources: Vec<Source>) -> Result<Outcome, ImportError> {
        let _turn = tokio::select! {
            turn = self.turn.acquire() => turn,
            () = self.ground.drain.started() => return Err(ImportError::Stopped),
        };
        // Tomorrow, since clocks differ.
        let until = self.ground.store.now().paris_day().plus(1);
        run.work(sources, Limits { until: Some(until), ..self.limits.clone() }).await
    }

    /// Says, until the server stops, that this process is at work.
    pub(super) async fn stay_known(&self) {
        let holder = self.holder;
        while self.ground.pause(RENEW_EVERY).await.is_ok() {
            let call = imports::call("city.import.renew");
            if let Err(error) = self.ground.sure(call, move |tx, now| imports::renew(tx, now, holder)).await {
                tracing::debug!(%error, "it could not be written down that imports are under way");
            }
        }
        // What is under way notices by itself that the server is stopping, and leaves nothing half done.
        std::future::pending::<()>().await;
    }

    /// Clears away what imports that were cut off have left.
    pub(super) async fn clear_leftovers(&self) -> Result<usize, ImportError> {
        leftovers::clear(&self.ground, self.ids.next(self.ground.store.now())).await
    }

    /// Ends imports whose process has ended; `alone` says that there is no other process.
    pub(super) async fn fail_abandoned(&self, alone: bool) -> Result<u64, ImportError> {
        let holder = self.holder;
        let call = imports::call("city.import.abandon");
        self.ground.sure(call, move |tx, now| imports::fail_abandoned(tx, now, holder, alone)).await
    }
}

/// A list of many files is cut.
fn shortened(source: &str) -> String {
    /// Enough for people to know it again.
    const LENGTH: usize = 500;
    match source.char_indices().nth(LENGTH) {
        Some((at, _)) => format!("{}…", &source[..at]),
        None => source.to_owned(),
    }
}

/// The reader has not said what comes next.
const OUT_OF_TURN: ImportError = ImportError::Fault("reading the source");

/// An import under way.
struct Run<'g> {
    ground: &'g Ground,
    counters: &'g Counters,
    id: Uuid,
    kind: MetricType,
    watch: Arc<dyn Watch>,
}

impl Run<'_> {
    async fn work(&self, sources: Vec<Source>, limits: Limits) -> Result<Outcome, ImportError> {
        self.note(State::Reading, 0, 0, 0).await?;
        let mut parts = reader::start(self.kind, sources, limits, Arc::clone(&self.watch))?;
        let Part::Good(Good { tally, sensors, days }) = self.next(&mut parts).await? else {
            return Err(OUT_OF_TURN);
        };
        self.counters.read(self.kind, &tally);
        let findings = quality::of_import(&tally);
        self.note_tally(&tally, &findings).await?;
        let mut count = Count { run: self, done: 0, all: days as u64, changed: 0, noted: Instant::now() };
        self.note(State::Publishing, 0, count.all, 0).await?;
        match SensorType::of(self.kind) {
            Some(kind) => self.publish_days(kind, sensors, &mut parts, &mut count).await?,
            None => self.publish_records(&mut parts, &mut count).await?,
        }
        self.note(State::Publishing, count.done, count.all, count.changed).await?;
        Ok(Outcome { id: self.id, tally, findings, days: count.all, changed: count.changed })
    }

    async fn publish_days(
        &self,
        kind: SensorType,
        sensors: Vec<Sighting>,
        parts: &mut reader::Parts,
        count: &mut Count<'_>,
    ) -> Result<(), ImportError> {
        let mut days = Days::begin(self.ground, kind, self.id, sensors).await?;
        while count.done < count.all {
            let Part::Day(day, measured) = self.next(parts).await? else { return Err(OUT_OF_TURN) };
            let changed = days.correct(day, &measured).await?;
            count.add(1, u64::from(changed)).await?;
        }
        Ok(())
    }

    async fn publish_records(
        &self,
        parts: &mut reader::Parts,
        count: &mut Count<'_>,
    ) -> Result<(), ImportError> {
        let Part::Records(found) = self.next(parts).await? else { return Err(OUT_OF_TURN) };
        let all = found.list.len() as u64;
        let changed = records::Publisher::new(self.ground, self.kind, self.id, found).publish().await?;
        count.add(all, changed).await
    }

    async fn next(&self, parts: &mut reader::Parts) -> Result<Part, ImportError> {
        tokio::select! {
            part = parts.recv() => match part {
                Some(part) => Ok(part?),
                // It has panicked.
                None => Err(OUT_OF_TURN),
            },
            () = self.ground.drain.started() => Err(ImportError::Stopped),
        }
    }

    async fn note(
        &self,
        state: State,
        days_done: u64,
        days_all: u64,
        days_changed: u64,
    ) -> Result<(), ImportError> {
        let (id, progress) = (self.id, Progress { state, days_done, days_all, days_changed });
        let call = imports::call("city.import.note");
        self.ground.sure(call, move |tx, now| imports::note(tx, now, id, &progress)).await
    }

    async fn note_tally(&self, tally: &Tally, findings: &Findings) -> Result<(), ImportError> {
        let (id, tally, findings) = (self.id, tally.clone(), findings.clone());
        let call = imports::call("city.import.tally");
        self.ground.sure(call, move |tx, _| imports::note_tally(tx, id, &tally, &findings)).await
    }
}

/// How far an import has come.
struct Count<'r> {
    run: &'r Run<'r>,
    done: u64,
    all: u64,
    changed: u64,
    noted: Instant,
}

impl Count<'_> {
    fn publish(&mut self, changed: u64) {
        self.changed += changed;
        self.run.counters.published(self.run.kind, changed);
    }

    async fn add(&mut self, done: u64, changed: u64) -> Result<(), ImportError> {
        self.done += done;
        self.publish(changed);
        self.run.watch.published(self.done, self.all);
        if self.noted.elapsed() >= NOTE_EVERY {
            self.noted = Instant::now();
            self.run.note(State::Publishing, self.done, self.all, self.changed).await?;
        }
        Ok(())
    }
}
