//! Problems on the wire: `application/problem+json` (RFC 9457) in the caller's language.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use kernel::{Kind, Locale, Problem, kinds};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The media type of a problem.
pub(crate) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The error of every handler: any problem, or anything that turns into one, by `?`.
///
/// ```
/// # use kernel::{Problem, kinds};
/// # use web::Rejection;
/// async fn handler() -> Result<&'static str, Rejection> {
///     Err(Problem::not_found("shop", 12))?
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection(pub Problem);

impl<E: Into<Problem>> From<E> for Rejection {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Rejection {
    /// The status and the headers; the body is written at the rim, where the language is known.
    fn into_response(self) -> Response {
        Pending::from(&self.0).into_response()
    }
}

/// A problem in both languages, on its way to the rim (or kept, to be told again).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pending {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    /// The body in English.
    body: Map<String, Value>,
    title_fr: String,
}

impl From<&Problem> for Pending {
    fn from(problem: &Problem) -> Self {
        let body = match problem.body(Locale::En) {
            Value::Object(body) => body,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        };
        Self {
            status: problem.kind.status,
            retry_after: problem.retry_after,
            body,
            title_fr: problem.kind.fr.to_owned(),
        }
    }
}

impl Pending {
    /// The body in a language; `request` is the request's id, which becomes the `instance`.
    fn render(mut self, locale: Locale, request: &str) -> Vec<u8> {
        if locale == Locale::Fr {
            self.body.insert("title".to_owned(), self.title_fr.into());
        }
        self.body.insert("instance".to_owned(), format!("urn:halles:request:{request}").into());
        Value::Object(self.body).to_string().into_bytes()
    }
}

impl IntoResponse for Pending {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a problem, and turns the framework's own refusals into problems.
pub(crate) fn finish(response: Response, locale: Locale, request: &str) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let mut response = match (response.extensions().get::<Pending>().is_some(), foreign_kind(&response)) {
        (true, _) => response,
        (false, Some(kind)) => adopt(response, kind),
        (false, None) => return response,
    };
    let Some(pending) = response.extensions_mut().remove::<Pending>() else { return response };
    let body = pending.render(locale, request);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
    headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    *response.body_mut() = Body::from(body);
    response
}

/// The same refusal as a problem, keeping headers that mean something (`Allow`).
fn adopt(response: Response, kind: &'static Kind) -> Response {
    const KEPT: [HeaderName; 2] = [header::ALLOW, header::RETRY_AFTER];
    let (parts, _) = response.into_parts();
    let mut adopted = Rejection(Problem::new(kind, "")).into_response();
    for name in KEPT {
        if let Some(value) = parts.headers.get(&name) {
            adopted.headers_mut().insert(name, value.clone());
        }
    }
    adopted
}

/// The kind of a refusal that is not a problem: it has no body, or a plain text of the framework.
fn foreign_kind(response: &Response) -> Option<&'static Kind> {
    let foreign = match response.headers().get(header::CONTENT_TYPE) {
        None => true,
        Some(content_type) => content_type.as_bytes().starts_with(b"text/plain"),
    };
    let kind = match response.status().as_u16() {
        400 => &kinds::MALFORMED,
        403 => &kinds::FORBIDDEN,
        404 => &kinds::NOT_FOUND,
        405 => &kinds::METHOD,
        406 => &kinds::NOT_ACCEPTABLE,
        408 => &kinds::REQUEST_TIMEOUT,
        409 => &kinds::CONFLICT,
        410 => &kinds::GONE,
        412 => &kinds::PRECONDITION,
        413 => &kinds::TOO_LARGE,
        415 => &kinds::MEDIA_TYPE,
        422 => &kinds::INVALID,
        503 => &kinds::UNAVAILABLE,
        500..=599 => &kinds::INTERNAL,
        _ => return None,
    };
    foreign.then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Result<(), Rejection> {
        Err(Problem::not_found("shop", 12))?
    }

    #[test]
    fn any_problem_becomes_a_rejection() {
        assert_eq!(refused(), Err(Rejection(Problem::not_found("shop", 12))));
    }

    #[test]
    fn a_kept_problem_is_told_again_in_another_language() -> anyhow::Result<()> {
        let problem = Problem::new(&kinds::CONFLICT, "too late").retry_after(3).with("etat", &"ANNULEE");
        let kept: Pending = serde_json::from_str(&serde_json::to_string(&Pending::from(&problem))?)?;
        assert_eq!(kept, Pending::from(&problem));
        let body: Value = serde_json::from_slice(&kept.render(Locale::Fr, "r-1"))?;
        assert_eq!(body["title"], "Conflit");
        assert_eq!(body["etat"], "ANNULEE");
        assert_eq!(body["instance"], "urn:halles:request:r-1");
        Ok(())
    }

    #[test]
    fn a_plain_refusal_keeps_its_allow_header() {
        let mut response = (StatusCode::METHOD_NOT_ALLOWED, "nope").into_response();
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        let response = finish(response, Locale::En, "r");
        assert_eq!(response.headers()[header::ALLOW], "GET");
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
    }

    #[test]
    fn an_error_page_of_our_own_is_left_alone() {
        let response = (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/html")], "<p>").into_response();
        assert_eq!(finish(response, Locale::En, "r").headers()[header::CONTENT_TYPE], "text/html");
    }
}
