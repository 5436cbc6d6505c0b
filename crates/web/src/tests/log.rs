//! What requests leave in the log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;

use super::app;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Collects the log of this thread until the guard is dropped.
    fn collect(&self, filter: &str) -> tracing::subscriber::DefaultGuard {
        let lines = self.clone();
        let filter = EnvFilter::new(filter);
        let logs =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || lines.clone()).json();
        tracing::subscriber::set_default(logs.flatten_event(true).finish())
    }

    /// The lines of one target.
    fn of(&self, target: &str) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter(|line| line["target"] == target).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn every_request_is_a_line_of_the_access_log() {
    let lines = Lines::default();
    let guard = lines.collect("info");
    app().request(Method::GET, "/items/404?secret=1").header("x-request-id", "r-1").send().await;
    drop(guard);
    let access = lines.of("access");
    assert_eq!(access.len(), 1, "{access:?}");
    let line = &access[0];
    let told = json!([line["method"], line["path"], line["route"], line["status"], line["id"]]);
    assert_eq!(told, json!(["GET", "/items/404", "/items/{id}", 404, "r-1"]));
    assert!(line["micros"].is_u64() && !line.to_string().contains("secret"), "{line}");
}

#[tokio::test]
async fn a_panic_is_logged_once_and_names_its_request() {
    let lines = Lines::default();
    let guard = lines.collect("info,access=off");
    app().request(Method::GET, "/panic").header("x-request-id", "r-2").send().await;
    drop(guard);
    let told = lines.of("web::rim");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["panic"], &told[0]["span"]["id"]), (&json!("the secret is 42"), &json!("r-2")));
    assert!(lines.of("access").is_empty());
}
