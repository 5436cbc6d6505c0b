//! Server-sent events, read one by one.

use std::io;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::connection::Connection;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where to go on after it.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Its content.
    pub data: Value,
}

/// A stream that has been opened.
#[derive(Debug)]
pub struct EventStream {
    connection: Connection,
    /// What came and has not been told yet.
    text: String,
}

impl EventStream {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, text: String::new() }
    }

    /// The next event, or `None` when the server has ended the stream; comments and `retry` are passed over.
    ///
    /// # Errors
    /// When the connection breaks, when an event cannot be read, or when nothing comes within `limit`.
    pub async fn next(&mut self, limit: Duration) -> Result<Option<Event>> {
        tokio::time::timeout(limit, self.read_event()).await.context("no event came")?
    }

    async fn read_event(&mut self) -> Result<Option<Event>> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let event = parse(&self.text[..end])?;
                self.text.drain(..end + 2);
                if event.is_some() {
                    return Ok(event);
                }
            }
            let more = match self.connection.next_chunk().await {
                Ok(more) if more.is_empty() => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                more => more?,
            };
            self.text += std::str::from_utf8(&more).context("an event stream is UTF-8")?;
        }
    }
}

fn parse(block: &str) -> Result<Option<Event>> {
    let (mut id, mut kind, mut data) = (String::new(), String::new(), String::new());
    for (name, value) in block.lines().filter_map(|line| line.split_once(':')) {
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => value.clone_into(&mut id),
            "event" => value.clone_into(&mut kind),
            "data" => data += value,
            _ => {}
        }
    }
    if data.is_empty() {
        return Ok(None);
    }
    let data =
        serde_json::from_str(&data).with_context(|| format!("an event whose data is no JSON: {data}"))?;
    Ok(Some(Event { id, kind, data }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_read_and_comments_passed_over() -> Result<()> {
        let event = parse("id: 7\nevent: halles.order.confirmed\ndata: {\"a\":1}")?.expect("an event");
        let kind = "halles.order.confirmed".to_owned();
        assert_eq!(event, Event { id: "7".to_owned(), kind, data: json!({"a": 1}) });
        assert_eq!(parse(": still here")?, None);
        assert_eq!(parse("retry: 2000")?, None);
        parse("data: {").expect_err("no JSON");
        Ok(())
    }
}
