//! Request bodies: read within a size and a time, then parsed as JSON with errors that say where.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use kernel::{Problem, kinds};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::Instant;

use crate::Rejection;

/// The largest body an operation takes, in bytes, where it differs from [`crate::Settings::body_limit`].
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// The layer that gives one operation its own largest body, in bytes.
///
/// ```no_run
/// # use utoipa_axum::router::{UtoipaMethodRouter, UtoipaMethodRouterExt as _};
/// # fn import() -> UtoipaMethodRouter { loop {} }
/// let routes = web::Routes::new().routes(import().layer(web::body_limit(64 << 20)));
/// ```
pub fn body_limit(bytes: usize) -> Extension<BodyLimit> {
    Extension(BodyLimit(bytes))
}

/// How much of a body is waited for, and how long. The rim puts it in every request that may have a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyPolicy {
    /// The largest body, in bytes.
    pub(crate) limit: usize,
    /// The longest silence in the middle of a body.
    pub(crate) patience: Duration,
}

impl Default for BodyPolicy {
    fn default() -> Self {
        Self { limit: 1 << 20, patience: Duration::from_secs(10) }
    }
}

/// When a piece of a long body last arrived, so that the rim lets whoever is still sending go on.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    begun: Instant,
    /// Milliseconds after the beginning.
    last: Arc<AtomicU64>,
}

impl Arrivals {
    /// Of a request that begins.
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), last: Arc::default() }
    }

    /// Notes that a piece has arrived.
    pub(crate) fn note(&self) {
        let elapsed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(elapsed, Ordering::Relaxed);
    }

    /// The beginning, or the last piece.
    pub(crate) fn last(&self) -> Instant {
        self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}

/// The bytes of a request's body, within the operation's limit.
pub(crate) async fn read(parts: &Parts, body: Body) -> Result<Bytes, Rejection> {
    Pieces::of(parts, body)?.collect().await
}

/// A body on its way, piece by piece.
pub(crate) struct Pieces {
    body: Body,
    limit: usize,
    patience: Duration,
    received: usize,
}

impl Pieces {
    /// The body of a request; an error when it says itself that it is too large.
    pub(crate) fn of(parts: &Parts, body: Body) -> Result<Self, Rejection> {
        let policy = parts.extensions.get::<BodyPolicy>().copied().unwrap_or_default();
        let limit = parts.extensions.get::<BodyLimit>().map_or(policy.limit, |own| own.0);
        if announced_length(&parts.headers).is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        Ok(Self::new(body, limit, policy.patience))
    }

    fn new(body: Body, limit: usize, patience: Duration) -> Self {
        Self { body, limit, patience, received: 0 }
    }

    /// The next piece; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Rejection> {
        while let Some(frame) = next_frame(&mut self.body, self.patience).await? {
            let Ok(data) = frame.into_data() else { continue };
            self.received += data.len();
            return if self.received > self.limit { Err(too_large(self.limit)) } else { Ok(Some(data)) };
        }
        Ok(None)
    }

    async fn collect(mut self) -> Result<Bytes, Rejection> {
        if self.body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(data) = self.next().await? {
            // Nearly all bodies arrive in one piece, which then is not copied.
            if first.is_empty() {
                first = data;
            } else {
                rest.extend_from_slice(&data);
            }
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let mut whole = BytesMut::with_capacity(first.len() + rest.len());
        whole.extend_from_slice(&first);
        whole.unsplit(rest);
        Ok(whole.freeze())
    }
}

async fn next_frame(
    body: &mut Body,
    patience: Duration,
) -> Result<Option<http_body::Frame<Bytes>>, Rejection> {
    match tokio::time::timeout(patience, body.frame()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(frame))) => Ok(Some(frame)),
        Ok(Some(Err(_))) => Err(Problem::new(&kinds::MALFORMED, "the body broke off"))?,
        Err(_) => Err(Problem::new(&kinds::REQUEST_TIMEOUT, "the body did not arrive"))?,
    }
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: usize) -> Rejection {
    let detail = format!("this operation takes at most {limit} bytes");
    Problem::new(&kinds::TOO_LARGE, detail).with("limite", &limit).into()
}

/// What a body says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json` or `application/*+json`.
    Json,
    /// Not said, or one of the types that command-line tools and forms send by default.
    Plain,
    /// Anything else.
    Other,
}

impl MediaType {
    /// What the `Content-Type` header says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Self::Plain };
        let essence = value.to_str().unwrap_or("?").split(';').next().unwrap_or("").trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/json") || is_json_suffix(essence) {
            Self::Json
        } else if essence.is_empty() || is("text/plain") || is("application/x-www-form-urlencoded") {
            Self::Plain
        } else {
            Self::Other
        }
    }
}

fn is_json_suffix(essence: &str) -> bool {
    let bytes = essence.as_bytes();
    bytes.len() > 17
        && bytes[..12].eq_ignore_ascii_case(b"application/")
        && bytes[bytes.len() - 5..].eq_ignore_ascii_case(b"+json")
}

/// What a body is at its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An object, as nearly everywhere.
    Object,
    /// An object or an array.
    ObjectOrArray,
}

impl Shape {
    /// Whether a text begins like one; serde would read a struct's fields from an array as well.
    fn begins(self, text: &str) -> bool {
        let first = text.trim_ascii_start().bytes().next();
        first == Some(b'{') || self == Self::ObjectOrArray && first == Some(b'[')
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Object => "an object is expected",
            Self::ObjectOrArray => "an object or an array of objects is expected",
        }
    }
}

/// Reads a body as JSON of a shape; see [`crate::Json`] for what is refused, and how.
pub(crate) fn parse<T: DeserializeOwned>(
    headers: &HeaderMap,
    bytes: &[u8],
    shape: Shape,
) -> Result<T, Rejection> {
    if MediaType::of(headers) == MediaType::Other {
        return Err(Rejection(Problem::new(&kinds::MEDIA_TYPE, "send application/json")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let mut lines = good.split(|byte| *byte == b'\n');
        let column = lines.next_back().map_or(0, <[u8]>::len) + 1;
        malformed("the text is not UTF-8", lines.count() + 1, column)
    })?;
    match shape.begins(text).then(|| serde_json::from_str(text)) {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) | None => Err(explain::<T>(text, shape)),
    }
}

/// Why a body was refused: not JSON at all, or JSON that is not a `T`.
#[cold]
fn explain<T: DeserializeOwned>(text: &str, shape: Shape) -> Rejection {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return malformed(&without_position(&error), error.line(), error.column());
    }
    if !shape.begins(text) {
        return Problem::invalid("", shape.expected()).into();
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) else {
        return Problem::invalid("", "the body is not what is expected").into();
    };
    let path = error.path().to_string();
    let (field, message) = locate(&path, &without_position(error.inner()));
    Problem::invalid(field, message).into()
}

/// Moves the field that serde names in its message into the path, where clients look for it.
fn locate(path: &str, message: &str) -> (String, String) {
    const NAMED: [(&str, &str); 3] = [
        ("missing field `", "is missing"),
        ("duplicate field `", "is given more than once"),
        ("unknown field `", "is not known here"),
    ];
    let parent = if path == "." { "" } else { path };
    for (prefix, told) in NAMED {
        let Some((name, _)) = message.strip_prefix(prefix).and_then(|rest| rest.split_once('`')) else {
            continue;
        };
        let inside = parent.is_empty() || parent == name || parent.ends_with(&format!(".{name}"));
        let field = match (parent.is_empty(), inside) {
            (true, _) => name.to_owned(),
            (false, true) => parent.to_owned(),
            (false, false) => format!("{parent}.{name}"),
        };
        return (field, told.to_owned());
    }
    (parent.to_owned(), message.to_owned())
}

/// The message of a JSON error without the position that `serde_json` appends.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

fn malformed(reason: &str, line: usize, column: usize) -> Rejection {
    Problem::new(&kinds::MALFORMED, format!("{reason}, at line {line}, column {column}"))
        .with("ligne", &line)
        .with("colonne", &column)
        .into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use kernel::{FieldError, Quantity};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Line {
        produit_id: i64,
        quantite: Quantity,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Order {
        produits: Vec<Line>,
        #[serde(default)]
        note: Option<String>,
    }

    fn typed(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    fn refusal(body: &[u8]) -> Problem {
        parse::<Order>(&HeaderMap::new(), body, Shape::Object).expect_err("a refusal").0
    }

    fn wrong(body: &str) -> (u16, Vec<FieldError>) {
        let problem = refusal(body.as_bytes());
        let errors = problem.members.get("erreurs").and_then(|errors| errors.as_array().cloned());
        let errors = errors.unwrap_or_default().into_iter().map(|error| FieldError {
            field: error["champ"].as_str().unwrap_or("?").to_owned(),
            message: error["message"].as_str().unwrap_or("?").to_owned(),
        });
        (problem.kind.status, errors.collect())
    }

    fn field(name: &str, message: &str) -> (u16, Vec<FieldError>) {
        (422, vec![FieldError { field: name.to_owned(), message: message.to_owned() }])
    }

    #[test]
    fn a_wrong_value_is_named_by_its_path() {
        assert_eq!(
            wrong(r#"{"produits":[{"produit_id":1,"quantite":0}]}"#),
            field("produits[0].quantite", "must be a whole number from 1 to 1000000")
        );
        assert_eq!(wrong(r#"{"produits":[{"produit_id":1}]}"#), field("produits[0].quantite", "is missing"));
        assert_eq!(wrong("{}"), field("produits", "is missing"));
        assert_eq!(wrong(r#"{"produits":[],"produits":[]}"#), field("produits", "is given more than once"));
        assert_eq!(wrong("[]"), field("", "an object is expected"));
        assert_eq!(wrong("3"), field("", "an object is expected"));
        let (status, errors) = wrong(r#"{"produits":[{"produit_id":"1","quantite":1}]}"#);
        assert_eq!((status, errors[0].field.as_str()), (422, "produits[0].produit_id"));
        assert!(!errors[0].message.contains("column"), "{errors:?}");
    }

    #[test]
    fn what_is_not_json_says_where_even_after_a_wrong_value() {
        for (body, line, column) in [
            ("{\n  \"produits\": [ # Produit\n  ]}", 2, 17),
            ("{\"produits\": 3,\n oops}", 2, 2),
            ("", 1, 0),
            ("{\"produits\":[]} trailing", 1, 17),
        ] {
            let problem = refusal(body.as_bytes());
            assert_eq!(problem.kind, &kinds::MALFORMED, "{body}");
            assert_eq!(
                (&problem.members["ligne"], &problem.members["colonne"]),
                (&line.into(), &column.into()),
                "{body}"
            );
        }
        let problem = refusal(b"{\"produits\":\n\"\xff\"}");
        assert_eq!((problem.kind.status, &problem.members["ligne"]), (400, &2.into()));
        let detail = problem.detail;
        assert_eq!(detail, "the text is not UTF-8, at line 2, column 2");
    }

    #[test]
    fn hostile_documents_are_refused_without_harm() {
        let deep = format!("{{\"produits\":{}", "[".repeat(500_000));
        assert_eq!(refusal(deep.as_bytes()).kind.status, 400);
        let closed = format!("{{\"produits\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(refusal(closed.as_bytes()).kind.status, 422);
        assert_eq!(wrong(r#"{"produits":[],"note":"\ud800"}"#).0, 422);
        assert_eq!(wrong(r#"{"produits":[{"produit_id":1e999,"quantite":1}]}"#).0, 422);
    }

    #[test]
    fn the_types_that_tools_send_are_taken_and_others_are_not() {
        let body = br#"{"produits":[]}"#;
        for good in [
            "application/json",
            "application/json; charset=utf-8",
            "text/plain;charset=UTF-8",
            "application/x-www-form-urlencoded",
            "application/vnd.halles+json",
            "APPLICATION/JSON",
        ] {
            assert!(parse::<Order>(&typed(good), body, Shape::Object).is_ok(), "{good}");
        }
        for bad in ["application/xml", "multipart/form-data; boundary=x", "application/jsonp", "text/html"] {
            let refused = parse::<Order>(&typed(bad), body, Shape::Object).expect_err(bad);
            assert_eq!(refused.0.kind, &kinds::MEDIA_TYPE, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_body_in_many_pieces_is_joined_and_bounded() {
        let pieces = || {
            let pieces = ["ab", "", "cd", "ef"].map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
            Body::from_stream(futures_util::stream::iter(pieces))
        };
        let patience = Duration::from_secs(5);
        assert_eq!(
            Pieces::new(pieces(), 6, patience).collect().await.map(|bytes| bytes.to_vec()),
            Ok(b"abcdef".to_vec())
        );
        assert_eq!(Pieces::new(pieces(), 5, patience).collect().await, Err(too_large(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up() {
        let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let refused = Pieces::new(body, 10, Duration::from_secs(5)).collect().await.expect_err("a refusal");
        assert_eq!(refused.0.kind, &kinds::REQUEST_TIMEOUT);
    }
}
