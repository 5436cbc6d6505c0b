//! Connections: slow, many, and at the end of the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, get};
use telemetry::Metrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::{api, until};
use crate::{App, Drain, Drained, Routes, ServerOptions, Settings, serve};

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Drained>,
}

async fn start(app: App, options: ServerOptions, drain: Drain) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        // Dropping the sender stops the server too.
        let _ = stopped.await;
    };
    Running { address, stop, ended: tokio::spawn(serve(listener, app, options, drain, shutdown)) }
}

async fn start_default(options: ServerOptions) -> Running {
    start(super::build(&Settings::default()), options, Drain::new()).await
}

/// The test stall with one more route.
fn app_with(path: &'static str, handlers: MethodRouter) -> App {
    let metrics = Metrics::new();
    let stall = Routes::new().raw(path, handlers, "for tests");
    api(&metrics).stall(stall).build(&Settings::default(), &metrics).expect("an application")
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    async fn stop(self) -> Drained {
        self.stop.send(()).expect("a running server");
        tokio::time::timeout(Duration::from_secs(10), self.ended).await.expect("in time").expect("no panic")
    }
}

const GET: &[u8] = b"GET /items/3 HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Reads until the text is there, or the connection ends.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    let read = async {
        let mut buffer = [0; 4096];
        while !text.contains(wanted) {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => text.push_str(&String::from_utf8_lossy(&buffer[..count])),
                Ok(_) | Err(_) => break,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("in time");
    text
}

/// Waits for the other side to close; what it still says is returned.
async fn read_to_end(stream: &mut TcpStream) -> String {
    read_until(stream, "\u{0}").await
}

#[tokio::test]
async fn a_connection_is_kept_for_many_requests() {
    let server = start_default(ServerOptions::default()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(GET).await.expect("written");
        assert!(read_until(&mut stream, "pomme").await.starts_with("HTTP/1.1 200 OK"));
    }
    assert_eq!(server.stop().await, Drained { cut: 0 });
}

#[tokio::test]
async fn http_2_is_spoken_by_prior_knowledge() {
    let server = start_default(ServerOptions::default()).await;
    let stream = server.connect().await;
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .expect("a handshake");
    let driver = tokio::spawn(connection);
    let uri = format!("http://{}/items/3", server.address);
    let request = http::Request::get(uri).body(axum::body::Body::empty()).expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    drop((sender, response));
    assert_eq!(server.stop().await, Drained { cut: 0 });
    driver.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let options = ServerOptions { head_timeout: Duration::from_millis(200), ..ServerOptions::default() };
    let server = start_default(options).await;
    for beginning in [&b""[..], b"GET /items/3 HTTP/1.1\r\nhost: loc", b"PRI * HTTP/2"] {
        let mut slow = server.connect().await;
        slow.write_all(beginning).await.expect("written");
        assert_eq!(read_to_end(&mut slow).await, "", "{beginning:?}");
    }
    let mut second = server.connect().await;
    second.write_all(GET).await.expect("written");
    assert!(read_until(&mut second, "pomme").await.contains("200 OK"));
    second.write_all(b"GET /").await.expect("written");
    assert_eq!(read_to_end(&mut second).await, "", "the next head counts too");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let options = ServerOptions {
        head_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(100),
        ..ServerOptions::default()
    };
    let may_end = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&may_end);
    let slow = get(move || async move { gate.acquire().await.map_or("closed", |_| "slowly") });
    let server = start(app_with("/slow", slow), options, Drain::new()).await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("written");
    let mut idle = server.connect().await;
    idle.write_all(GET).await.expect("written");
    assert!(read_to_end(&mut idle).await.contains("200 OK"));
    may_end.add_permits(1);
    assert!(read_until(&mut busy, "slowly").await.contains("200 OK"));
}

#[tokio::test]
async fn a_client_who_takes_nothing_is_cut() {
    let options = ServerOptions { write_timeout: Duration::from_millis(200), ..ServerOptions::default() };
    let endless = get(async || {
        let chunk = bytes::Bytes::from(vec![b'x'; 65536]);
        let chunks = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        axum::body::Body::from_stream(chunks).into_response()
    });
    let server = start(app_with("/endless", endless), options, Drain::new()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("written");
    // Nothing is read until the server has given up: only then does writing to it fail.
    until(async || stream.write_all(b"x").await.is_err()).await;
}

#[tokio::test]
async fn further_connections_wait_for_a_place() {
    let server = start_default(ServerOptions { max_connections: 1, ..ServerOptions::default() }).await;
    let mut first = server.connect().await;
    first.write_all(GET).await.expect("written");
    read_until(&mut first, "pomme").await;
    let mut second = server.connect().await;
    second.write_all(GET).await.expect("written");
    first.write_all(GET).await.expect("written");
    read_until(&mut first, "pomme").await;
    assert!(second.try_read(&mut [0]).is_err(), "the second connection was served beside the first");
    drop(first);
    assert!(read_until(&mut second, "pomme").await.contains("200 OK"));
}

#[tokio::test]
async fn what_is_being_answered_is_finished_before_the_end() {
    let (entered, mut was_entered) = tokio::sync::mpsc::channel(1);
    let drain = Drain::new();
    let waits_for = drain.clone();
    let slow = get(move || {
        let (entered, drain) = (entered.clone(), waits_for.clone());
        async move {
            entered.send(()).await.expect("a test that listens");
            drain.started().await;
            "finished all the same"
        }
    });
    let server = start(app_with("/slow", slow), ServerOptions::default(), drain).await;
    let mut idle = server.connect().await;
    idle.write_all(GET).await.expect("written");
    read_until(&mut idle, "pomme").await;
    let mut busy = server.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("written");
    was_entered.recv().await.expect("the handler");
    let address = server.address;
    assert_eq!(server.stop().await, Drained { cut: 0 });
    assert!(read_to_end(&mut busy).await.contains("finished all the same"));
    assert_eq!(read_to_end(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_does_not_end_is_cut() {
    let options = ServerOptions { drain_timeout: Duration::from_millis(50), ..ServerOptions::default() };
    let (entered, mut was_entered) = tokio::sync::mpsc::channel(1);
    let forever = get(move || {
        let entered = entered.clone();
        async move {
            entered.send(()).await.expect("a test that listens");
            std::future::pending::<&str>().await
        }
    });
    let server = start(app_with("/forever", forever), options, Drain::new()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /forever HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("written");
    was_entered.recv().await.expect("the handler");
    assert_eq!(server.stop().await, Drained { cut: 1 });
}
