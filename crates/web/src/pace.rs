//! Whether a connection gets on: the times of what it last did, and the stream that keeps them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How long a connection may take for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// From a request's first byte (or the connection, for its first) to the end of its head.
    pub(crate) head: Duration,
    /// Without a request.
    pub(crate) idle: Duration,
    /// Without taking a byte of an answer.
    pub(crate) write: Duration,
}

/// What one connection did last. Times are milliseconds since it was made, plus one; 0 means never.
pub(crate) struct Pace {
    made: Instant,
    in_flight: AtomicUsize,
    /// When the last answer was finished.
    quiet_since: AtomicU64,
    /// When the head that is arriving began.
    head_since: AtomicU64,
    /// When the client stopped taking what is being sent.
    stuck_since: AtomicU64,
}

impl Pace {
    /// A connection that has just been made: its first head is awaited.
    pub(crate) fn new() -> Self {
        Self {
            made: Instant::now(),
            in_flight: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(1),
            head_since: AtomicU64::new(1),
            stuck_since: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    /// Counts a request whose head has arrived, until the guard is dropped with the end of its answer.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    fn bytes_came(&self) {
        let idle = self.in_flight.load(Ordering::Relaxed) == 0;
        if idle && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    fn written(&self, stuck: bool) {
        let since = self.stuck_since.load(Ordering::Relaxed);
        match (stuck, since) {
            (true, 0) => self.stuck_since.store(self.now(), Ordering::Relaxed),
            (false, 1..) => self.stuck_since.store(0, Ordering::Relaxed),
            (true, 1..) | (false, 0) => {}
        }
    }

    /// What the connection takes too long for, if anything.
    pub(crate) fn overdue(&self, limits: &Limits) -> Option<&'static str> {
        let now = self.now();
        let passed = |cell: &AtomicU64, limit: Duration| {
            let since = cell.load(Ordering::Relaxed);
            since != 0 && u128::from(now.saturating_sub(since)) >= limit.as_millis()
        };
        if passed(&self.stuck_since, limits.write) {
            return Some("takes no answer");
        }
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return None;
        }
        if passed(&self.head_since, limits.head) {
            return Some("sends no whole head");
        }
        passed(&self.quiet_since, limits.idle).then_some("is idle")
    }
}

/// A request being answered on a connection.
pub(crate) struct InFlight(Arc<Pace>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.quiet_since.store(self.0.now(), Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A TCP stream that keeps its pace.
pub(crate) struct PacedStream {
    pub(crate) stream: TcpStream,
    pub(crate) pace: Arc<Pace>,
}

impl AsyncRead for PacedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.pace.bytes_came();
        }
        result
    }
}

impl AsyncWrite for PacedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, data);
        self.pace.written(result.is_pending());
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, data);
        self.pace.written(result.is_pending());
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The body of an answer; its request is in flight until the body's end.
pub(crate) struct TrackedBody {
    pub(crate) body: Body,
    pub(crate) in_flight: Option<InFlight>,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) {
            self.in_flight = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::from_hours(1);

    #[test]
    fn what_is_awaited_decides_what_is_overdue() {
        let pace = Arc::new(Pace::new());
        let now = Limits { head: Duration::ZERO, idle: NEVER, write: NEVER };
        let idle = Limits { head: NEVER, idle: Duration::ZERO, write: NEVER };
        let write = Limits { head: NEVER, idle: NEVER, write: Duration::ZERO };
        assert_eq!(pace.overdue(&now), Some("sends no whole head"), "a new connection owes a head");

        let request = pace.begin();
        pace.bytes_came();
        assert_eq!((pace.overdue(&now), pace.overdue(&idle)), (None, None), "a request is being answered");
        pace.written(true);
        assert_eq!(pace.overdue(&write), Some("takes no answer"));
        pace.written(false);
        assert_eq!(pace.overdue(&write), None);

        drop(request);
        assert_eq!((pace.overdue(&now), pace.overdue(&idle)), (None, Some("is idle")));
        pace.bytes_came();
        assert_eq!(pace.overdue(&now), Some("sends no whole head"), "the next head has begun");
    }
}
