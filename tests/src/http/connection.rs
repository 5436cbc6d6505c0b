//! One connection, kept alive.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::Answer;
use super::events::EventStream;
use super::framing::{Head, Length, chunk};

/// How much is read at a time; an answer about an order takes two or three kilobytes.
const READ: usize = 16 * 1024;
/// A longer request may be answered before it has been written.
const LARGE: usize = 64 * 1024;

/// A connection to a server, with the buffer of its answers.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The content of an answer that came in chunks.
    joined: Vec<u8>,
    is_spent: bool,
}

/// An answer in its connection's buffer.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The status.
    pub status: u16,
    /// Status line and headers.
    pub head: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl Received<'_> {
    /// The answer on its own.
    pub fn to_answer(self) -> Answer {
        Answer::new(self.status, self.head, self.body)
    }
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(READ), joined: Vec::new(), is_spent: false })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// `UnexpectedEof` when the server hangs up before the end, and whatever the system says.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Received<'_>> {
        let head = self.begin(request).await?;
        let end = match head.body {
            Length::Known(length) => head.length + length,
            Length::Chunked => return self.join_chunks(head).await,
            Length::UntilClosed => {
                while self.read().await? > 0 {}
                self.buffer.len()
            }
        };
        while self.buffer.len() < end {
            self.read_more().await?;
        }
        let (status, (head, body)) = (head.status, self.buffer[..end].split_at(head.length));
        Ok(Received { status, head, body })
    }

    /// Sends a request whose answer does not end by itself.
    pub(super) async fn open_stream(mut self, request: &[u8]) -> io::Result<(Answer, EventStream)> {
        let head = self.begin(request).await?;
        let answer = Answer::new(head.status, &self.buffer[..head.length], &[]);
        self.buffer.drain(..head.length);
        Ok((answer, EventStream::new(self)))
    }

    /// Sends a request and reads the answer's head.
    async fn begin(&mut self, request: &[u8]) -> io::Result<Head> {
        self.buffer.clear();
        if request.len() > LARGE {
            self.write_listening(request).await?;
        } else {
            self.stream.write_all(request).await?;
        }
        let mut searched = 0;
        loop {
            if self.buffer.len() == searched {
                self.read_more().await?;
            }
            match Head::read(&self.buffer, searched)? {
                Some(head) if head.status >= 200 => return Ok(head),
                Some(interim) => drop(self.buffer.drain(..interim.length)),
                None => searched = self.buffer.len(),
            }
        }
    }

    /// Writes until all is written or the server begins to answer, which it may do before it has read everything: then
    /// the connection ends with that answer.
    async fn write_listening(&mut self, request: &[u8]) -> io::Result<()> {
        self.buffer.reserve(READ);
        let (mut reader, mut writer) = self.stream.split();
        tokio::select! {
            biased;
            read = reader.read_buf(&mut self.buffer) => {
                self.is_spent = true;
                read.map(drop)
            }
            written = writer.write_all(request) => {
                // A server that has closed may have said why before.
                self.is_spent = written.is_err();
                Ok(())
            }
        }
    }

    /// Whether the server has stopped listening on it.
    pub(super) fn is_spent(&self) -> bool {
        self.is_spent
    }

    async fn join_chunks(&mut self, head: Head) -> io::Result<Received<'_>> {
        self.joined.clear();
        let mut at = head.length;
        loop {
            match chunk(&self.buffer[at..])? {
                None => self.read_more().await?,
                Some((_, content)) if content.is_empty() => break,
                Some((taken, content)) => {
                    self.joined.extend_from_slice(&self.buffer[at + content.start..at + content.end]);
                    at += taken;
                }
            }
        }
        Ok(Received { status: head.status, head: &self.buffer[..head.length], body: &self.joined })
    }

    /// The content of the next chunk, empty at the end.
    pub(super) async fn next_chunk(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some((taken, content)) = chunk(&self.buffer)? {
                let bytes = self.buffer[content].to_vec();
                self.buffer.drain(..taken);
                return Ok(bytes);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> io::Result<()> {
        if self.read().await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ);
        self.stream.read_buf(&mut self.buffer).await
    }
}
