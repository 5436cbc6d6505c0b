//! The behaviour of everything that requests share, on a small stall.

mod changes;
mod documents;
mod events;
mod log;
mod one_or_many;
mod requests;
mod sockets;

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use kernel::{Problem, Quantity};
use serde::{Deserialize, Serialize};
use telemetry::Metrics;
use utoipa::ToSchema;
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;

use crate::testing::TestApp;
use crate::{
    Api, App, ChangeBytes, ChangePieces, Conditional, ExampleCall, Json, Language, Paging, Path, Query,
    Rejection, RequestId, Routes, Settings, System, body_limit,
};

#[derive(Debug, PartialEq, Serialize, Deserialize, ToSchema)]
struct Item {
    nom: String,
    quantite: Quantity,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only this many.
    quantite: Option<i64>,
}

/// One item
#[utoipa::path(get, path = "/items/{id}", params(("id" = i64, Path)), responses(
    (status = 200, body = Item, headers(("ETag" = String))),
    (status = 404, description = "There is no such item"),
))]
async fn item(Path(id): Path<i64>) -> Result<Conditional<Item>, Rejection> {
    if id == 404 {
        return Err(Problem::not_found("item", id).into());
    }
    let quantite = Quantity::new(id).map_err(|error| Problem::invalid("id", error.to_string()))?;
    Ok(Conditional(Item { nom: "pomme".to_owned(), quantite }))
}

/// An item as it came
#[utoipa::path(post, path = "/items", request_body = Item, responses((status = 200, body = Item)))]
async fn echo(Json(item): Json<Item>) -> Json<Item> {
    Json(item)
}

/// Items
#[utoipa::path(get, path = "/items", params(Filter, Paging), responses((status = 200, body = [i64])))]
async fn list(Query(filter): Query<Filter>, paging: Paging) -> Json<Vec<i64>> {
    let all = 0..filter.quantite.unwrap_or(1000);
    Json(all.take(paging.limit.get()).collect())
}

/// The size of a body
#[utoipa::path(put, path = "/size", responses((status = 200, body = usize)))]
async fn size(ChangeBytes { body, .. }: ChangeBytes) -> Json<usize> {
    Json(body.len())
}

/// The size of a body that is never whole, and what its key stands for
#[utoipa::path(put, path = "/pieces", responses((status = 200, body = [u32])))]
async fn pieces(mut change: ChangePieces) -> Result<Json<(usize, Option<[u8; 4]>)>, Rejection> {
    let mut size = 0;
    while let Some(piece) = change.next().await? {
        size += piece.len();
    }
    let key = change.key()?;
    Ok(Json((size, key.and_then(|key| key.body_hash.first_chunk().copied()))))
}

fn stall() -> Routes {
    let reason = "for tests";
    let text = |words: &'static str| get(move || std::future::ready(words.repeat(400)));
    Routes::new()
        .routes(routes!(list, echo))
        .routes(routes!(item))
        .routes(routes!(size).layer(body_limit(2 << 20)))
        .routes(routes!(pieces).layer(body_limit(2 << 20)))
        .raw("/text", text("words "), reason)
        .raw("/stream", get(event_stream), reason)
        .raw("/panic", get(panics).post(panics), reason)
        .raw("/never", get(never).post(never), reason)
        .raw("/plain", get(async || (StatusCode::BAD_REQUEST, "a rejection of the framework")), reason)
        .raw(
            "/who",
            get(async |id: RequestId, language: Language| format!("{} {}", id.as_str(), language.0.tag())),
            reason,
        )
}

async fn panics() -> StatusCode {
    panic!("the secret is 42")
}

async fn never() -> StatusCode {
    std::future::pending().await
}

async fn event_stream() -> Response {
    ([("content-type", "text/event-stream")], "data: x\n\n".repeat(400)).into_response()
}

fn api(metrics: &Metrics) -> Api {
    let system = System {
        version: "0.1.0",
        environment: "local".to_owned(),
        metrics: metrics.clone(),
        store: std::sync::Arc::new(|| store::Health { engine: "sqlite", ready: true }),
        examples: vec![ExampleCall {
            en: "Buy",
            fr: "Acheter",
            method: "POST",
            path: "/saga/commande/",
            body: "{}",
        }],
    };
    Api::new("Halles", "0.1.0", "A test").stall(stall()).stall(system.routes())
}

fn build(settings: &Settings) -> App {
    let metrics = Metrics::new();
    api(&metrics).build(settings, &metrics).expect("an application")
}

fn app() -> TestApp {
    TestApp::new(build(&Settings::default()))
}

/// Waits until something is so, looking often; panics after ten seconds.
async fn until<F: AsyncFnMut() -> bool>(mut so: F) {
    let look = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), look).await.expect("in time");
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
