//! What the tests of several nouns share: a store of their own on either engine, and the stall's routes on it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use kernel::{Currency, ManualClock, ProductId, SystemIds, Timestamp};
use store::{DbError, Durability, Engine, Options, Store, Tx};
use telemetry::Metrics;
use testkit::TempDir;
use web::testing::TestApp;
use web::{Api, Drain, Routes};

use crate::inventory::{ProductLevel, ProductStock};
use crate::{Ground, Offers, SCHEMA, Settings};

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
    pub(crate) engine: Engine,
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

    pub(crate) fn on(engine: Engine) -> Result<Self> {
        let clock = Arc::new(ManualClock::new(NOON));
        let options = Options::new(engine.clone(), vec![SCHEMA]);
        let store = Store::open(Options { clock: Arc::<ManualClock>::clone(&clock), ..options })?;
        Ok(Self { engine, clock, store, _folder: None })
    }

    /// Some of the stall's routes on this store.
    pub(crate) fn app(&self, routes: fn() -> Routes<Offers>) -> Result<TestApp> {
        let ground = Ground {
            store: self.store.clone(),
            ids: Arc::new(SystemIds),
            stock: Arc::new(EmptyShelves),
            metrics: Metrics::new(),
            drain: Drain::new(),
        };
        let settings = Settings::new(Currency::EUR);
        let routes = routes().with_state(Offers::new(ground, settings));
        let api = Api::new("Halles", "0", "").stall(routes);
        Ok(TestApp::new(api.build(&web::Settings::default(), &Metrics::new())?))
    }

    /// Moves the clock to so many seconds after noon.
    pub(crate) fn at(&self, seconds: i64) {
        let now = (self.store.now().micros() - NOON.micros()) / 1_000_000;
        self.clock.advance_seconds(seconds - now);
    }
}

/// Stores that have nothing.
struct EmptyShelves;

impl ProductStock for EmptyShelves {
    fn levels(&self, _: &mut Tx<'_>, _: &[ProductId]) -> Result<Vec<ProductLevel>, DbError> {
        Ok(Vec::new())
    }
}

/// Waits until something is so, looking often; an error after half a minute.
pub(crate) async fn eventually<F: Future<Output = Result<bool>>>(mut so: impl FnMut() -> F) -> Result<()> {
    for _ in 0..3000 {
        if so().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ensure!(false, "it never came");
    Ok(())
}
