//! The server: connections in, requests to the application, and an orderly end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tower::Service as _;

use crate::app::AppFuture;
use crate::pace::{InFlight, Limits, Pace, PacedStream, TrackedBody};
use crate::{App, Drain};

/// How connections are treated.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// How many connections may be open; others wait to be accepted.
    pub max_connections: usize,
    /// From a request's first byte to the end of its head (and from the connection to the first head).
    pub head_timeout: Duration,
    /// How long a connection is kept without a request.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of an answer.
    pub write_timeout: Duration,
    /// How long to wait for requests being answered when the server stops.
    pub drain_timeout: Duration,
}

impl Default for ServerOptions {
    /// 8,192 connections; 10 s for a head, 75 s idle, 30 s for a stuck answer, 20 s to drain.
    fn default() -> Self {
        Self {
            max_connections: 8192,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(20),
        }
    }
}

impl ServerOptions {
    fn limits(&self) -> Limits {
        Limits { head: self.head_timeout, idle: self.idle_timeout, write: self.write_timeout }
    }

    /// Connections are looked at several times within the shortest limit, and not more often than needed.
    fn look_every(&self) -> Duration {
        let shortest = self.head_timeout.min(self.idle_timeout).min(self.write_timeout);
        (shortest / 4).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy when the time to drain was over, and were cut.
    pub cut: usize,
}

/// Serves HTTP/1.1 and HTTP/2 (without TLS, by prior knowledge) until `shutdown` is ready, then drains.
///
/// Draining starts `drain`, which ends event streams; idle connections are closed, requests being answered are
/// finished, and what is not finished in time is cut.
pub async fn serve(
    listener: TcpListener,
    app: App,
    options: ServerOptions,
    drain: Drain,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let server = Arc::new(Server { app, options, drain });
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(server.options.max_connections));
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener, &places) => {
                let Some((stream, place)) = accepted else { continue };
                let server = Arc::clone(&server);
                connections.spawn(async move {
                    server.serve_one(stream).await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    server.drain.start();
    let all = async { while connections.join_next().await.is_some() {} };
    let in_time = tokio::time::timeout(server.options.drain_timeout, all).await.is_ok();
    let cut = if in_time { 0 } else { connections.len() };
    connections.shutdown().await;
    Drained { cut }
}

/// The next connection, once there is a place for it. Whoever waits meanwhile waits in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            // Most likely there are no file descriptors left: others must end before this can go on.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

struct Server {
    app: App,
    options: ServerOptions,
    drain: Drain,
}

impl Server {
    /// Serves one connection to its end.
    async fn serve_one(&self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before it began");
            return;
        }
        let pace = Arc::new(Pace::new());
        let io = TokioIo::new(PacedStream { stream, pace: Arc::clone(&pace) });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // The pace watches heads, idleness and stuck answers, without a timer for each request.
        builder.http1().header_read_timeout(None).max_buf_size(64 * 1024);
        builder.http2().max_concurrent_streams(256).max_header_list_size(64 * 1024);
        let service = ConnectionService { app: self.app.clone(), pace: Arc::clone(&pace) };
        let mut connection = pin!(builder.serve_connection(io, service));
        let mut stopping = pin!(self.drain.started());
        let mut is_stopping = false;
        let limits = self.options.limits();
        let mut look = tokio::time::interval(self.options.look_every());
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(error = &*error, "a connection broke");
                    }
                    return;
                }
                () = &mut stopping, if !is_stopping => {
                    is_stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                _ = look.tick() => {
                    if let Some(reason) = pace.overdue(&limits) {
                        tracing::debug!(reason, "a connection is closed");
                        return;
                    }
                }
            }
        }
    }
}

/// The application, as one connection calls it.
struct ConnectionService {
    app: App,
    pace: Arc<Pace>,
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<TrackedBody>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let in_flight = Some(self.pace.begin());
        Answering { answer: self.app.clone().call(request), in_flight }
    }
}

/// An answer on its way, with its request's place in the connection's pace.
struct Answering {
    answer: AppFuture,
    in_flight: Option<InFlight>,
}

impl Future for Answering {
    type Output = Result<Response<TrackedBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(response) = ready!(Pin::new(&mut self.answer).poll(cx));
        let in_flight = self.in_flight.take();
        Poll::Ready(Ok(response.map(|body| TrackedBody { body, in_flight })))
    }
}
