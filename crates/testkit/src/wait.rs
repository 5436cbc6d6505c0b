//! Waiting for a condition.

use std::thread;
use std::time::{Duration, Instant};

use crate::{Error, Result};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Waits until `condition` is true, which is looked at again and again, at least twice.
///
/// # Errors
/// [`Error::TimedOut`] naming `what` when `limit` has passed.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) -> Result<()> {
    try_until(what, limit, || Ok(condition().then_some(())))
}

/// Waits until `attempt` gives a value; an error of it ends the wait at once.
pub(crate) fn try_until<T>(
    what: &str,
    limit: Duration,
    mut attempt: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        // Read before the attempt, so that the last attempt happens after the limit: on a busy machine the
        // condition may have come true during a long pause.
        let over = start.elapsed() >= limit;
        if let Some(value) = attempt()? {
            return Ok(value);
        }
        if over {
            return Err(Error::TimedOut { awaited: what.to_owned(), limit, details: String::new() });
        }
        thread::sleep(pause.min(limit));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_as_soon_as_the_condition_holds() -> Result<()> {
        let mut looks = 0;
        wait_until("the third look", Duration::from_secs(10), || {
            looks += 1;
            looks == 3
        })?;
        assert_eq!(looks, 3);
        Ok(())
    }

    #[test]
    fn the_error_names_what_was_awaited() {
        let error = wait_until("the moon", Duration::from_millis(5), || false).expect_err("it never rises");
        assert_eq!(error.to_string(), "waited 5ms in vain for the moon");
    }

    #[test]
    fn an_error_ends_the_wait() {
        let attempt = || Err::<Option<()>, _>(Error::Invalid("broken".to_owned()));
        let error = try_until("anything", Duration::from_mins(1), attempt).expect_err("it is broken");
        assert_eq!(error.to_string(), "broken");
    }
}
