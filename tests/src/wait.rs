//! Waiting for a condition without blocking the thread.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

const PAUSE: Duration = Duration::from_millis(10);

/// Tries again and again until `attempt` gives a value; an error does not end the wait, but is told at its end.
///
/// # Errors
/// When there is none after `limit`; the text says what was awaited and what stood in the way last.
pub async fn eventually<T>(
    what: &str,
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        let over = start.elapsed() >= limit;
        match attempt().await {
            Ok(Some(value)) => return Ok(value),
            Ok(None) if over => anyhow::bail!("waited {limit:?} in vain for {what}"),
            Err(error) if over => {
                return Err(error).with_context(|| format!("waited {limit:?} in vain for {what}"));
            }
            Ok(None) | Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
