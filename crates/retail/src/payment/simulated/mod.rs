//! The built-in payment simulator: an outside party with its own ledger, for demonstrations and tests.
//!
//! It captures at once and refuses amounts over a limit. Its ledger lies in the same database, but nobody reads
//! it except through [`PaymentProvider`] (and the invariants, which do not trust us either).

mod commands;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kernel::Money;
use store::Store;

use super::provider::{Charge, Outcome, PaymentProvider, ProviderError};
use commands::{Action, Simulate};

/// What the simulator may be told to do wrong with its next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// The work is done, the answer never comes.
    LoseAnswer,
    /// Nothing is done and nothing is answered.
    LoseRequest,
    /// The answer comes so much later.
    Late(Duration),
    /// The request is carried out twice.
    Twice,
}

/// The simulator.
pub struct Simulated {
    store: Store,
    limit: Money,
    next: Mutex<VecDeque<Misbehaviour>>,
}

impl Simulated {
    /// The name stored with its payments.
    pub const NAME: &'static str = "simulated";

    /// A simulator that refuses amounts over `limit`.
    pub fn new(store: Store, limit: Money) -> Self {
        Self { store, limit, next: Mutex::default() }
    }

    /// Tells it to misbehave once, after whatever it was told before.
    pub fn misbehave(&self, how: Misbehaviour) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).push_back(how);
    }

    async fn call(&self, charge: &Charge, action: Action) -> Result<Outcome, ProviderError> {
        let how = self.next.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match how {
            None => self.act(charge, action).await,
            Some(Misbehaviour::LoseRequest) => Err(ProviderError::Timeout),
            Some(Misbehaviour::LoseAnswer) => {
                self.act(charge, action).await?;
                Err(ProviderError::Timeout)
            }
            Some(Misbehaviour::Late(delay)) => {
                tokio::time::sleep(delay).await;
                self.act(charge, action).await
            }
            Some(Misbehaviour::Twice) => {
                self.act(charge, action).await?;
                self.act(charge, action).await
            }
        }
    }

    async fn act(&self, charge: &Charge, action: Action) -> Result<Outcome, ProviderError> {
        let item = Simulate {
            payment_id: charge.payment_id,
            amount: charge.amount.minor(),
            limit: self.limit.minor(),
            action,
        };
        // Its ledger is in our store: when that is away, so is the simulator.
        self.store
            .run_one::<Simulate>(item)
            .await
            .map_err(|error| ProviderError::Unreachable(error.to_string()))
    }
}

#[async_trait]
impl PaymentProvider for Simulated {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, Action::Charge).await
    }

    async fn capture(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, Action::Find).await
    }

    async fn cancel(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, Action::Cancel).await
    }

    async fn refund(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, Action::Refund).await
    }

    async fn find(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.call(charge, Action::Find).await
    }
}
