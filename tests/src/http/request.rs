//! Requests, made into bytes once.

use serde_json::Value;

/// A request to be sent, perhaps many times.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// A request without body.
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// `GET path`.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// `POST path`.
    pub fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a JSON body of type `application/json`.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.typed(Some("application/json"), body.to_string())
    }

    /// With a body and no word about its type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With a body of a type, or with no word about its type.
    #[must_use]
    pub fn typed(self, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> Self {
        let request = match content_type {
            Some(content_type) => self.header("content-type", content_type),
            None => self,
        };
        request.body(body)
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path with its query string.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.path), "host: 127.0.0.1".to_owned()];
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            lines.push(format!("content-length: {}", self.body.len()));
        }
        lines.extend([String::new(), String::new()]);
        [lines.join("\r\n").as_bytes(), &self.body].concat()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_says_how_long_its_body_is() {
        let bytes = Request::post("/panier").header("idempotency-key", "k1").json(&json!({"a": 1})).bytes();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(
            text,
            "POST /panier HTTP/1.1\r\nhost: 127.0.0.1\r\nidempotency-key: k1\r\n\
             content-type: application/json\r\ncontent-length: 7\r\n\r\n{\"a\":1}"
        );
        assert!(!String::from_utf8_lossy(&Request::get("/").bytes()).contains("content-length"));
    }
}
