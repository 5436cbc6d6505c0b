//! The outside party that moves money, behind one trait.
//!
//! A provider is another system: a call to it may be lost on the way there, on the way back, or answered long
//! after the caller stopped waiting. So every call is a *statement of intent about one payment*, which may be
//! repeated at will, and every answer is the state of that payment as the provider knows it. What the caller
//! must rely on is written at each method of [`PaymentProvider`]; the rules they share:
//!
//! - **A call names its payment.** [`Charge::payment_id`] goes out with every request and is compared with what
//!   comes back. An answer about another payment is [`ProviderError::Unexpected`], never an [`Outcome`].
//! - **An [`Outcome`] is a fact, a [`ProviderError`] is the lack of one.** After an error the money may have
//!   moved or not; the only sound reaction is to ask again later, with the same [`Charge`].
//! - **[`Outcome::Unknown`] proves nothing.** It means "no trace so far": a request may still be on its way. Go on
//!   with [`authorize`](PaymentProvider::authorize) or give up with [`cancel`](PaymentProvider::cancel); both
//!   settle the question. Never release what the payment pays for on `Unknown`.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{Money, OrderId, PaymentId, Timestamp};

/// One payment, as the provider is asked for it.
///
/// Every field but `reference` must be the same each time the same payment is named: providers compare a
/// repeated request with the first one and refuse to answer when it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The payment, unique for ever; all idempotency is by it.
    pub payment_id: PaymentId,
    /// The whole amount; nothing is ever captured or refunded in part.
    pub amount: Money,
    /// What the payer may read on a statement or receipt.
    pub description: String,
    /// The order that it pays for, if any.
    pub order_id: Option<OrderId>,
    /// When the payment was recorded here. No call about it was made earlier, so this bounds how old a lost
    /// attempt can be, and with it how long the provider's idempotency keys protect.
    pub requested_at: Timestamp,
    /// The provider's own id of the payment, once an outcome told it.
    pub reference: Option<String>,
}

/// The state of a payment, as its provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider shows no trace of it *so far*; a request may still be on its way. Proves nothing.
    Unknown,
    /// The provider is working on it: ask again with [`PaymentProvider::find`].
    Pending,
    /// The amount is held for us, nothing has moved yet.
    Authorised {
        /// The provider's id of the payment.
        reference: String,
    },
    /// The whole amount has been taken.
    Captured {
        /// The provider's id of the payment.
        reference: String,
    },
    /// Refused for good: nothing is held and nothing will be taken under this payment id.
    Refused {
        /// The provider's id of the payment, if it got as far as having one.
        reference: Option<String>,
        /// Why.
        reason: RefusalReason,
        /// One sentence that may be shown to the payer.
        message: String,
    },
    /// Given up before any money moved; nothing is held any more.
    Cancelled {
        /// The provider's id of the payment, if it got as far as having one.
        reference: Option<String>,
    },
    /// The whole amount was taken and has been given back.
    Refunded {
        /// The provider's id of the payment.
        reference: String,
    },
}

impl Outcome {
    /// The provider's id of the payment, to be kept in [`Charge::reference`] from now on.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Unknown | Self::Pending => None,
            Self::Authorised { reference } | Self::Captured { reference } | Self::Refunded { reference } => {
                Some(reference)
            }
            Self::Refused { reference, .. } | Self::Cancelled { reference } => reference.as_deref(),
        }
    }

    /// A refusal with the sentence that goes with its reason.
    pub fn refused(reference: Option<String>, reason: RefusalReason) -> Self {
        Self::Refused { reference, reason, message: reason.message().to_owned() }
    }
}

/// Why a payment was refused, as far as the payer should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// More than the payer's means or a limit allow.
    Limit,
    /// The payer's bank says no and need not say why.
    Declined,
    /// The payer would have to authenticate, which this way of paying does not offer.
    ActionRequired,
    /// Anything else, such as an amount that cannot be charged in this currency.
    Other,
}

impl RefusalReason {
    /// A sentence for the payer. It never carries the provider's own words, which can tell a thief that a
    /// card was reported stolen.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Limit => "the amount is over the limit of this payment method",
            Self::Declined => "the payment was declined",
            Self::ActionRequired => "the payment needs a confirmation by the payer that cannot be given here",
            Self::Other => "the payment could not be made",
        }
    }
}

/// Why nothing is known about a payment. None of these says whether money moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// No complete answer within the time set for a call.
    #[error("the payment provider did not answer in time")]
    Timeout,
    /// No connection, a broken one, or a failure on the provider's side.
    #[error("the payment provider could not be reached: {0}")]
    Unreachable(String),
    /// The provider asks to slow down, or is still working on an earlier call for the same payment.
    #[error("the payment provider is busy")]
    Busy {
        /// How long it asked us to wait.
        retry_after: Option<Duration>,
    },
    /// The provider rejects how we ask: a wrong key, account or setting. For logs, never for an answer.
    #[error("the payment provider rejects our settings: {0}")]
    Misconfigured(String),
    /// An answer that makes no sense, or that is about another payment. For logs, never for an answer.
    #[error("the payment provider answered unexpectedly: {0}")]
    Unexpected(String),
}

/// A party that can hold, take and give back money. See the module for the rules that all calls share.
///
/// Calls for the same payment may overlap (a slow handler and the worker that resumes its order): the provider
/// decides who comes first, and both callers are told the same final state.
#[async_trait]
pub trait PaymentProvider: Send + Sync + 'static {
    /// A short stable name, stored with each payment.
    fn name(&self) -> &'static str;

    /// Asks for the money; a provider may capture at once.
    ///
    /// Idempotent by payment id, without limit of time: however often it is repeated, at most one charge is
    /// ever made, and the answer is what has become of it. Without a [`Charge::reference`] a first attempt
    /// that never arrived is made now.
    ///
    /// Returns every outcome but [`Outcome::Unknown`]; `Cancelled` and `Refunded` when that has happened
    /// meanwhile.
    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError>;

    /// Takes the money that is held. Idempotent: what is captured already is answered `Captured`.
    ///
    /// Returns `Captured` or `Pending`; when there is nothing to take, what stands in the way: `Refused`,
    /// `Cancelled` (a hold that expired too), `Refunded`, or `Unknown`.
    async fn capture(&self, charge: &Charge) -> Result<Outcome, ProviderError>;

    /// Gives a payment up that is not captured, and makes sure it never will be. Idempotent.
    ///
    /// A payment whose first attempt was lost, or not even made, is settled too: either it is found and voided,
    /// or the provider is told to refuse it should it still arrive. `cancel` itself never asks for money.
    ///
    /// Returns `Cancelled`; `Refused` when it was refused before (nothing is held); `Captured` or `Refunded`
    /// when it is too late and [`refund`](Self::refund) is the way; `Pending` when it cannot be told yet.
    async fn cancel(&self, charge: &Charge) -> Result<Outcome, ProviderError>;

    /// Gives the whole amount back. Idempotent: no more than was captured is ever returned.
    ///
    /// Returns `Refunded`, or `Pending` while the refund is on its way; when nothing was captured, nothing is
    /// done and the state is returned: `Authorised` (use [`cancel`](Self::cancel)), `Refused`, `Cancelled`,
    /// `Unknown`.
    async fn refund(&self, charge: &Charge) -> Result<Outcome, ProviderError>;

    /// What has become of a payment. Only reads: it never makes, takes or gives back a charge.
    ///
    /// Returns any outcome. With a [`Charge::reference`] the answer is exact and never `Unknown`; without one
    /// it may lag behind, so that `Unknown` means no more than "no trace so far".
    async fn find(&self, charge: &Charge) -> Result<Outcome, ProviderError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_tells_its_reference() {
        assert_eq!(Outcome::Authorised { reference: "r1".to_owned() }.reference(), Some("r1"));
        assert_eq!(Outcome::Cancelled { reference: None }.reference(), None);
        assert_eq!(Outcome::Unknown.reference(), None);
    }

    #[test]
    fn a_refusal_says_no_more_than_its_reason() {
        let refused = Outcome::refused(Some("r1".to_owned()), RefusalReason::Declined);
        assert_eq!(refused.reference(), Some("r1"));
        assert!(
            matches!(refused, Outcome::Refused { message, .. } if message == RefusalReason::Declined.message())
        );
    }

    #[test]
    fn the_trait_is_object_safe() {
        fn takes(_: Option<std::sync::Arc<dyn PaymentProvider>>) {}
        takes(None);
    }
}
