//! The writer: takes the commands that wait, runs them in one transaction, commits once, answers them all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::Timestamp;

use crate::batch::{Batch, Fate};
use crate::command::{Job, Ran};
use crate::engine::{Committed, Session};
use crate::queue::{Pace, Queue};
use crate::shared::Shared;
use crate::tx::PendingEvent;
use crate::{DbError, Sabotage, Tx, Unavailable};

/// With savepoints, fewer commands share a transaction: PostgreSQL keeps 64 subtransactions cheap.
const CAREFUL_BATCH: usize = 50;
/// A batch that other transactions keep undoing is given up after so many tries …
const TRIES: u32 = 8;
/// … or when they have taken so long.
const GIVE_UP: Duration = Duration::from_secs(20);
/// The shortest pause between two attempts to reach a database that is away.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// How long the answers of a committed batch wait for the events before it, when the connection breaks just then.
const DELIVERY_LIMIT: Duration = Duration::from_secs(10);

/// One writer: a thread, its connection, its queue.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    session: Option<Session>,
    shared: Arc<Shared>,
    batch_max: usize,
    last_attempt: Option<Instant>,
    pace: Pace,
}

/// What one run of a batch came to.
enum Verdict {
    /// Committed, with these events.
    Committed(Published),
    /// Undone; run it again with a savepoint for each command.
    Carefully,
    /// Undone; run it again as it was.
    Again(DbError),
    /// Undone; nobody of the batch can be served.
    Failed(Unavailable),
}

/// The events of a batch that has run.
#[derive(Default)]
struct Published {
    events: Vec<PendingEvent>,
    /// The position of the last one.
    last: i64,
    at: Timestamp,
}

/// Why a run of a batch stopped.
enum Stop {
    /// A command has to be undone alone.
    Carefully,
    /// The database failed.
    Db(DbError),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl Writer {
    pub(crate) fn new(
        queue: Arc<Queue>,
        session: Option<Session>,
        shared: Arc<Shared>,
        batch_max: usize,
    ) -> Self {
        Self { queue, session, shared, batch_max, last_attempt: None, pace: Pace::default() }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn work(mut self) {
        while let Some(mut jobs) = self.queue.take(self.batch_max, self.pace) {
            let now = Instant::now();
            for expired in jobs.extract_if(.., |job| job.deadline() <= now) {
                expired.answer(Err(Unavailable::Expired));
            }
            if jobs.is_empty() {
                continue;
            }
            // Commands' panics are caught closer to them. This one is a fault of the store or of a caller's
            // type (its drop): the callers learn it from their dropped channels, and the lane goes on.
            if catch_unwind(AssertUnwindSafe(|| self.batch(Batch::new(jobs)))).is_err() {
                tracing::error!("a writer panicked between commands; what became of its batch is not known");
                self.session = None;
            }
        }
    }

    /// Runs a batch to its end, whatever it takes.
    fn batch(&mut self, mut batch: Batch) {
        let started = Instant::now();
        let mut careful = false;
        for attempt in 1..=TRIES {
            let verdict = match self.connect() {
                Ok(()) => self.run(&mut batch, careful),
                Err(error) => Verdict::Failed(error),
            };
            match verdict {
                Verdict::Committed(published) => {
                    self.publish(published);
                    batch.answer();
                    self.commit_late();
                    return;
                }
                Verdict::Failed(error) => return batch.refuse(&error),
                Verdict::Carefully if batch.len() > CAREFUL_BATCH => {
                    return batch.split(CAREFUL_BATCH).into_iter().for_each(|part| self.batch(part));
                }
                Verdict::Carefully => careful = true,
                Verdict::Again(error) => {
                    tracing::debug!(%error, attempt, "running a batch again");
                    if started.elapsed() > GIVE_UP {
                        break;
                    }
                    // Another process is in the way: it needs a moment to get out of it.
                    std::thread::sleep(Duration::from_millis(u64::from(attempt)));
                }
            }
        }
        batch.refuse(&Unavailable::Busy("other transactions were in the way again and again".into()));
    }

    /// The known-bad twin of the crash test: callers have been answered, the commit comes after.
    fn commit_late(&mut self) {
        if self.shared.sabotage == Sabotage::AnswerBeforeCommit
            && let Some(session) = self.session.as_mut()
        {
            std::thread::sleep(Duration::from_millis(20));
            session.commit(|| {});
        }
    }

    /// Makes the connection anew when it is broken.
    fn connect(&mut self) -> Result<(), Unavailable> {
        if self.session.as_ref().is_some_and(|session| !session.is_closed()) {
            return Ok(());
        }
        self.session = None;
        if self.last_attempt.is_some_and(|at| at.elapsed() < RECONNECT_PAUSE) {
            return Err(Unavailable::NotReady);
        }
        let opened = Session::open(&self.shared.engine);
        self.shared.set_reachable(opened.is_ok());
        match opened {
            Ok(session) => {
                self.last_attempt = None;
                self.session = Some(session);
                Ok(())
            }
            Err(error) => {
                self.last_attempt = Some(Instant::now());
                tracing::warn!(%error, "the database cannot be reached");
                Err(Unavailable::NotReady)
            }
        }
    }

    /// One transaction with every command of the batch.
    fn run(&mut self, batch: &mut Batch, careful: bool) -> Verdict {
        let Some(session) = self.session.as_mut() else { return Verdict::Failed(Unavailable::NotReady) };
        let shared = Arc::clone(&self.shared);
        let _inside = shared.commits.enter();
        let now = shared.stamp();
        let locks = (shared.sabotage != Sabotage::NoLocks).then(|| batch.locks());
        let result = session
            .begin(now, locks.into_iter().flatten())
            .map_err(Stop::Db)
            .and_then(|()| run_all(session, batch, now, careful));
        match result {
            Ok(published) if self.shared.sabotage == Sabotage::AnswerBeforeCommit => {
                Verdict::Committed(published)
            }
            Ok(published) => match timed(|| session.commit(|| self.queue.refuse_all(&Unavailable::NotReady)))
            {
                (Committed::Yes, took) => {
                    self.pace = Pace::after(batch.len(), took);
                    Verdict::Committed(published)
                }
                (Committed::No(error), _) => self.undo(error, careful),
                (Committed::Unknown, _) => {
                    self.session = None;
                    Verdict::Failed(Unavailable::OutcomeUnknown)
                }
                (Committed::Fatal(reason), _) => {
                    self.session = None;
                    // Nothing more is taken: a disk that failed once must not acknowledge anything. Whether the commit
                    // reached it shows after the restart.
                    self.queue.close();
                    self.shared.die(&reason);
                    Verdict::Failed(Unavailable::OutcomeUnknown)
                }
            },
            Err(Stop::Carefully) => {
                if !session.rollback() {
                    self.session = None;
                }
                Verdict::Carefully
            }
            Err(Stop::Db(error)) => self.undo(error, careful),
        }
    }

    /// Undoes a batch and decides how to go on.
    fn undo(&mut self, error: DbError, careful: bool) -> Verdict {
        // A broken connection is not asked to roll back: the server does, and asking could take long.
        let broken = matches!(error, DbError::Connection(_));
        if broken || !self.session.as_mut().is_some_and(Session::rollback) {
            self.session = None;
        }
        if error == DbError::Full {
            tracing::error!("the disk is full: nothing of this batch was changed");
            Verdict::Failed(Unavailable::Full)
        } else if error.is_transient() {
            Verdict::Again(error)
        } else if careful {
            tracing::error!(%error, "a batch failed");
            Verdict::Failed(error.into())
        } else {
            tracing::warn!(%error, "a batch failed; running its commands one by one");
            Verdict::Carefully
        }
    }

    /// Tells this process's subscribers, before anybody is answered.
    fn publish(&mut self, Published { events, last, at }: Published) {
        let Some(session) = self.session.as_mut().filter(|_| !events.is_empty()) else { return };
        let first = last + 1 - i64::try_from(events.len()).unwrap_or(0);
        let stored = (first..).zip(events).map(|(position, event)| event.stored(position, at)).collect();
        if let Err(error) = self.shared.feed.deliver(stored, session) {
            // The poller delivers them, in order, as soon as the database is back.
            tracing::warn!(%error, "the events before these cannot be read now; the answers wait for them");
            self.session = None;
            let until = Instant::now() + DELIVERY_LIMIT;
            while self.shared.feed.position() < last && Instant::now() < until {
                if self.shared.pause(Duration::from_millis(5)) {
                    return;
                }
            }
        }
    }
}

/// Runs something and measures how long it takes.
fn timed<T>(f: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    (f(), started.elapsed())
}

/// Runs every command in the open transaction and appends their events.
fn run_all(
    session: &mut Session,
    batch: &mut Batch,
    now: Timestamp,
    careful: bool,
) -> Result<Published, Stop> {
    let mut events = Vec::new();
    if careful {
        for (job, fate) in batch.jobs.iter_mut().zip(&mut batch.fates) {
            *fate = run_alone(session, job, &mut events, now)?;
        }
    } else {
        batch.fates.fill(Ok(()));
        for group in batch.groups() {
            run_together(session, &mut batch.jobs[group], &mut events, now)?;
        }
    }
    if events.is_empty() {
        session.flush()?;
        return Ok(Published::default());
    }
    let last = session.append(now, &events)?;
    Ok(Published { events, last, at: now })
}

/// How running some jobs in a transaction ended.
struct Run {
    result: Result<Ran, Mishap>,
    events: Vec<PendingEvent>,
    wrote: bool,
}

/// Why a command did not come to its end.
enum Mishap {
    Db(DbError),
    Panic,
}

fn run_jobs(session: &mut Session, jobs: &mut [Box<dyn Job>], now: Timestamp) -> Run {
    let Some(runner) = jobs.first().map(|job| job.runner()) else {
        return Run { result: Ok(Ran::Done), events: Vec::new(), wrote: false };
    };
    let mut tx = Tx::new(session.connection());
    let result = match (catch_unwind(AssertUnwindSafe(|| runner(jobs, &mut tx, now))), tx.failure.take()) {
        (Err(_), _) => Err(Mishap::Panic),
        // Whatever the command makes of it: one that hides an error would commit a part of itself, or nothing.
        (Ok(_), Some(error)) => Err(Mishap::Db(error)),
        (Ok(result), None) => result.map_err(Mishap::Db),
    };
    Run { result, events: std::mem::take(&mut tx.events), wrote: tx.wrote }
}

/// The good path: no savepoint. A command that must be undone after it wrote sends the batch to the careful one.
fn run_together(
    session: &mut Session,
    jobs: &mut [Box<dyn Job>],
    events: &mut Vec<PendingEvent>,
    now: Timestamp,
) -> Result<(), Stop> {
    let mut run = run_jobs(session, jobs, now);
    match run.result {
        Ok(Ran::Done) => {
            events.append(&mut run.events);
            Ok(())
        }
        Ok(Ran::Refused) if !run.wrote => Ok(()),
        Ok(Ran::Refused) | Err(Mishap::Panic) => Err(Stop::Carefully),
        Err(Mishap::Db(error)) => Err(error.into()),
    }
}

/// The careful path: each command has its savepoint, and fails alone.
fn run_alone(
    session: &mut Session,
    job: &mut Box<dyn Job>,
    events: &mut Vec<PendingEvent>,
    now: Timestamp,
) -> Result<Fate, Stop> {
    let command = job.call().name;
    session.savepoint()?;
    let mut run = run_jobs(session, std::slice::from_mut(job), now);
    let result = match run.result {
        // What was sent and not waited for is this command's doing.
        Ok(ran) => session.flush().map(|()| ran).map_err(Mishap::Db),
        Err(mishap) => Err(mishap),
    };
    let fate = match result {
        Ok(Ran::Done) => {
            session.release()?;
            events.append(&mut run.events);
            return Ok(Ok(()));
        }
        Ok(Ran::Refused) => Ok(()),
        Err(Mishap::Db(error)) => {
            if error.is_transient() || error == DbError::Full || !session.in_transaction() {
                return Err(error.into());
            }
            tracing::error!(command, %error, "a command failed and was undone");
            Err(Unavailable::from(error))
        }
        Err(Mishap::Panic) => {
            tracing::error!(command, "a command panicked and was undone");
            Err(Unavailable::Panicked)
        }
    };
    session.rollback_to()?;
    Ok(fate)
}
