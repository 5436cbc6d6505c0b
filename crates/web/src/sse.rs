//! The event log as server-sent events: what was missed first, then live, without gap or duplicate.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{HeaderName, header};
use kernel::{Problem, kinds};
use serde::Deserialize;
use store::{Events, Store, StoredEvent, Unavailable, log};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::{Drain, Query, Rejection};

/// A stream with nothing to tell says so this often, so that proxies and clients keep it.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many events of the past are read at a time.
const PAGE: i64 = 500;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Ends a stream after the event for which it is true.
pub type Until = Arc<dyn Fn(&StoredEvent) -> bool + Send + Sync>;

/// Which events a stream tells.
#[derive(Clone, Default)]
pub struct Selection {
    /// Everything after this position; from now on when `None`.
    pub from: Option<i64>,
    /// Only types that start so, such as `halles.order.`.
    pub kind: Option<String>,
    /// Only events about this.
    pub subject: Option<String>,
    /// The stream ends with the first told event for which this is true.
    pub until: Option<Until>,
}

impl Selection {
    fn tells(&self, event: &StoredEvent) -> bool {
        self.kind.as_ref().is_none_or(|prefix| event.kind.starts_with(prefix.as_str()))
            && self.subject.as_ref().is_none_or(|subject| event.subject == *subject)
    }
}

/// Where a client wants to go on: the `Last-Event-ID` header that browsers send when they reconnect, or else the
/// query parameter `apres`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResumeAfter(pub Option<i64>);

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ResumeParams {
    /// Go on after this position; only new events when it is absent. The header `Last-Event-ID` goes before it.
    #[serde(rename = "apres")]
    #[param(minimum = 0, example = 0)]
    after: Option<i64>,
}

impl<S: Send + Sync> FromRequestParts<S> for ResumeAfter {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let wrong =
            |name: &str| Rejection(Problem::invalid(name, "must be a position: a whole number from 0"));
        let position = |value: i64, name: &str| if value < 0 { Err(wrong(name)) } else { Ok(value) };
        if let Some(value) = parts.headers.get(LAST_EVENT_ID) {
            let value = value.to_str().ok().and_then(|text| text.parse().ok());
            let value = value.ok_or_else(|| wrong("Last-Event-ID"))?;
            return position(value, "Last-Event-ID").map(|value| Self(Some(value)));
        }
        let Query(ResumeParams { after }) = Query::from_request_parts(parts, state).await?;
        after.map(|value| position(value, "apres")).transpose().map(Self)
    }
}

impl utoipa::IntoParams for ResumeAfter {
    fn into_params(parameter_in_provider: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        ResumeParams::into_params(parameter_in_provider)
    }
}

/// Answers with a stream of events: `id` is the position, `event` the type, `data` the CloudEvents JSON.
///
/// It starts with what was missed since [`Selection::from`] (410 when that is no longer kept) and goes on live
/// until the client leaves, falls too far behind, or the server stops.
pub async fn stream(store: &Store, drain: &Drain, selection: Selection) -> Result<Response, Rejection> {
    let live = store.tail();
    let (position, phase) = match selection.from {
        None => (store.head(), Phase::Live),
        Some(from) => {
            let oldest = store.scan(|tx| Ok::<_, Unavailable>(log::oldest(tx)?)).await?;
            if from.saturating_add(1) < oldest {
                let detail = format!("events are kept from position {oldest}");
                return Err(Problem::new(&kinds::GONE, detail).with("plus_ancienne", &oldest).into());
            }
            (from, Phase::CatchUp)
        }
    };
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    let teller =
        Teller { store: store.clone(), drain: drain.clone(), live, heartbeat, selection, position, phase };
    let opening = stream::iter([Ok(Bytes::from_static(b"retry: 2000\n\n"))]);
    let told = stream::unfold(teller, |mut teller| async move {
        let chunk = teller.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(chunk)), teller))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(stream::StreamExt::chain(opening, told))).into_response())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Reading what was missed from the log.
    CatchUp,
    /// Waiting for what comes.
    Live,
    /// Everything that will be told is told.
    Over,
}

/// Tells one client the log.
///
/// Nothing is buffered for a single client: all share the store's bounded tail, and one who falls out of it is sent
/// away with the position to come back with.
struct Teller {
    store: Store,
    drain: Drain,
    live: Receiver<Events>,
    heartbeat: Interval,
    selection: Selection,
    /// The last position told or passed over.
    position: i64,
    phase: Phase,
}

impl Teller {
    /// The next piece of the stream, never empty.
    async fn next(&mut self) -> Option<String> {
        loop {
            let chunk = match self.phase {
                Phase::Over => return None,
                Phase::CatchUp => self.catch_up().await,
                Phase::Live => self.wait().await,
            };
            if !chunk.is_empty() {
                self.heartbeat.reset();
                return Some(chunk);
            }
        }
    }

    async fn catch_up(&mut self) -> String {
        if self.drain.is_started() {
            return self.end("the server is stopping");
        }
        // Listened to before the page is read: what is committed in between is in one or the other.
        self.live = self.store.tail();
        let position = self.position;
        let page =
            self.store.scan(move |tx| Ok::<_, Unavailable>(log::after(tx, position, None, PAGE)?)).await;
        match page {
            Ok(events) => {
                if events.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                    self.phase = Phase::Live;
                }
                self.tell(&events)
            }
            Err(error) => {
                tracing::debug!(%error, "an event stream cannot read the log");
                self.end("the log cannot be read for the moment")
            }
        }
    }

    async fn wait(&mut self) -> String {
        tokio::select! {
            received = self.live.recv() => match received {
                Ok(events) if events.first().is_some_and(|first| first.position > self.position.saturating_add(1)) => {
                    self.phase = Phase::CatchUp;
                    String::new()
                }
                Ok(events) => self.tell(&events),
                Err(RecvError::Lagged(_)) => self.end("too slow: come back with the last id"),
                Err(RecvError::Closed) => self.end("the store is closed"),
            },
            () = self.drain.started() => self.end("the server is stopping"),
            // The id lets a client of a narrow selection come back without reading all it passed over again.
            _ = self.heartbeat.tick() => format!(": heartbeat\nid: {}\n\n", self.position),
        }
    }

    /// The text of those events that are new and selected.
    fn tell(&mut self, events: &[StoredEvent]) -> String {
        let mut text = String::new();
        for event in events {
            if event.position <= self.position {
                continue;
            }
            self.position = event.position;
            if !self.selection.tells(event) {
                continue;
            }
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "id: {}\nevent: {}\ndata: {}\n\n",
                event.position,
                event.kind,
                event.to_cloud_event()
            );
            if self.selection.until.as_ref().is_some_and(|until| until(event)) {
                self.phase = Phase::Over;
                break;
            }
        }
        text
    }

    fn end(&mut self, reason: &str) -> String {
        self.phase = Phase::Over;
        format!(": {reason}\n\n")
    }
}
