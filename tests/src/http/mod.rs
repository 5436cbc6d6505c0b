//! A small HTTP/1.1 client over one kept-alive connection, cheap enough to be the load generator on the very cores
//! that the server runs on: requests are bytes made once, answers are read into a buffer that is used again.

mod answer;
mod connection;
mod events;
mod framing;
mod request;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};

pub use answer::Answer;
pub use connection::{Connection, Received};
pub use events::{Event, EventStream};
pub use request::Request;

/// No answer of the product may take longer; whoever waits so long has found a hang.
const PATIENCE: Duration = Duration::from_secs(45);

/// A caller of one server: one connection, made when it is needed and again when it has been closed.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    connection: Option<Connection>,
    /// Whether the last request went over a connection that had served before.
    was_reused: bool,
}

impl Client {
    /// A caller of the server at an address.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, connection: None, was_reused: false }
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    /// When the server cannot be reached, hangs up in the middle, or has not answered after 45 s. The request may
    /// have been carried out all the same; except for `GET` it is never sent twice.
    pub async fn call(&mut self, request: &Request) -> Result<Answer> {
        let bytes = request.bytes();
        let mut told = self.send(&bytes).await;
        if told.is_err() && self.was_reused && request.method() == "GET" {
            // The server may close a kept connection at any time; only what changes nothing is sent once more.
            told = self.send(&bytes).await;
        }
        told.with_context(|| format!("{} {}", request.method(), request.path()))
    }

    /// Sends bytes that may be no proper request and waits for the whole answer.
    pub async fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.was_reused = self.connection.is_some();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await.context("connecting")?,
        };
        let answer = tokio::time::timeout(PATIENCE, connection.exchange(request))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))
            .flatten()?
            .to_answer();
        if !answer.closes() && !connection.is_spent() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// `GET`, which must be answered 200 with JSON.
    pub async fn get(&mut self, path: &str) -> Result<serde_json::Value> {
        self.call(&Request::get(path)).await?.expect(200)?.json()
    }

    /// `POST` of a JSON body.
    pub async fn post(&mut self, path: &str, body: &serde_json::Value) -> Result<Answer> {
        self.call(&Request::post(path).json(body)).await
    }

    /// Opens a stream of server-sent events on a connection of its own; the answer says whether there is one.
    pub async fn follow(&self, request: &Request) -> Result<(Answer, EventStream)> {
        let connection = Connection::open(self.address).await.context("connecting")?;
        let bytes = request.bytes();
        let opened = tokio::time::timeout(PATIENCE, connection.open_stream(&bytes)).await;
        Ok(opened.context("waiting for a stream to begin")??)
    }
}
