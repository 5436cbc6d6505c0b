//! Writing behind: decisions wait in memory for at most a tenth of a second, and go out in blocks.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::Timestamp;
use serde::Serialize;
use store::{Call, CallError, Failure, Store, Unavailable};
use telemetry::Metrics;
use telemetry::prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;
use uuid::Uuid;
use web::Drain;

use super::commands::{self, Block};
use super::queries;
use crate::OFFERS;
use crate::experiment::ExperimentId;
use crate::learn::PolicyName;

/// How long a decision waits for others at most.
const EVERY: Duration = Duration::from_millis(100);
/// A block is full with so many decisions …
const BLOCK_COUNT: u32 = 1_000;
/// … or so many bytes.
const BLOCK_BYTES: usize = 256 << 10;
/// No block spans more time than this, however long the database is away: a decision is looked for only in blocks
/// that begin so shortly before it.
pub(super) const SPAN_MILLIS: u64 = 5_000;
/// What may wait in memory: three seconds and more at twenty thousand decisions a second.
const WAITING_BYTES: usize = 32 << 20;
/// Even a block of one decision costs this much memory.
const BLOCK_OVERHEAD: usize = 1 << 10;
/// How long to wait before a database that is away is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
/// How long the last decisions may take when the server stops.
const FINISH_LIMIT: Duration = Duration::from_secs(5);
/// How many old blocks one command deletes.
const PRUNED_AT_ONCE: i64 = 20;

/// What is shown to somebody, about to be recorded; read again as [`super::Decision`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shown<'a> {
    /// A fresh `UUIDv7` of this instant.
    pub decision_id: Uuid,
    /// The present instant.
    pub at: Timestamp,
    /// To whom.
    pub user_id: &'a str,
    /// The segment that this person is in.
    pub segment: &'a str,
    /// The policy that decided.
    pub policy: PolicyName,
    /// The experiment that this person is counted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<ExperimentId>,
    /// The arm of that experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm: Option<PolicyName>,
    /// The offers, the first slot first.
    pub slots: &'a [ShownSlot<'a>],
}

/// One offer that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ShownSlot<'a> {
    /// The offer.
    pub offer_id: &'a str,
    /// Its category.
    pub category: &'a str,
    /// The chance that it had to be in this slot, above 0 and at most 1.
    pub propensity: f64,
    /// The score it was ranked by, 0 to 100.
    pub score: f32,
}

/// The decisions on their way into the store: a handle, cheap to clone.
///
/// `offer_decisions_total` counts those recorded, `offer_decisions_lost_total` those dropped because too many waited
/// or because the store cannot take them.
#[derive(Clone)]
pub struct Decisions(Arc<Inner>);

struct Inner {
    queue: Mutex<Queue>,
    /// Something waits where nothing did.
    arrived: Notify,
    /// A block is full.
    full: Notify,
    /// Held by whoever writes: blocks go out one after the other.
    writing: tokio::sync::Mutex<()>,
    recorded: Counter,
    lost: Counter,
}

/// What waits, the block being filled last.
#[derive(Default)]
struct Queue {
    blocks: VecDeque<Waiting>,
    bytes: usize,
}

/// A block that waits.
enum Waiting {
    /// More may be added.
    Open(Filling),
    /// It is complete; shared with the command that writes it.
    Closed(Arc<Block>),
}

/// A block being filled.
struct Filling {
    block: Block,
    /// The earliest and the latest millisecond of its ids.
    millis: (u64, u64),
}

impl Decisions {
    /// Nothing recorded yet; its metrics are registered.
    pub fn new(metrics: &Metrics) -> Self {
        let (recorded, lost) = (Counter::default(), Counter::default());
        metrics.register(|registry| {
            registry.register("offer_decisions", "Decisions recorded", recorded.clone());
            registry.register(
                "offer_decisions_lost",
                "Decisions dropped because too many were waiting or could not be written",
                lost.clone(),
            );
        });
        Self(Arc::new(Inner {
            queue: Mutex::default(),
            arrived: Notify::new(),
            full: Notify::new(),
            writing: tokio::sync::Mutex::default(),
            recorded,
            lost,
        }))
    }

    /// Records a decision. It is stored within a tenth of a second, or dropped and counted when too many wait.
    ///
    /// Costs a microsecond or two and never waits for the store.
    pub fn record(&self, decision: &Shown<'_>) {
        self.0.recorded.inc();
        let text = match serde_json::to_string(decision) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "a decision cannot be written as JSON");
                self.0.lost.inc();
                return;
            }
        };
        let added = self.queue().add(decision.decision_id, decision.at, &text);
        match added {
            Added::First => self.0.arrived.notify_one(),
            Added::Another => {}
            Added::Full => self.0.full.notify_one(),
            Added::Refused => {
                self.0.lost.inc();
            }
        }
    }

    /// How many decisions have been dropped since the start.
    pub fn lost(&self) -> u64 {
        self.0.lost.get()
    }

    /// Writes what is recorded until the server begins to stop; [`Decisions::finish`] does the rest.
    pub async fn work(&self, store: &Store, drain: &Drain) {
        let work = async {
            loop {
                self.0.arrived.notified().await;
                // When the time is over the block goes out as it is.
                let _ = tokio::time::timeout(EVERY, self.0.full.notified()).await;
                if self.flush(store).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = drain.started() => {}
        }
    }

    /// Writes what is still waiting when the last request has been answered; gives up after five seconds.
    pub async fn finish(&self, store: &Store) {
        let done = tokio::time::timeout(FINISH_LIMIT, self.flush(store)).await;
        if !matches!(done, Ok(Ok(()))) {
            let lost = self.queue().clear();
            self.0.lost.inc_by(lost);
            tracing::warn!(lost, "decisions could not be written before the end");
        }
    }

    /// Writes what waits now; tries again while the store is away. Nothing is lost when this is given up half way.
    pub async fn flush(&self, store: &Store) -> Result<(), Unavailable> {
        let _writing = self.0.writing.lock().await;
        self.queue().close_last();
        while let Some(block) = self.next_closed() {
            match write(store, Arc::clone(&block)).await {
                Ok(()) => {}
                Err(Unavailable::Closed) => return Err(Unavailable::Closed),
                Err(error @ (Unavailable::Panicked | Unavailable::Failed(_))) => {
                    tracing::error!(%error, lost = block.count, "decisions cannot be written and are dropped");
                    self.0.lost.inc_by(u64::from(block.count));
                }
                Err(error) => {
                    tracing::debug!(%error, "decisions cannot be written now; trying again");
                    tokio::time::sleep(RETRY_PAUSE).await;
                    continue;
                }
            }
            self.queue().remove_first();
        }
        Ok(())
    }

    /// The next complete block.
    fn next_closed(&self) -> Option<Arc<Block>> {
        match self.queue().blocks.front()? {
            Waiting::Closed(block) => Some(Arc::clone(block)),
            Waiting::Open(_) => None,
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(store: &Store, block: Arc<Block>) -> impl Future<Output = Result<(), Unavailable>> {
    run(store, "offers.decision.write", move |tx, _| commands::insert(tx, &block))
}

/// Deletes the blocks that are older than decisions are kept, a few at a time. Returns how many went.
pub async fn prune_old(store: &Store, kept: Duration) -> Result<u64, Unavailable> {
    let kept = i64::try_from(kept.as_secs()).unwrap_or(i64::MAX);
    let mut total = 0;
    loop {
        let gone = run(store, "offers.decision.prune", move |tx, now| {
            commands::prune(tx, now.plus_seconds(-kept), PRUNED_AT_ONCE)
        });
        match gone.await? {
            0 => return Ok(total),
            gone => total += gone,
        }
    }
}

/// Runs a command that refuses nothing.
async fn run<T, F>(store: &Store, name: &'static str, f: F) -> Result<T, Unavailable>
where
    F: Fn(&mut store::Tx<'_>, Timestamp) -> Result<T, store::DbError> + Send + 'static,
    T: Send + 'static,
{
    let done: Result<T, CallError<Infallible>> =
        store.run(Call::new(name, OFFERS), move |tx, now| f(tx, now).map_err(Failure::Db)).await;
    match done {
        Ok(value) => Ok(value),
        Err(CallError::Unavailable(error)) => Err(error),
        Err(CallError::Refused(never)) => match never {},
    }
}

/// What came of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    /// It is the first of its block.
    First,
    /// Its block has more already.
    Another,
    /// It has filled its block.
    Full,
    /// Too much waits.
    Refused,
}

impl Queue {
    fn add(&mut self, id: Uuid, at: Timestamp, text: &str) -> Added {
        if self.bytes + text.len() > WAITING_BYTES {
            return Added::Refused;
        }
        let millis = queries::millis_of(id);
        let filling = match self.blocks.back_mut() {
            Some(Waiting::Open(filling)) if filling.has_room_for(millis) => filling,
            Some(_) | None => {
                self.close_last();
                self.bytes += text.len() + BLOCK_OVERHEAD;
                self.blocks.push_back(Waiting::Open(Filling::begin(id, millis, at, text)));
                return Added::First;
            }
        };
        filling.push(id, millis, at, text);
        self.bytes += text.len() + 1;
        if filling.is_full() {
            self.close_last();
            return Added::Full;
        }
        Added::Another
    }

    /// Completes the block being filled.
    fn close_last(&mut self) {
        if let Some(Waiting::Open(filling)) = self.blocks.pop_back_if(|last| matches!(last, Waiting::Open(_)))
        {
            self.blocks.push_back(Waiting::Closed(Arc::new(filling.complete())));
        }
    }

    /// Forgets the first block, which has been written.
    fn remove_first(&mut self) {
        if let Some(Waiting::Closed(block)) = self.blocks.pop_front() {
            self.bytes = self.bytes.saturating_sub(block.data.len() + BLOCK_OVERHEAD);
        }
        if self.blocks.is_empty() {
            self.bytes = 0;
        }
    }

    /// Forgets everything; returns how many decisions that were.
    fn clear(&mut self) -> u64 {
        self.close_last();
        self.bytes = 0;
        let count = |waiting: &Waiting| match waiting {
            Waiting::Open(filling) => filling.block.count,
            Waiting::Closed(block) => block.count,
        };
        self.blocks.drain(..).map(|waiting| u64::from(count(&waiting))).sum()
    }
}

impl Filling {
    fn begin(id: Uuid, millis: u64, at: Timestamp, text: &str) -> Self {
        let block = Block { first: id, last: id, at, count: 1, data: format!("[{text}") };
        Self { block, millis: (millis, millis) }
    }

    fn push(&mut self, id: Uuid, millis: u64, at: Timestamp, text: &str) {
        let Self { block, millis: (earliest, latest) } = self;
        block.data.push(',');
        block.data.push_str(text);
        block.count += 1;
        (block.first, block.last) = (block.first.min(id), block.last.max(id));
        block.at = block.at.min(at);
        (*earliest, *latest) = ((*earliest).min(millis), (*latest).max(millis));
    }

    fn has_room_for(&self, millis: u64) -> bool {
        let (earliest, latest) = self.millis;
        latest.max(millis) - earliest.min(millis) <= SPAN_MILLIS
    }

    fn is_full(&self) -> bool {
        self.block.count >= BLOCK_COUNT || self.block.data.len() >= BLOCK_BYTES
    }

    fn complete(mut self) -> Block {
        self.block.data.push(']');
        self.block
    }
}
