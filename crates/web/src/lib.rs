//! What every HTTP stall needs: the server, problems, bodies and parameters, idempotent changes, event streams,
//! the OpenAPI document, health and metrics.
//!
//! It knows no stall and no business rule. Whatever is refused, by a handler, by an extractor here or by the
//! framework below, leaves as `application/problem+json` in the caller's language; no other text ever does.
//!
//! A request's life: [`serve`] watches its connection, [`App`] trims the path and adds CORS and compression, the
//! rim (one layer) names it, checks `Host` and `Origin`, limits its time, catches panics, counts and logs it,
//! and the router calls the handler.
//!
//! To add an operation, write its request, its response and its handler on one screen, and add one line to
//! the stall's [`Routes`]. Handlers document their own refusals by status and description; the shared ones, the problem
//! bodies and the `Idempotency-Key` parameter are filled in.
//!
//! ```no_run
//! use axum::extract::State;
//! use axum::response::Response;
//! use kernel::{Line, Problem, ShopId};
//! use serde::{Deserialize, Serialize};
//! use store::{Call, Failure, Lane, Store, Tx, Unavailable};
//! use utoipa::ToSchema;
//! use utoipa_axum::routes;
//! use web::{Change, Json, Path, Rejection, Reply, Routes};
//!
//! /// A shop to open.
//! #[derive(Deserialize, ToSchema)]
//! struct NewShop {
//!     nom: Line,
//! }
//!
//! /// A shop of the chain.
//! #[derive(Serialize, ToSchema)]
//! #[schema(as = Magasin)]
//! struct Shop {
//!     id: ShopId,
//!     nom: String,
//! }
//!
//! /// Opens a shop
//! #[utoipa::path(post, path = "/magasins", tag = "magasins", request_body = NewShop, responses(
//!     (status = 201, body = Shop, headers(("Location" = String))),
//! ))]
//! async fn create(State(store): State<Store>, change: Change<NewShop>) -> Result<Response, Rejection> {
//!     let Change { body, key } = change;
//!     web::change(&store, key, Call::new("retail.shop.create", Lane("stock")), move |tx, _now| {
//!         let id = insert(tx, &body.nom)?;
//!         Ok::<_, Failure<Problem>>(Reply::created(format!("/magasins/{id}"), &Shop { id, nom: body.nom.to_string() }))
//!     })
//!     .await
//! }
//!
//! /// One shop
//! #[utoipa::path(get, path = "/magasins/{id}", tag = "magasins", params(("id" = ShopId, Path)), responses(
//!     (status = 200, body = Shop),
//!     (status = 404, description = "There is no such shop"),
//! ))]
//! async fn read(State(store): State<Store>, Path(id): Path<ShopId>) -> Result<Json<Shop>, Rejection> {
//!     let shop = store.read(move |tx| Ok::<_, Unavailable>(find(tx, id)?)).await?;
//!     Ok(Json(shop.ok_or_else(|| Problem::not_found("shop", id))?))
//! }
//!
//! fn routes(store: Store) -> Routes {
//!     Routes::new().routes(routes!(create)).routes(routes!(read)).with_state(store)
//! }
//! # fn insert(_: &mut Tx<'_>, _: &Line) -> Result<ShopId, store::DbError> { Ok(ShopId(1)) }
//! # fn find(_: &mut Tx<'_>, _: ShopId) -> Result<Option<Shop>, store::DbError> { Ok(None) }
//!
//! # async fn assemble(store: Store) -> Result<(), Box<dyn std::error::Error>> {
//! let metrics = telemetry::Metrics::new();
//! let app = web::Api::new("Halles", "0.1.0", "A chain of shops")
//!     .stall(routes(store))
//!     .build(&web::Settings::default(), &metrics)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let shutdown = std::future::pending();
//! web::serve(listener, app, web::ServerOptions::default(), web::Drain::new(), shutdown).await;
//! # Ok(())
//! # }
//! ```

mod api;
mod app;
mod body;
mod conditional;
mod docs;
mod drain;
pub mod events;
mod extract;
mod format;
mod guard;
pub mod idempotency;
mod metrics;
mod one_or_many;
mod openapi;
mod pace;
mod page;
mod params;
mod problem;
mod request_id;
mod rim;
mod server;
pub mod sse;
mod system;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use api::{Api, RawRoute, Routes};
pub use app::{App, AppFuture, Settings};
pub use body::{BodyLimit, body_limit};
pub use conditional::{Conditional, etag};
pub use drain::Drain;
pub use extract::{Json, Language, Paging, Path, Principal, Query};
pub use format::{CsvFile, Format};
pub use idempotency::{Change, ChangeBytes, ChangeOnly, ChangePieces, Reply, change};
pub use one_or_many::{ChangeEach, OneOrMany};
pub use page::ExampleCall;
pub use problem::Rejection;
pub use request_id::RequestId;
pub use server::{Drained, ServerOptions, serve};
pub use system::System;
