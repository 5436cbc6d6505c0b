//! The API's documentation, served by us: the OpenAPI document and Swagger UI, nothing from elsewhere.

use std::sync::Arc;

use axum::Extension;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, header};
use kernel::{Problem, kinds};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::{Path, Rejection, Routes, conditional};

/// Where the document is served.
const DOCUMENT: &str = "/openapi.json";

/// `/openapi.json`, `/docs` and what the page needs.
pub(crate) fn routes(document: &OpenApi) -> Result<Routes, serde_json::Error> {
    let json = Bytes::from(document.to_json()?);
    let tag = conditional::etag(&json);
    let served = move || {
        let content_type = HeaderValue::from_static("application/json");
        let headers = [(header::CONTENT_TYPE, content_type), (header::ETAG, tag.clone())];
        std::future::ready((headers, json.clone()))
    };
    let config = Extension(Arc::new(Config::from(DOCUMENT).try_it_out_enabled(true)));
    Ok(Routes::new()
        .raw(DOCUMENT, get(served), "the document itself")
        .raw("/docs", get(page).layer(config.clone()), "a page for people: Swagger UI")
        .raw("/docs/{file}", get(file).layer(config), "the files of Swagger UI"))
}

type SharedConfig = Extension<Arc<Config<'static>>>;

/// Swagger UI's page. It is served without a final slash, so its relative links are told where they start.
async fn page(Extension(config): SharedConfig) -> Result<Response, Rejection> {
    let page = load("index.html", config)?;
    let text = String::from_utf8_lossy(&page.bytes).replacen("<head>", "<head><base href=\"/docs/\">", 1);
    Ok(with_tag(text.into(), HeaderValue::from_static("text/html; charset=utf-8")))
}

/// One file that the page asks for.
async fn file(Extension(config): SharedConfig, Path(name): Path<String>) -> Result<Response, Rejection> {
    let file = load(&name, config)?;
    let binary = HeaderValue::from_static("application/octet-stream");
    let content_type = HeaderValue::try_from(file.content_type).unwrap_or(binary);
    let mut response = with_tag(file.bytes.into_owned().into(), content_type);
    if file.gzpipped {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn load(name: &str, config: Arc<Config<'static>>) -> Result<SwaggerFile<'static>, Problem> {
    utoipa_swagger_ui::serve(name, config)
        .map_err(|error| {
            tracing::error!(%error, "Swagger UI cannot be served");
            Problem::new(&kinds::INTERNAL, "")
        })?
        .ok_or_else(|| Problem::not_found("file", name))
}

fn with_tag(body: Bytes, content_type: HeaderValue) -> Response {
    let tag = conditional::etag(&body);
    ([(header::CONTENT_TYPE, content_type), (header::ETAG, tag)], body).into_response()
}
