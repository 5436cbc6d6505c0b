//! A database of one's own, the tables of an invented stall, and ways to make commands meet.

use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use kernel::{ManualClock, Timestamp};
use store::{
    Call, CallError, DbError, Durability, Engine, Failure, Lane, Migration, Options, Schema, Store, Tx,
    Unavailable, params,
};
use testkit::TempDir;

/// Runs each test on both engines.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::world::World::sqlite()?).await
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::world::World::postgres()).await
            })*
        }
    };
}

/// The tables of the tests' stall.
pub(crate) const STALL: Schema = Schema {
    stall: "test",
    migrations: &[Migration {
        version: 1,
        name: "counters and entries",
        sql: "
            -- What commands decide on.
            CREATE TABLE counter (id BIGINT PRIMARY KEY, value BIGINT NOT NULL CHECK (value >= 0));
            -- What they leave.
            CREATE TABLE entry (name TEXT PRIMARY KEY, note TEXT, position BIGINT);
            CREATE INDEX entry_note ON entry (note);
            -- One column of each type.
            CREATE TABLE sample (
                id UUID PRIMARY KEY, number BIGINT, flag BOOLEAN, ratio DOUBLE PRECISION, text TEXT, raw BYTEA
            );
        ",
    }],
};

pub(crate) const LANES: [Lane; 4] = [Lane("one"), Lane("two"), Lane("three"), Lane("four")];
pub(crate) const LANE: Lane = LANES[0];
/// A bound on waits that only a fault reaches.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// Where a test's data lives.
pub(crate) struct World {
    pub(crate) engine: Engine,
    _folder: Option<TempDir>,
}

impl World {
    pub(crate) fn sqlite() -> Result<Self> {
        let folder = TempDir::new()?;
        Ok(Self { engine: sqlite(folder.path()), _folder: Some(folder) })
    }

    pub(crate) fn postgres() -> Self {
        Self { engine: Engine::Postgres { url: testkit::fresh_database() }, _folder: None }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.engine, Engine::Sqlite { .. })
    }

    /// The data folder; only SQLite has one.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        match &self.engine {
            Engine::Sqlite { folder, .. } => Ok(folder.clone()),
            Engine::Postgres { .. } => bail!("PostgreSQL has no data folder"),
        }
    }

    pub(crate) fn options(&self) -> Options {
        options(self.engine.clone())
    }

    pub(crate) fn store(&self) -> Result<Store> {
        Ok(Store::open(self.options())?)
    }

    /// As many stores as may work on one database: one on SQLite, two on PostgreSQL.
    pub(crate) fn stores(&self) -> Result<Vec<Store>> {
        (0..if self.is_sqlite() { 1 } else { 2 }).map(|_| self.store()).collect()
    }
}

pub(crate) fn sqlite(folder: &Path) -> Engine {
    Engine::Sqlite { folder: folder.to_owned(), durability: Durability::Relaxed }
}

pub(crate) fn options(engine: Engine) -> Options {
    let mut options = Options::new(engine, vec![STALL]);
    options.clock = Arc::new(ManualClock::new(NOON));
    options.on_fatal = Arc::new(|reason| panic!("the store gave up: {reason}"));
    options
}

/// 2026-03-01T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::from_micros(1_772_366_400_000_000);

/// How the commands of these tests end.
pub(crate) type Outcome<T = ()> = Result<T, CallError<&'static str>>;
pub(crate) type Failed = Failure<&'static str>;

/// Leaves an entry and its event.
pub(crate) fn leave(tx: &mut Tx<'_>, name: &str) -> Result<(), DbError> {
    tx.execute("INSERT INTO entry (name) VALUES ($1)", &params![name])?;
    tx.emit("test.left", "/test", name, &name);
    Ok(())
}

/// A command that leaves an entry.
pub(crate) async fn left(store: &Store, name: impl Into<String>) -> Outcome {
    let name = name.into();
    store.run(Call::new("test.leave", LANE), move |tx, _| Ok::<_, Failed>(leave(tx, &name)?)).await
}

/// The names of all entries, sorted.
pub(crate) async fn entries(store: &Store) -> Result<Vec<String>, Unavailable> {
    store.scan(|tx| Ok(tx.query("SELECT name FROM entry ORDER BY name", &[], |row| row.get(0))?)).await
}

/// The positions and subjects of the whole log.
pub(crate) async fn events(store: &Store) -> Result<Vec<(i64, String)>, Unavailable> {
    let events = store.scan(|tx| Ok::<_, Unavailable>(store::log::after(tx, 0, None, i64::MAX)?)).await?;
    Ok(events.into_iter().map(|event| (event.position, event.subject)).collect())
}

/// The log that these subjects make, from position 1.
pub(crate) fn log_of<'s>(subjects: impl IntoIterator<Item = &'s str>) -> Vec<(i64, String)> {
    (1..).zip(subjects.into_iter().map(str::to_owned)).collect()
}

/// Keeps a lane's writer busy until released.
pub(crate) struct Hold {
    release: mpsc::Sender<()>,
    held: tokio::task::JoinHandle<Outcome>,
}

impl Hold {
    pub(crate) async fn start(store: &Store, lane: Lane) -> Result<Self> {
        let (release, released) = mpsc::channel();
        let (entered, inside) = tokio::sync::oneshot::channel();
        let (released, entered) = (Mutex::new(released), Mutex::new(Some(entered)));
        let store = store.clone();
        let held = tokio::spawn(async move {
            let hold = move |_: &mut Tx<'_>, _| {
                if let Some(entered) = entered.lock().unwrap().take() {
                    let _ = entered.send(());
                    // An error means that the test has failed and let go.
                    let _ = released.lock().unwrap().recv();
                }
                Ok::<_, Failed>(())
            };
            store.run(Call::new("test.hold", lane), hold).await
        });
        inside.await?;
        Ok(Self { release, held })
    }

    pub(crate) async fn release(self) -> Result<()> {
        self.release.send(())?;
        self.held.await?.map_err(|error| anyhow::anyhow!("the hold itself failed: {error:?}"))
    }
}

/// A command on its way.
pub(crate) type Pending<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// Hands commands of one lane over in such a way that they become one batch.
pub(crate) async fn as_one_batch<T>(store: &Store, mut commands: Vec<Pending<'_, T>>) -> Result<Vec<T>> {
    let hold = Hold::start(store, LANE).await?;
    for command in &mut commands {
        queue(command).await?;
    }
    hold.release().await?;
    let mut outcomes = Vec::new();
    for command in commands {
        outcomes.push(command.await);
    }
    Ok(outcomes)
}

/// Polls a command once, which puts it into its queue.
pub(crate) async fn queue<T>(command: &mut Pending<'_, T>) -> Result<()> {
    let answered = poll_fn(|context| Poll::Ready(command.as_mut().poll(context).is_ready())).await;
    ensure!(!answered, "a command was answered before it could run");
    Ok(())
}

/// Random numbers that are the same in every run (`SplitMix64`).
#[derive(Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number from 0 up to, without, `end`.
    pub(crate) fn roll(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// One of `all`.
    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.roll(all.len() as u64)).unwrap()]
    }
}

/// Waits until a condition that has to be asked of the store holds.
pub(crate) async fn eventually<F>(what: &str, mut condition: impl FnMut() -> F) -> Result<()>
where
    F: Future<Output = bool>,
{
    let asked = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(LONG, asked).await {
        Ok(()) => Ok(()),
        Err(_) => bail!("waited {LONG:?} in vain for {what}"),
    }
}
