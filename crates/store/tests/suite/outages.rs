//! PostgreSQL servers that are away, come back, or cannot be trusted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use store::{Call, CallError, Engine, OpenError, Store, Unavailable};
use testkit::PrivatePostgres;

use crate::world::{
    Failed, LANES, LONG, Outcome, Pending, World, entries, events, eventually, leave, left, options, queue,
};

/// What clients were told.
#[derive(Default)]
struct Told {
    done: BTreeSet<String>,
    not_done: BTreeSet<String>,
    unknown: usize,
}

impl Told {
    fn note(&mut self, name: String, outcome: &Outcome) {
        match outcome {
            Ok(()) => drop(self.done.insert(name)),
            Err(CallError::Unavailable(Unavailable::OutcomeUnknown)) => self.unknown += 1,
            Err(CallError::Refused(_) | CallError::Unavailable(_)) => drop(self.not_done.insert(name)),
        }
    }
}

async fn work(store: Store, client: (usize, usize), told: Arc<Mutex<Told>>, over: Arc<AtomicBool>) {
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("{}-{}-{number}", client.0, client.1);
        let entry = name.clone();
        let outcome = store
            .run(Call::new("test.work", LANES[client.1 % 4]), move |tx, _| {
                Ok::<_, Failed>(leave(tx, &entry)?)
            })
            .await;
        let failed = outcome.is_err();
        told.lock().unwrap().note(name, &outcome);
        if failed {
            // A client that is told to come back does not hammer.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_the_middle_loses_nothing() -> Result<()> {
    let mut server = PrivatePostgres::start()?;
    let engine = Engine::Postgres { url: server.create_database("halles")? };
    let stores = [Store::open(options(engine.clone()))?, Store::open(options(engine.clone()))?];
    let told: Arc<Mutex<Told>> = Arc::default();
    for round in 0..3 {
        let over = Arc::default();
        let work_of = |client: usize| {
            let store = stores[client % 2].clone();
            tokio::spawn(work(store, (round, client), Arc::clone(&told), Arc::clone(&over)))
        };
        let clients: Vec<_> = (0..16).map(work_of).collect();
        let done = || told.lock().unwrap().done.len();
        let before = done();
        eventually("some work", async || done() > before + 100).await?;
        server.kill9()?;
        let failures = told.lock().unwrap().not_done.len();
        eventually("everybody to be told", async || told.lock().unwrap().not_done.len() > failures + 16)
            .await?;
        eventually("both stores to have noticed", async || stores.iter().all(|store| !store.health().ready))
            .await?;
        let asked = Instant::now();
        assert_eq!(left(&stores[0], "while away").await, Err(CallError::Unavailable(Unavailable::NotReady)));
        assert!(asked.elapsed() < Duration::from_secs(2), "the answer comes at once");
        server.start_again()?;
        let before = done();
        eventually("the stores to work again by themselves", async || done() > before + 100).await?;
        over.store(true, Ordering::Relaxed);
        for client in clients {
            client.await?;
        }
    }
    let found: BTreeSet<String> = entries(&stores[0]).await?.into_iter().collect();
    let log = events(&stores[1]).await?;
    assert!(log.iter().map(|(position, _)| *position).eq(1..=i64::try_from(found.len())?));
    assert!(log.into_iter().map(|(_, subject)| subject).collect::<BTreeSet<_>>() == found);
    let told = told.lock().unwrap();
    let lost: Vec<_> = told.done.difference(&found).collect();
    assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
    let ghosts: Vec<_> = told.not_done.intersection(&found).collect();
    assert!(ghosts.is_empty(), "refused and there all the same: {ghosts:?}");
    assert!(found.len() - told.done.len() <= told.unknown);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_at_start_is_awaited() -> Result<()> {
    let mut server = PrivatePostgres::start()?;
    let engine = Engine::Postgres { url: server.create_database("halles")? };
    server.stop()?;
    let store = Store::open(options(engine.clone()))?;
    let abandoned = Store::open(options(engine))?;
    assert!(!store.health().ready);
    assert_eq!(left(&store, "a").await, Err(CallError::Unavailable(Unavailable::NotReady)));
    assert_eq!(entries(&store).await, Err(Unavailable::NotReady));
    drop(abandoned);
    server.start_again()?;
    tokio::time::timeout(LONG, store.opened()).await?;
    assert!(store.health().ready);
    assert_eq!(left(&store, "a").await, Ok(()));
    assert_eq!(entries(&store).await?, ["a"]);
    Ok(())
}

#[test]
fn a_server_that_may_forget_is_refused() -> Result<()> {
    let server = PrivatePostgres::start_with(&[("fsync", "off")])?;
    let Err(error) = Store::open(options(Engine::Postgres { url: server.url("postgres") })) else {
        bail!("it was opened")
    };
    assert!(matches!(error, OpenError::Unsafe(_)), "{error}");
    assert!(error.to_string().contains("fsync is off"), "{error}");
    Ok(())
}

#[test]
fn a_database_that_does_not_exist_is_an_error_at_once() -> Result<()> {
    let World { engine: Engine::Postgres { url }, .. } = World::postgres() else { bail!("not PostgreSQL") };
    for url in [format!("{url}_not"), "nonsense".to_owned()] {
        let opened = Store::open(options(Engine::Postgres { url }));
        assert!(matches!(opened.err(), Some(OpenError::Db(_) | OpenError::Url(_))));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_ended_by_the_server_are_replaced() -> Result<()> {
    let world = World::postgres();
    let store = world.store()?;
    left(&store, "a").await.unwrap();
    assert_eq!(entries(&store).await?, ["a"]);
    let Engine::Postgres { url } = &world.engine else { bail!("not PostgreSQL") };
    let database = testkit::Database::parse(url)?;
    let others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    testkit::wait_until("a writer, a reader and the poller", LONG, || {
        database.query(&format!("SELECT pid {others}")).is_ok_and(|found| found.len() == 3)
    })?;
    database.query(&format!("SELECT pg_terminate_backend(pid) {others}"))?;
    eventually("the writer to be back", async || left(&store, "b").await.is_ok()).await?;
    assert_eq!(entries(&store).await?, ["a", "b"], "a reader that is gone is not used");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_did_not_happen_is_made_again() -> Result<()> {
    let world = World::postgres();
    let store = world.store()?;
    let Engine::Postgres { url } = &world.engine else { bail!("not PostgreSQL") };
    // The first COMMIT after an entry ends its own connection; sequences do not roll back.
    testkit::Database::parse(url)?.query(
        "CREATE SEQUENCE commits;
         CREATE FUNCTION die_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('commits') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END IF;
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER die_once AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION die_once()",
    )?;
    assert_eq!(left(&store, "a").await, Ok(()));
    assert_eq!(events(&store).await?, [(1, "a".to_owned())]);
    Ok(())
}

/// A server whose commits, once on its disk, wait for a standby that does not exist.
struct Stuck {
    server: PrivatePostgres,
    store: Store,
}

impl Stuck {
    fn start() -> Result<Self> {
        let server = PrivatePostgres::start()?;
        let store = Store::open(options(Engine::Postgres { url: server.create_database("halles")? }))?;
        let main = server.database("postgres");
        // Two messages: ALTER SYSTEM must not be part of a transaction.
        main.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")?;
        main.query("SELECT pg_reload_conf()")?;
        Ok(Self { server, store })
    }

    /// Begins a command and waits until its commit is stuck.
    fn begin(&self, name: &'static str) -> Result<tokio::task::JoinHandle<Outcome>> {
        let store = self.store.clone();
        let command = tokio::spawn(async move { left(&store, name).await });
        let waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        testkit::wait_until("the commit to be stuck", LONG, || {
            self.server.database("postgres").query(waiting).is_ok_and(|found| !found.is_empty())
        })?;
        Ok(command)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_did_happen_is_not_made_again() -> Result<()> {
    let stuck = Stuck::start()?;
    let command = stuck.begin("a")?;
    // Without asking what became of it, it would be run again and meet its own row.
    stuck
        .server
        .database("postgres")
        .query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")?;
    assert_eq!(command.await?, Ok(()));
    assert_eq!(events(&stuck.store).await?, [(1, "a".to_owned())]);
    assert_eq!(stuck.store.head(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_nobody_can_tell_is_said_to_be_unknown() -> Result<()> {
    let mut stuck = Stuck::start()?;
    let command = stuck.begin("a")?;
    let mut waiting: Pending<'static, Outcome> = {
        let store = stuck.store.clone();
        Box::pin(async move { left(&store, "b").await })
    };
    queue(&mut waiting).await?;
    stuck.server.kill9()?;
    let asked = Instant::now();
    assert_eq!(waiting.await, Err(CallError::Unavailable(Unavailable::NotReady)));
    assert!(asked.elapsed() < Duration::from_secs(5), "who waits behind it is not kept waiting");
    assert_eq!(command.await?, Err(CallError::Unavailable(Unavailable::OutcomeUnknown)));
    Ok(())
}
