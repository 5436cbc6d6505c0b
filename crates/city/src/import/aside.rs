//! Threads that give way: an import is never as urgent as somebody who waits for an answer.

use std::io;

use tokio::sync::oneshot;

/// How far imports stand back: with this niceness a thread gets about a tenth of a processor that others want, and all
/// of one that nobody else does.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Starts a thread that gives way, as do the threads that it starts.
pub(super) fn spawn(name: &str, f: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let give_way_and_work = move || {
        give_way();
        f();
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(give_way_and_work).map(drop)
}

/// Computes something on a thread that gives way; nothing comes back when it panics.
pub(super) async fn compute<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (answer, answered) = oneshot::channel();
    spawn("city-worker", move || {
        // Whoever has stopped waiting does not want to know.
        let _ = answer.send(f());
    })?;
    Ok(answered.await.ok())
}

/// On Linux niceness is each thread's own; elsewhere it is the process's, and nothing is done.
#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "an import cannot give way to others");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_panics_gives_nothing() -> io::Result<()> {
        assert_eq!(compute(|| 7).await?, Some(7));
        assert_eq!(compute(|| -> i32 { panic!("on purpose") }).await?, None);
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_thread_itself_gives_way() -> io::Result<()> {
        let niceness = || rustix::process::getpriority_process(None);
        let before = niceness()?;
        let inside = compute(niceness).await?;
        assert_eq!(inside, Some(Ok((before + NICENESS).min(19))));
        assert_eq!(niceness()?, before);
        Ok(())
    }
}
