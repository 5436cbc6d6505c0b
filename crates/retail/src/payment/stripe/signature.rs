//! Webhook events: is it Stripe that speaks, and of which payment?
//!
//! Stripe signs `{timestamp}.{body}` with HMAC-SHA256 under the endpoint's secret (`whsec_…`) and sends
//! `Stripe-Signature: t={timestamp},v1={hex}`; several `v1` while a secret is being replaced, and a `v0` in test
//! mode that means nothing (<https://docs.stripe.com/webhooks/signatures>). The body must be the bytes received.
//!
//! Events arrive late, twice and out of order. What an [`Event`] tells is how things stood when it was made: take
//! it as a reason to ask [`PaymentProvider::find`](crate::payment::provider::PaymentProvider::find).

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use kernel::{PaymentId, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use telemetry::SecretText;

use super::wire::{Intent, StripeCharge, payment_named_in};
use crate::payment::provider::Outcome;

/// How far a signature's time may be from ours: Stripe's own libraries allow five minutes.
pub const SIGNATURE_TOLERANCE: Duration = Duration::from_mins(5);

/// A header holds a time and a few signatures; much more than that is an attack on our processor.
const MAX_HEADER: usize = 4096;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Why a webhook call is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No time, no `v1` signature, or not of that form at all.
    #[error("the Stripe-Signature header is malformed")]
    Header,
    /// No signature fits the body.
    #[error("no signature fits the body")]
    Mismatch,
    /// Signed too long ago, or in the future: a replay, or a clock that is off.
    #[error("the signature's time is outside the tolerance")]
    Stale,
    /// Signed by Stripe, yet not an event.
    #[error("the body is not an event")]
    Payload,
}

/// An event that Stripe has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Stripe's id of the event, the same each time it is delivered.
    pub id: String,
    /// What happened, such as `payment_intent.succeeded`.
    pub kind: String,
    /// What it says of a payment of ours; `None` for other events and for payments made by others.
    pub notice: Option<Notice>,
}

/// What an event says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The payment, as named in the metadata.
    pub payment_id: PaymentId,
    /// How it stood when the event was made; `Pending` when the event does not tell.
    pub outcome: Outcome,
}

/// Checks a webhook call's signature and reads its event.
pub fn verify(
    payload: &[u8],
    header: &str,
    secret: &SecretText,
    now: Timestamp,
    tolerance: Duration,
) -> Result<Event, SignatureError> {
    let signed = Signed::parse(header)?;
    let expected = tag(payload, secret, signed.time);
    let fits = |signature: &Vec<u8>| verify_slices_are_equal(signature, expected.as_ref()).is_ok();
    if !signed.signatures.iter().any(fits) {
        return Err(SignatureError::Mismatch);
    }
    let apart = Duration::from_micros(now.micros().abs_diff(signed.at().micros()));
    if apart > tolerance {
        return Err(SignatureError::Stale);
    }
    Event::parse(payload)
}

/// The `Stripe-Signature` header that Stripe would send with this body at that time.
pub fn sign(payload: &[u8], secret: &SecretText, at: Timestamp) -> String {
    let time = (at.micros() / 1_000_000).to_string();
    let mut header = format!("t={time},v1=");
    for byte in tag(payload, secret, &time).as_ref() {
        header.extend([byte >> 4, byte & 15].map(|nibble| char::from(HEX[usize::from(nibble)])));
    }
    header
}

fn tag(payload: &[u8], secret: &SecretText, time: &str) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(time.as_bytes());
    context.update(b".");
    context.update(payload);
    context.sign()
}

/// The header, taken apart.
struct Signed<'a> {
    /// As it was written, since that is what was signed.
    time: &'a str,
    seconds: i64,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Signed<'a> {
    fn parse(header: &'a str) -> Result<Self, SignatureError> {
        if header.len() > MAX_HEADER {
            return Err(SignatureError::Header);
        }
        let mut time = None;
        let mut signatures = Vec::new();
        for (scheme, value) in header.split(',').filter_map(|item| item.trim().split_once('=')) {
            match scheme {
                "t" if time.is_some() => return Err(SignatureError::Header),
                "t" => time = Some(value),
                "v1" => signatures.extend(unhex(value)),
                _ => {}
            }
        }
        let time = time.ok_or(SignatureError::Header)?;
        let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = time.parse().map_err(|_| SignatureError::Header)?;
        if !digits || signatures.is_empty() {
            return Err(SignatureError::Header);
        }
        Ok(Self { time, seconds, signatures })
    }

    fn at(&self) -> Timestamp {
        Timestamp::default().plus_seconds(self.seconds)
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    if text.is_empty() || !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

#[derive(Deserialize)]
struct WireEvent {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: WireData,
}

#[derive(Deserialize)]
struct WireData {
    object: Value,
}

impl Event {
    fn parse(payload: &[u8]) -> Result<Self, SignatureError> {
        let WireEvent { id, kind, data } =
            serde_json::from_slice(payload).map_err(|_| SignatureError::Payload)?;
        let notice = match kind.as_str() {
            "payment_intent.succeeded"
            | "payment_intent.payment_failed"
            | "payment_intent.canceled"
            | "payment_intent.amount_capturable_updated" => of_intent(data.object)?,
            "charge.refunded" => of_charge(data.object)?,
            _ => None,
        };
        Ok(Self { id, kind, notice })
    }
}

fn of_intent(object: Value) -> Result<Option<Notice>, SignatureError> {
    let intent: Intent = serde_json::from_value(object).map_err(|_| SignatureError::Payload)?;
    let outcome = intent.outcome().unwrap_or(Outcome::Pending);
    Ok(payment_named_in(&intent.metadata).map(|payment_id| Notice { payment_id, outcome }))
}

/// Stripe copies the metadata of an intent to the charge that it makes.
fn of_charge(object: Value) -> Result<Option<Notice>, SignatureError> {
    let charge: StripeCharge = serde_json::from_value(object).map_err(|_| SignatureError::Payload)?;
    let outcome = match charge.payment_intent {
        Some(reference) if charge.refunded && charge.captured => Outcome::Refunded { reference },
        // A charge that was voided shows as refunded too, without ever having been captured.
        Some(reference) if charge.refunded => Outcome::Cancelled { reference: Some(reference) },
        Some(_) | None => Outcome::Pending,
    };
    Ok(payment_named_in(&charge.metadata).map(|payment_id| Notice { payment_id, outcome }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const PAYMENT: &str = "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04";
    const SUCCEEDED: &[u8] = include_bytes!("fixtures/event_payment_intent_succeeded.json");

    fn secret() -> SecretText {
        SecretText::new("whsec_test_secret".to_owned())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::default().plus_seconds(seconds)
    }

    fn check(payload: &[u8], header: &str, now: i64) -> Result<Event, SignatureError> {
        verify(payload, header, &secret(), at(now), SIGNATURE_TOLERANCE)
    }

    /// Computed with `printf '1492774577.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test_secret`.
    #[test]
    fn the_scheme_is_hmac_sha256_of_time_dot_body() {
        let expected = "t=1492774577,v1=799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f";
        assert_eq!(sign(br#"{"id":"evt_1"}"#, &secret(), at(1_492_774_577)), expected);
    }

    #[test]
    fn a_signed_event_tells_its_payment() {
        let event = check(SUCCEEDED, &sign(SUCCEEDED, &secret(), at(1000)), 1000).unwrap();
        assert_eq!(event.id, "evt_3OxyzHalles0001");
        assert_eq!(event.kind, "payment_intent.succeeded");
        let reference = "pi_3OxyzHalles0001".to_owned();
        assert_eq!(
            event.notice,
            Some(Notice { payment_id: PAYMENT.parse().unwrap(), outcome: Outcome::Captured { reference } })
        );
    }

    #[test]
    fn one_fitting_signature_among_several_is_enough() {
        let good = sign(SUCCEEDED, &secret(), at(1000));
        let (time, v1) = good.split_once(',').unwrap();
        let old = "a".repeat(64);
        for header in [
            format!("{time},v1={old},{v1}"),
            format!("{time},{v1},v1={old}"),
            format!("{time},{v1},v0={old}"),
            format!("{time}, {v1}"),
        ] {
            assert!(check(SUCCEEDED, &header, 1000).is_ok(), "{header}");
        }
    }

    #[test]
    fn a_changed_body_time_or_secret_does_not_fit() {
        let header = sign(SUCCEEDED, &secret(), at(1000));
        let mut changed = SUCCEEDED.to_vec();
        changed[20] ^= 1;
        assert_eq!(check(&changed, &header, 1000), Err(SignatureError::Mismatch));
        let moved = header.replacen("t=1000", "t=1001", 1);
        assert_eq!(check(SUCCEEDED, &moved, 1000), Err(SignatureError::Mismatch));
        let other = sign(SUCCEEDED, &SecretText::new("whsec_other".to_owned()), at(1000));
        assert_eq!(check(SUCCEEDED, &other, 1000), Err(SignatureError::Mismatch));
        let only_v0 = header.replacen("v1=", "v0=", 1);
        assert_eq!(check(SUCCEEDED, &only_v0, 1000), Err(SignatureError::Header));
    }

    #[test]
    fn what_is_too_old_or_from_the_future_is_a_replay() {
        let header = sign(SUCCEEDED, &secret(), at(1000));
        assert!(check(SUCCEEDED, &header, 1300).is_ok());
        assert_eq!(check(SUCCEEDED, &header, 1301), Err(SignatureError::Stale));
        assert!(check(SUCCEEDED, &header, 700).is_ok());
        assert_eq!(check(SUCCEEDED, &header, 699), Err(SignatureError::Stale));
        let end = sign(SUCCEEDED, &secret(), at(i64::MAX / 1_000_000));
        assert_eq!(check(SUCCEEDED, &end, 1000), Err(SignatureError::Stale));
    }

    #[test]
    fn malformed_headers_are_refused() {
        for header in [
            "",
            ",",
            "t=",
            "t=1",
            "v1=aa",
            "t=1,v1=",
            "t=1,v1=a",
            "t=1,v1=zz",
            "t=-1,v1=aa",
            "t=+1,v1=aa",
            "t=1e3,v1=aa",
            "t=99999999999999999999,v1=aa",
            "t=1,t=1,v1=aa",
            "t=é,v1=éé",
        ] {
            assert_eq!(check(SUCCEEDED, header, 1), Err(SignatureError::Header), "{header}");
        }
        let long = format!("t=1{}", ",v1=aa".repeat(1000));
        assert_eq!(check(SUCCEEDED, &long, 1), Err(SignatureError::Header));
    }

    fn event_of(kind: &str, object: &str) -> Result<Event, SignatureError> {
        let payload = format!(r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{object}}}}}"#);
        check(payload.as_bytes(), &sign(payload.as_bytes(), &secret(), at(1)), 1)
    }

    fn outcome_of(kind: &str, object: &str) -> Option<Outcome> {
        event_of(kind, object).unwrap().notice.map(|notice| notice.outcome)
    }

    fn intent(status: &str, more: &str) -> String {
        format!(
            r#"{{"id":"pi_1","amount":3500,"currency":"eur","status":"{status}",
                "metadata":{{"payment_id":"{PAYMENT}"}}{more}}}"#
        )
    }

    fn refunded(captured: bool, all: bool) -> String {
        format!(
            r#"{{"id":"ch_1","payment_intent":"pi_1","captured":{captured},"refunded":{all},
                "metadata":{{"payment_id":"{PAYMENT}"}}}}"#
        )
    }

    #[test]
    fn every_event_kind_has_its_outcome() {
        let reference = || "pi_1".to_owned();
        assert_eq!(
            outcome_of("payment_intent.amount_capturable_updated", &intent("requires_capture", "")),
            Some(Outcome::Authorised { reference: reference() })
        );
        assert_eq!(
            outcome_of("payment_intent.canceled", &intent("canceled", "")),
            Some(Outcome::Cancelled { reference: Some(reference()) })
        );
        let declined = r#","last_payment_error":{"type":"card_error","code":"card_declined",
            "decline_code":"insufficient_funds","message":"Your card has insufficient funds."}"#;
        assert_eq!(
            outcome_of("payment_intent.payment_failed", &intent("requires_payment_method", declined)),
            Some(Outcome::refused(Some(reference()), crate::payment::provider::RefusalReason::Limit))
        );
        assert_eq!(
            outcome_of("charge.refunded", &refunded(true, true)),
            Some(Outcome::Refunded { reference: reference() })
        );
        assert_eq!(
            outcome_of("charge.refunded", &refunded(false, true)),
            Some(Outcome::Cancelled { reference: Some(reference()) })
        );
        assert_eq!(outcome_of("charge.refunded", &refunded(true, false)), Some(Outcome::Pending));
        assert_eq!(
            outcome_of("payment_intent.succeeded", &intent("new_in_2030", "")),
            Some(Outcome::Pending)
        );
    }

    #[test]
    fn events_of_others_are_heard_and_left_alone() {
        assert_eq!(event_of("customer.created", r#"{"id":"cus_1"}"#).unwrap().notice, None);
        let theirs = r#"{"id":"pi_9","amount":1,"currency":"eur","status":"canceled","metadata":{}}"#;
        assert_eq!(event_of("payment_intent.canceled", theirs).unwrap().notice, None);
        assert_eq!(event_of("payment_intent.canceled", r#"{"id":"pi_9"}"#), Err(SignatureError::Payload));
        let body = b"not json";
        assert_eq!(check(body, &sign(body, &secret(), at(1)), 1), Err(SignatureError::Payload));
    }
}
