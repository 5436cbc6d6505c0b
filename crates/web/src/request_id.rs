//! The name of a request, in its answer, in the log and in problems.

use std::convert::Infallible;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::FromRequestParts;
use http::HeaderValue;
use http::request::Parts;

/// The name of a request: the caller's `X-Request-Id` when it is sane, else one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("?")
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or(Self(HeaderValue::from_static("?"))))
    }
}

/// Gives requests their names: a random prefix for the process, then a count.
pub(crate) struct RequestIds {
    prefix: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        // The hasher's own seed is random enough to tell processes apart; the names are no secrets.
        Self { prefix: RandomState::new().build_hasher().finish() >> 24, next: AtomicU64::new(1) }
    }

    /// The caller's name for the request, or the next of ours.
    pub(crate) fn of(&self, given: Option<&HeaderValue>) -> RequestId {
        match given {
            Some(given) if is_sane(given.as_bytes()) => RequestId(given.clone()),
            Some(_) | None => self.next(),
        }
    }

    fn next(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let text = format!("{:010x}-{number}", self.prefix);
        RequestId(HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("?")))
    }
}

fn is_sane(id: &[u8]) -> bool {
    (1..=64).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_name_is_kept_and_any_other_replaced() {
        let ids = RequestIds::new();
        let of = |given: &'static str| ids.of(Some(&HeaderValue::from_static(given))).as_str().to_owned();
        assert_eq!(of("Client-1.a_b"), "Client-1.a_b");
        for bad in ["", "a b", "a\"b", "x\u{7f}", "é"] {
            if let Ok(given) = HeaderValue::from_str(bad) {
                assert_ne!(ids.of(Some(&given)).as_str(), bad);
            }
        }
        let long = HeaderValue::from_str(&"a".repeat(65)).expect("a value");
        assert_ne!(ids.of(Some(&long)).as_str().len(), 65);
    }

    #[test]
    fn names_differ_within_and_between_processes() {
        let (one, other) = (RequestIds::new(), RequestIds::new());
        let first = one.of(None);
        assert_ne!(first, one.of(None));
        assert_ne!(first, other.of(None));
        assert!(is_sane(first.as_str().as_bytes()), "{first:?}");
    }
}
