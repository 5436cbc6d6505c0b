//! The OpenAPI document: complete, without faults, and the same as the one checked in.
#![expect(clippy::unwrap_used, reason = "tests")]

use halles::config::{Config, Flags};
use store::{Durability, Engine, Options, Store};
use telemetry::Metrics;
use web::testing::TestApp;
use web::{Api, Drain};

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

fn api() -> (tempfile::TempDir, Metrics, Api) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::Sqlite { folder: folder.path().to_owned(), durability: Durability::Relaxed };
    let store = Store::open(Options::new(engine, halles::database::SCHEMAS.to_vec())).unwrap();
    let settings = Config::load(&Flags::default(), std::iter::empty(), None).unwrap().settings;
    let metrics = Metrics::new();
    let (api, _) = halles::serve::api(&settings, &store, &metrics, &Drain::new()).unwrap();
    (folder, metrics, api)
}

#[test]
fn every_operation_is_described_well() {
    let (_folder, _, api) = api();
    assert_eq!(api.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn every_route_is_in_the_document_or_says_why_not() {
    let (_folder, metrics, api) = api();
    let left_out: Vec<&str> = api.undocumented_routes().iter().map(|route| route.path).collect();
    // This list may only shrink.
    assert!(
        left_out.iter().all(|path| *path == "/" || path.starts_with("/docs") || *path == "/openapi.json"),
        "{left_out:?}"
    );
    let document = api.document();
    let app = TestApp::new(api.build(&web::Settings::default(), &metrics).unwrap());
    assert_eq!(app.undocumented_methods(&document).await, Vec::<String>::new());
}

#[test]
fn the_document_is_the_one_checked_in() {
    let (_folder, _, api) = api();
    let document = serde_json::to_string_pretty(&api.document()).unwrap() + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(CHECKED_IN, &document).unwrap();
    }
    let known = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert!(
        document == known,
        "the API has changed: look at the difference and run again with UPDATE_EXPECT=1"
    );
}
