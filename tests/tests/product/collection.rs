//! The ready-made requests for people: what they call exists.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use product_tests::halles::Serve;
use serde_json::Value;

use crate::folder;

fn file(path: &str) -> Result<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

/// The document of a running server.
async fn document() -> Result<Value> {
    let (_folder, data) = folder()?;
    Serve::on(&data)?.start_ready().await?.client().get("/openapi.json").await
}

/// Whether the document knows the path, whose last slash may be there or not.
fn is_documented(document: &Value, method: &str, path: &str) -> bool {
    let parts = |path: &str| path.trim_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    let called = parts(path);
    let Some(paths) = document["paths"].as_object() else { return false };
    paths.iter().any(|(template, item)| {
        let template = parts(template);
        let fits = |(template, called): (&String, &String)| template == called || template.starts_with('{');
        item.get(method.to_lowercase()).is_some()
            && template.len() == called.len()
            && template.iter().zip(&called).all(fits)
    })
}

/// The requests of a collection, those of its folders included: method and path.
fn requests(items: &Value) -> Vec<(String, String)> {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .flat_map(|item| match item.get("request") {
            None => requests(&item["item"]),
            Some(request) => {
                let url = request["url"].as_str().or(request["url"]["raw"].as_str()).unwrap_or_default();
                let path = url.trim_start_matches("{{base_url}}").split('?').next().unwrap_or_default();
                vec![(request["method"].as_str().unwrap_or("GET").to_owned(), path.to_owned())]
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_the_postman_collection_is_documented() -> Result<()> {
    let collection: Value = serde_json::from_str(&file("postman/halles.postman_collection.json")?)?;
    let schema = collection["info"]["schema"].as_str().unwrap_or_default();
    assert!(schema.ends_with("/collection/v2.1.0/collection.json"), "{schema}");
    let document = document().await?;
    let requests = requests(&collection["item"]);
    ensure!(requests.len() >= 20, "only {} requests", requests.len());
    for (method, path) in requests {
        ensure!(is_documented(&document, &method, &path), "{method} {path} is not documented");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_of_the_k6_scripts_is_documented() -> Result<()> {
    let document = document().await?;
    for name in ["k6/orders.js", "k6/offers.js", "k6/city.js"] {
        let script = file(name)?;
        let calls: Vec<(&str, &str)> = script
            .lines()
            .filter_map(|line| {
                let (before, after) = line.split_once("`${BASE_URL}")?;
                let method = if before.contains("http.post(") { "POST" } else { "GET" };
                Some((method, after.split(['`', '?']).next()?))
            })
            .collect();
        ensure!(calls.len() >= 3, "{name} calls only {calls:?}");
        for (method, path) in calls {
            ensure!(is_documented(&document, method, path), "{name}: {method} {path} is not documented");
        }
    }
    Ok(())
}
