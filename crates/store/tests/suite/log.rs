//! The event log: one order, no gaps, and nobody answered before the events are known here.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use anyhow::{Result, ensure};
use store::{Call, CallError, Failure, Lane, Store, StoredEvent, Unavailable, log, params};

use crate::world::{Dice, Failed, LANE, LANES, NOON, World, entries, eventually, leave, left};

on_both_engines! {
    positions_have_no_gaps_whatever_happens,
    events_are_known_before_the_answer,
    a_subscriber_that_panics_harms_nobody,
    an_event_is_read_as_it_was_written,
    retention_never_passes_a_cursor,
}

/// What a subscriber has been told.
#[derive(Default)]
struct Told {
    positions: Vec<i64>,
    subjects: BTreeSet<String>,
}

fn listen(store: &Store) -> Arc<Mutex<Told>> {
    let told: Arc<Mutex<Told>> = Arc::default();
    let listener = Arc::clone(&told);
    let from = store.subscribe(move |events: &[StoredEvent]| {
        let mut told = listener.lock().unwrap();
        for event in events {
            told.positions.push(event.position);
            told.subjects.insert(event.subject.clone());
        }
    });
    assert_eq!(from, 0);
    told
}

/// One writer's life: commands that succeed, refuse before or after writing, fail or panic.
async fn write(store: Store, lane: Lane, told: Arc<Mutex<Told>>, seed: u64) -> Result<usize> {
    let mut dice = Dice(seed);
    let mut done = 0;
    for number in 0..40 {
        let (name, fate) = (format!("{seed}-{number}"), dice.roll(10));
        let subject = name.clone();
        let call = Call::new("test.write", lane).lock("counter", dice.roll(5));
        let outcome = store.run(call, move |tx, _| {
            if fate == 0 {
                return Err(Failure::Refused("at once"));
            }
            leave(tx, &name)?;
            match fate {
                1 => Err(Failure::Refused("late")),
                2 => Ok(leave(tx, &name)?),
                3 => panic!("a fault of the command, on purpose"),
                _ => Ok(()),
            }
        });
        match outcome.await {
            Ok(()) => {
                ensure!(told.lock().unwrap().subjects.contains(&subject), "answered before it was told");
                done += 1;
            }
            Err(
                CallError::Refused(_)
                | CallError::Unavailable(Unavailable::Failed(_) | Unavailable::Panicked),
            ) => {}
            Err(CallError::Unavailable(error)) => return Err(error.into()),
        }
    }
    Ok(done)
}

async fn positions_have_no_gaps_whatever_happens(world: World) -> Result<()> {
    let stores = world.stores()?;
    let told: Vec<_> = stores.iter().map(listen).collect();
    let writers = (0..8).map(|writer: usize| {
        let (store, told) = (&stores[writer % stores.len()], &told[writer % stores.len()]);
        tokio::spawn(write(store.clone(), LANES[writer / 2], Arc::clone(told), writer as u64))
    });
    let mut done = 0;
    for writer in writers.collect::<Vec<_>>() {
        done += writer.await??;
    }
    let expected: Vec<i64> = (1..=i64::try_from(done)?).collect();
    let log = crate::world::events(&stores[0]).await?;
    assert_eq!(log.iter().map(|(position, _)| *position).collect::<Vec<_>>(), expected);
    assert_eq!(entries(&stores[0]).await?.len(), done);
    for told in told {
        eventually("every store to hear of every event", async || {
            told.lock().unwrap().positions.len() >= done
        })
        .await?;
        assert_eq!(told.lock().unwrap().positions, expected, "each event once, in order");
    }
    Ok(())
}

async fn events_are_known_before_the_answer(world: World) -> Result<()> {
    let stores = world.stores()?;
    let (first, last) = (&stores[0], &stores[stores.len() - 1]);
    let told = listen(first);
    let mut tail = first.tail();
    for number in 0..20 {
        // The other store's event comes first in the log: this one has to fetch it before it answers.
        left(last, format!("there {number}")).await.unwrap();
        left(first, format!("here {number}")).await.unwrap();
        let told = told.lock().unwrap();
        assert!(told.subjects.contains(&format!("there {number}")));
        assert!(told.subjects.contains(&format!("here {number}")));
        assert_eq!(first.head(), 2 * number + 2);
    }
    let mut positions = Vec::new();
    while positions.len() < 40 {
        positions.extend(tail.recv().await?.iter().map(|event| event.position));
    }
    assert!(positions.into_iter().eq(1..=40));
    Ok(())
}

async fn a_subscriber_that_panics_harms_nobody(world: World) -> Result<()> {
    let store = world.store()?;
    store.subscribe(|_| panic!("a fault of the subscriber, on purpose"));
    let told = listen(&store);
    left(&store, "a").await.unwrap();
    left(&store, "b").await.unwrap();
    assert_eq!(told.lock().unwrap().positions, [1, 2]);
    Ok(())
}

async fn an_event_is_read_as_it_was_written(world: World) -> Result<()> {
    let store = world.store()?;
    let emit = store.run(Call::new("test.emit", LANE), |tx, _| {
        tx.emit("test.été", "/test", "l'été", &serde_json::json!({"prix": [1, null, "€"]}));
        tx.emit("test.other", "/test", String::new(), &());
        Ok::<_, Failed>(())
    });
    emit.await.unwrap();
    let found = store.read(|tx| Ok::<_, Unavailable>(log::after(tx, 0, Some("test.été"), 10)?)).await?;
    let event = StoredEvent {
        position: 1,
        kind: "test.été".into(),
        source: "/test".into(),
        subject: "l'été".into(),
        time: NOON,
        data: r#"{"prix":[1,null,"€"]}"#.into(),
    };
    assert_eq!(event.to_cloud_event()["data"]["prix"][2], "€");
    assert_eq!(found, [event]);
    let page = store.read(|tx| Ok::<_, Unavailable>(log::after(tx, 1, None, 10)?)).await?;
    assert_eq!(page.iter().map(|event| event.position).collect::<Vec<_>>(), [2]);
    Ok(())
}

async fn retention_never_passes_a_cursor(world: World) -> Result<()> {
    let store = world.store()?;
    let consumer = store::Consumer {
        name: "test",
        lane: LANE,
        kinds: &[],
        effect: |_: &mut store::Tx<'_>, _, _: &[StoredEvent]| Ok(()),
    };
    // Its first step, before there is anything to take, is what retention knows it by.
    assert_eq!(consumer.step(&store).await?, 0);
    for name in ["a", "b", "c"] {
        left(&store, name).await.unwrap();
    }
    let prune = async |before, limit| {
        let call = Call::new("test.prune", LANE);
        store.run(call, move |tx, _| Ok::<_, Failed>(log::prune(tx, before, limit)?)).await
    };
    let oldest = async || store.read(|tx| Ok::<_, Unavailable>(log::oldest(tx)?)).await;
    let later = NOON.plus_seconds(1);
    assert_eq!(prune(later, 100).await, Ok(0));
    assert_eq!(consumer.step(&store).await?, 3);
    left(&store, "d").await.unwrap();
    assert_eq!(prune(NOON, 100).await, Ok(0), "not old enough");
    assert_eq!(prune(later, 2).await, Ok(2), "no more than asked for");
    assert_eq!(oldest().await?, 3);
    assert_eq!(prune(later, 100).await, Ok(1));
    assert_eq!(oldest().await?, 4);
    assert_eq!(consumer.lag(&store).await?, 1);
    assert_eq!(consumer.step(&store).await?, 1);
    assert_eq!(prune(later, 100).await, Ok(1));
    assert_eq!(oldest().await?, 5, "nothing is kept, the next one will be 5");
    let head = store.read(|tx| {
        Ok::<_, Unavailable>(tx.query_one(
            "SELECT position FROM event_head WHERE id = $1",
            &params![1_i64],
            |row| row.get::<i64>(0),
        )?)
    });
    assert_eq!(head.await?, 4);
    Ok(())
}
