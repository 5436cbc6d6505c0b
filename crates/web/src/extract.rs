//! What handlers take from a request and give back, with every refusal a problem.

use std::borrow::Cow;

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use kernel::{Cursor, Limit, Locale, Problem, kinds};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::body::Shape;
use crate::params::{Pair, ParamError, Params};
use crate::{Rejection, body};

/// A JSON body, in and out.
///
/// In: an object under `application/json`, `application/*+json`, no type, `text/plain` or
/// `application/x-www-form-urlencoded` (what plain `curl -d` sends); another type is 415. What is not JSON
/// is 400 with `ligne` and `colonne`; what is JSON but not a `T` is 422 and names the field.
/// Operations that change something take [`crate::Change`] instead, which knows the idempotency key too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Rejection;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Rejection> {
        let (parts, body) = request.into_parts();
        let bytes = body::read(&parts, body).await?;
        body::parse(&parts.headers, &bytes, Shape::Object).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        to_json(&self.0).map(json_response).into_response()
    }
}

/// The JSON text of an answer of ours; that it cannot be written is a fault of ours.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, Rejection> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        Rejection(Problem::new(&kinds::INTERNAL, ""))
    })
}

/// A 200 with this JSON text.
pub(crate) fn json_response(body: String) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The parameters of the path: one value, a tuple, or a struct of them.
///
/// A value that is not what its type expects is 422 and names the parameter; text that is not UTF-8 is 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Path<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let raw = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::new(&kinds::MALFORMED, "the path is not UTF-8"))?;
        let pairs: Vec<Pair<'_>> = raw.iter().collect();
        read_params(&pairs).map(Self)
    }
}

/// The parameters of the query string, as a struct.
///
/// Unknown ones are ignored. A wrong, missing or repeated one is 422 and is named; text that is not UTF-8 is 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Rejection> {
        read_query(parts.uri.query().unwrap_or("")).map(Self)
    }
}

/// Reads the pairs of an `application/x-www-form-urlencoded` query string.
fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, Rejection> {
    let decoded = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect::<Result<Vec<_>, Problem>>()?;
    let pairs: Vec<Pair<'_>> = decoded.iter().map(|(name, value)| (&**name, &**value)).collect();
    read_params(&pairs)
}

fn decode(text: &str) -> Result<Cow<'_, str>, Problem> {
    let not_utf8 = |_| Problem::new(&kinds::MALFORMED, "the query string is not UTF-8");
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return percent_decode_str(&spaced)
            .decode_utf8()
            .map(|text| text.into_owned().into())
            .map_err(not_utf8);
    }
    percent_decode_str(text).decode_utf8().map_err(not_utf8)
}

fn read_params<T: DeserializeOwned>(pairs: &[Pair<'_>]) -> Result<T, Rejection> {
    // A NUL can be stored by one engine and not by the other: no parameter may hold one.
    if let Some((name, _)) = pairs.iter().find(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(Rejection(Problem::invalid(name.replace('\0', ""), "must not contain NUL")));
    }
    T::deserialize(Params(pairs))
        .map_err(|ParamError { name, message }| Rejection(Problem::invalid(name, message)))
}

/// Which page of a list is asked for: the query parameters `limite` and `curseur`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paging {
    /// How many elements at most.
    pub limit: Limit,
    /// Where the previous page ended.
    pub cursor: Option<Cursor>,
}

impl Paging {
    /// The sort key after which the page starts, or 422 when the cursor is not one of this list.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Rejection> {
        self.cursor
            .as_ref()
            .map(Cursor::key)
            .transpose()
            .map_err(|error| Rejection(Problem::invalid("curseur", error.to_string())))
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct PagingParams {
    /// How many elements at most.
    #[serde(rename = "limite", alias = "limit")]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, default = 50, example = 50)]
    limit: Option<i64>,
    /// The `curseur` of the previous page; absent for the first one.
    #[serde(rename = "curseur")]
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let Query(PagingParams { limit, cursor }) = Query::from_request_parts(parts, state).await?;
        let limit = match limit {
            None => Limit::default(),
            Some(limit) => Limit::new(limit).ok_or_else(|| {
                Problem::invalid("limite", format!("must be a whole number from 1 to {}", Limit::MAX))
            })?,
        };
        Ok(Self { limit, cursor })
    }
}

impl utoipa::IntoParams for Paging {
    fn into_params(parameter_in_provider: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        PagingParams::into_params(parameter_in_provider)
    }
}

/// The language the caller prefers, from `Accept-Language`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language(pub Locale);

impl Language {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self(wanted.map_or(Locale::default(), Locale::negotiate))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

/// Who is calling. Accounts put it in the request; without accounts everybody is the same open caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The caller's stable name: idempotency keys of two callers never meet.
    pub id: Cow<'static, str>,
}

impl Principal {
    /// The caller while there are no accounts.
    pub const OPEN: Self = Self { id: Cow::Borrowed("anonymous") };

    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().unwrap_or(Self::OPEN)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}

#[cfg(test)]
mod tests {
    use kernel::ShopId;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Filter {
        magasin_id: Option<ShopId>,
        q: Option<String>,
    }

    fn refused(query: &str) -> (u16, String) {
        let problem = read_query::<Filter>(query).expect_err("a refusal").0;
        (problem.kind.status, problem.detail)
    }

    #[test]
    fn queries_are_decoded() {
        assert_eq!(
            read_query("&q=caf%C3%A9+noir%2B&&magasin_id=3&utm=%zz"),
            Ok(Filter { magasin_id: Some(ShopId(3)), q: Some("café noir+".to_owned()) })
        );
        assert_eq!(read_query(""), Ok(Filter { magasin_id: None, q: None }));
    }

    #[test]
    fn wrong_queries_are_refused() {
        assert_eq!(refused("q=%ff").0, 400);
        assert_eq!(refused("q=a%00b"), (422, "q: must not contain NUL".to_owned()));
        assert_eq!(refused("magasin_id=x"), (422, "magasin_id: an integer is expected".to_owned()));
        assert_eq!(refused("q=a&q=b"), (422, "q: is given more than once".to_owned()));
    }

    #[tokio::test]
    async fn pages_are_bounded_and_cursors_are_of_their_list() {
        let paging = async |query: &str| {
            let uri = format!("/?{query}");
            let (mut parts, ()) = http::Request::builder().uri(uri).body(()).expect("a request").into_parts();
            Paging::from_request_parts(&mut parts, &()).await.map_err(|refused| refused.0.detail)
        };
        assert_eq!(paging("").await, Ok(Paging::default()));
        assert_eq!(paging("limite=200").await.map(|page| page.limit.get()), Ok(200));
        assert_eq!(paging("limit=2").await.map(|page| page.limit.get()), Ok(2));
        for bad in ["limite=0", "limite=201", "limite=-1", "limite=dix"] {
            assert!(paging(bad).await.is_err_and(|detail| detail.starts_with("limite: ")), "{bad}");
        }
        let page = paging("curseur=!!").await.expect("any text is a cursor until it is read");
        assert_eq!(page.after::<i64>().expect_err("a refusal").0.kind.status, 422);
        assert_eq!(Paging::default().after::<i64>(), Ok(None));
    }
}
