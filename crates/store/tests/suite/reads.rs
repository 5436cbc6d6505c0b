//! Snapshots: consistent, bounded, beside whoever writes.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use store::{Call, DbError, OpenError, ReadOnly, Store, Tx, Unavailable, params};

use crate::world::{Failed, LANE, LONG, STALL, World, entries, left};

on_both_engines! {
    a_snapshot_does_not_move,
    a_query_cannot_write,
    a_query_that_panics_harms_nobody,
    a_query_without_end_is_stopped,
    more_reads_than_connections_take_turns,
    another_process_reads_beside_the_writer,
    there_must_be_something_to_read,
}

/// Moves `units` from counter 1 to counter 2; their sum is always 100.
async fn shift(store: &Store, units: i64) {
    let shift = store.run(Call::new("test.shift", LANE).lock("counter", 1), move |tx, _| {
        tx.execute_each(
            "UPDATE counter SET value = value + $2 WHERE id = $1",
            [params![1_i64, -units], params![2_i64, units]],
        )?;
        Ok::<_, Failed>(())
    });
    shift.await.unwrap();
}

fn value(tx: &mut Tx<'_>, id: i64) -> Result<i64, DbError> {
    tx.query_one("SELECT value FROM counter WHERE id = $1", &params![id], |row| row.get(0))
}

async fn a_snapshot_does_not_move(world: World) -> Result<()> {
    let store = world.store()?;
    let fill = store.run(Call::new("test.fill", LANE), |tx, _| {
        tx.execute("INSERT INTO counter (id, value) VALUES (1, 100), (2, 0)", &[])?;
        Ok::<_, Failed>(())
    });
    fill.await.unwrap();
    let reader = async |store: Store| {
        let mut states = BTreeSet::new();
        // Until it has seen the writer at work.
        while states.len() < 4 {
            let read = |tx: &mut Tx<'_>| {
                let first = value(tx, 1)?;
                // Time for the writer to come between.
                std::thread::yield_now();
                Ok::<_, Unavailable>((first, value(tx, 2)?))
            };
            let scanned = store.scan(read).await?;
            for (first, second) in [scanned, store.read(read).await?] {
                assert_eq!(first + second, 100);
                states.insert(first);
            }
        }
        anyhow::Ok(())
    };
    let readers = async { tokio::try_join!(reader(store.clone()), reader(store.clone())) };
    let writer = async {
        for units in [1, 1, 1, 1, -1, -1, -1, -1].into_iter().cycle() {
            shift(&store, units).await;
        }
    };
    tokio::select! {
        seen = tokio::time::timeout(LONG, readers) => drop(seen??),
        () = writer => {}
    }
    Ok(())
}

async fn a_query_cannot_write(world: World) -> Result<()> {
    let store = world.store()?;
    for _ in 0..2 {
        let written = store
            .read(|tx| Ok::<_, Unavailable>(tx.execute("INSERT INTO entry (name) VALUES ('a')", &[])))
            .await?;
        assert!(written.is_err(), "{written:?}");
    }
    assert!(entries(&store).await?.is_empty());
    left(&store, "a").await.unwrap();
    Ok(())
}

async fn a_query_that_panics_harms_nobody(world: World) -> Result<()> {
    let store = world.store()?;
    let panicked: Result<(), _> = store.scan(|_| panic!("a fault of the query, on purpose")).await;
    assert_eq!(panicked, Err(Unavailable::Panicked));
    left(&store, "a").await.unwrap();
    assert_eq!(entries(&store).await?, ["a"]);
    Ok(())
}

async fn a_query_without_end_is_stopped(world: World) -> Result<()> {
    let store = world.store()?;
    let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT COUNT(*) FROM n WHERE i < 0";
    let one = store.scan(move |tx| Ok::<_, Unavailable>(tx.query(endless, &[], |_| Ok(()))));
    // Many short statements are a long snapshot too.
    let many = store.scan(|tx| {
        loop {
            if let Err(error) = tx.query("SELECT 1", &[], |_| Ok(())) {
                return Ok::<_, Unavailable>(error);
            }
        }
    });
    let (one, many) = tokio::join!(one, many);
    assert_eq!(one?, Err(DbError::Timeout));
    assert_eq!(many?, DbError::Timeout);
    assert!(entries(&store).await?.is_empty(), "their connections are fit for use");
    Ok(())
}

async fn more_reads_than_connections_take_turns(world: World) -> Result<()> {
    let mut options = world.options();
    options.readers = 2;
    let store = Store::open(options)?;
    left(&store, "a").await.unwrap();
    let reads = (0..40).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { entries(&store).await })
    });
    for read in reads.collect::<Vec<_>>() {
        assert_eq!(read.await??, ["a"]);
    }
    Ok(())
}

async fn another_process_reads_beside_the_writer(world: World) -> Result<()> {
    let store = world.store()?;
    left(&store, "a").await.unwrap();
    let engine = world.engine.clone();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (leave, left_by) = std::sync::mpsc::channel::<()>();
    let reading = std::thread::spawn(move || {
        let mut reader = ReadOnly::open(&engine, &[STALL])?;
        let count =
            |tx: &mut Tx<'_>| tx.query_one("SELECT COUNT(*) FROM entry", &[], |row| row.get::<i64>(0));
        let before = reader.read(|tx| {
            let before = count(tx)?;
            let _ = entered.send(());
            left_by
                .recv_timeout(Duration::from_mins(1))
                .map_err(|error| DbError::Other(error.to_string()))?;
            assert_eq!(count(tx)?, before, "its snapshot does not move");
            Ok::<_, DbError>(before)
        })?;
        let written = reader.read(|tx| Ok::<_, DbError>(tx.execute("DELETE FROM entry", &[]).is_err()))?;
        Ok::<_, OpenError>((before, written, reader.read(count)?))
    });
    inside.await?;
    left(&store, "b").await.unwrap();
    leave.send(())?;
    let (before, refused, after) = reading.join().expect("the reader panicked")?;
    assert_eq!((before, refused, after), (1, true, 2));
    assert_eq!(entries(&store).await?, ["a", "b"]);
    Ok(())
}

async fn there_must_be_something_to_read(world: World) -> Result<()> {
    let engine = world.engine.clone();
    let opened = tokio::task::spawn_blocking(move || ReadOnly::open(&engine, &[STALL]).map(|_| ())).await?;
    assert!(matches!(opened, Err(OpenError::Missing(_))), "{opened:?}");
    if let Ok(folder) = world.folder() {
        assert_eq!(std::fs::read_dir(folder)?.count(), 0, "and nothing is made by asking");
    }
    // Afterwards only the database itself is there: no reader leaves files behind.
    drop(world.store()?);
    let engine = world.engine.clone();
    tokio::task::spawn_blocking(move || ReadOnly::open(&engine, &[STALL]).map(|_| ())).await??;
    if let Ok(folder) = world.folder() {
        let mut names: Vec<_> =
            std::fs::read_dir(folder)?.map(|file| Ok(file?.file_name())).collect::<Result<_>>()?;
        names.sort();
        assert_eq!(names, ["halles.db", "halles.lock"]);
    }
    Ok(())
}
