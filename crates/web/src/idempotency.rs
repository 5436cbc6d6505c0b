//! Changes that may be sent twice and happen once: the `Idempotency-Key` header, and the one way to answer.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use kernel::{Problem, Timestamp, kinds};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use store::idempotency::{self, Answer, Claim, Key};
use store::{Call, Failure, Store, Tx};

use crate::body::{Arrivals, Pieces, Shape};
use crate::extract::{Principal, json_response, to_json};
use crate::problem::Pending;
use crate::{Rejection, body};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A request that changes something: its JSON body, read as by [`crate::Json`], and its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T> {
    /// What is asked for.
    pub body: T,
    /// The key under which it may be sent again, when the caller gave one.
    pub key: Option<Key>,
}

/// A request that changes something and takes no body; whatever body comes is ignored but part of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeOnly {
    /// The key under which it may be sent again, when the caller gave one.
    pub key: Option<Key>,
}

/// A request that changes something by a body that is not JSON; the handler looks at its type itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeBytes {
    /// The body.
    pub body: Bytes,
    /// The key under which it may be sent again, when the caller gave one.
    pub key: Option<Key>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Change<T> {
    type Rejection = Rejection;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Rejection> {
        let (parts, bytes) = read(request).await?;
        let body = body::parse(&parts.headers, &bytes, Shape::Object)?;
        Ok(Self { body, key: key(&parts, &bytes)? })
    }
}

impl<S: Send + Sync> FromRequest<S> for ChangeOnly {
    type Rejection = Rejection;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Rejection> {
        let (parts, bytes) = read(request).await?;
        Ok(Self { key: key(&parts, &bytes)? })
    }
}

impl<S: Send + Sync> FromRequest<S> for ChangeBytes {
    type Rejection = Rejection;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Rejection> {
        let (parts, body) = read(request).await?;
        Ok(Self { key: key(&parts, &body)?, body })
    }
}

/// A request that changes something by a body too large for memory: its pieces, and after the last its idempotency key.
///
/// The body is bounded like any other ([`crate::body_limit`]). The query is part of what the key stands for, since the
/// body alone does not say what is to be done with it.
pub struct ChangePieces {
    parts: Parts,
    pieces: Pieces,
    digest: Sha256,
}

impl ChangePieces {
    /// The next piece; `None` after the last.
    ///
    /// # Errors
    ///
    /// When the body is too large, breaks off, or does not arrive.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Rejection> {
        let piece = self.pieces.next().await?;
        if let Some(piece) = &piece {
            self.digest.update(piece);
            if let Some(arrivals) = self.parts.extensions.get::<Arrivals>() {
                arrivals.note();
            }
        }
        Ok(piece)
    }

    /// The key under which the request may be sent again, when the caller gave one; of all pieces that were taken.
    ///
    /// # Errors
    ///
    /// When it is not one that can be kept.
    pub fn key(mut self) -> Result<Option<Key>, Rejection> {
        if let Some(query) = self.parts.uri.query() {
            self.digest.update(b"?");
            self.digest.update(query);
        }
        key_of(&self.parts, || self.digest.finalize().into())
    }
}

impl<S: Send + Sync> FromRequest<S> for ChangePieces {
    type Rejection = Rejection;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Rejection> {
        let (parts, body) = request.into_parts();
        let pieces = Pieces::of(&parts, body)?;
        Ok(Self { parts, pieces, digest: Sha256::new() })
    }
}

/// The head and the whole body of a request.
pub(crate) async fn read(request: Request) -> Result<(Parts, Bytes), Rejection> {
    let (parts, body) = request.into_parts();
    let bytes = body::read(&parts, body).await?;
    Ok((parts, bytes))
}

/// The key of a request: who calls, the header, what is called, and a hash of the body.
pub(crate) fn key(parts: &Parts, body: &[u8]) -> Result<Option<Key>, Rejection> {
    key_of(parts, || Sha256::digest(body).into())
}

fn key_of(parts: &Parts, body_hash: impl FnOnce() -> [u8; 32]) -> Result<Option<Key>, Rejection> {
    let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = std::str::from_utf8(value.as_bytes())
        .ok()
        .filter(|key| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let (Some(key), None) = (key, values.next()) else {
        return Err(Problem::invalid(
            "Idempotency-Key",
            "must be one value of 1 to 255 visible ASCII characters",
        ))?;
    };
    Ok(Some(Key {
        caller: Principal::of(parts).id.into_owned(),
        key: key.to_owned(),
        route: format!("{} {}", parts.method, parts.uri.path()),
        body_hash: body_hash(),
    }))
}

/// The answer to a change, in a form that can be kept and given again.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply(Answer);

impl Reply {
    /// 201, with where the new thing is.
    pub fn created<T: Serialize>(location: impl Into<String>, value: &T) -> Self {
        Self::json(StatusCode::CREATED, value).at(location)
    }

    /// 200.
    pub fn ok<T: Serialize>(value: &T) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// 204.
    pub fn no_content() -> Self {
        Self(Answer { status: StatusCode::NO_CONTENT.as_u16(), body: String::new(), location: None })
    }

    /// Any other success, with a body.
    pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Self {
        match to_json(value) {
            Ok(body) => Self(Answer { status: status.as_u16(), body, location: None }),
            Err(rejection) => Self::problem(&rejection.0),
        }
    }

    /// A refusal that leaves a trace, and is therefore kept and given again like any other answer.
    pub fn problem(problem: &Problem) -> Self {
        // Both languages are kept: whoever sends the key again may read the other one.
        let body = serde_json::to_string(&Pending::from(problem)).unwrap_or_default();
        Self(Answer { status: problem.kind.status, body, location: None })
    }

    /// Says where the thing in question is.
    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.0.location = Some(location.into());
        self
    }

    /// The form in which the store keeps it.
    pub fn answer(&self) -> &Answer {
        &self.0
    }
}

impl From<Answer> for Reply {
    /// An answer as the store kept it.
    fn from(answer: Answer) -> Self {
        Self(answer)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let Answer { status, body, location } = self.0;
        let mut response = if status >= 400 {
            match serde_json::from_str::<Pending>(&body) {
                Ok(pending) => pending.into_response(),
                Err(_) => Rejection(Problem::new(&kinds::INTERNAL, "")).into_response(),
            }
        } else if body.is_empty() {
            StatusCode::NO_CONTENT.into_response()
        } else {
            json_response(body)
        };
        if status < 400 {
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
        }
        if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// What to answer when a key was claimed: nothing yet when it is new, the first answer, or a refusal.
///
/// For work of more than one transaction, which claims its key in the first and completes it in the last.
pub fn settled(claim: Claim) -> Result<Option<Response>, Rejection> {
    match claim {
        Claim::New => Ok(None),
        Claim::Replay(answer) => {
            let mut response = Reply(answer).into_response();
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
            Ok(Some(response))
        }
        Claim::Running => Err(Problem::new(&kinds::KEY_RUNNING, "ask again in a moment").retry_after(1))?,
        Claim::Reused => Err(Problem::new(
            &kinds::KEY_REUSED,
            "take a new key for another request, or send the same body to the same path",
        ))?,
    }
}

/// Runs a change as one command and answers it; under the same key it happens once and is answered alike.
///
/// The key's row is written in the command's own transaction. When `f` refuses by `Err`, the row is undone with
/// the rest and the same key may be tried again; a refusal that leaves a trace is a [`Reply::problem`].
pub async fn change<E, F>(store: &Store, key: Option<Key>, call: Call, f: F) -> Result<Response, Rejection>
where
    F: Fn(&mut Tx<'_>, Timestamp) -> Result<Reply, Failure<E>> + Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    let call = call.lock_key(key.as_ref());
    let done = store.run(call, move |tx, now| once(tx, now, key.as_ref(), &f)).await?;
    match done {
        Done::Now(reply) => Ok(reply.into_response()),
        Done::Before(claim) => Ok(settled(claim)?.unwrap_or_else(|| StatusCode::NO_CONTENT.into_response())),
    }
}

/// How a change ended: its own answer, or what its key's row said.
enum Done {
    Now(Reply),
    Before(Claim),
}

fn once<E, F>(tx: &mut Tx<'_>, now: Timestamp, key: Option<&Key>, f: &F) -> Result<Done, Failure<E>>
where
    F: Fn(&mut Tx<'_>, Timestamp) -> Result<Reply, Failure<E>>,
{
    let Some(key) = key else { return f(tx, now).map(Done::Now) };
    match idempotency::claim(tx, now, key)? {
        Claim::New => {
            let reply = f(tx, now)?;
            idempotency::complete(tx, key, reply.answer())?;
            Ok(Done::Now(reply))
        }
        claim @ (Claim::Replay(_) | Claim::Running | Claim::Reused) => Ok(Done::Before(claim)),
    }
}
