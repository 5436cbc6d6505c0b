//! One request to Stripe's API and its answer: sending, repeating, telling answers apart.
//!
//! Every POST carries an idempotency key, so any request may be repeated without doing its work twice. It is
//! repeated when no whole answer came back, and when Stripe says that trying again may help: 409 (an earlier
//! request with the same key is still running), 429 (rate limit or lock timeout), 424 and 5xx, or whatever
//! `Stripe-Should-Retry` says. An answer that Stripe replays from an earlier request (`Idempotent-Replayed`)
//! will not change, so it is never asked for again. Redirects are not followed: they would carry the secret
//! key to wherever they point.
//!
//! Each request has a connection of its own. A kept connection on which an answer came twice would hand each
//! request the answer of the one before; here a surplus answer dies with its connection. The handshake it costs
//! is small beside what a bank takes to decide.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url, redirect};
use serde::de::DeserializeOwned;
use telemetry::SecretText;

use super::settings::{SettingsError, StripeSettings, checked_base};
use super::wire::{ApiError, ErrorEnvelope, Intent};
use crate::payment::provider::ProviderError;

/// The version of the API that the wire types were written for. The account's default may be another; webhook
/// endpoints should be registered with this one.
pub const API_VERSION: &str = "2024-06-20";

const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("stripe-should-retry");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// Real answers are a few kilobytes; what is larger is not read to its end.
const MAX_ANSWER: usize = 1 << 20;
/// A pause longer than this is left to the caller.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// A request.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Get { path: Vec<String>, query: Vec<(&'static str, String)> },
    Post { path: Vec<String>, form: Vec<(&'static str, String)>, key: String },
}

impl Call {
    fn path(&self) -> &[String] {
        match self {
            Self::Get { path, .. } | Self::Post { path, .. } => path,
        }
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::Get { .. } => None,
            Self::Post { key, .. } => Some(key),
        }
    }
}

/// What came back, read.
#[derive(Debug)]
pub(super) struct Answer<T> {
    pub(super) body: T,
    /// It was made for an earlier request with the same key, and may be out of date.
    pub(super) replayed: bool,
}

/// Why there is no answer to go by.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing can be concluded.
    NoAnswer(ProviderError),
    /// A failure on Stripe's side; the work may be done all the same.
    Server(ProviderError),
    /// The idempotency key belongs to an earlier request with other parameters.
    KeyReused,
    /// Stripe does not know the object.
    Missing,
    /// Stripe refuses the request as it is.
    Api(Box<ApiError>),
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::NoAnswer(error)
    }
}

/// Talks to one Stripe account.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    secret_key: SecretText,
    retries: u32,
    backoff: Duration,
}

impl Client {
    pub(super) fn new(settings: &StripeSettings) -> Result<Self, SettingsError> {
        let (base, loopback) = checked_base(&settings.base_url)?;
        let mut builder = reqwest::Client::builder()
            .default_headers(headers(settings.secret_key.expose())?)
            .user_agent(concat!("halles/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(settings.connect_timeout);
        if loopback {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| SettingsError::Client(chain(&error)))?;
        let secret_key = settings.secret_key.clone();
        Ok(Self { http, base, secret_key, retries: settings.retries, backoff: settings.backoff })
    }

    /// An answer that is a payment intent. A declined card is one too: Stripe answers 402 with the intent inside.
    pub(super) async fn intent(&self, call: &Call) -> Result<Answer<Intent>, Failure> {
        match self.send(call).await {
            Err(Failure::Api(error)) if error.kind == "card_error" => declined(*error),
            answered => answered,
        }
    }

    /// Sends a request, again if need be, until there is an answer or no hope of one.
    pub(super) async fn send<T: DeserializeOwned>(&self, call: &Call) -> Result<Answer<T>, Failure> {
        let mut repeated = 0;
        loop {
            let (failure, again) = match self.once(call).await {
                Ok(reply) => match reply.read(call) {
                    Ok(answer) => return Ok(answer),
                    Err(failure) => {
                        let again = reply.again(&failure);
                        tracing::debug!(status = %reply.status, request = reply.request_id(), "Stripe refused a request");
                        (failure, again)
                    }
                },
                Err(lost) => {
                    let again = matches!(lost, ProviderError::Unreachable(_)).then_some(Duration::ZERO);
                    (Failure::NoAnswer(lost), again)
                }
            };
            let Some(asked) = again.filter(|asked| repeated < self.retries && *asked <= MAX_PAUSE) else {
                return Err(self.masked(failure));
            };
            tokio::time::sleep(asked.max(pause(self.backoff, repeated, call))).await;
            repeated += 1;
        }
    }

    async fn once(&self, call: &Call) -> Result<Reply, ProviderError> {
        let url = self.url(call)?;
        let request = match call {
            Call::Get { .. } => self.http.get(url),
            Call::Post { form, key, .. } => self.http.post(url).form(form).header(IDEMPOTENCY_KEY, key),
        };
        let mut response = request.send().await.map_err(lost)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(ProviderError::Unexpected("an answer of more than a megabyte".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status: response.status(), headers: response.headers().clone(), body })
    }

    fn url(&self, call: &Call) -> Result<Url, ProviderError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| ProviderError::Misconfigured("the base URL has no path".to_owned()))?
            .pop_if_empty()
            .push("v1")
            .extend(call.path());
        match call {
            Call::Get { query, .. } if !query.is_empty() => {
                url.query_pairs_mut().extend_pairs(query);
            }
            Call::Get { .. } | Call::Post { .. } => {}
        }
        Ok(url)
    }

    /// The failure without the secret key, should Stripe ever repeat it to us.
    fn masked(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Api(mut error) => {
                error.message = error.message.map(|text| text.replace(self.secret_key.expose(), "***"));
                Failure::Api(error)
            }
            Failure::NoAnswer(_) | Failure::Server(_) | Failure::KeyReused | Failure::Missing => failure,
        }
    }
}

fn headers(secret_key: &str) -> Result<HeaderMap, SettingsError> {
    let printable = !secret_key.is_empty() && secret_key.bytes().all(|byte| byte.is_ascii_graphic());
    if !printable {
        return Err(SettingsError::SecretKey);
    }
    let mut bearer =
        HeaderValue::from_str(&format!("Bearer {secret_key}")).map_err(|_| SettingsError::SecretKey)?;
    bearer.set_sensitive(true);
    Ok(HeaderMap::from_iter([
        (AUTHORIZATION, bearer),
        (STRIPE_VERSION, HeaderValue::from_static(API_VERSION)),
    ]))
}

fn declined(mut error: ApiError) -> Result<Answer<Intent>, Failure> {
    let Some(mut intent) = error.payment_intent.take() else {
        let text = "a declined card without its payment intent".to_owned();
        return Err(ProviderError::Unexpected(text).into());
    };
    let replayed = error.replayed;
    intent.last_payment_error.get_or_insert(error);
    Ok(Answer { body: *intent, replayed })
}

/// A whole answer, not yet understood.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn request_id(&self) -> &str {
        self.header(&REQUEST_ID).unwrap_or_default()
    }

    fn replayed(&self) -> bool {
        self.header(&IDEMPOTENT_REPLAYED) == Some("true")
    }

    fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<Answer<T>, Failure> {
        self.check_key(call)?;
        if self.status.is_success() {
            return match serde_json::from_slice(&self.body) {
                Ok(body) => Ok(Answer { body, replayed: self.replayed() }),
                Err(error) => Err(self.unreadable(&error)),
            };
        }
        Err(self.failure())
    }

    /// Stripe repeats the key of a request in its answer: another one belongs to another request.
    fn check_key(&self, call: &Call) -> Result<(), Failure> {
        match self.header(&IDEMPOTENCY_KEY) {
            Some(echoed) if Some(echoed) != call.key() => {
                Err(ProviderError::Unexpected("the answer to another request".to_owned()).into())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn failure(&self) -> Failure {
        match self.status.as_u16() {
            300..=399 => ProviderError::Misconfigured(format!(
                "{} with a redirect, which is not followed: check the base URL",
                self.status
            ))
            .into(),
            401 | 403 => ProviderError::Misconfigured(format!(
                "{}: the secret key is wrong or lacks a permission (request {})",
                self.status,
                self.request_id()
            ))
            .into(),
            404 => Failure::Missing,
            409 | 429 => ProviderError::Busy { retry_after: self.retry_after() }.into(),
            424 | 500..=599 => Failure::Server(ProviderError::Unreachable(format!(
                "{} (request {})",
                self.status,
                self.request_id()
            ))),
            _ => self.refusal(),
        }
    }

    fn refusal(&self) -> Failure {
        let error = match serde_json::from_slice::<ErrorEnvelope>(&self.body) {
            Ok(envelope) => ApiError { replayed: self.replayed(), ..envelope.error },
            Err(error) => return self.unreadable(&error),
        };
        match (error.kind.as_str(), error.code.as_deref()) {
            (_, Some("idempotency_key_in_use" | "lock_timeout")) => {
                ProviderError::Busy { retry_after: self.retry_after() }.into()
            }
            ("idempotency_error", _) => Failure::KeyReused,
            _ => Failure::Api(Box::new(error)),
        }
    }

    fn unreadable(&self, error: &serde_json::Error) -> Failure {
        let text =
            format!("{} with an unreadable body: {error} (request {})", self.status, self.request_id());
        ProviderError::Unexpected(text).into()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.header(&RETRY_AFTER)?.parse().ok().map(Duration::from_secs)
    }

    /// Whether trying again may help, and after how long at least.
    fn again(&self, failure: &Failure) -> Option<Duration> {
        let transient = match failure {
            Failure::NoAnswer(ProviderError::Busy { .. }) => true,
            Failure::Server(_) => !self.replayed(),
            Failure::NoAnswer(_) | Failure::KeyReused | Failure::Missing | Failure::Api(_) => false,
        };
        let again = match self.header(&SHOULD_RETRY) {
            Some("true") => !self.replayed(),
            Some("false") => false,
            Some(_) | None => transient,
        };
        again.then(|| self.retry_after().unwrap_or(Duration::ZERO))
    }
}

/// No whole answer. The URL is left out: it says nothing that the log line does not.
fn lost(error: reqwest::Error) -> ProviderError {
    ProviderError::Unreachable(chain(&error.without_url()))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// An exponential pause with jitter: between half of it and the whole, so that many payments that failed
/// together do not come back together. The jitter is drawn from the request itself and so can be repeated.
fn pause(backoff: Duration, repeated: u32, call: &Call) -> Duration {
    let whole = backoff.saturating_mul(1 << repeated.min(10)).min(MAX_PAUSE);
    let mut hasher = DefaultHasher::new();
    (call.key(), call.path(), repeated).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 1000).unwrap_or(0);
    whole / 2 + whole / 2000 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(key: &str) -> Call {
        Call::Post { path: vec!["payment_intents".to_owned()], form: Vec::new(), key: key.to_owned() }
    }

    #[test]
    fn pauses_grow_within_bounds_and_spread() {
        let base = Duration::from_millis(100);
        for repeated in 0..12 {
            let whole = base.saturating_mul(1 << repeated.min(10)).min(MAX_PAUSE);
            let pause = pause(base, repeated, &post("a"));
            assert!(pause >= whole / 2 && pause <= whole, "{repeated}: {pause:?}");
        }
        assert_ne!(pause(base, 0, &post("a")), pause(base, 0, &post("b")));
    }

    fn reply(status: u16, body: &str) -> Reply {
        let status = StatusCode::from_u16(status).expect("a status");
        Reply { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }

    fn with(mut reply: Reply, name: &HeaderName, value: &'static str) -> Reply {
        reply.headers.insert(name, HeaderValue::from_static(value));
        reply
    }

    fn read(reply: &Reply) -> Failure {
        reply.read::<Intent>(&post("k")).expect_err("a failure")
    }

    #[test]
    fn errors_of_the_reference_are_told_apart() {
        let declined = read(&reply(402, include_str!("fixtures/error_card_declined.json")));
        assert!(matches!(declined, Failure::Api(error) if error.kind == "card_error"));
        let reused = read(&reply(400, include_str!("fixtures/error_idempotency.json")));
        assert!(matches!(reused, Failure::KeyReused));
        let invalid = read(&reply(400, include_str!("fixtures/error_invalid_request.json")));
        let shown = ProviderError::from(invalid);
        assert_eq!(
            shown,
            ProviderError::Misconfigured(
                "invalid_request_error code=resource_missing param=payment_method: No such PaymentMethod: 'pm_nobody'"
                    .to_owned()
            )
        );
        assert!(matches!(read(&reply(404, "{}")), Failure::Missing));
        assert!(matches!(read(&reply(503, "")), Failure::Server(_)));
        assert!(matches!(
            read(&reply(429, "{}")),
            Failure::NoAnswer(ProviderError::Busy { retry_after: None })
        ));
        for status in [301, 302, 307, 401, 403] {
            let failure = read(&reply(status, ""));
            assert!(matches!(failure, Failure::NoAnswer(ProviderError::Misconfigured(_))), "{status}");
        }
        for (status, body) in [(200, "<html>"), (200, "{"), (200, ""), (200, "[]"), (400, "no"), (402, "{}")]
        {
            let failure = read(&reply(status, body));
            assert!(matches!(failure, Failure::NoAnswer(ProviderError::Unexpected(_))), "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_is_never_taken_for_an_intent_it_does_not_carry() {
        let bare = ApiError { kind: "card_error".to_owned(), ..ApiError::default() };
        assert!(matches!(declined(bare), Err(Failure::NoAnswer(ProviderError::Unexpected(_)))));
    }

    #[test]
    fn only_what_may_change_is_asked_again() {
        let again = |reply: &Reply| reply.again(&read(reply));
        assert_eq!(again(&reply(500, "")), Some(Duration::ZERO));
        assert_eq!(again(&reply(409, "")), Some(Duration::ZERO));
        assert_eq!(again(&with(reply(429, ""), &RETRY_AFTER, "7")), Some(Duration::from_secs(7)));
        assert_eq!(again(&reply(401, "")), None);
        assert_eq!(again(&reply(200, "<html>")), None);
        assert_eq!(again(&with(reply(500, ""), &IDEMPOTENT_REPLAYED, "true")), None);
        assert_eq!(again(&with(reply(500, ""), &SHOULD_RETRY, "false")), None);
        assert_eq!(again(&with(reply(404, ""), &SHOULD_RETRY, "true")), Some(Duration::ZERO));
    }

    #[test]
    fn the_answer_to_another_request_is_not_read() {
        let intent = include_str!("fixtures/intent_requires_capture.json");
        let ours = with(reply(200, intent), &IDEMPOTENCY_KEY, "k");
        assert!(ours.read::<Intent>(&post("k")).is_ok());
        assert!(ours.read::<Intent>(&post("other")).is_err());
        let get = Call::Get { path: Vec::new(), query: Vec::new() };
        assert!(ours.read::<Intent>(&get).is_err());
    }

    #[test]
    fn a_key_that_a_header_cannot_carry_is_refused() {
        for bad in ["", "sk test", "sk\n", "clé"] {
            assert_eq!(headers(bad), Err(SettingsError::SecretKey), "{bad:?}");
        }
    }
}
