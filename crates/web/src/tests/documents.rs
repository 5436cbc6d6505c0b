//! What the API says of itself.

use http::Method;
use serde_json::{Value, json};
use telemetry::Metrics;

use super::{api, app};

#[test]
fn the_document_has_no_faults() {
    let api = api(&Metrics::new());
    assert_eq!(api.faults(), [] as [String; 0]);
    let raw: Vec<_> = api.undocumented_routes().iter().map(|route| route.path).collect();
    for path in ["/openapi.json", "/docs", "/docs/{file}", "/"] {
        assert!(raw.contains(&path), "{path} is missing in {raw:?}");
    }
}

#[tokio::test]
async fn every_method_of_a_documented_path_is_documented() {
    let document = api(&Metrics::new()).document();
    assert_eq!(app().undocumented_methods(&document).await, [] as [String; 0]);
}

#[tokio::test]
async fn a_method_slipped_in_is_found() {
    use utoipa_axum::router::UtoipaMethodRouterExt as _;
    let metrics = Metrics::new();
    let slipped = utoipa_axum::routes!(super::size).map(|router| router.delete(async || ""));
    let api = crate::Api::new("t", "0", "").stall(crate::Routes::new().routes(slipped));
    let document = api.document();
    let app = api.build(&crate::Settings::default(), &metrics).expect("an application");
    assert_eq!(crate::testing::TestApp::new(app).undocumented_methods(&document).await, ["DELETE /size"]);
}

#[tokio::test]
async fn the_document_is_complete_and_cached() {
    let app = app();
    let answer = app.get("/openapi.json").await;
    let document: Value = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let post = &document["paths"]["/items"]["post"];
    for status in ["200", "400", "403", "408", "409", "413", "415", "422", "500", "503"] {
        assert!(!post["responses"][status].is_null(), "{status} is missing in {post}");
    }
    assert_eq!(post["parameters"][0]["$ref"], "#/components/parameters/Idempotency-Key");
    let get = &document["paths"]["/items/{id}"]["get"];
    assert_eq!(
        get["responses"]["404"]["content"]["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
    assert!(!get["responses"]["304"].is_null(), "{get}");
    assert!(get["responses"]["415"].is_null(), "{get}");
    let invalid = &document["components"]["responses"]["invalid"]["content"]["application/problem+json"];
    assert_eq!(invalid["example"]["erreurs"][0]["champ"], "produits[0].quantite");
    let names: Vec<_> = document["paths"]["/items"]["get"]["parameters"]
        .as_array()
        .expect("parameters")
        .iter()
        .map(|parameter| parameter["name"].clone())
        .collect();
    assert_eq!(json!(names), json!(["quantite", "limite", "curseur"]));

    let tag = answer.header("etag").expect("a tag").to_owned();
    let again = app.request(Method::GET, "/openapi.json").header("if-none-match", &tag).send().await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let document: Value = app().get("/openapi.json").await.json();
    let text = document.to_string();
    let references = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next());
    let mut count = 0;
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference} leads nowhere");
        count += 1;
    }
    assert!(count > 20, "only {count} references");
}

#[tokio::test]
async fn swagger_ui_comes_from_here() {
    let app = app();
    let page = app.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<base href=\"/docs/\">"), "{}", page.text());
    assert!(!page.text().contains("https://"), "{}", page.text());
    for (file, kind) in [("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "text/javascript")] {
        let answer = app.get(&format!("/docs/{file}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some(kind)), "{file}");
    }
    let starter = app.get("/docs/swagger-initializer.js").await;
    assert!(starter.text().contains("/openapi.json"), "{}", starter.text());
    assert_eq!(app.get("/docs/nothing.js").await.problem()["status"], 404);
}

#[tokio::test]
async fn health_is_as_monitors_expect_it() {
    let app = app();
    let expected = json!({
        "status": "healthy", "service": "halles", "version": "0.1.0", "database": "sqlite", "environment": "local",
    });
    assert_eq!(app.get("/health").await.json::<Value>(), expected);
    assert_eq!(app.get("/health/ready").await.json::<Value>(), expected);
    assert_eq!(app.get("/health/live").await.status, 204);
}

#[tokio::test]
async fn a_store_that_is_away_makes_the_server_unready_and_not_dead() {
    let metrics = Metrics::new();
    let system = crate::System {
        version: "0.1.0",
        environment: "local".to_owned(),
        metrics: metrics.clone(),
        store: std::sync::Arc::new(|| store::Health { engine: "postgresql", ready: false }),
        examples: Vec::new(),
    };
    let api = crate::Api::new("Halles", "0", "").stall(system.routes());
    let app = api.build(&crate::Settings::default(), &metrics).expect("an application");
    let app = crate::testing::TestApp::new(app);
    let unready = app.get("/health/ready").await;
    assert_eq!(unready.problem()["sante"]["status"], "unhealthy");
    assert_eq!((unready.status.as_u16(), unready.header("retry-after")), (503, Some("2")));
    assert_eq!(app.get("/health/live").await.status, 204);
}

#[tokio::test]
async fn the_first_page_shows_the_way_in_both_languages() {
    let app = app();
    let page = app.get("/").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for link in ["/docs", "/health", "/metrics", "/openapi.json", "http://localhost/saga/commande/"] {
        assert!(page.text().contains(link), "{link}");
    }
    let page = app.request(Method::GET, "/").header("accept-language", "fr").send().await;
    assert!(page.text().contains("Acheter"), "{}", page.text());
}
