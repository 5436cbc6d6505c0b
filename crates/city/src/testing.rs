//! What the tests of several nouns share: a store of their own on either engine, and chance that repeats.

pub(crate) mod chance;

use std::sync::Arc;

use anyhow::Result;
use kernel::{ManualClock, Timestamp};
use store::{CallError, DbError, Durability, Engine, Failure, Options, Store, Tx, Unavailable};
use testkit::TempDir;

use crate::{CITY, SCHEMA};

/// Runs each test on both engines.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::testing::World::sqlite()?).await
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::testing::World::postgres()?).await
            })*
        }
    };
}
pub(crate) use on_both_engines;

/// 2026-03-01T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::from_micros(1_772_366_400_000_000);

/// A store of one's own, whose clock stands at noon until it is moved.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    _folder: Option<TempDir>,
}

impl World {
    pub(crate) fn sqlite() -> Result<Self> {
        let folder = TempDir::new()?;
        let engine = Engine::Sqlite { folder: folder.path().to_owned(), durability: Durability::Relaxed };
        Ok(Self { _folder: Some(folder), ..Self::on(engine)? })
    }

    pub(crate) fn postgres() -> Result<Self> {
        Self::on(Engine::Postgres { url: testkit::fresh_database() })
    }

    fn on(engine: Engine) -> Result<Self> {
        let clock = Arc::new(ManualClock::new(NOON));
        let options = Options::new(engine, vec![SCHEMA]);
        let store = Store::open(Options { clock: Arc::<ManualClock>::clone(&clock), ..options })?;
        Ok(Self { clock, store, _folder: None })
    }

    /// Moves the clock to so many seconds after noon.
    pub(crate) fn at(&self, seconds: i64) {
        let now = (self.store.now().micros() - NOON.micros()) / 1_000_000;
        self.clock.advance_seconds(seconds - now);
    }

    /// Runs a command.
    pub(crate) async fn run<T, E, F>(&self, f: F) -> Result<T, CallError<E>>
    where
        F: Fn(&mut Tx<'_>, Timestamp) -> Result<T, Failure<E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        self.store.run(store::Call::new("test", CITY), f).await
    }

    /// Runs a query.
    pub(crate) async fn read<T, F>(&self, f: F) -> Result<T>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static,
        T: Send + 'static,
    {
        Ok(self.store.scan(move |tx| f(tx).map_err(Unavailable::from)).await?)
    }
}

/// So many seconds after noon.
pub(crate) const fn after_noon(seconds: i64) -> Timestamp {
    NOON.plus_seconds(seconds)
}
