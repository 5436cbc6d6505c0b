//! The few fields of Stripe's objects that matter here, and what they mean for a payment.
//!
//! Names and values are those of Stripe's API reference: `PaymentIntent`, Charge, Refund, Error.

use std::collections::BTreeMap;

use kernel::PaymentId;
use serde::Deserialize;

use super::amount::in_stripe_units;
use crate::payment::provider::{Charge, Outcome, ProviderError, RefusalReason};

/// The metadata field that ties an object of Stripe's to a payment of ours.
pub(super) const PAYMENT_ID: &str = "payment_id";

/// A `PaymentIntent`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) amount: i64,
    #[serde(default)]
    pub(super) amount_received: i64,
    pub(super) currency: String,
    pub(super) status: Status,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) last_payment_error: Option<ApiError>,
    pub(super) latest_charge: Option<LatestCharge>,
}

/// Where a `PaymentIntent` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Canceled,
    Succeeded,
    /// One that this version of the API does not have.
    #[serde(other)]
    Unrecognised,
}

/// A charge inside a `PaymentIntent`: its id, or all of it when asked to expand.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum LatestCharge {
    Expanded(Box<StripeCharge>),
    Id(#[expect(dead_code, reason = "only tells that it was not expanded")] String),
}

/// A Charge: one movement of money under a `PaymentIntent`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StripeCharge {
    pub(super) payment_intent: Option<String>,
    pub(super) refunded: bool,
    pub(super) captured: bool,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) refunds: Option<Listed<Refund>>,
}

/// A Refund.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) payment_intent: Option<String>,
    pub(super) status: RefundStatus,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
    /// One that this version of the API does not have.
    #[serde(other)]
    Unrecognised,
}

/// A page of a list, or of search results.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed<T> {
    pub(super) data: Vec<T>,
}

/// What an answer with an error status carries.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorEnvelope {
    pub(super) error: ApiError,
}

/// An error of the API, or the last error of a `PaymentIntent`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ApiError {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    pub(super) code: Option<String>,
    pub(super) decline_code: Option<String>,
    pub(super) param: Option<String>,
    pub(super) message: Option<String>,
    pub(super) payment_intent: Option<Box<Intent>>,
    /// The error was made for an earlier request with the same key.
    #[serde(skip)]
    pub(super) replayed: bool,
}

impl ApiError {
    /// The error for the log: enough to find it in Stripe's dashboard, nothing of the payer.
    pub(super) fn describe(&self) -> String {
        let part =
            |name: &str, value: Option<&str>| value.map(|v| format!(" {name}={v}")).unwrap_or_default();
        let message: String = self.message.as_deref().unwrap_or_default().chars().take(200).collect();
        format!(
            "{}{}{}: {message}",
            if self.kind.is_empty() { "error" } else { &self.kind },
            part("code", self.code.as_deref()),
            part("param", self.param.as_deref()),
        )
    }

    /// Why the payer was refused. Decline codes are those of <https://docs.stripe.com/declines/codes>.
    pub(super) fn refusal(&self) -> RefusalReason {
        let code = self.decline_code.as_deref().or(self.code.as_deref());
        match code {
            Some(
                "insufficient_funds"
                | "card_velocity_exceeded"
                | "withdrawal_count_limit_exceeded"
                | "amount_too_large",
            ) => RefusalReason::Limit,
            Some("authentication_required" | "payment_intent_authentication_failure") => {
                RefusalReason::ActionRequired
            }
            Some(_) if self.kind == "card_error" => RefusalReason::Declined,
            Some(_) | None => RefusalReason::Other,
        }
    }

    /// Whether it is the amount of a new payment that Stripe does not accept, and then why.
    pub(super) fn amount_refusal(&self) -> Option<RefusalReason> {
        match self.code.as_deref() {
            Some("amount_too_large") => Some(RefusalReason::Limit),
            Some("amount_too_small" | "invalid_charge_amount_no_decimal_compatible") => {
                Some(RefusalReason::Other)
            }
            Some(_) | None => None,
        }
    }
}

/// What a payment of ours must look like at Stripe.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) payment_id: PaymentId,
    /// In Stripe's units.
    pub(super) amount: i64,
    /// Lower case, as Stripe writes it.
    pub(super) currency: String,
}

impl Wanted {
    /// `None` when the amount cannot be charged exactly.
    pub(super) fn of(charge: &Charge) -> Option<Self> {
        Some(Self {
            payment_id: charge.payment_id,
            amount: in_stripe_units(charge.amount)?,
            currency: charge.amount.currency().code().to_ascii_lowercase(),
        })
    }

    /// The same intent, if it is about this payment in every respect.
    pub(super) fn claim(&self, intent: Intent) -> Result<Intent, ProviderError> {
        let about = |field: &str| {
            Err(ProviderError::Unexpected(format!(
                "{} has another {field} than payment {}",
                intent.id, self.payment_id
            )))
        };
        if !self.is_named_in(&intent.metadata) {
            return about(PAYMENT_ID);
        }
        if intent.amount != self.amount {
            return about("amount");
        }
        if intent.currency != self.currency {
            return about("currency");
        }
        Ok(intent)
    }

    /// Whether an object's metadata name this payment.
    pub(super) fn is_named_in(&self, metadata: &BTreeMap<String, String>) -> bool {
        payment_named_in(metadata) == Some(self.payment_id)
    }
}

/// The payment that an object's metadata name.
pub(super) fn payment_named_in(metadata: &BTreeMap<String, String>) -> Option<PaymentId> {
    metadata.get(PAYMENT_ID)?.parse().ok()
}

impl Intent {
    /// What the intent's state means for its payment.
    ///
    /// We create intents confirmed and never confirm one later nor hand out its client secret, so an intent that
    /// still `requires_` something of the payer will never move money: it counts as refused.
    pub(super) fn outcome(&self) -> Result<Outcome, ProviderError> {
        let reference = self.id.clone();
        match self.status {
            Status::RequiresPaymentMethod | Status::RequiresConfirmation => {
                let reason = self.last_payment_error.as_ref().map_or(RefusalReason::Other, ApiError::refusal);
                Ok(Outcome::refused(Some(reference), reason))
            }
            Status::RequiresAction => Ok(Outcome::refused(Some(reference), RefusalReason::ActionRequired)),
            Status::Processing => Ok(Outcome::Pending),
            Status::RequiresCapture => Ok(Outcome::Authorised { reference }),
            Status::Canceled => Ok(Outcome::Cancelled { reference: Some(reference) }),
            Status::Succeeded => self.captured(),
            Status::Unrecognised => {
                Err(ProviderError::Unexpected(format!("{reference} is in a state that is not known")))
            }
        }
    }

    fn captured(&self) -> Result<Outcome, ProviderError> {
        let reference = self.id.clone();
        if self.amount_received != self.amount {
            return Err(ProviderError::Unexpected(format!(
                "{reference} was captured in part: {} of {}",
                self.amount_received, self.amount
            )));
        }
        let refunds = self.refunds();
        if refunds.given_back >= self.amount {
            Ok(Outcome::Refunded { reference })
        } else if refunds.given_back + refunds.on_their_way >= self.amount {
            Ok(Outcome::Pending)
        } else {
            Ok(Outcome::Captured { reference })
        }
    }

    /// What has been given back, as far as the answer shows it.
    pub(super) fn refunds(&self) -> Refunds {
        match &self.latest_charge {
            Some(LatestCharge::Expanded(charge)) => Refunds::of(charge, self.amount),
            Some(LatestCharge::Id(_)) | None => Refunds::default(),
        }
    }
}

/// A charge's refunds, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Refunds {
    pub(super) given_back: i64,
    pub(super) on_their_way: i64,
    /// How many came to nothing.
    pub(super) failed: usize,
}

impl Refunds {
    fn of(charge: &StripeCharge, amount: i64) -> Self {
        let Some(list) = &charge.refunds else {
            return Self { given_back: if charge.refunded { amount } else { 0 }, ..Self::default() };
        };
        let mut sum = Self::default();
        for refund in &list.data {
            match refund.status {
                RefundStatus::Succeeded => sum.given_back += refund.amount,
                RefundStatus::Pending | RefundStatus::RequiresAction | RefundStatus::Unrecognised => {
                    sum.on_their_way += refund.amount;
                }
                RefundStatus::Failed | RefundStatus::Canceled => sum.failed += 1,
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use kernel::{Money, Timestamp};

    fn wanted() -> Wanted {
        Wanted::of(&Charge {
            payment_id: "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04".parse().unwrap(),
            amount: Money::parse("35.00", kernel::Currency::EUR).unwrap(),
            description: String::new(),
            order_id: None,
            requested_at: Timestamp::default(),
            reference: None,
        })
        .unwrap()
    }

    fn intent() -> Intent {
        serde_json::from_str(include_str!("fixtures/intent_requires_capture.json")).unwrap()
    }

    fn in_state(status: &str) -> Intent {
        Intent { status: serde_json::from_value(status.into()).unwrap(), ..intent() }
    }

    #[test]
    fn intents_of_the_reference_are_understood() {
        let reference = intent().id;
        assert_eq!(intent().outcome(), Ok(Outcome::Authorised { reference }));
        let refunded: Intent = serde_json::from_str(include_str!("fixtures/intent_refunded.json")).unwrap();
        let reference = refunded.id.clone();
        assert_eq!(refunded.outcome(), Ok(Outcome::Refunded { reference }));
    }

    #[test]
    fn each_state_has_its_outcome() {
        let reference = || Some(intent().id);
        for (status, outcome) in [
            ("requires_payment_method", Outcome::refused(reference(), RefusalReason::Other)),
            ("requires_confirmation", Outcome::refused(reference(), RefusalReason::Other)),
            ("requires_action", Outcome::refused(reference(), RefusalReason::ActionRequired)),
            ("processing", Outcome::Pending),
            ("canceled", Outcome::Cancelled { reference: reference() }),
        ] {
            assert_eq!(in_state(status).outcome(), Ok(outcome), "{status}");
        }
        assert!(in_state("a_state_of_tomorrow").outcome().is_err());
        let whole = Intent { amount_received: 3500, ..in_state("succeeded") };
        assert_eq!(whole.outcome(), Ok(Outcome::Captured { reference: intent().id }));
        let part = Intent { amount_received: 100, ..in_state("succeeded") };
        assert!(part.outcome().is_err(), "a capture in part is nobody's order");
    }

    #[test]
    fn a_thief_is_not_told_that_the_card_was_reported() {
        let envelope: ErrorEnvelope =
            serde_json::from_str(include_str!("fixtures/error_card_declined.json")).unwrap();
        let intent = envelope.error.payment_intent.unwrap();
        let Outcome::Refused { reason, message, .. } = intent.outcome().unwrap() else {
            panic!("not refused");
        };
        assert_eq!(reason, RefusalReason::Declined);
        assert_eq!(message, RefusalReason::Declined.message());
    }

    #[test]
    fn an_intent_must_be_about_the_payment_in_every_respect() {
        assert!(wanted().claim(intent()).is_ok());
        let other_amount = Intent { amount: 3501, ..intent() };
        assert!(wanted().claim(other_amount).is_err());
        let other_currency = Intent { currency: "usd".to_owned(), ..intent() };
        assert!(wanted().claim(other_currency).is_err());
        let mut nameless = intent();
        nameless.metadata.remove(PAYMENT_ID);
        assert!(wanted().claim(nameless).is_err());
        let mut another = intent();
        another.metadata.insert(PAYMENT_ID.to_owned(), "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c05".to_owned());
        assert!(wanted().claim(another).is_err());
    }

    fn refunded_in(parts: &[(i64, RefundStatus)]) -> Outcome {
        let data = parts
            .iter()
            .map(|&(amount, status)| Refund {
                id: "re_1".to_owned(),
                amount,
                payment_intent: None,
                status,
                metadata: BTreeMap::new(),
            })
            .collect();
        let charge = StripeCharge {
            payment_intent: None,
            refunded: false,
            captured: true,
            metadata: BTreeMap::new(),
            refunds: Some(Listed { data }),
        };
        let latest_charge = Some(LatestCharge::Expanded(Box::new(charge)));
        Intent { amount_received: 3500, latest_charge, ..in_state("succeeded") }.outcome().unwrap()
    }

    #[test]
    fn only_the_whole_amount_given_back_is_refunded() {
        use RefundStatus::{Canceled, Failed, Pending, Succeeded};
        let reference = || intent().id;
        let captured = Outcome::Captured { reference: reference() };
        assert_eq!(refunded_in(&[]), captured);
        assert_eq!(refunded_in(&[(3499, Succeeded)]), captured);
        assert_eq!(refunded_in(&[(3500, Failed), (3500, Canceled)]), captured);
        assert_eq!(refunded_in(&[(3500, Pending)]), Outcome::Pending);
        assert_eq!(refunded_in(&[(3000, Succeeded), (500, Pending)]), Outcome::Pending);
        assert_eq!(
            refunded_in(&[(3500, Failed), (3000, Succeeded), (500, Succeeded)]),
            Outcome::Refunded { reference: reference() }
        );
    }
}
