//! A client for tests that calls the application without a socket.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::{Service, ServiceExt};
use utoipa::openapi::OpenApi;

use crate::App;

/// An application under test.
///
/// What cannot be done (a path that is no URI, a body that is no JSON) panics: it is a fault of the test.
#[derive(Clone)]
pub struct TestApp(App);

impl TestApp {
    /// Calls this application.
    pub fn new(app: App) -> Self {
        Self(app)
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.request(Method::GET, path).send().await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> TestResponse {
        self.request(Method::POST, path).json(body).send().await
    }

    /// `PUT path` with a JSON body.
    pub async fn put(&self, path: &str, body: &impl Serialize) -> TestResponse {
        self.request(Method::PUT, path).json(body).send().await
    }

    /// `PATCH path` with a JSON body.
    pub async fn patch(&self, path: &str, body: &impl Serialize) -> TestResponse {
        self.request(Method::PATCH, path).json(body).send().await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> TestResponse {
        self.request(Method::DELETE, path).send().await
    }

    /// Any request, to be completed and sent.
    pub fn request(&self, method: Method, path: &str) -> TestRequest {
        let builder = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        TestRequest { app: self.0.clone(), builder, body: Body::empty() }
    }

    /// The methods that a documented path answers without documenting them, as `METHOD /path`.
    ///
    /// A path with no documented method at all cannot exist: [`crate::Routes`] takes only documented ones.
    pub async fn undocumented_methods(&self, document: &OpenApi) -> Vec<String> {
        let mut undocumented = Vec::new();
        for (path, item) in &document.paths.paths {
            let probe = Method::from_bytes(b"PROBE").expect("a method");
            let refused = self.request(probe, &path.replace(['{', '}', '*'], "")).send().await;
            let documented = |method: &str| match method {
                "GET" | "HEAD" => item.get.is_some(),
                "POST" => item.post.is_some(),
                "PUT" => item.put.is_some(),
                "PATCH" => item.patch.is_some(),
                "DELETE" => item.delete.is_some(),
                _ => false,
            };
            let allowed =
                refused.header("allow").unwrap_or("").split(',').filter(|method| !method.is_empty());
            undocumented.extend(
                allowed.filter(|method| !documented(method)).map(|method| format!("{method} {path}")),
            );
        }
        undocumented
    }
}

/// A request under construction.
pub struct TestRequest {
    app: App,
    builder: http::request::Builder,
    body: Body,
}

impl TestRequest {
    /// Adds a header, or replaces the `Host` that is there from the start.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(headers) = self.builder.headers_mut() {
            headers.remove(name);
        }
        self.builder = self.builder.header(name, value);
        self
    }

    /// A body of any kind, without a type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        let text = serde_json::to_string(body).expect("a body that can be written as JSON");
        self.header("content-type", "application/json").body(text)
    }

    /// Sends it and waits for the whole answer.
    pub async fn send(self) -> TestResponse {
        TestResponse::read(self.send_streaming().await).await
    }

    /// Sends it and waits for the head of the answer only: for event streams.
    pub async fn send_streaming(mut self) -> Response {
        let request = self.builder.body(self.body).expect("a well-formed request");
        let app: &mut App = ServiceExt::<Request<Body>>::ready(&mut self.app).await.expect("always ready");
        app.call(request).await.unwrap_or_else(|never| match never {})
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl TestResponse {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// A header, when it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body as JSON of some type, often [`serde_json::Value`].
    pub fn json<T: DeserializeOwned>(&self) -> T {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{error} in {}", String::from_utf8_lossy(&self.body)),
        }
    }

    /// The status, after a check that a refusal is a well-formed problem of that status.
    pub fn problem(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem: serde_json::Value = self.json();
        assert_eq!(problem["status"], self.status.as_u16(), "{problem}");
        problem
    }
}
