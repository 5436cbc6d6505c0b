//! Answers with an entity tag, so that a client who has them already gets an empty 304.

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::extract::{json_response, to_json};

/// A JSON answer with an `ETag`: the rim answers 304 when `If-None-Match` names it.
///
/// For small answers that change seldom; the answer is built either way, only its transfer is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditional<T>(pub T);

impl<T: Serialize> IntoResponse for Conditional<T> {
    fn into_response(self) -> Response {
        match to_json(&self.0) {
            Ok(body) => {
                let tag = etag(body.as_bytes());
                let mut response = json_response(body);
                response.headers_mut().insert(header::ETAG, tag);
                response
            }
            Err(rejection) => rejection.into_response(),
        }
    }
}

/// The entity tag of some bytes: weak, since the same answer may travel compressed.
pub fn etag(bytes: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(bytes);
    let mut tag = String::with_capacity(3 + 32 + 1);
    tag.push_str("W/\"");
    for byte in digest.iter().take(16) {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// Turns an answer that the client has already into a 304 (RFC 9110, 13.1.2).
pub(crate) fn finish(method: &Method, if_none_match: Option<&HeaderValue>, response: Response) -> Response {
    let Some(known) = if_none_match else { return response };
    let readable = method == Method::GET || method == Method::HEAD;
    let unchanged = readable
        && response.status() == StatusCode::OK
        && response.headers().get(header::ETAG).is_some_and(|tag| names(known, tag));
    if !unchanged {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::empty())
}

/// Whether an `If-None-Match` list holds the tag, by the weak comparison.
fn names(list: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(list), Ok(tag)) = (list.to_str(), tag.to_str()) else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.trim() == "*" || list.split(',').any(|known| opaque(known) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &Method, known: &'static str) -> StatusCode {
        let response = Conditional("value").into_response();
        finish(method, Some(&HeaderValue::from_static(known)), response).status()
    }

    #[test]
    fn a_known_answer_is_not_sent_again() {
        let response = Conditional("value").into_response();
        let tag = response.headers()[header::ETAG].clone();
        let response = finish(&Method::GET, Some(&tag), response);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[header::ETAG], tag);
        assert!(!response.headers().contains_key(header::CONTENT_TYPE));
    }

    #[test]
    fn tags_are_compared_weakly_in_lists() {
        let tag = etag(b"a");
        let strong = tag.to_str().expect("text").trim_start_matches("W/").to_owned();
        let list = HeaderValue::from_str(&format!("\"x\", {strong}")).expect("a value");
        assert!(names(&list, &tag));
        assert!(!names(&HeaderValue::from_static("\"x\""), &tag));
        assert_eq!(status(&Method::HEAD, "*"), StatusCode::NOT_MODIFIED);
        assert_eq!(status(&Method::GET, "\"other\""), StatusCode::OK);
        assert_eq!(status(&Method::POST, "*"), StatusCode::OK);
    }
}
