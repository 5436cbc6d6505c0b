//! A portal on this machine: one scripted answer after the other, and what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the portal does with one request.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Answers with a status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Answers 200 with endless zeros and no length.
    Endless,
    /// Says that 100 bytes follow, sends half of them and hangs up.
    HalfOf100,
    /// Says nothing for a long time.
    Silent,
}

impl Act {
    pub(super) fn ok(body: &str) -> Self {
        Self::Answer(200, Vec::new(), body.as_bytes().to_vec())
    }

    pub(super) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }

    pub(super) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Answer(status, mut headers, body) => {
                headers.push((name, value.to_owned()));
                Self::Answer(status, headers, body)
            }
            Self::Endless | Self::HalfOf100 | Self::Silent => self,
        }
    }
}

/// The portal; it answers the last act again and again.
pub(super) struct Portal {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Portal {
    pub(super) async fn start(acts: &[Act]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (known, acts) = (Arc::clone(&asked), acts.to_vec());
        let serving = tokio::spawn(async move {
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let head = read_head(&mut stream).await;
                known.lock().unwrap().push(head);
                let act = acts[usize::min(number, acts.len() - 1)].clone();
                tokio::spawn(async move {
                    // A client that has had enough hangs up.
                    let _ = perform(&mut stream, act).await;
                });
            }
        });
        Self { address, asked, serving }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { break };
        head.push(byte);
    }
    String::from_utf8_lossy(&head).to_lowercase()
}

async fn perform(stream: &mut TcpStream, act: Act) -> std::io::Result<()> {
    match act {
        Act::Answer(status, headers, body) => {
            let mut head =
                format!("HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head.extend([name, ": ", &value, "\r\n"]);
            }
            stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).await?;
        }
        Act::Endless => {
            stream.write_all(b"HTTP/1.1 200 -\r\nconnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[0; 4096]).await?;
            }
        }
        Act::HalfOf100 => {
            let head = b"HTTP/1.1 200 -\r\nconnection: close\r\ncontent-length: 100\r\n\r\n";
            stream.write_all(&[head.as_slice(), &[b'x'; 50]].concat()).await?;
        }
        Act::Silent => tokio::time::sleep(Duration::from_mins(1)).await,
    }
    stream.flush().await
}
