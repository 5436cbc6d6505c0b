//! The whole application as one service: paths trimmed, CORS, compression, the rim, the router.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, Method, Request, StatusCode, header};
use telemetry::Metrics;
use tower::{BoxError, Service};
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{Compression, CompressionLevel};
use tower_http::cors::{AllowOrigin, Any, Cors, CorsLayer};
use tower_http::normalize_path::NormalizePath;

use crate::body::BodyPolicy;
use crate::guard::Origins;
use crate::metrics::HttpMetrics;
use crate::request_id::RequestIds;
use crate::rim::{Rim, RimLayer};

/// Smaller answers are sent as they are: compressing them costs more than it saves.
const COMPRESSED_ABOVE: u64 = 1024;

/// How the application treats every request.
#[derive(Debug, Clone)]
pub struct Settings {
    /// There are no accounts: answer only as localhost or another loopback name.
    pub open: bool,
    /// The origins whose pages may call every operation, such as `https://shop.example`. Any page may read.
    pub origins: Vec<String>,
    /// The longest that a handler may take.
    pub handler_timeout: Duration,
    /// The longest silence in the middle of a request's body.
    pub body_timeout: Duration,
    /// The largest body in bytes, where an operation has no limit of its own.
    pub body_limit: usize,
}

impl Default for Settings {
    /// Not open, no foreign origin, 30 s for a handler, 10 s for a body's next piece, bodies of 1 MiB.
    fn default() -> Self {
        let body = BodyPolicy::default();
        Self {
            open: false,
            origins: Vec::new(),
            handler_timeout: Duration::from_secs(30),
            body_timeout: body.patience,
            body_limit: body.limit,
        }
    }
}

#[derive(Clone, Copy)]
struct Compressible;

impl Predicate for Compressible {
    /// Not small answers, pictures, event streams (they must not wait for a full block) or what is compressed
    /// already.
    fn should_compress<B: HttpBody>(&self, response: &http::Response<B>) -> bool {
        SizeAbove::new(COMPRESSED_ABOVE).should_compress(response)
            && NotForContentType::SSE.should_compress(response)
            && NotForContentType::IMAGES.should_compress(response)
            && response.status() != StatusCode::NOT_MODIFIED
    }
}

type Stack = NormalizePath<Cors<Compression<Router, Compressible>>>;

/// The application: a cheap clone, a [`tower::Service`] from requests to responses that never fails.
#[derive(Clone)]
pub struct App(Arc<Stacks>);

struct Stacks {
    public: Stack,
    /// For pages of the configured origins.
    trusted: Stack,
    origins: Origins,
}

impl App {
    /// Puts everything that all requests share around a router.
    pub(crate) fn new(router: Router, settings: &Settings, metrics: &Metrics) -> Self {
        let origins = Origins::new(settings.origins.iter().cloned());
        let rim = Rim {
            open: settings.open,
            origins: origins.clone(),
            patience: settings.handler_timeout,
            body: BodyPolicy { limit: settings.body_limit, patience: settings.body_timeout },
            metrics: HttpMetrics::register(metrics),
            ids: RequestIds::new(),
        };
        // A layer on the router itself sees the matched route, and the fallbacks too.
        // Given its state, the router applies the layer now, once for each endpoint, and not at every request.
        let router = router.layer(RimLayer(Arc::new(rim))).with_state(());
        let compressed =
            Compression::new(router).quality(CompressionLevel::Fastest).compress_when(Compressible);
        let stack = |cors: CorsLayer| {
            NormalizePath::trim_trailing_slash(tower::Layer::layer(&cors, compressed.clone()))
        };
        Self(Arc::new(Stacks {
            public: stack(public_cors(&origins)),
            trusted: stack(trusted_cors(&origins)),
            origins,
        }))
    }

    fn stack_for<B>(&self, request: &Request<B>) -> &Stack {
        let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        let trusted = origin.is_some_and(|origin| self.0.origins.contains(origin));
        if trusted { &self.0.trusted } else { &self.0.public }
    }
}

/// Any page may read, without credentials.
fn public_cors(origins: &Origins) -> CorsLayer {
    let vary = (!origins.is_empty()).then_some(header::ORIGIN);
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .expose_headers(exposed_headers())
        .vary(vary.into_iter().collect::<Vec<_>>())
}

/// A page of a configured origin may do everything.
fn trusted_cors(origins: &Origins) -> CorsLayer {
    let origins = origins.clone();
    let known =
        AllowOrigin::predicate(move |origin, _| origin.to_str().is_ok_and(|text| origins.contains(text)));
    CorsLayer::new()
        .allow_origin(known)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("prefer"),
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers(exposed_headers())
        .max_age(Duration::from_hours(1))
        .vary([header::ORIGIN])
}

fn exposed_headers() -> [HeaderName; 5] {
    [
        header::ETAG,
        header::LOCATION,
        header::RETRY_AFTER,
        HeaderName::from_static("idempotency-replayed"),
        HeaderName::from_static("x-request-id"),
    ]
}

impl<B> Service<Request<B>> for App
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = AppFuture;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> AppFuture {
        let mut stack = self.stack_for(&request).clone();
        AppFuture(Box::pin(stack.call(request.map(Body::new))))
    }
}

/// The answer on its way.
pub struct AppFuture(Pin<Box<<Stack as Service<Request<Body>>>::Future>>);

impl Future for AppFuture {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(response) = ready!(self.0.as_mut().poll(cx));
        Poll::Ready(Ok(response.map(Body::new)))
    }
}
