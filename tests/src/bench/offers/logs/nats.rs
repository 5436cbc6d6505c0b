//! NATS `JetStream` with file storage.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use testkit::{TempDir, free_port};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Batch, EventLog, Producer, Server, version};

/// How to get it.
const REMEDY: &str = "run `apt-get install -y nats-server` as root";
/// Debian puts it where only root looks.
const PROGRAMS: [&str; 2] = ["nats-server", "/usr/sbin/nats-server"];

/// When the server makes sure that what it has acknowledged is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Flush {
    /// Before it acknowledges, as the product does.
    Always,
    /// Every two minutes: a power cut may take what was acknowledged before.
    Default,
}

/// A `JetStream` of our own, with one stream.
pub(in super::super) struct JetStream {
    server: Server,
    version: String,
}

impl JetStream {
    /// Starts one in a folder of its own.
    ///
    /// # Errors
    /// When it is not installed, or does not know the setting.
    pub(in super::super) async fn start(flush: Flush) -> Result<Self> {
        let (program, version) = version(&PROGRAMS, "--version").context(REMEDY)?;
        let (folder, port) = (TempDir::with_prefix("halles-nats-")?, free_port()?);
        let file = folder.path().join("nats.conf");
        let interval = if flush == Flush::Always { "sync_interval: always" } else { "" };
        let store = folder.path().display();
        let settings =
            format!("listen: \"127.0.0.1:{port}\"\njetstream {{\n store_dir: \"{store}\"\n {interval}\n}}\n");
        fs::write(&file, settings)?;
        let mut check = Command::new(program);
        check.args(["-t", "-c"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        ensure!(check.status()?.success(), "{version} does not know `{interval}`, 2.10 and later do");
        let mut command = Command::new(program);
        command.arg("-c").arg(&file);
        let server = Server::start(command, port, folder)?;
        server.ready(async |address| Connection::open(address).await?.create_stream().await).await?;
        let version = version.trim_start_matches("nats-server: v").to_owned();
        Ok(Self { server, version: format!("nats-server {version}") })
    }

    /// Its name and version.
    pub(in super::super) fn version(&self) -> &str {
        &self.version
    }
}

impl EventLog for JetStream {
    type Producer = Connection;

    async fn connect(&self) -> Result<Connection> {
        Connection::open(self.server.address).await
    }
}

/// A connection that speaks as much of the NATS protocol as publishing with acknowledgements takes.
pub(in super::super) struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    line: String,
    payload: Vec<u8>,
    inbox: String,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        // The port of this end makes the inbox this connection's own.
        let inbox = format!("_INBOX.{}", stream.local_addr()?.port());
        let (request, line, payload) = Default::default();
        let mut connection = Self { stream: BufReader::new(stream), request, line, payload, inbox };
        ensure!(connection.line().await?.starts_with("INFO "), "no greeting");
        let hello =
            format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {} 1\r\n", connection.inbox);
        connection.stream.write_all(hello.as_bytes()).await?;
        Ok(connection)
    }

    async fn create_stream(&mut self) -> Result<()> {
        let stream = json!({
            "name": "EVENTS", "subjects": ["events"], "storage": "file", "retention": "limits", "discard": "old",
            "max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_msg_size": -1, "max_consumers": -1, "num_replicas": 1,
        });
        self.publish("$JS.API.STREAM.CREATE.EVENTS", stream.to_string().as_bytes())?;
        self.stream.write_all(&self.request).await?;
        let answer = self.message().await?;
        ensure!(!answer.contains("\"error\""), "creating a stream was answered {answer}");
        Ok(())
    }

    fn publish(&mut self, subject: &str, payload: &[u8]) -> Result<()> {
        write!(self.request, "PUB {subject} {} {}\r\n", self.inbox, payload.len())?;
        self.request.extend_from_slice(payload);
        self.request.extend_from_slice(b"\r\n");
        Ok(())
    }

    async fn line(&mut self) -> Result<&str> {
        self.line.clear();
        self.stream.read_line(&mut self.line).await?;
        Ok(self.line.trim_end())
    }

    /// The next message to our inbox: `MSG subject sid length`, and its content.
    async fn message(&mut self) -> Result<&str> {
        loop {
            let line = self.line().await?;
            if line == "PING" {
                self.stream.write_all(b"PONG\r\n").await?;
                continue;
            }
            let length = line.strip_prefix("MSG ").and_then(|rest| rest.rsplit(' ').next()?.parse().ok());
            let Some(length): Option<usize> = length else { bail!("NATS said {line:?}") };
            self.payload.resize(length + 2, 0);
            self.stream.read_exact(&mut self.payload).await?;
            return Ok(std::str::from_utf8(&self.payload[..length])?);
        }
    }
}

impl Producer for Connection {
    async fn append(&mut self, events: &Batch) -> Result<()> {
        self.request.clear();
        for event in events.iter() {
            self.publish("events", event)?;
        }
        self.stream.write_all(&self.request).await?;
        for _ in 0..events.len() {
            let acknowledgement = self.message().await?;
            ensure!(acknowledgement.contains("\"seq\""), "an event was answered {acknowledgement}");
        }
        Ok(())
    }
}
