//! The list of all routes: each is documented, or says why not.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::MethodRouter;
use telemetry::Metrics;
use utoipa::openapi::{Info, OpenApi, Paths};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::{App, Settings, docs, openapi};

/// A route that the OpenAPI document leaves out, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRoute {
    /// The route's template.
    pub path: &'static str,
    /// Why it is not documented.
    pub reason: &'static str,
}

/// The routes of a stall. A route comes in only with its documentation, or with a reason for having none.
pub struct Routes<S = ()> {
    router: OpenApiRouter<S>,
    raw: Vec<RawRoute>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    pub fn new() -> Self {
        Self { router: OpenApiRouter::default(), raw: Vec::new() }
    }

    /// Adds the handlers of one path: `.routes(routes!(list, create))`.
    #[must_use]
    pub fn routes(mut self, handlers: UtoipaMethodRouter<S>) -> Self {
        self.router = self.router.routes(handlers);
        self
    }

    /// Adds a route that is not part of the documented API, for the given reason.
    #[must_use]
    pub fn raw(mut self, path: &'static str, handlers: MethodRouter<S>, reason: &'static str) -> Self {
        self.router = self.router.route(path, handlers);
        self.raw.push(RawRoute { path, reason });
        self
    }

    /// Adds all routes of another list.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.raw.extend(other.raw);
        self
    }

    /// Gives the handlers their state.
    pub fn with_state<S2: Clone + Send + Sync + 'static>(self, state: S) -> Routes<S2> {
        Routes { router: self.router.with_state(state), raw: self.raw }
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// The whole API: the stalls' routes under one document.
pub struct Api {
    routes: Routes,
}

impl Api {
    /// An API without routes.
    pub fn new(title: &str, version: &str, description: &str) -> Self {
        let mut info = Info::new(title, version);
        info.description = Some(description.to_owned());
        let router = OpenApiRouter::with_openapi(OpenApi::new(info, Paths::new()));
        Self { routes: Routes { router, raw: Vec::new() } }
    }

    /// Adds a stall's routes.
    #[must_use]
    pub fn stall(mut self, routes: Routes) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// The OpenAPI document, with what all operations share filled in.
    pub fn document(&self) -> OpenApi {
        openapi::complete(self.routes.router.get_openapi().clone())
    }

    /// The routes that the document leaves out, those of the documentation itself included.
    pub fn undocumented_routes(&self) -> Vec<RawRoute> {
        let own = docs::routes(&OpenApi::default()).map(|docs| docs.raw).unwrap_or_default();
        self.routes.raw.iter().copied().chain(own).collect()
    }

    /// What is wrong with the document: operations without a summary, or two of the same name.
    pub fn faults(&self) -> Vec<String> {
        let document = self.document();
        let mut names = BTreeMap::<&str, Vec<String>>::new();
        let mut faults = Vec::new();
        for (method, path, operation) in openapi::operations(&document) {
            let here = format!("{method} {path}");
            if operation.summary.as_deref().is_none_or(str::is_empty) {
                faults.push(format!("{here} has no summary"));
            }
            if !operation.responses.responses.keys().any(|status| status.starts_with(['2', '3'])) {
                faults.push(format!("{here} documents no success"));
            }
            names.entry(operation.operation_id.as_deref().unwrap_or("")).or_default().push(here);
        }
        let doubled = names.into_iter().filter(|(_, places)| places.len() > 1);
        faults.extend(doubled.map(|(name, places)| format!("{name:?} names {}", places.join(" and "))));
        faults
    }

    /// The application: all routes, `/openapi.json` and `/docs`, and around them what `settings` say.
    ///
    /// Fails when the document cannot be written as JSON, which is a fault in some handler's documentation.
    pub fn build(self, settings: &Settings, metrics: &Metrics) -> Result<App, serde_json::Error> {
        let docs = docs::routes(&self.document())?;
        let router: Router = self.routes.merge(docs).router.into();
        Ok(App::new(router, settings, metrics))
    }
}
