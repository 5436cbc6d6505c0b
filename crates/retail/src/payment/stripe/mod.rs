//! Payments through Stripe's payment intents, with manual capture.
//!
//! # One payment, one intent
//!
//! A payment is asked for by one request that creates *and confirms* an intent. What keeps it from happening
//! twice, however answers are lost:
//!
//! 1. **The idempotency key** `halles-{payment_id}-authorize`. Stripe keeps the first result under a key for at
//!    least 24 hours and replays it to whoever repeats the request. This is exact and immediate, so within that
//!    time ([`KEYS_LAST`], with an hour in hand) repeating the request *is* the way to ask what became of it.
//!    A replay shows the intent as it was then, so the intent is read again by its id.
//! 2. **The metadata** `payment_id`. Once keys may have been forgotten, Stripe's search is asked first. Its index
//!    lags behind, normally by less than a minute and by up to an hour on bad days, which is why it is not asked
//!    *instead*: an empty result about a young payment proves nothing. After [`KEYS_LAST`] the index has long
//!    caught up with any attempt that the key no longer covers, and the key covers any attempt that the index
//!    may still miss; so one of the two always protects.
//! 3. **The comparison.** Each intent that comes back must carry our payment id, amount and currency, and an
//!    answer must echo the key of its request. Before anything is done to a known intent it is read and
//!    compared: a reference mixed up with another payment's is found out before money moves.
//!
//! Search also answers where the key cannot: when Stripe has stored an error 500 under the key although the work
//! was done, or when the settings changed between two attempts so that Stripe refuses to compare them.
//!
//! # Giving up an attempt whose answer was lost
//!
//! Cancelling needs an intent, and asking again for the money in order to get one would be absurd. So
//! [`cancel`](PaymentProvider::cancel) sends the creation *without confirmation* under the same key:
//! - The key was free: the attempt never arrived. The key now belongs to an empty intent, which is voided, and
//!   the attempt will be refused should it still arrive.
//! - The key was taken (`idempotency_error`): the attempt did arrive. Repeating it verbatim tells its intent,
//!   which is voided.
//!
//! # Capture, cancel, refund
//!
//! The intent's own state decides: it is read first, the step is taken only if it is still due, each under a
//! key of its own, and after any doubt the intent is read again. Stripe itself captures an intent at most once
//! and refunds no more than was captured. A refund that failed may be tried again: the count of failures is part
//! of its key.

mod amount;
mod client;
#[cfg(any(test, feature = "testing"))]
pub mod double;
mod settings;
mod signature;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Clock, PaymentId};

pub use self::client::API_VERSION;
use self::client::{Answer, Call, Client, Failure};
pub use self::settings::{PaymentMethods, STRIPE_API, SettingsError, StripeSettings};
pub use self::signature::{Event, Notice, SIGNATURE_TOLERANCE, SignatureError, sign, verify};
use self::wire::{Intent, Listed, PAYMENT_ID, Refund, Status, Wanted};
use super::provider::{Charge, Outcome, PaymentProvider, ProviderError, RefusalReason};

/// For how long after the first attempt its idempotency key is relied on alone: Stripe keeps keys for at least
/// 24 hours, one of which is left for clocks that differ and for requests that wait.
pub const KEYS_LAST: Duration = Duration::from_hours(23);

/// The longest description that is sent; Stripe takes a little more.
const MAX_DESCRIPTION: usize = 500;

/// How the idempotency key of a step is made: always the same for the same payment and step.
type KeyScheme = fn(PaymentId, &str) -> String;

fn stable_key(payment_id: PaymentId, step: &str) -> String {
    format!("halles-{payment_id}-{step}")
}

/// Payments through one Stripe account. See the module for how a payment is kept from happening twice.
pub struct StripeProvider {
    client: Client,
    clock: Arc<dyn Clock>,
    payment_method: String,
    methods: PaymentMethods,
    timeout: Duration,
    key: KeyScheme,
}

impl std::fmt::Debug for StripeProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StripeProvider").finish_non_exhaustive()
    }
}

/// What became of a creation.
enum Ask {
    /// An intent is there.
    Found(Box<Intent>),
    /// Stripe does not take this amount; no intent was made.
    Amount(RefusalReason),
}

impl StripeProvider {
    /// A provider of the given settings; `clock` tells how old a payment is.
    pub fn new(settings: StripeSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let client = Client::new(&settings)?;
        if settings.payment_method.is_empty() {
            return Err(SettingsError::PaymentMethod);
        }
        let StripeSettings { payment_method, methods, timeout, .. } = settings;
        Ok(Self { client, clock, payment_method, methods, timeout, key: stable_key })
    }

    /// Runs one operation within the time set for it. An amount that Stripe cannot express was never charged.
    async fn bounded<'a, F>(
        &'a self,
        charge: &'a Charge,
        operation: impl FnOnce(&'a Self, Wanted) -> F,
    ) -> Result<Outcome, ProviderError>
    where
        F: Future<Output = Result<Outcome, Failure>> + Send + 'a,
    {
        let Some(wanted) = Wanted::of(charge) else {
            return Ok(Outcome::refused(None, RefusalReason::Other));
        };
        let done = tokio::time::timeout(self.timeout, operation(self, wanted)).await;
        done.map_err(|_| ProviderError::Timeout)?.map_err(ProviderError::from)
    }

    /// The payment's intent, as far as it can be told without asking for money.
    async fn located(&self, charge: &Charge, wanted: &Wanted) -> Result<Option<Intent>, Failure> {
        match &charge.reference {
            Some(reference) => self.retrieved(reference, wanted).await.map(Some),
            None => self.searched(wanted).await,
        }
    }

    /// The same, for a caller that goes on under the idempotency key: while that protects, no search is needed.
    async fn located_beyond_key(&self, charge: &Charge, wanted: &Wanted) -> Result<Option<Intent>, Failure> {
        if charge.reference.is_none() && self.key_protects(charge) {
            return Ok(None);
        }
        self.located(charge, wanted).await
    }

    fn key_protects(&self, charge: &Charge) -> bool {
        let seconds = i64::try_from(KEYS_LAST.as_secs()).unwrap_or(i64::MAX);
        self.clock.now() < charge.requested_at.plus_seconds(seconds)
    }

    /// Reads an intent by its id.
    async fn retrieved(&self, reference: &str, wanted: &Wanted) -> Result<Intent, Failure> {
        let call = Call::Get {
            path: vec!["payment_intents".to_owned(), reference.to_owned()],
            query: vec![("expand[]", "latest_charge.refunds".to_owned())],
        };
        let intent = self.client.send::<Intent>(&call).await?.body;
        if intent.id != reference {
            return Err(ProviderError::Unexpected(format!("asked for {reference}, got {}", intent.id)).into());
        }
        Ok(wanted.claim(intent)?)
    }

    /// Looks for an intent by its metadata. The index lags behind: finding nothing proves nothing.
    async fn searched(&self, wanted: &Wanted) -> Result<Option<Intent>, Failure> {
        let query = format!("metadata['{PAYMENT_ID}']:'{}'", wanted.payment_id);
        let call = Call::Get {
            path: vec!["payment_intents".to_owned(), "search".to_owned()],
            query: vec![("query", query), ("limit", "10".to_owned())],
        };
        let mut found = self.client.send::<Listed<Intent>>(&call).await?.body.data;
        found.retain(|intent| wanted.is_named_in(&intent.metadata));
        // Empty intents that were made to give an attempt up are canceled; a live one is the payment itself.
        found.sort_by_key(|intent| intent.status == Status::Canceled);
        let several = found.iter().filter(|intent| intent.status != Status::Canceled).count() > 1;
        if several {
            let text = format!("several intents carry payment {}", wanted.payment_id);
            return Err(ProviderError::Unexpected(text).into());
        }
        match found.first() {
            Some(intent) => self.retrieved(&intent.id, wanted).await.map(Some),
            None => Ok(None),
        }
    }

    /// Asks for the money, or is told by the key what came of having asked.
    async fn ask(&self, charge: &Charge, wanted: &Wanted) -> Result<Ask, Failure> {
        let mut form = self.terms(charge, wanted);
        form.extend([
            ("confirm", "true".to_owned()),
            ("payment_method", self.payment_method.clone()),
            // Nobody is there to authenticate: better a plain refusal than an intent that waits for ever.
            ("error_on_requires_action", "true".to_owned()),
        ]);
        self.create(form, wanted).await
    }

    /// What every creation says of the payment.
    fn terms(&self, charge: &Charge, wanted: &Wanted) -> Vec<(&'static str, String)> {
        let mut form = vec![
            ("amount", wanted.amount.to_string()),
            ("currency", wanted.currency.clone()),
            ("capture_method", "manual".to_owned()),
            ("description", charge.description.chars().take(MAX_DESCRIPTION).collect()),
            ("metadata[payment_id]", wanted.payment_id.to_string()),
        ];
        if let Some(order_id) = charge.order_id {
            form.push(("metadata[order_id]", order_id.to_string()));
        }
        match self.methods {
            PaymentMethods::Card => form.push(("payment_method_types[]", "card".to_owned())),
            PaymentMethods::Automatic => form.extend([
                ("automatic_payment_methods[enabled]", "true".to_owned()),
                ("automatic_payment_methods[allow_redirects]", "never".to_owned()),
            ]),
        }
        form
    }

    async fn create(&self, form: Vec<(&'static str, String)>, wanted: &Wanted) -> Result<Ask, Failure> {
        let key = (self.key)(wanted.payment_id, "authorize");
        let call = Call::Post { path: vec!["payment_intents".to_owned()], form, key };
        match self.client.intent(&call).await {
            Ok(answer) => Ok(Ask::Found(Box::new(self.current(answer, wanted).await?))),
            Err(Failure::Api(error)) => match error.amount_refusal() {
                Some(reason) => Ok(Ask::Amount(reason)),
                None => Err(Failure::Api(error)),
            },
            Err(Failure::Server(error)) => match self.searched(wanted).await? {
                Some(intent) => Ok(Ask::Found(Box::new(intent))),
                None => Err(Failure::Server(error)),
            },
            Err(failure @ (Failure::NoAnswer(_) | Failure::KeyReused | Failure::Missing)) => Err(failure),
        }
    }

    /// The intent of an answer as it is now.
    async fn current(&self, answer: Answer<Intent>, wanted: &Wanted) -> Result<Intent, Failure> {
        let intent = wanted.claim(answer.body)?;
        if answer.replayed { self.retrieved(&intent.id, wanted).await } else { Ok(intent) }
    }

    async fn authorize_now(&self, charge: &Charge, wanted: Wanted) -> Result<Outcome, Failure> {
        if let Some(intent) = self.located_beyond_key(charge, &wanted).await? {
            return Ok(intent.outcome()?);
        }
        match self.ask(charge, &wanted).await {
            // The attempt was given up, or made with other settings: only search can tell.
            Err(Failure::KeyReused) => self.searched_or_busy(&wanted).await?.outcome().map_err(Failure::from),
            asked => asked?.outcome(),
        }
    }

    async fn searched_or_busy(&self, wanted: &Wanted) -> Result<Intent, Failure> {
        let later = Failure::NoAnswer(ProviderError::Busy { retry_after: None });
        self.searched(wanted).await?.ok_or(later)
    }

    async fn capture_now(&self, charge: &Charge, wanted: Wanted) -> Result<Outcome, Failure> {
        let Some(intent) = self.located(charge, &wanted).await? else {
            return Ok(Outcome::Unknown);
        };
        if intent.status != Status::RequiresCapture {
            return Ok(intent.outcome()?);
        }
        let form = vec![("amount_to_capture", wanted.amount.to_string())];
        self.step(&intent, "capture", form, &wanted).await
    }

    async fn cancel_now(&self, charge: &Charge, wanted: Wanted) -> Result<Outcome, Failure> {
        let intent = match self.located_beyond_key(charge, &wanted).await? {
            Some(intent) => intent,
            None => match self.fenced(charge, &wanted).await? {
                Ask::Found(intent) => *intent,
                amount @ Ask::Amount(_) => return amount.outcome(),
            },
        };
        let voidable = match intent.status {
            Status::RequiresPaymentMethod => intent.last_payment_error.is_none(),
            Status::RequiresConfirmation | Status::RequiresAction | Status::RequiresCapture => true,
            Status::Processing | Status::Canceled | Status::Succeeded | Status::Unrecognised => false,
        };
        if !voidable {
            return Ok(intent.outcome()?);
        }
        let form = vec![("cancellation_reason", "abandoned".to_owned())];
        self.step(&intent, "cancel", form, &wanted).await
    }

    /// Takes the key of an attempt that may or may not have arrived, without asking for money.
    async fn fenced(&self, charge: &Charge, wanted: &Wanted) -> Result<Ask, Failure> {
        match self.create(self.terms(charge, wanted), wanted).await {
            Err(Failure::KeyReused) => match self.ask(charge, wanted).await {
                Err(Failure::KeyReused) => Ok(Ask::Found(Box::new(self.searched_or_busy(wanted).await?))),
                asked => asked,
            },
            fenced => fenced,
        }
    }

    /// Captures or cancels an intent, and tells what it is then.
    async fn step(
        &self,
        intent: &Intent,
        verb: &'static str,
        form: Vec<(&'static str, String)>,
        wanted: &Wanted,
    ) -> Result<Outcome, Failure> {
        let call = Call::Post {
            path: vec!["payment_intents".to_owned(), intent.id.clone(), verb.to_owned()],
            form,
            key: (self.key)(wanted.payment_id, verb),
        };
        let failure = match self.client.intent(&call).await {
            Ok(answer) => return Ok(self.current(answer, wanted).await?.outcome()?),
            Err(Failure::NoAnswer(error)) => return Err(error.into()),
            Err(failure) => failure,
        };
        let after = self.retrieved(&intent.id, wanted).await?;
        if after.status == intent.status { Err(failure) } else { Ok(after.outcome()?) }
    }

    async fn refund_now(&self, charge: &Charge, wanted: Wanted) -> Result<Outcome, Failure> {
        let Some(intent) = self.located(charge, &wanted).await? else {
            return Ok(Outcome::Unknown);
        };
        let before = intent.outcome()?;
        if !is_captured(&before) {
            return Ok(before);
        }
        let refunded = self.client.send::<Refund>(&self.refund_of(&intent, &wanted)).await;
        let failure = match refunded {
            Ok(answer) => mismatched(&answer.body, &intent, &wanted),
            Err(Failure::NoAnswer(error)) => return Err(error.into()),
            Err(failure) => failure,
        };
        let after = self.retrieved(&intent.id, &wanted).await?.outcome()?;
        if is_captured(&after) { Err(failure) } else { Ok(after) }
    }

    fn refund_of(&self, intent: &Intent, wanted: &Wanted) -> Call {
        let step = match intent.refunds().failed {
            0 => "refund".to_owned(),
            failed => format!("refund-{failed}"),
        };
        // Without an amount Stripe gives back all that is left.
        let form = vec![
            ("payment_intent", intent.id.clone()),
            ("reason", "requested_by_customer".to_owned()),
            ("metadata[payment_id]", wanted.payment_id.to_string()),
        ];
        Call::Post { path: vec!["refunds".to_owned()], form, key: (self.key)(wanted.payment_id, &step) }
    }

    async fn find_now(&self, charge: &Charge, wanted: Wanted) -> Result<Outcome, Failure> {
        match self.located(charge, &wanted).await? {
            Some(intent) => Ok(intent.outcome()?),
            None => Ok(Outcome::Unknown),
        }
    }
}

const fn is_captured(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Captured { .. })
}

/// Why the payment is still captured although a refund was answered.
fn mismatched(refund: &Refund, intent: &Intent, wanted: &Wanted) -> Failure {
    let ours = refund.payment_intent.as_deref() == Some(&intent.id) && wanted.is_named_in(&refund.metadata);
    let what = if ours { "did not go through" } else { "is about another payment" };
    ProviderError::Unexpected(format!("refund {} for payment {} {what}", refund.id, wanted.payment_id)).into()
}

impl Ask {
    fn outcome(self) -> Result<Outcome, Failure> {
        match self {
            Self::Found(intent) => Ok(intent.outcome()?),
            Self::Amount(reason) => Ok(Outcome::refused(None, reason)),
        }
    }
}

impl From<Failure> for ProviderError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoAnswer(error) | Failure::Server(error) => error,
            Failure::KeyReused => Self::Unexpected("an idempotency key was used otherwise before".to_owned()),
            Failure::Missing => Self::Misconfigured(
                "Stripe does not know the payment: does the key belong to the account that made it?"
                    .to_owned(),
            ),
            Failure::Api(error) if error.kind == "invalid_request_error" => {
                Self::Misconfigured(error.describe())
            }
            Failure::Api(error) => Self::Unexpected(error.describe()),
        }
    }
}

#[async_trait]
impl PaymentProvider for StripeProvider {
    fn name(&self) -> &'static str {
        "stripe"
    }

    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.bounded(charge, |this, wanted| this.authorize_now(charge, wanted)).await
    }

    async fn capture(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.bounded(charge, |this, wanted| this.capture_now(charge, wanted)).await
    }

    async fn cancel(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.bounded(charge, |this, wanted| this.cancel_now(charge, wanted)).await
    }

    async fn refund(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.bounded(charge, |this, wanted| this.refund_now(charge, wanted)).await
    }

    async fn find(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.bounded(charge, |this, wanted| this.find_now(charge, wanted)).await
    }
}
