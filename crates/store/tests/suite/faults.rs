//! Disks that are full or slow to be tidied, and the twin that proves that a lie would be noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use store::{Call, CallError, ReadOnly, Sabotage, Store, Unavailable, params};
use testkit::wait_until;

use crate::world::{Failed, LANE, LONG, STALL, World, entries, events, left};

on_both_engines! {
    who_is_answered_is_on_the_disk,
    a_lie_would_be_noticed,
}

/// Whether what a command was answered can be seen from outside of the process at that moment.
async fn answers_can_be_seen(world: &World, store: &Store) -> Result<bool> {
    let engine = world.engine.clone();
    let (ask, asked) = std::sync::mpsc::channel::<String>();
    let (tell, told) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || -> Result<()> {
        let mut reader = ReadOnly::open(&engine, &[STALL])?;
        for name in asked {
            let sql = "SELECT COUNT(*) FROM entry WHERE name = $1";
            let count = reader.read(|tx| tx.query_one(sql, &params![&name], |row| row.get::<i64>(0)))?;
            tell.send(count == 1)?;
        }
        Ok(())
    });
    let mut all = true;
    for number in 0..20 {
        let name = number.to_string();
        left(store, name.clone()).await.unwrap();
        ask.send(name)?;
        all &= told.recv()?;
    }
    drop(ask);
    reader.join().expect("the reader panicked")?;
    Ok(all)
}

async fn who_is_answered_is_on_the_disk(world: World) -> Result<()> {
    let store = world.store()?;
    assert!(answers_can_be_seen(&world, &store).await?);
    Ok(())
}

/// The known-bad twin of the test above.
async fn a_lie_would_be_noticed(world: World) -> Result<()> {
    let store = Store::open(store::Options { sabotage: Sabotage::AnswerBeforeCommit, ..world.options() })?;
    assert!(!answers_can_be_seen(&world, &store).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_undoes_the_batch_and_nothing_else() -> Result<()> {
    let world = World::sqlite()?;
    let store = Store::open(store::Options { page_limit: Some(100), ..world.options() })?;
    let write = async |number: usize| {
        let call = Call::new("test.fill", LANE);
        let name = format!("{number:04}");
        let write = store.run(call, move |tx, _| {
            let note = "x".repeat(20_000);
            tx.execute("INSERT INTO entry (name, note) VALUES ($1, $2)", &params![&name, &note])?;
            tx.emit("test.filled", "/test", name.as_str(), &());
            Ok::<_, Failed>(())
        });
        write.await
    };
    let mut written = 0;
    let full = loop {
        match write(written).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        if written > 100 {
            bail!("the disk does not fill");
        }
    };
    assert_eq!(full, CallError::Unavailable(Unavailable::Full));
    assert!(written > 3, "{written}");
    assert_eq!(write(written).await, Err(CallError::Unavailable(Unavailable::Full)), "and again");
    assert_eq!(entries(&store).await?.len(), written);
    assert_eq!(events(&store).await?.len(), written);
    let free = store
        .run(Call::new("test.free", LANE), |tx, _| Ok::<_, Failed>(tx.execute("DELETE FROM entry", &[])?));
    assert_eq!(free.await, Ok(written as u64), "what frees space is possible");
    assert_eq!(write(0).await, Ok(()), "and then everything is again");
    Ok(())
}

/// Writes so many bytes over one of seven rows.
async fn write(store: &Store, number: u64, bytes: usize) {
    let write = store.run(Call::new("test.write", LANE), move |tx, _| {
        tx.execute(
            "INSERT INTO entry (name, note) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET note = excluded.note",
            &params![&(number % 7).to_string(), &"x".repeat(bytes)],
        )?;
        Ok::<_, Failed>(())
    });
    write.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wal_stays_short_under_writes_with_slow_readers() -> Result<()> {
    const LIMIT: u64 = 1 << 20;
    let world = World::sqlite()?;
    let store = Store::open(store::Options { wal_limit: LIMIT, ..world.options() })?;
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..2 {
        let (store, over) = (store.clone(), Arc::clone(&over));
        readers.push(tokio::spawn(async move {
            let mut reads = 0;
            while !over.load(Ordering::Relaxed) {
                // About ten milliseconds of one snapshot, without a pause between two.
                let read = store.scan(|tx| {
                    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT COUNT(*) FROM n, entry LIMIT 1";
                    Ok::<_, Unavailable>(tx.query(sql, &[], |_| Ok(()))?)
                });
                read.await?;
                reads += 1;
            }
            Ok::<_, Unavailable>(reads)
        }));
    }
    let wal = world.folder()?.join("halles.db-wal");
    let mut longest = 0;
    for number in 0..1500 {
        write(&store, number, 100_000).await;
        longest = longest.max(std::fs::metadata(&wal)?.len());
    }
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await?? > 1);
    }
    // 150 MB were written. How far the WAL passes its bound is a matter of how fast it is looked at again.
    assert!(longest < 75 << 20, "the WAL grew to {longest} bytes");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_another_process_does_not_stop_the_writer() -> Result<()> {
    const LIMIT: u64 = 1 << 20;
    let world = World::sqlite()?;
    let store = Store::open(store::Options { wal_limit: LIMIT, ..world.options() })?;
    left(&store, "a").await.unwrap();
    let (mut reader, wal) = (ReadOnly::open(&world.engine, &[STALL])?, world.folder()?.join("halles.db-wal"));
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (leave, left_by) = std::sync::mpsc::channel::<()>();
    let reading = std::thread::spawn(move || {
        reader.read(|tx| {
            let count = tx.query_one("SELECT COUNT(*) FROM entry", &[], |row| row.get::<i64>(0))?;
            let _ = entered.send(());
            left_by.recv().map_err(|error| store::DbError::Other(error.to_string()))?;
            Ok::<_, store::DbError>(count)
        })
    });
    inside.await?;
    let mut slowest = Duration::ZERO;
    for number in 0..100 {
        let started = Instant::now();
        write(&store, number, 100_000).await;
        slowest = slowest.max(started.elapsed());
    }
    assert!(std::fs::metadata(&wal)?.len() > LIMIT, "the reader still needs the WAL");
    assert!(slowest < Duration::from_secs(2), "a command took {slowest:?}");
    leave.send(())?;
    assert_eq!(reading.join().expect("the reader panicked")?, 1);
    wait_until("the WAL to start again", LONG, || {
        std::fs::metadata(&wal).is_ok_and(|file| file.len() < LIMIT)
    })?;
    Ok(())
}
