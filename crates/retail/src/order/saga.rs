//! The saga: one call to the payment provider between two commits, until nothing is left to do.
//!
//! The handler of a request drives its order at once; the worker ([`Saga::work`]) takes over whatever was left
//! by a crash, a slow provider or a lost answer. Both run `drive`, which trusts only what is stored.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::{Currency, OrderId, Timestamp};
use store::idempotency::{Answer, Claim, Key};
use store::{Call, CallError, Failure, Store, Unavailable};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::api::{OrderError, accepted_answer, final_answer_of, short_answer};
use super::commands::{self, Advance, Advanced, NewOrder, Place, PlaceRefusal, Placed};
use super::metrics::SagaMetrics;
use super::plan::{self, Decision, Next, Transition};
use super::{Order, queries};
use crate::STOCK;
use crate::payment::provider::{Charge, Outcome, PaymentProvider, ProviderError};

/// A caller is kept waiting no longer; the order goes on without it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a process may be silent before another takes its orders over, and how often it says that it is alive.
const LEASE_SECONDS: i64 = 10;
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How often the worker looks for orders that are due.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How many orders the worker drives at a time.
const RESUMED_AT_ONCE: usize = 32;
/// The bounds of the pause before a provider without an answer is asked again; it grows with the order's age.
const ASK_AGAIN_SECONDS: std::ops::RangeInclusive<i64> = 1..=30;

/// How a saga is run.
#[derive(Debug, Clone, Copy)]
pub struct SagaSettings {
    /// The chain's currency.
    pub currency: Currency,
    /// How long stock is promised to an order that is not paid, in seconds.
    pub reservation_seconds: i64,
    /// How long one call to the provider may take.
    pub provider_timeout: Duration,
}

/// What a caller of the saga is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The answer.
    Answer(Answer),
    /// The idempotency key was used before.
    Claimed(Claim),
    /// There is no order.
    Refused(PlaceRefusal),
}

/// Drives orders.
pub struct Saga {
    store: Store,
    provider: Arc<dyn PaymentProvider>,
    settings: SagaSettings,
    metrics: SagaMetrics,
    /// This process, as the owner of leases.
    process: Uuid,
    running: Mutex<HashSet<OrderId>>,
    woken: Notify,
    resuming: Semaphore,
}

/// An order being driven here, for as long as this lives.
struct Running {
    saga: Arc<Saga>,
    id: OrderId,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.saga.running().remove(&self.id);
    }
}

/// How far a new order has come when it is placed.
enum Begun {
    /// It has ended already, or there is none.
    Over(Told),
    /// Its stock is promised and it is being driven.
    Driven(Driven),
}

/// An order that is being driven in a task of its own.
struct Driven {
    accepted: Answer,
    task: JoinHandle<Result<Option<Answer>, Unavailable>>,
}

impl Driven {
    /// Waits as long as a caller may be kept waiting, or not at all.
    async fn answer(self, respond_async: bool) -> Told {
        if respond_async {
            return Told::Answer(self.accepted);
        }
        match tokio::time::timeout(PATIENCE, self.task).await {
            Ok(Ok(Ok(Some(answer)))) => Told::Answer(answer),
            // It is stored and somebody goes on with it: that is an acceptance, whatever stands in the way now.
            Ok(Ok(Ok(None) | Err(_)) | Err(_)) | Err(_) => Told::Answer(self.accepted),
        }
    }
}

impl Saga {
    /// A saga over a store and a provider; `process` is a fresh id of this process.
    pub fn new(
        store: Store,
        provider: Arc<dyn PaymentProvider>,
        settings: SagaSettings,
        metrics: SagaMetrics,
        process: Uuid,
    ) -> Self {
        Self {
            store,
            provider,
            settings,
            metrics,
            process,
            running: Mutex::default(),
            woken: Notify::new(),
            resuming: Semaphore::new(RESUMED_AT_ONCE),
        }
    }

    /// The provider it asks.
    pub fn provider(&self) -> &Arc<dyn PaymentProvider> {
        &self.provider
    }

    /// The lease under which a new order is placed.
    pub fn lease(&self) -> (Uuid, i64) {
        (self.process, LEASE_SECONDS)
    }

    /// How long stock is promised to an order, in seconds.
    pub fn reservation_seconds(&self) -> i64 {
        self.settings.reservation_seconds
    }

    /// Places an order and drives it to its end, or for ten seconds, or (`respond_async`) not at all before
    /// answering. What has begun goes on when the caller leaves.
    pub async fn order(self: &Arc<Self>, new: NewOrder, respond_async: bool) -> Result<Told, Unavailable> {
        // In a task of its own: a caller who leaves during the first commit must not leave an order behind that nobody
        // drives.
        let saga = Arc::clone(self);
        let begun = tokio::spawn(async move { saga.begin(new).await });
        match begun.await.unwrap_or(Err(Unavailable::Panicked))? {
            Begun::Over(told) => Ok(told),
            Begun::Driven(driven) => Ok(driven.answer(respond_async).await),
        }
    }

    /// Places an order and starts to drive it.
    async fn begin(self: &Arc<Self>, new: NewOrder) -> Result<Begun, Unavailable> {
        let id = new.id;
        let running = self.hold(id);
        Ok(Begun::Over(match self.store.run_one::<Place>(new).await? {
            Placed::Reserved(order) => {
                self.metrics.settled(&order, order.history.len());
                return Ok(Begun::Driven(self.start(order, running)));
            }
            Placed::Short { order, shortages } => {
                self.metrics.settled(&order, order.history.len());
                Told::Answer(short_answer(&order, &shortages))
            }
            Placed::Refused(refusal) => Told::Refused(refusal),
            Placed::Replay(answer) => Told::Claimed(Claim::Replay(answer)),
            Placed::KeyRunning => Told::Claimed(Claim::Running),
            Placed::KeyReused => Told::Claimed(Claim::Reused),
        }))
    }

    /// Cancels a confirmed order: refund, then restock.
    pub async fn cancel(
        self: &Arc<Self>,
        id: OrderId,
        key: Option<Key>,
    ) -> Result<Told, CallError<OrderError>> {
        let (currency, lease) = (self.settings.currency, self.lease());
        let call = Call::new("retail.order.cancel", STOCK).lock("order", id).lock_key(key.as_ref());
        let asked = self
            .store
            .run(call, move |tx, now| {
                if let Some(key) = &key {
                    match store::idempotency::claim(tx, now, key)? {
                        Claim::New => {}
                        claim @ (Claim::Replay(_) | Claim::Running | Claim::Reused) => return Ok(Err(claim)),
                    }
                }
                commands::request_cancellation(tx, now, currency, id, lease, key.as_ref()).map(Ok)
            })
            .await?;
        match asked {
            Err(claim) => Ok(Told::Claimed(claim)),
            Ok(order) => {
                let running = self.hold(id);
                Ok(self.start(order, running).answer(false).await)
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashSet<OrderId>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks an order as driven here, for as long as the guard lives.
    fn hold(self: &Arc<Self>, id: OrderId) -> Running {
        self.running().insert(id);
        Running { saga: Arc::clone(self), id }
    }

    /// Drives an order in a task of its own.
    fn start(self: &Arc<Self>, order: Order, running: Running) -> Driven {
        let accepted = accepted_answer(&order);
        let saga = Arc::clone(self);
        Driven { accepted, task: tokio::spawn(async move { saga.drive(order, running).await }) }
    }

    /// Drives an order until nothing is left to do (its answer) or nothing can be done now (`None`).
    async fn drive(&self, mut order: Order, _running: Running) -> Result<Option<Answer>, Unavailable> {
        loop {
            let next = plan::next(&order, self.store.now());
            if next == Next::Nothing {
                return Ok(Some(final_answer_of(&order)));
            }
            let decision = match self.ask(&order, next).await {
                Ok(outcome) => plan::decide(next, outcome),
                Err(error) => {
                    tracing::warn!(order = %order.id, ?next, %error, "the payment provider has no answer; asking again later");
                    Decision::Later
                }
            };
            match decision {
                Decision::Later => {
                    self.postpone(&order).await?;
                    return Ok(None);
                }
                Decision::Advance(transition) => match self.advance(order, transition).await? {
                    (advanced, Some(answer)) if advanced.is_settled() => return Ok(Some(answer)),
                    (advanced, _) => order = advanced,
                },
            }
        }
    }

    async fn ask(&self, order: &Order, next: Next) -> Result<Outcome, ProviderError> {
        let Some(payment_id) = order.payment_id else { return Ok(Outcome::Unknown) };
        if order.provider.as_deref().is_some_and(|provider| provider != self.provider.name()) {
            // Another provider holds this order's money: asking ours would be taken for the truth.
            let provider = order.provider.clone().unwrap_or_default();
            return Err(ProviderError::Misconfigured(format!("the order was to be paid through {provider}")));
        }
        let reference = || order.payment_reference.clone().unwrap_or_default();
        if order.total.minor() == 0 {
            // Nothing to pay: no provider takes a charge of zero.
            return Ok(match next {
                Next::Refund => Outcome::Refunded { reference: reference() },
                Next::Authorise | Next::Capture | Next::GiveUp | Next::Nothing => {
                    Outcome::Captured { reference: reference() }
                }
            });
        }
        let charge = Charge {
            payment_id,
            amount: order.total,
            description: format!("commande {}", order.id),
            order_id: Some(order.id),
            requested_at: order.created_at(),
            reference: order.payment_reference.clone(),
        };
        let call = async {
            match next {
                Next::Authorise => self.provider.authorize(&charge).await,
                Next::Capture => self.provider.capture(&charge).await,
                Next::GiveUp => self.provider.cancel(&charge).await,
                Next::Refund => self.provider.refund(&charge).await,
                Next::Nothing => self.provider.find(&charge).await,
            }
        };
        tokio::time::timeout(self.settings.provider_timeout, call)
            .await
            .unwrap_or(Err(ProviderError::Timeout))
    }

    /// Commits a transition. Somebody else may have been faster: then the order is read again.
    async fn advance(
        &self,
        order: Order,
        transition: Transition,
    ) -> Result<(Order, Option<Answer>), Unavailable> {
        let (id, known) = (order.id, order.history.len());
        let item = Advance { order, transition, lease_seconds: LEASE_SECONDS };
        match self.store.run_one::<Advance>(item).await? {
            Advanced::Done { order, answer } => {
                self.metrics.settled(&order, order.history.len().saturating_sub(known));
                Ok((*order, answer))
            }
            Advanced::Elsewhere => {
                let order =
                    self.load(id).await?.ok_or(Unavailable::Failed("an order has disappeared".into()))?;
                Ok((order, None))
            }
        }
    }

    async fn load(&self, id: OrderId) -> Result<Option<Order>, Unavailable> {
        let currency = self.settings.currency;
        self.store.read(move |tx| Ok(queries::order(tx, currency, id)?)).await
    }

    async fn postpone(&self, order: &Order) -> Result<(), Unavailable> {
        let (id, process) = (order.id, self.process);
        let age = (self.store.now().micros() - order.created_at().micros()) / 1_000_000;
        let pause = (age / 4).clamp(*ASK_AGAIN_SECONDS.start(), *ASK_AGAIN_SECONDS.end());
        self.command("retail.order.postpone", Some(id), move |tx, now| {
            commands::postpone(tx, id, process, now.plus_seconds(pause))
        })
        .await
    }

    /// Looks for unfinished orders until `stop` resolves: those of a process that is gone, and those whose
    /// provider had no answer.
    pub async fn work(self: Arc<Self>, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        self.store.opened().await;
        let mut renewed = tokio::time::Instant::now();
        loop {
            if let Err(error) = self.resume_due().await {
                tracing::debug!(%error, "unfinished orders cannot be read now");
            }
            if renewed.elapsed() >= RENEW_EVERY {
                renewed = tokio::time::Instant::now();
                if let Err(error) = self.renew().await {
                    tracing::debug!(%error, "leases cannot be renewed now");
                }
            }
            tokio::select! {
                () = &mut stop => return,
                () = self.woken.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Makes the worker look at once.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Makes every unfinished order due at once: for an engine whose earlier process is surely gone.
    pub async fn void_leases(&self) -> Result<(), Unavailable> {
        self.command("retail.order.void_leases", None, |tx, now| commands::void_leases(tx, now).map(|_| ()))
            .await
    }

    async fn resume_due(self: &Arc<Self>) -> Result<(), Unavailable> {
        let now = self.store.now();
        let limit = i64::try_from(self.resuming.available_permits()).unwrap_or(0);
        if limit == 0 {
            return Ok(());
        }
        let due = self.store.read(move |tx| Ok::<_, Unavailable>(queries::due(tx, now, limit)?)).await?;
        for id in due {
            if self.running().contains(&id) || !self.take(id).await? {
                continue;
            }
            let saga = Arc::clone(self);
            tokio::spawn(async move {
                let Ok(_permit) = saga.resuming.acquire().await else { return };
                if let Err(error) = saga.resume(id).await {
                    tracing::debug!(order = %id, %error, "an order could not be resumed now");
                }
            });
        }
        Ok(())
    }

    async fn resume(self: &Arc<Self>, id: OrderId) -> Result<(), Unavailable> {
        let Some(order) = self.load(id).await? else { return Ok(()) };
        tracing::info!(order = %id, state = order.state.name(), "resuming an unfinished order");
        if !self.running().contains(&id) {
            self.drive(order, self.hold(id)).await?;
        }
        Ok(())
    }

    async fn take(&self, id: OrderId) -> Result<bool, Unavailable> {
        let process = self.process;
        let call = Call::new("retail.order.lease", STOCK).lock("order", id);
        let taken: Result<bool, CallError<std::convert::Infallible>> = self
            .store
            .run(call, move |tx, now| {
                commands::take_lease(tx, now, id, process, LEASE_SECONDS).map_err(Failure::Db)
            })
            .await;
        infallible(taken)
    }

    async fn renew(&self) -> Result<(), Unavailable> {
        let ids: Vec<OrderId> = self.running().iter().copied().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let process = self.process;
        self.command("retail.order.renew", None, move |tx, now| {
            commands::renew_lease(tx, now, &ids, process, LEASE_SECONDS)
        })
        .await
    }

    /// Runs a command that cannot refuse.
    async fn command<F>(&self, name: &'static str, lock: Option<OrderId>, f: F) -> Result<(), Unavailable>
    where
        F: Fn(&mut store::Tx<'_>, Timestamp) -> Result<(), store::DbError> + Send + 'static,
    {
        let mut call = Call::new(name, STOCK);
        if let Some(id) = lock {
            call = call.lock("order", id);
        }
        infallible(self.store.run(call, move |tx, now| f(tx, now).map_err(Failure::Db)).await)
    }
}

fn infallible<T>(result: Result<T, CallError<std::convert::Infallible>>) -> Result<T, Unavailable> {
    match result {
        Ok(value) => Ok(value),
        Err(CallError::Unavailable(error)) => Err(error),
        Err(CallError::Refused(never)) => match never {},
    }
}
