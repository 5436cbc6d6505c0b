//! One request at a time, without a socket.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Method;
use serde_json::json;

use super::{app, build, header};
use crate::Settings;
use crate::testing::TestApp;

/// How a gzip file begins (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

#[tokio::test]
async fn an_unknown_path_and_a_wrong_method_are_problems() {
    let app = app();
    let missing = app.get("/nowhere").await;
    assert_eq!(missing.problem()["type"], "urn:halles:problem:not-found");
    let wrong = app.delete("/items").await;
    assert_eq!(wrong.problem()["type"], "urn:halles:problem:method-not-allowed");
    assert_eq!(wrong.header("allow"), Some("GET,HEAD,POST"));
    assert_eq!(app.request(Method::HEAD, "/items/3").send().await.body.len(), 0);
    assert_eq!(app.get("/plain").await.problem()["type"], "urn:halles:problem:malformed");
}

#[tokio::test]
async fn a_problem_speaks_the_callers_language_and_names_the_request() {
    let request = app().request(Method::GET, "/items/404").header("accept-language", "fr-FR, en;q=0.5");
    let answer = request.header("x-request-id", "abc-1").send().await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-language"), Some("fr"));
    assert_eq!(
        answer.problem(),
        json!({
            "type": "urn:halles:problem:not-found",
            "title": "Introuvable",
            "status": 404,
            "detail": "there is no item 404",
            "instance": "urn:halles:request:abc-1",
        })
    );
}

#[tokio::test]
async fn parameters_that_cannot_be_read_are_refused_before_any_look_up() {
    let app = app();
    for (path, status, field) in [
        ("/items/abc", 422, "id"),
        ("/items/1.5", 422, "id"),
        ("/items/99999999999999999999", 422, "id"),
        ("/items/a%00b", 422, "id"),
        ("/items/%ff", 400, ""),
        ("/items?limite=0", 422, "limite"),
        ("/items?quantite=x", 422, "quantite"),
        ("/items?quantite=1&quantite=2", 422, "quantite"),
        ("/items?quantite=%ff", 400, ""),
    ] {
        let answer = app.get(path).await;
        let problem = answer.problem();
        assert_eq!(answer.status, status, "{path}: {problem}");
        if status == 422 {
            assert_eq!(problem["erreurs"][0]["champ"], field, "{path}");
        }
    }
    assert_eq!(app.get("/items?inconnu=1&limite=3").await.json::<Vec<i64>>(), [0, 1, 2]);
}

#[tokio::test]
async fn bodies_are_read_as_tools_send_them() {
    let app = app();
    let body = r#"{"nom":"pomme","quantite":3}"#;
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let mut request = app.request(Method::POST, "/items").body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        assert_eq!(request.send().await.json::<serde_json::Value>()["quantite"], 3, "{content_type:?}");
    }
    let xml = app.request(Method::POST, "/items").header("content-type", "application/xml").body(body);
    assert_eq!(xml.send().await.problem()["status"], 415);
    let broken = app.request(Method::POST, "/items").body("{\"nom\": 3,\n oops").send().await.problem();
    assert_eq!(
        (&broken["status"], &broken["ligne"], &broken["colonne"]),
        (&json!(400), &json!(2), &json!(2))
    );
    let wrong = app.post("/items", &json!({"nom": "pomme", "quantite": 0})).await.problem();
    assert_eq!((&wrong["status"], &wrong["erreurs"][0]["champ"]), (&json!(422), &json!("quantite")));
}

#[tokio::test]
async fn a_body_has_the_limit_of_its_operation() {
    let app = app();
    let sized = |bytes: usize| app.request(Method::PUT, "/size").body("x".repeat(bytes)).send();
    assert_eq!(sized(2 << 20).await.json::<usize>(), 2 << 20);
    assert_eq!(sized((2 << 20) + 1).await.problem()["status"], 413);
    let item = json!({"nom": "x".repeat(1 << 20), "quantite": 1});
    assert_eq!(app.post("/items", &item).await.problem()["limite"], 1 << 20);
}

#[tokio::test]
async fn a_body_taken_in_pieces_is_bounded_and_its_key_knows_all_of_it() {
    let app = app();
    let sent = async |path: &str, body: String| {
        let request = app.request(Method::PUT, path).header("idempotency-key", "k").body(body);
        request.send().await.json::<(usize, Option<[u8; 4]>)>()
    };
    let (size, key) = sent("/pieces", "x".repeat(2 << 20)).await;
    assert_eq!(size, 2 << 20);
    assert_eq!(sent("/pieces", "x".repeat(2 << 20)).await, (size, key));
    assert_ne!(sent("/pieces?type=a", "x".repeat(2 << 20)).await.1, key);
    assert_ne!(sent("/pieces", "y".repeat(2 << 20)).await.1, key);
    let unkeyed = app.request(Method::PUT, "/pieces").send().await;
    assert_eq!(unkeyed.json::<(usize, Option<[u8; 4]>)>(), (0, None));
    let large = app.request(Method::PUT, "/pieces").body("x".repeat((2 << 20) + 1)).send().await;
    assert_eq!(large.problem()["status"], 413);
}

#[tokio::test]
async fn pages_of_other_origins_may_read_and_not_change() {
    let settings = Settings { origins: vec!["https://office.example".to_owned()], ..Settings::default() };
    let app = TestApp::new(build(&settings));
    let ask = |method: Method, origin: &str, asked: &str| {
        app.request(method, "/items")
            .header("origin", origin)
            .header("access-control-request-method", asked)
            .send()
    };
    let read = ask(Method::GET, "https://evil.example", "").await;
    assert_eq!((read.status.as_u16(), read.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(read.header("access-control-allow-credentials"), None);
    let foreign = ask(Method::OPTIONS, "https://evil.example", "POST").await;
    assert_eq!(foreign.header("access-control-allow-methods"), Some("GET,HEAD"));
    let office = ask(Method::OPTIONS, "https://office.example", "POST").await;
    assert_eq!(office.header("access-control-allow-origin"), Some("https://office.example"));
    assert!(office.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));

    let body = r#"{"nom":"pomme","quantite":3}"#;
    let change = |origin: &str, content_type: &str| {
        let request = app.request(Method::POST, "/items").header("origin", origin);
        request.header("content-type", content_type).body(body).send()
    };
    assert_eq!(change("https://evil.example", "text/plain").await.problem()["status"], 403);
    assert_eq!(change("https://office.example", "text/plain").await.status, 200);
    assert_eq!(change("http://localhost", "text/plain").await.status, 200);
}

#[tokio::test]
async fn an_open_server_answers_only_as_this_machine() {
    let open = TestApp::new(build(&Settings { open: true, ..Settings::default() }));
    let asked_as = |app: &TestApp, host: &str| app.request(Method::GET, "/items").header("host", host).send();
    assert_eq!(asked_as(&open, "rebound.example:8000").await.problem()["status"], 403);
    assert_eq!(asked_as(&open, "127.0.0.1:8000").await.status, 200);
    assert_eq!(asked_as(&app(), "shop.example").await.status, 200);
}

#[tokio::test]
async fn a_final_slash_is_the_same_path() {
    let app = app();
    assert_eq!(app.get("/items/3/").await.status, 200);
    assert_eq!(app.get("/items/?limite=1").await.json::<Vec<i64>>(), [0]);
    assert_eq!(app.get("/").await.status, 200);
    assert_eq!(app.get("/nowhere/").await.status, 404);
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let app = app();
    let named = |id: &str| app.request(Method::GET, "/who").header("x-request-id", id).send();
    let sane = named("caller.1").await;
    assert_eq!((sane.header("x-request-id"), sane.text()), (Some("caller.1"), "caller.1 en"));
    let odd = named("not sane").await;
    let given = odd.header("x-request-id").expect("an id").to_owned();
    assert_ne!(given, "not sane");
    assert_eq!(odd.text(), format!("{given} en"));
    assert_eq!(odd.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn only_large_answers_that_are_no_stream_are_compressed() {
    let app = app();
    let asked = |path: &str| app.request(Method::GET, path).header("accept-encoding", "gzip").send();
    let large = asked("/text").await;
    assert_eq!(large.header("content-encoding"), Some("gzip"));
    assert!(large.body.starts_with(&GZIP) && large.body.len() < 400, "{} bytes", large.body.len());
    assert_eq!(asked("/items/3").await.header("content-encoding"), None);
    assert_eq!(asked("/stream").await.header("content-encoding"), None);
    assert_eq!(app.get("/text").await.header("content-encoding"), None);
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let answer = app().get("/panic").await;
    assert_eq!(answer.problem()["type"], "urn:halles:problem:internal");
    assert!(!answer.text().contains("42"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_ends_is_given_up() {
    let settings = Settings { handler_timeout: Duration::from_secs(30), ..Settings::default() };
    let app = TestApp::new(build(&settings));
    let read = app.get("/never").await;
    assert_eq!(read.problem()["type"], "urn:halles:problem:unavailable");
    assert_eq!(read.header("retry-after"), Some("5"));
    let change = app.post("/never", &json!({})).await;
    assert_eq!(change.problem()["type"], "urn:halles:problem:outcome-unknown");
}

#[tokio::test(start_paused = true)]
async fn a_long_upload_may_take_as_long_as_its_pieces_come() {
    let settings = Settings { handler_timeout: Duration::from_secs(30), ..Settings::default() };
    let app = TestApp::new(build(&settings));
    let pieces = futures_util::stream::iter(0..12).then(|_| async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        Ok::<_, std::io::Error>(Bytes::from_static(b"piece"))
    });
    let request = app.request(Method::PUT, "/pieces").body(Body::from_stream(pieces));
    assert_eq!(request.send().await.json::<(usize, Option<[u8; 4]>)>().0, 12 * 5);
}

#[tokio::test]
async fn an_answer_that_the_client_has_is_not_sent_again() {
    let app = app();
    let first = app.get("/items/3").await;
    let tag = first.header("etag").expect("a tag").to_owned();
    let again = app.request(Method::GET, "/items/3").header("if-none-match", &tag).send().await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    let other = app.request(Method::GET, "/items/4").header("if-none-match", &tag).send().await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn metrics_know_routes_and_not_what_clients_invent() {
    let app = app();
    for path in ["/items/1", "/items/2", "/items/abc", "/invented/a", "/invented/b"] {
        app.get(path).await;
    }
    app.request(Method::from_bytes(b"BREW").expect("a method"), "/items").send().await;
    let text = app.get("/metrics").await;
    assert!(text.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text")));
    let text = text.text();
    for line in [
        r#"http_requests_total{method="GET",route="/items/{id}",status="200"} 2"#,
        r#"http_requests_total{method="GET",route="/items/{id}",status="422"} 1"#,
        r#"http_requests_total{method="GET",route="unmatched",status="404"} 2"#,
        r#"http_requests_total{method="OTHER",route="/items",status="405"} 1"#,
        r#"http_request_duration_seconds_count{method="GET",route="/items/{id}"} 3"#,
        "http_requests_in_flight 1",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("invented") && !text.contains("BREW"), "{text}");
}

#[tokio::test]
async fn a_client_who_leaves_is_counted() {
    let app = app();
    let waiting = tokio::spawn(app.request(Method::GET, "/never").send());
    let metrics = async || app.get("/metrics").await.text().to_owned();
    super::until(async || metrics().await.contains("http_requests_in_flight 2")).await;
    waiting.abort();
    super::until(async || metrics().await.contains("http_requests_in_flight 1")).await;
    assert!(metrics().await.contains(r#"http_requests_total{method="GET",route="/never",status="499"} 1"#));
}

#[tokio::test]
async fn problems_and_answers_tell_caches_what_they_depend_on() {
    let answer = app().get("/nowhere").await;
    assert_eq!(header(&answer.headers, "vary"), Some("accept-language"));
}
