//! The event log over HTTP: it belongs to no stall.

use crate::sse::{self, ResumeAfter, Selection};
use crate::{Drain, Paging, Query, Rejection, Routes};
use axum::extract::State;
use axum::response::Response;
use kernel::{Page, Problem};
use serde::Deserialize;
use store::{Store, log};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

#[derive(Clone)]
struct Log {
    store: Store,
    drain: Drain,
}

/// `/evenements` and `/evenements/flux`.
pub fn routes(store: &Store, drain: &Drain) -> Routes {
    let log = Log { store: store.clone(), drain: drain.clone() };
    Routes::new().routes(routes!(read_events)).routes(routes!(stream_events)).with_state(log)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReadParams {
    /// Events after this position; from the oldest kept when absent.
    #[param(minimum = 0, example = 0)]
    apres: Option<i64>,
    /// Only events of this type.
    #[serde(rename = "type")]
    #[param(example = "halles.order.confirmed")]
    kind: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StreamParams {
    /// Only events whose type starts so.
    #[serde(rename = "type")]
    #[param(example = "halles.order.")]
    kind: Option<String>,
}

/// An event of the log, as CloudEvents 1.0 JSON.
#[derive(ToSchema)]
#[schema(as = Evenement)]
#[expect(dead_code, reason = "describes what StoredEvent::to_cloud_event writes")]
struct CloudEvent {
    /// Always `1.0`.
    specversion: String,
    /// The position, as a text: unique within the log.
    id: String,
    /// What speaks, such as `/retail`.
    source: String,
    /// The event's type.
    #[schema(rename = "type", example = "halles.order.confirmed")]
    kind: String,
    /// What it is about.
    subject: String,
    /// When it was committed.
    time: kernel::Timestamp,
    /// Always `application/json`.
    datacontenttype: String,
    /// Its place in the log, without gaps.
    position: i64,
    /// Its content.
    data: serde_json::Value,
}

/// Read the event log
///
/// Oldest first. Go on with `curseur`, or with `apres` = the last position seen.
#[utoipa::path(get, path = "/evenements", tag = "evenements", params(ReadParams, Paging),
    responses((status = 200, description = "A page of events", body = Page<CloudEvent>),
              (status = 410, description = "The position is older than what is kept")))]
async fn read_events(
    State(log): State<Log>,
    Query(params): Query<ReadParams>,
    paging: Paging,
) -> Result<axum::Json<Page<serde_json::Value>>, Rejection> {
    if params.apres.is_some_and(|position| position < 0) {
        return Err(Problem::invalid("apres", "must be a position: a whole number from 0").into());
    }
    let after = paging.after::<i64>()?.or(params.apres);
    let (kind, limit) = (params.kind, paging.limit);
    let events = log
        .store
        .scan(move |tx| {
            let oldest = log::oldest(tx)?;
            let from = after.unwrap_or(oldest - 1);
            if from.saturating_add(1) < oldest {
                let detail = format!("events are kept from position {oldest}");
                return Err(Problem::new(&kernel::kinds::GONE, detail).with("plus_ancienne", &oldest));
            }
            Ok(log::after(tx, from, kind.as_deref(), limit.probe())?)
        })
        .await?;
    let page = Page::cut(events, limit, |event| event.position);
    Ok(axum::Json(page.map(|event| event.to_cloud_event())))
}

/// Follow the event log
///
/// Server-sent events: `id` is the position, `event` the type, `data` the CloudEvents JSON. Reconnect with
/// `Last-Event-ID` to miss nothing; a comment comes every 15 s when there is nothing to tell.
#[utoipa::path(get, path = "/evenements/flux", tag = "evenements", params(StreamParams, ResumeAfter),
    responses((status = 200, description = "A stream of events", content_type = "text/event-stream", body = String),
              (status = 410, description = "The position is older than what is kept")))]
async fn stream_events(
    State(log): State<Log>,
    Query(params): Query<StreamParams>,
    after: ResumeAfter,
) -> Result<Response, Rejection> {
    let selection = Selection { from: after.0, kind: params.kind, ..Selection::default() };
    sse::stream(&log.store, &log.drain, selection).await
}
