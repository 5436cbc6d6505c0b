//! Redis Streams with every write on the disk before it is answered.

use std::io::Write;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use testkit::{TempDir, free_port};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Batch, EventLog, Producer, Server, version};

/// How to get it.
const REMEDY: &str = "run `apt-get install -y redis-server` as root";

/// A Redis of our own.
pub(in super::super) struct RedisStreams {
    server: Server,
    version: String,
}

impl RedisStreams {
    /// Starts one in a folder of its own, with `appendfsync always`.
    pub(in super::super) async fn start() -> Result<Self> {
        let (program, version) = version(&["redis-server"], "--version").context(REMEDY)?;
        let (folder, port) = (TempDir::with_prefix("halles-redis-")?, free_port()?);
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(folder.path());
        // No snapshots and no rewriting of the log while it is measured: both only cost.
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        command.args(["--auto-aof-rewrite-percentage", "0"]);
        let server = Server::start(command, port, folder)?;
        server.ready(Connection::open).await?;
        let version = version.split(' ').find_map(|word| word.strip_prefix("v=")).unwrap_or("").to_owned();
        Ok(Self { server, version: format!("Redis {version}") })
    }

    /// Its name and version.
    pub(in super::super) fn version(&self) -> &str {
        &self.version
    }
}

impl EventLog for RedisStreams {
    type Producer = Connection;

    async fn connect(&self) -> Result<Connection> {
        Connection::open(self.server.address).await
    }
}

/// A connection that speaks as much of Redis's protocol (RESP 2) as `XADD` takes.
pub(in super::super) struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    line: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (request, line) = (b"PING\r\n".to_vec(), Vec::new());
        let mut connection = Self { stream: BufReader::new(stream), request, line };
        connection.stream.write_all(&connection.request).await?;
        ensure!(connection.line().await? == b"+PONG\r\n", "no answer to PING");
        Ok(connection)
    }

    async fn line(&mut self) -> Result<&[u8]> {
        self.line.clear();
        self.stream.read_until(b'\n', &mut self.line).await?;
        Ok(&self.line)
    }

    /// Reads the id of a new entry: `$15`, and the id on a line of its own.
    async fn acknowledgement(&mut self) -> Result<()> {
        let line = self.line().await?;
        ensure!(line.starts_with(b"$"), "Redis said {}", String::from_utf8_lossy(line));
        self.line().await.map(drop)
    }
}

impl Producer for Connection {
    async fn append(&mut self, events: &Batch) -> Result<()> {
        self.request.clear();
        for event in events.iter() {
            write!(
                self.request,
                "*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$1\r\ne\r\n${}\r\n",
                event.len()
            )?;
            self.request.extend_from_slice(event);
            self.request.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&self.request).await?;
        for _ in 0..events.len() {
            self.acknowledgement().await?;
        }
        Ok(())
    }
}
