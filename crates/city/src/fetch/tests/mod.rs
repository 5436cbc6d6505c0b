#![expect(clippy::unwrap_used, reason = "tests")]

mod downloading;
mod fetching;
mod portal;
mod remembering;

use std::time::{Duration, Instant};

/// Waits for a condition.
async fn soon(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(10), "waited in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
