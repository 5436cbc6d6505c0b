//! Payments asked for at their own door: one call to the provider now, the worker if that was not enough.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Currency, PaymentId, Timestamp};
use store::idempotency::{Claim, Key};
use store::{Call, CallError, Failure, Store, Unavailable};

use super::commands::{self, NewPayment, PaymentError};
use super::provider::{Charge, Outcome, PaymentProvider, ProviderError};
use super::{Payment, PaymentState, queries};
use crate::PAYMENTS;

/// How asking for a payment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// The payment, as far as it has come.
    Payment(Payment),
    /// The idempotency key belongs to another request.
    Claimed(Claim),
}

/// Who takes payments at their own door.
pub struct Desk {
    store: Store,
    provider: Arc<dyn PaymentProvider>,
    currency: Currency,
    timeout: Duration,
}

impl Desk {
    /// A desk that waits for its provider no longer than `timeout`.
    pub fn new(
        store: Store,
        provider: Arc<dyn PaymentProvider>,
        currency: Currency,
        timeout: Duration,
    ) -> Self {
        Self { store, provider, currency, timeout }
    }

    /// Takes a payment on and drives it as far as its provider goes now. Under an idempotency key that was used for
    /// the same request it is the same payment, whatever the reference.
    pub async fn take(&self, new: NewPayment, key: Option<Key>) -> Result<Taken, CallError<PaymentError>> {
        let currency = self.currency;
        let call = Call::new("retail.payment.intend", PAYMENTS)
            .lock("payment.reference", &new.reference)
            .lock_key(key.as_ref());
        let asked =
            self.store.run(call, move |tx, now| commands::intend_once(tx, now, currency, &new, key.as_ref()));
        match asked.await? {
            Err(claim) => Ok(Taken::Claimed(claim)),
            Ok(payment) => Ok(Taken::Payment(self.drive(payment).await?)),
        }
    }

    /// Goes on with payments whose lease has passed; returns how many there were.
    pub async fn resume(&self) -> Result<usize, Unavailable> {
        let now = self.store.now();
        let ids = self.store.read(move |tx| Ok::<_, Unavailable>(queries::due(tx, now, 32)?)).await?;
        for id in &ids {
            let (id, currency) = (*id, self.currency);
            let payment =
                self.store.read(move |tx| Ok::<_, Unavailable>(queries::payment(tx, currency, id)?)).await?;
            if let Some(payment) = payment
                && let Err(CallError::Unavailable(error)) = self.drive(payment).await
            {
                return Err(error);
            }
        }
        Ok(ids.len())
    }

    /// Makes every unfinished payment due at once: for an engine whose earlier process is surely gone.
    pub async fn void_leases(&self) -> Result<(), Unavailable> {
        let call = Call::new("retail.payment.void_leases", PAYMENTS);
        let voided: Result<_, CallError<PaymentError>> =
            self.store.run(call, |tx, now| commands::void_leases(tx, now).map_err(Failure::Db)).await;
        match voided {
            Err(CallError::Unavailable(error)) => Err(error),
            Ok(_) | Err(CallError::Refused(_)) => Ok(()),
        }
    }

    /// Asks the provider until it has nothing more to say now.
    async fn drive(&self, mut payment: Payment) -> Result<Payment, CallError<PaymentError>> {
        loop {
            let call = match payment.state {
                PaymentState::Intended => self.provider_call(&payment, false).await,
                PaymentState::Authorised => self.provider_call(&payment, true).await,
                PaymentState::Captured
                | PaymentState::Refused
                | PaymentState::Cancelled
                | PaymentState::Refunded => {
                    return Ok(payment);
                }
            };
            let before = payment.state;
            if let Ok(outcome) = &call {
                payment = self.record(payment.id, outcome.clone()).await?;
            }
            if let Err(error) = &call {
                tracing::warn!(payment = %payment.id, %error, "the payment provider has no answer; asking again later");
            }
            if payment.state == before {
                self.postpone(payment.id).await?;
                return Ok(payment);
            }
        }
    }

    async fn provider_call(&self, payment: &Payment, held: bool) -> Result<Outcome, ProviderError> {
        let charge = Charge {
            payment_id: payment.id,
            amount: payment.amount,
            description: payment.reference.clone().unwrap_or_default(),
            order_id: None,
            requested_at: payment.created_at,
            reference: payment.provider_reference.clone(),
        };
        let call = async {
            if held { self.provider.capture(&charge).await } else { self.provider.authorize(&charge).await }
        };
        tokio::time::timeout(self.timeout, call).await.unwrap_or(Err(ProviderError::Timeout))
    }

    async fn record(&self, id: PaymentId, outcome: Outcome) -> Result<Payment, CallError<PaymentError>> {
        let currency = self.currency;
        let call = Call::new("retail.payment.record", PAYMENTS).lock("payment", id);
        self.store.run(call, move |tx, now| commands::record(tx, now, currency, id, &outcome)).await
    }

    async fn postpone(&self, id: PaymentId) -> Result<(), CallError<PaymentError>> {
        let call = Call::new("retail.payment.postpone", PAYMENTS).lock("payment", id);
        self.store
            .run(call, move |tx, now: Timestamp| {
                commands::postpone(tx, id, now.plus_seconds(2)).map_err(Failure::Db)
            })
            .await
    }
}
