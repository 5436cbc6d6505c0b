//! The provider against the double.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::unnecessary_wraps, reason = "expected answers are compared with answers as they come")]

mod flow;
mod lost;
mod secrets;

use std::sync::Arc;

use kernel::{Currency, ManualClock, Money, OrderId, PaymentId, Timestamp};
use uuid::Uuid;

use super::double::StripeDouble;
use super::{StripeProvider, StripeSettings};
use crate::payment::provider::{Charge, Outcome, ProviderError};

const NOW: Timestamp = Timestamp::from_micros(1_772_366_400_000_000);

/// A double and a provider that talks to it.
struct Shop {
    double: StripeDouble,
    clock: Arc<ManualClock>,
    stripe: StripeProvider,
}

impl Shop {
    async fn open() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut StripeSettings)) -> Self {
        let double = StripeDouble::start().await.unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let mut settings = double.settings();
        change(&mut settings);
        let stripe = StripeProvider::new(settings, Arc::clone(&clock) as _).unwrap();
        Self { double, clock, stripe }
    }

    async fn paying_with(payment_method: &str) -> Self {
        Self::with(|settings| payment_method.clone_into(&mut settings.payment_method)).await
    }
}

/// Payment `number`, of 35.00 EUR.
fn charge(number: u128) -> Charge {
    Charge {
        payment_id: PaymentId(Uuid::from_u128(number)),
        amount: Money::from_minor(3500, Currency::EUR),
        description: format!("Order {number}"),
        order_id: Some(OrderId(Uuid::from_u128(1000 + number))),
        requested_at: NOW,
        reference: None,
    }
}

fn known(charge: &Charge, outcome: &Outcome) -> Charge {
    Charge { reference: outcome.reference().map(str::to_owned), ..charge.clone() }
}

fn authorised(reference: &str) -> Result<Outcome, ProviderError> {
    Ok(Outcome::Authorised { reference: reference.to_owned() })
}

fn captured(reference: &str) -> Result<Outcome, ProviderError> {
    Ok(Outcome::Captured { reference: reference.to_owned() })
}

fn refunded(reference: &str) -> Result<Outcome, ProviderError> {
    Ok(Outcome::Refunded { reference: reference.to_owned() })
}

fn cancelled(reference: &str) -> Result<Outcome, ProviderError> {
    Ok(Outcome::Cancelled { reference: Some(reference.to_owned()) })
}
