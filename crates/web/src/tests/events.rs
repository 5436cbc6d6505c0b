//! Event streams, on a real store.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::Method;
use http_body_util::BodyExt as _;
use kernel::{Problem, Timestamp};
use serde_json::{Value, json};
use store::{Call, Failure, Lane, Store, log};
use telemetry::Metrics;
use utoipa_axum::routes;

use super::changes::{Opened, open};
use crate::sse::{ResumeAfter, Selection, stream};
use crate::testing::TestApp;
use crate::{Api, Drain, Query, Rejection, Routes, Settings};

#[derive(serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only types that start so.
    r#type: Option<String>,
    /// Only events about this.
    sujet: Option<String>,
    /// Ends after the event of this type.
    #[serde(rename = "jusqua")]
    until: Option<String>,
}

/// The log, live
#[utoipa::path(get, path = "/flux", params(Filter, ResumeAfter), responses(
    (status = 200, body = String, content_type = "text/event-stream"),
    (status = 410, description = "The position is older than what is kept"),
))]
async fn flux(
    State((store, drain)): State<(Store, Drain)>,
    Query(filter): Query<Filter>,
    ResumeAfter(from): ResumeAfter,
) -> Result<Response, Rejection> {
    let until = filter.until.map(|kind| -> crate::sse::Until { Arc::new(move |event| event.kind == kind) });
    stream(&store, &drain, Selection { from, kind: filter.r#type, subject: filter.sujet, until }).await
}

struct Fixture {
    app: TestApp,
    drain: Drain,
    opened: Opened,
}

impl Fixture {
    fn new() -> Self {
        let (opened, drain, metrics) = (open(), Drain::new(), Metrics::new());
        let routes = Routes::new().routes(routes!(flux)).with_state((opened.store.clone(), drain.clone()));
        let app = Api::new("Halles", "0", "").stall(routes).build(&Settings::default(), &metrics);
        Self { app: TestApp::new(app.expect("an application")), drain, opened }
    }

    async fn happen(&self, kind: &'static str, subject: i64) {
        self.happen_many(kind, subject..=subject).await;
    }

    async fn happen_many(&self, kind: &'static str, subjects: std::ops::RangeInclusive<i64>) {
        let done = self.opened.store.run(Call::new("test.event", Lane("test")), move |tx, _| {
            for subject in subjects.clone() {
                tx.emit(kind, "/test", subject.to_string(), &json!({"numero": subject}));
            }
            Ok::<_, Failure<Problem>>(())
        });
        done.await.expect("a commit");
    }

    async fn listen(&self, query: &str) -> Listener {
        let response = self.app.request(Method::GET, &format!("/flux?{query}")).send_streaming().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Listener { body: response.into_body(), text: String::new() }
    }
}

struct Listener {
    body: Body,
    text: String,
}

impl Listener {
    /// The next whole message, without its blank line; `None` at the end of the stream.
    async fn message(&mut self) -> Option<String> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(message);
            }
            let frame = tokio::time::timeout(Duration::from_mins(1), self.body.frame()).await;
            let data = frame.expect("in time")?.expect("no error").into_data().expect("data");
            self.text.push_str(std::str::from_utf8(&data).expect("text"));
        }
    }

    /// The positions of the next events, checked to be what their data says.
    async fn positions(&mut self, count: usize) -> Vec<i64> {
        let mut positions = Vec::new();
        while positions.len() < count {
            let message = self.message().await.expect("an event");
            let Some(data) = message.lines().find_map(|line| line.strip_prefix("data: ")) else { continue };
            let event: Value = serde_json::from_str(data).expect("JSON");
            let position = event["position"].as_i64().expect("a position");
            assert!(message.contains(&format!("id: {position}\n")), "{message}");
            assert!(message.contains(&format!("event: {}\n", event["type"].as_str().expect("a type"))));
            positions.push(position);
        }
        positions
    }

    /// Everything that still comes, up to the end of the stream.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        while let Some(message) = self.message().await {
            rest.push_str(&message);
            rest.push('\n');
        }
        rest
    }
}

#[tokio::test]
async fn what_was_missed_comes_first_and_then_what_happens() {
    let fixture = Fixture::new();
    // More than one page of the past, so that catching up and live overlap.
    fixture.happen_many("halles.test.past", 1..=1200).await;
    let mut listener = fixture.listen("apres=100").await;
    assert_eq!(listener.positions(10).await, (101..=110).collect::<Vec<_>>());
    for subject in 1201..=1210 {
        fixture.happen("halles.test.now", subject).await;
    }
    assert_eq!(listener.positions(1100).await, (111..=1210).collect::<Vec<_>>());
}

#[tokio::test]
async fn without_a_position_only_new_events_come() {
    let fixture = Fixture::new();
    fixture.happen_many("halles.test.past", 1..=3).await;
    let mut listener = fixture.listen("").await;
    fixture.happen("halles.test.now", 4).await;
    assert_eq!(listener.positions(1).await, [4]);
}

#[tokio::test]
async fn the_header_of_a_reconnecting_browser_goes_before_the_query() {
    let fixture = Fixture::new();
    fixture.happen_many("halles.test.past", 1..=5).await;
    let request = fixture.app.request(Method::GET, "/flux?apres=0").header("last-event-id", "3");
    let mut listener = Listener { body: request.send_streaming().await.into_body(), text: String::new() };
    assert_eq!(listener.positions(2).await, [4, 5]);
    for (header, query) in [(Some("x"), ""), (Some("-1"), ""), (None, "apres=x"), (None, "apres=-1")] {
        let mut request = fixture.app.request(Method::GET, &format!("/flux?{query}"));
        if let Some(header) = header {
            request = request.header("last-event-id", header);
        }
        assert_eq!(request.send().await.problem()["status"], 422, "{header:?} {query}");
    }
}

#[tokio::test]
async fn a_stream_tells_what_is_selected_and_ends_where_it_is_told() {
    let fixture = Fixture::new();
    fixture.happen("halles.order.created", 7).await;
    fixture.happen("halles.order.created", 8).await;
    fixture.happen("halles.stock.changed", 7).await;
    let mut listener =
        fixture.listen("apres=0&type=halles.order.&sujet=7&jusqua=halles.order.confirmed").await;
    assert_eq!(listener.positions(1).await, [1]);
    fixture.happen("halles.order.confirmed", 8).await;
    fixture.happen("halles.order.confirmed", 7).await;
    fixture.happen("halles.order.cancelled", 7).await;
    assert_eq!(listener.positions(1).await, [5]);
    assert_eq!(listener.rest().await, "");
}

#[tokio::test]
async fn a_position_that_is_no_longer_kept_is_gone() {
    let fixture = Fixture::new();
    fixture.happen_many("halles.test.past", 1..=5).await;
    let later = Timestamp::from_micros(i64::MAX);
    let prune = fixture.opened.store.run(Call::new("test.prune", Lane("test")), move |tx, _| {
        log::prune(tx, later, 3).map_err(Failure::<Problem>::from)
    });
    assert_eq!(prune.await.expect("a commit"), 3);
    let gone = fixture.app.get("/flux?apres=2").await;
    assert_eq!((gone.status.as_u16(), &gone.problem()["plus_ancienne"]), (410, &json!(4)));
    assert_eq!(fixture.listen("apres=3").await.positions(2).await, [4, 5]);
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams() {
    let fixture = Fixture::new();
    let mut listener = fixture.listen("").await;
    assert_eq!(listener.message().await.as_deref(), Some("retry: 2000"));
    fixture.drain.start();
    assert_eq!(listener.rest().await, ": the server is stopping\n");
    assert_eq!(fixture.listen("apres=0").await.rest().await, "retry: 2000\n: the server is stopping\n");
}

#[tokio::test]
async fn a_listener_who_is_too_slow_is_sent_away() {
    let fixture = Fixture::new();
    let mut listener = fixture.listen("").await;
    assert_eq!(listener.message().await.as_deref(), Some("retry: 2000"));
    // One commit each: the shared tail keeps a bounded number of batches.
    for subject in 1..=5000 {
        fixture.happen("halles.test.now", subject).await;
    }
    assert!(listener.rest().await.contains("too slow"));
}

#[tokio::test]
async fn a_quiet_stream_has_a_heartbeat_with_its_position() {
    let fixture = Fixture::new();
    fixture.happen_many("halles.test.past", 1..=3).await;
    let mut listener = fixture.listen("").await;
    assert_eq!(listener.message().await.as_deref(), Some("retry: 2000"));
    tokio::time::pause();
    assert_eq!(listener.message().await.as_deref(), Some(": heartbeat\nid: 3"));
}
