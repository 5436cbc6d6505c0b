//! What imports stand on, and how they call the store: patiently.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kernel::Timestamp;
use store::{Call, CallError, DbError, Failure, Store, Tx, Unavailable};
use web::Drain;

use super::ImportError;

/// The first pause before a call that could not be answered is made again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So often a call is made, over a minute or so: an import of hours does not end because the store was busy or away
/// for a moment.
const TRIES: u32 = 18;

/// What imports stand on.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) store: Store,
    pub(super) drain: Drain,
    #[cfg(test)]
    pub(super) fuse: super::tests::Fuse,
}

/// How a command ended when it did not end well.
pub(super) enum Stopped<E> {
    /// Its own rules refuse.
    Refused(E),
    /// Nobody can say whether it was done.
    Unknown,
    /// The import ends.
    Ended(ImportError),
}

impl Ground {
    pub(super) fn new(store: Store, drain: Drain) -> Self {
        Self {
            store,
            drain,
            #[cfg(test)]
            fuse: super::tests::Fuse::default(),
        }
    }

    /// Waits, unless the server is stopping.
    pub(super) async fn pause(&self, time: Duration) -> Result<(), ImportError> {
        match tokio::time::timeout(time, self.drain.started()).await {
            Ok(()) => Err(ImportError::Stopped),
            Err(_) => Ok(()),
        }
    }

    /// Runs a query, again and again when the store is busy.
    pub(super) async fn read<T, F>(&self, f: F) -> Result<T, ImportError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + Sync + 'static,
    {
        let f = Arc::new(f);
        let mut pauses = Pauses::default();
        loop {
            let f = Arc::clone(&f);
            match self.store.scan(move |tx| f(tx).map_err(Unavailable::from)).await {
                Ok(value) => return Ok(value),
                Err(error) => self.pause(pauses.after(error)?).await?,
            }
        }
    }

    /// Runs a command, again and again when the store is busy.
    pub(super) async fn run<T, E, F>(&self, call: Call, f: F) -> Result<T, Stopped<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: Fn(&mut Tx<'_>, Timestamp) -> Result<T, Failure<E>> + Send + Sync + 'static,
    {
        let f = Arc::new(f);
        let mut pauses = Pauses::default();
        loop {
            let f = Arc::clone(&f);
            #[cfg(test)]
            self.fuse.burn().await;
            let error = match self.store.run(call.clone(), move |tx, now| f(tx, now)).await {
                Ok(value) => return Ok(value),
                Err(CallError::Refused(refusal)) => return Err(Stopped::Refused(refusal)),
                Err(CallError::Unavailable(Unavailable::OutcomeUnknown)) => return Err(Stopped::Unknown),
                Err(CallError::Unavailable(error)) => error,
            };
            let pause = pauses.after(error).map_err(|error| Stopped::Ended(error.into()))?;
            self.pause(pause).await.map_err(Stopped::Ended)?;
        }
    }

    /// Runs a command that never refuses, and that may be run twice.
    pub(super) async fn sure<T, F>(&self, call: Call, f: F) -> Result<T, ImportError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>, Timestamp) -> Result<T, DbError> + Send + Sync + 'static,
    {
        let f = Arc::new(f);
        loop {
            let f = Arc::clone(&f);
            let done = self.run(call.clone(), move |tx, now| f(tx, now).map_err(Failure::<Infallible>::Db));
            match done.await {
                Ok(value) => return Ok(value),
                Err(Stopped::Refused(never)) => match never {},
                Err(Stopped::Unknown) => self.pause(LONGEST_PAUSE).await?,
                Err(Stopped::Ended(error)) => return Err(error),
            }
        }
    }
}

/// How long to wait before a call is made again.
#[derive(Default)]
struct Pauses(u32);

impl Pauses {
    /// The next pause, when the error may go away by itself.
    fn after(&mut self, error: Unavailable) -> Result<Duration, Unavailable> {
        match error {
            Unavailable::QueueFull | Unavailable::Expired | Unavailable::NotReady | Unavailable::Busy(_)
                if self.0 < TRIES =>
            {
                self.0 += 1;
                Ok(LONGEST_PAUSE.min(FIRST_PAUSE * (1 << (self.0 - 1).min(7))))
            }
            Unavailable::QueueFull
            | Unavailable::Expired
            | Unavailable::NotReady
            | Unavailable::Busy(_)
            | Unavailable::Closed
            | Unavailable::Full
            | Unavailable::OutcomeUnknown
            | Unavailable::Panicked
            | Unavailable::Failed(_) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_store_is_borne_for_about_a_minute() {
        let mut pauses = Pauses::default();
        let mut waited = Duration::ZERO;
        while let Ok(pause) = pauses.after(Unavailable::NotReady) {
            waited += pause;
        }
        assert!((Duration::from_secs(45)..Duration::from_secs(90)).contains(&waited), "{waited:?}");
        assert!(Pauses::default().after(Unavailable::Full).is_err());
    }
}
