//! The product's own log, over HTTP.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};

use super::{Batch, EventLog, Producer};
use crate::http::Connection;

/// A running server.
pub(in super::super) struct Product(pub(in super::super) SocketAddr);

impl EventLog for Product {
    type Producer = Tracker;

    async fn connect(&self) -> Result<Tracker> {
        let connection = Connection::open(self.0).await.context("connecting")?;
        Ok(Tracker { connection, request: Vec::new() })
    }
}

/// A connection on which events are tracked: one event as an object, several as an array.
pub(in super::super) struct Tracker {
    connection: Connection,
    request: Vec<u8>,
}

impl Producer for Tracker {
    async fn append(&mut self, events: &Batch) -> Result<()> {
        let (open, close): (&[u8], &[u8]) = if events.len() == 1 { (b"", b"") } else { (b"[", b"]") };
        let content: usize = events.iter().map(|event| event.len() + 1).sum();
        let length = content - 1 + open.len() + close.len();
        self.request.clear();
        write!(
            self.request,
            "POST /events/track HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        )?;
        self.request.extend_from_slice(open);
        for (index, event) in events.iter().enumerate() {
            if index > 0 {
                self.request.push(b',');
            }
            self.request.extend_from_slice(event);
        }
        self.request.extend_from_slice(close);
        let received = self.connection.exchange(&self.request).await?;
        if received.status != 200 {
            bail!("{} events were answered {}", events.len(), received.to_answer());
        }
        Ok(())
    }
}
