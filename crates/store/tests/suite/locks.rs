//! What keeps commands of several lanes and processes out of each other's way.

use anyhow::{Result, bail};
use store::{Call, DbError, Engine, Lane, Options, Sabotage, Store, Tx, params};

use crate::world::{Dice, Failed, LANE, LANES, World};

on_both_engines! {
    overlapping_keys_never_deadlock,
    no_update_is_lost,
    a_whole_space_excludes_its_keys,
}

const COUNTERS: [i64; 6] = [1, 2, 3, 4, 5, 6];

async fn prepare(store: &Store) {
    let fill = store.run(Call::new("test.fill", LANE), |tx, _| {
        tx.execute_each("INSERT INTO counter (id, value) VALUES ($1, 0)", COUNTERS.map(|id| params![id]))?;
        Ok::<_, Failed>(())
    });
    fill.await.unwrap();
}

/// Adds one to a counter by what it reads there: right only if nobody else does so at the same time.
fn increment(tx: &mut Tx<'_>, id: i64) -> Result<(), DbError> {
    let value: i64 =
        tx.query_one("SELECT value FROM counter WHERE id = $1", &params![id], |row| row.get(0))?;
    tx.execute("UPDATE counter SET value = $2 WHERE id = $1", &params![id, value + 1])?;
    Ok(())
}

async fn total(store: &Store) -> Result<i64> {
    let sum = "SELECT CAST(SUM(value) AS BIGINT) FROM counter";
    Ok(store.read(move |tx| Ok::<_, store::Unavailable>(tx.query_one(sum, &[], |row| row.get(0))?)).await?)
}

/// Increments random counters from every lane of every store; returns what should be their sum.
async fn increment_from_everywhere(stores: &[Store], most_keys: u64, rounds: u64) -> Result<i64> {
    let mut tasks = Vec::new();
    for (seed, (store, lane)) in
        (0_u64..).zip(stores.iter().flat_map(|store| LANES.map(|lane| (store, lane))))
    {
        tasks.push(tokio::spawn(increment_at_random(store.clone(), lane, Dice(seed), most_keys, rounds)));
    }
    let mut increments = 0;
    for task in tasks {
        increments += task.await??;
    }
    Ok(increments)
}

async fn increment_at_random(
    store: Store,
    lane: Lane,
    mut dice: Dice,
    most_keys: u64,
    rounds: u64,
) -> Result<i64> {
    let mut increments = 0;
    for _ in 0..rounds {
        // In any order, and the same one twice now and then.
        let ids: Vec<i64> = (0..=dice.roll(most_keys)).map(|_| dice.pick(&COUNTERS)).collect();
        increments += i64::try_from(ids.len())?;
        let call = ids.iter().fold(Call::new("test.add", lane), |call, id| call.lock("counter", *id));
        let outcome = store.run(call, move |tx, _| {
            ids.iter().try_for_each(|id| increment(tx, *id))?;
            Ok::<_, Failed>(())
        });
        if let Err(error) = outcome.await {
            bail!("an increment failed: {error:?}");
        }
    }
    Ok(increments)
}

async fn overlapping_keys_never_deadlock(world: World) -> Result<()> {
    let stores = world.stores()?;
    prepare(&stores[0]).await;
    let expected = increment_from_everywhere(&stores, 4, 40).await?;
    assert_eq!(total(&stores[0]).await?, expected);
    if let Engine::Postgres { url } = &world.engine {
        let statistics = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        let rows = testkit::Database::parse(url)?.query(statistics)?;
        assert_eq!(rows, [[Some("0".to_owned())]], "retries would hide them");
    }
    Ok(())
}

async fn no_update_is_lost(world: World) -> Result<()> {
    let stores = world.stores()?;
    prepare(&stores[0]).await;
    let expected = increment_from_everywhere(&stores, 1, 40).await?;
    assert_eq!(total(&stores[0]).await?, expected);
    Ok(())
}

/// The known-bad twin: what the test above does finds the fault if the locks are not taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_locks_updates_are_lost() -> Result<()> {
    let world = World::postgres();
    let open = || Store::open(Options { sabotage: Sabotage::NoLocks, ..world.options() });
    let stores = [open()?, open()?];
    prepare(&stores[0]).await;
    let mut expected = 0;
    for _ in 0..20 {
        expected += increment_from_everywhere(&stores, 1, 40).await?;
        if total(&stores[0]).await? < expected {
            return Ok(());
        }
    }
    bail!("no update was lost: the test of the locks would not notice that they are missing")
}

async fn a_whole_space_excludes_its_keys(world: World) -> Result<()> {
    let stores = world.stores()?;
    prepare(&stores[0]).await;
    let mut tasks = Vec::new();
    for (seed, store) in (0_u64..).zip(&stores) {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..30 {
                // Every counter at once, without naming any.
                let call = Call::new("test.all", LANES[3]).lock_whole("counter");
                let all = store.run(call, |tx, _| {
                    COUNTERS.iter().try_for_each(|id| increment(tx, *id))?;
                    Ok::<_, Failed>(())
                });
                all.await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
            }
            let every_one = 30 * i64::try_from(COUNTERS.len())?;
            Ok(every_one + increment_at_random(store, LANES[0], Dice(seed), 3, 1).await?)
        }));
    }
    let mut expected = increment_from_everywhere(&stores, 3, 20).await?;
    for task in tasks {
        let increments: Result<i64> = task.await?;
        expected += increments?;
    }
    assert_eq!(total(&stores[0]).await?, expected);
    Ok(())
}
