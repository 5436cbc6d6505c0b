//! What operators and first-time visitors ask for: health, metrics, and a page that says where to go.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, header};
use kernel::{Problem, kinds};
use serde::Serialize;
use telemetry::Metrics;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{ExampleCall, Json, Language, Rejection, Routes, page};

/// What the system's own routes tell.
#[derive(Clone)]
pub struct System {
    /// The program's version.
    pub version: &'static str,
    /// Where it runs: `local`, or what `HALLES_ENV` says.
    pub environment: String,
    /// What `/metrics` prints.
    pub metrics: Metrics,
    /// Asks the store how it is, and whether what has to be loaded from it has been; must not block.
    pub store: Arc<dyn Fn() -> store::Health + Send + Sync>,
    /// The calls that the first page shows.
    pub examples: Vec<ExampleCall>,
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sante)]
pub(crate) struct Health {
    /// `healthy`, or `unhealthy` while the store cannot be used.
    #[schema(example = "healthy")]
    status: &'static str,
    /// Always `halles`.
    #[schema(example = "halles")]
    service: &'static str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The engine that stores everything: `sqlite` or `postgresql`.
    #[schema(example = "sqlite")]
    database: &'static str,
    /// Where it runs.
    #[schema(example = "local")]
    environment: String,
}

impl System {
    /// `/`, `/health`, `/health/live`, `/health/ready` and `/metrics`.
    pub fn routes(self) -> Routes {
        Routes::new()
            .routes(routes!(health))
            .routes(routes!(live))
            .routes(routes!(ready))
            .routes(routes!(metrics))
            .raw("/", get(home), "a page for people")
            .with_state(Arc::new(self))
    }

    fn health(&self, store: store::Health) -> Health {
        Health {
            status: if store.ready { "healthy" } else { "unhealthy" },
            service: "halles",
            version: self.version,
            database: store.engine,
            environment: self.environment.clone(),
        }
    }
}

/// How the server is, and what it runs on
#[utoipa::path(get, path = "/health", tag = "systeme", responses(
    (status = 200, body = Health),
    (status = 503, description = "The store cannot be used for the moment, or is being loaded"),
))]
async fn health(State(system): State<Arc<System>>) -> Result<Json<Health>, Rejection> {
    checked(&system)
}

/// Whether the process answers: for a supervisor that restarts it
#[utoipa::path(get, path = "/health/live", tag = "systeme", responses((status = 204, description = "It does")))]
async fn live() -> http::StatusCode {
    http::StatusCode::NO_CONTENT
}

/// Whether requests can be served: for a load balancer
#[utoipa::path(get, path = "/health/ready", tag = "systeme", responses(
    (status = 200, body = Health),
    (status = 503, description = "Not yet, or not for the moment"),
))]
async fn ready(State(system): State<Arc<System>>) -> Result<Json<Health>, Rejection> {
    checked(&system)
}

fn checked(system: &System) -> Result<Json<Health>, Rejection> {
    let store = (system.store)();
    let health = system.health(store);
    if store.ready {
        return Ok(Json(health));
    }
    let detail = "the database cannot be used for the moment, or what it holds is being loaded";
    Err(Problem::new(&kinds::UNAVAILABLE, detail).retry_after(2).with("sante", &health))?
}

/// All metrics, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "systeme", responses(
    (status = 200, body = String, content_type = "application/openmetrics-text"),
))]
async fn metrics(State(system): State<Arc<System>>) -> Response {
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], system.metrics.encode()).into_response()
}

async fn home(State(system): State<Arc<System>>, language: Language, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost:8000");
    let body = page::home(language.0, host, system.version, &system.examples);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, language.0.tag()),
        (header::VARY, "accept-language"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'",
        ),
    ];
    (headers, body).into_response()
}
