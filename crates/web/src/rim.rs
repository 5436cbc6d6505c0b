//! The rim: the one layer that every request crosses, on its way in and on its way out.
//!
//! In: a request id, the `Host` and `Origin` checks, the body's policy. Around the handler: a time limit and a
//! net for panics. Out: problems in the caller's language, 304, headers, metrics and the access log.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, Uri, header};
use kernel::{Locale, Problem, kinds};
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::body::{Arrivals, BodyPolicy};
use crate::extract::Language;
use crate::guard::{self, Origins};
use crate::metrics::{CLIENT_LEFT, EndpointMetrics, HttpMetrics};
use crate::request_id::RequestIds;
use crate::{Rejection, RequestId, conditional, problem};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the rim needs to know, shared by all endpoints.
pub(crate) struct Rim {
    /// Answer only as localhost.
    pub(crate) open: bool,
    pub(crate) origins: Origins,
    /// The longest a handler may take.
    pub(crate) patience: Duration,
    pub(crate) body: BodyPolicy,
    pub(crate) metrics: HttpMetrics,
    pub(crate) ids: RequestIds,
}

impl Rim {
    fn admit(&self, request: &Request) -> Result<(), Problem> {
        if self.open {
            guard::check_host(request)?;
        }
        guard::check_origin(request, &self.origins)
    }
}

/// Puts the rim around every endpoint of a router.
#[derive(Clone)]
pub(crate) struct RimLayer(pub(crate) Arc<Rim>);

impl<S> Layer<S> for RimLayer {
    type Service = RimService<S>;

    /// The router calls this once for each method of each route: every endpoint keeps its own metrics.
    fn layer(&self, inner: S) -> RimService<S> {
        RimService { inner, rim: self.0.clone(), endpoint: Arc::default() }
    }
}

/// One endpoint inside the rim.
#[derive(Clone)]
pub(crate) struct RimService<S> {
    inner: S,
    rim: Arc<Rim>,
    endpoint: Arc<EndpointMetrics>,
}

impl<S> Service<Request> for RimService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let exchange = Exchange::begin(&self.rim, &self.endpoint, &request);
        if let Err(problem) = self.rim.admit(&request) {
            let refused = Rejection(problem).into_response();
            return Box::pin(std::future::ready(Ok(exchange.finish(refused))));
        }
        request.extensions_mut().insert(exchange.id.clone());
        let arrivals = Arrivals::new();
        if !request.method().is_safe() {
            request.extensions_mut().insert(self.rim.body);
            request.extensions_mut().insert(arrivals.clone());
        }
        let span = tracing::info_span!(target: "request", "request", id = exchange.id.as_str());
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let (patience, method) = (self.rim.patience, exchange.method.clone());
        let handled = async move {
            match within(patience, &arrivals, answer).await {
                Some(Ok(Ok(response))) => response,
                Some(Err(panic)) => panicked(panic.as_ref()),
                None => too_slow(&method),
            }
        };
        let handled = handled.instrument(span);
        Box::pin(async move { Ok(exchange.finish(handled.await)) })
    }
}

/// Waits so long for an answer, counted from the last piece of a body that is taken piece by piece: a long upload takes
/// as long as it takes, within the patience that each of its pieces has.
async fn within<F: Future>(patience: Duration, arrivals: &Arrivals, answer: F) -> Option<F::Output> {
    let mut answer = std::pin::pin!(answer);
    let mut deadline = arrivals.last() + patience;
    loop {
        if let Ok(answered) = tokio::time::timeout_at(deadline, &mut answer).await {
            return Some(answered);
        }
        let renewed = arrivals.last() + patience;
        if renewed <= deadline {
            return None;
        }
        deadline = renewed;
    }
}

/// A panic is told to the log, never to the client.
#[cold]
fn panicked(panic: &(dyn Any + Send)) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    tracing::error!(panic = message, "a handler panicked");
    Rejection(Problem::new(&kinds::INTERNAL, "")).into_response()
}

/// A read that takes too long can be tried again; of a change nobody knows whether it was done.
#[cold]
fn too_slow(method: &Method) -> Response {
    let kind = if method.is_safe() { &kinds::UNAVAILABLE } else { &kinds::OUTCOME_UNKNOWN };
    Rejection(Problem::new(kind, "the answer took too long").retry_after(5)).into_response()
}

/// One request being answered. Dropped unfinished, its client has left.
struct Exchange {
    rim: Arc<Rim>,
    endpoint: Arc<EndpointMetrics>,
    id: RequestId,
    method: Method,
    /// The path, when the access log wants it.
    uri: Option<Uri>,
    locale: Locale,
    if_none_match: Option<HeaderValue>,
    started: Instant,
    finished: bool,
}

impl Exchange {
    fn begin(rim: &Arc<Rim>, endpoint: &Arc<EndpointMetrics>, request: &Request) -> Self {
        endpoint.route(request.extensions().get().map(MatchedPath::as_str));
        rim.metrics.in_flight.inc();
        let headers = request.headers();
        let logged = tracing::enabled!(target: "access", tracing::Level::INFO);
        Self {
            rim: rim.clone(),
            endpoint: endpoint.clone(),
            id: rim.ids.of(headers.get(X_REQUEST_ID)),
            method: request.method().clone(),
            uri: logged.then(|| request.uri().clone()),
            locale: Language::of(headers).0,
            if_none_match: headers.get(header::IF_NONE_MATCH).cloned(),
            started: Instant::now(),
            finished: false,
        }
    }

    fn finish(mut self, response: Response) -> Response {
        let response = problem::finish(response, self.locale, self.id.as_str());
        let mut response = conditional::finish(&self.method, self.if_none_match.as_ref(), response);
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, self.id.header());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        self.finished = true;
        self.record(response.status().as_u16());
        response
    }

    fn record(&self, status: u16) {
        let took = self.started.elapsed();
        self.endpoint.record(&self.rim.metrics, &self.method, status, took);
        let Some(uri) = &self.uri else { return };
        tracing::info!(
            target: "access",
            method = self.method.as_str(),
            path = uri.path(),
            route = &**self.endpoint.route(None),
            status,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            id = self.id.as_str(),
        );
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.rim.metrics.in_flight.dec();
        if !self.finished {
            self.record(CLIENT_LEFT);
        }
    }
}
