//! Just enough HTTP/1.1 to be spoiled on purpose: what a real server would never send, this one must.

use reqwest::Url;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request, read whole.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// Of the query and of the form.
    pub(super) params: Vec<(String, String)>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    pub(super) fn new(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string())
    }

    pub(super) fn error(status: u16, kind: &str, code: Option<&str>) -> Self {
        let message = "An error of the double.";
        Self::json(status, &json!({"error": {"type": kind, "code": code, "message": message}}))
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same answer about a payment that nobody asked about.
    pub(super) fn about_another_payment(mut self) -> Self {
        let mut body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["metadata"] = json!({"payment_id": "00000000-0000-7000-8000-000000000000"});
        body["id"] = json!("pi_of_somebody_else");
        self.body = body.to_string();
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} -\r\nContent-Length: {}\r\n", self.status, self.body.len());
        head.push_str("Content-Type: application/json\r\nRequest-Id: req_double\r\n");
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        format!("{head}\r\n{}", self.body).into_bytes()
    }
}

/// One connection of a client.
pub(super) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, received: Vec::new() }
    }

    /// The next request; `None` when the client has left or does not speak HTTP.
    pub(super) async fn read(&mut self) -> Option<Request> {
        let end = loop {
            match self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end,
                None => self.receive().await?,
            }
        };
        let head = String::from_utf8(self.received.drain(..end + 4).collect()).ok()?;
        let mut lines = head.split("\r\n");
        let mut start = lines.next()?.split(' ');
        let (method, target) = (start.next()?.to_owned(), start.next()?);
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(Some(0), |(_, value)| value.parse().ok())?;
        while self.received.len() < length {
            self.receive().await?;
        }
        let body = String::from_utf8(self.received.drain(..length).collect()).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let params = [query, &body].into_iter().flat_map(pairs).collect();
        Some(Request { method, path: path.to_owned(), headers, params })
    }

    async fn receive(&mut self) -> Option<()> {
        let read = self.stream.read_buf(&mut self.received).await.ok()?;
        (read > 0).then_some(())
    }

    pub(super) async fn write(&mut self, reply: &Reply) {
        self.send(&reply.bytes()).await;
    }

    pub(super) async fn write_twice(&mut self, reply: &Reply) {
        self.send(&reply.bytes().repeat(2)).await;
    }

    pub(super) async fn write_half(&mut self, reply: &Reply) {
        let bytes = reply.bytes();
        self.send(&bytes[..bytes.len() - reply.body.len() / 2 - 1]).await;
    }

    async fn send(&mut self, bytes: &[u8]) {
        // A client that has left does not get its answer; that is the point of some tests.
        if self.stream.write_all(bytes).await.is_ok() {
            self.stream.flush().await.ok();
        }
    }
}

fn pairs(encoded: &str) -> Vec<(String, String)> {
    let decoded = Url::parse(&format!("http://double/?{encoded}"));
    decoded.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}
