//! Durable consumers: each event's effect once, whatever crashes.

use std::time::Duration;

use anyhow::Result;
use kernel::Timestamp;
use store::{Call, Consumer, DbError, Store, StoredEvent, Tx, Unavailable, params};

use crate::world::{Dice, Failed, LANE, LANES, World, entries, left};

on_both_engines! {
    effects_happen_once_with_two_consumers_and_crashes,
    an_effect_that_fails_moves_nothing,
    a_step_is_bounded_and_takes_what_it_reacts_to,
}

/// Files each event under its position, which fails if it has been filed already.
fn file(tx: &mut Tx<'_>, _: Timestamp, events: &[StoredEvent]) -> Result<(), DbError> {
    tx.execute_each(
        "INSERT INTO counter (id, value) VALUES ($1, 1)",
        events.iter().map(|event| params![event.position]),
    )
}

async fn filed(store: &Store) -> Result<Vec<i64>, Unavailable> {
    store.scan(|tx| Ok(tx.query("SELECT id FROM counter ORDER BY id", &[], |row| row.get(0))?)).await
}

async fn effects_happen_once_with_two_consumers_and_crashes(world: World) -> Result<()> {
    let stores = world.stores()?;
    let mut tasks = Vec::new();
    for worker in 0..2_u64 {
        let store = stores[usize::try_from(worker)? % stores.len()].clone();
        tasks.push(tokio::spawn(async move {
            // Two instances may even run it in different lanes.
            let consumer =
                Consumer { name: "files", lane: LANES[usize::try_from(worker)?], kinds: &[], effect: file };
            let mut dice = Dice(worker);
            while filed(&store).await?.len() < 1000 {
                let patience = Duration::from_micros(dice.roll(3000));
                // Left in the middle at a random moment: the step may have happened or not.
                if let Ok(taken) = tokio::time::timeout(patience, consumer.step(&store)).await {
                    taken?;
                }
            }
            anyhow::Ok(())
        }));
    }
    for batch in 0..10 {
        let emit = stores[0].run(Call::new("test.emit", LANE), move |tx, _| {
            for number in 0..100 {
                tx.emit("test.emitted", "/test", format!("{batch}-{number}"), &());
            }
            Ok::<_, Failed>(())
        });
        emit.await.unwrap();
    }
    for task in tasks {
        task.await??;
    }
    assert!(filed(&stores[0]).await?.into_iter().eq(1..=1000));
    let consumer = Consumer { name: "files", lane: LANE, kinds: &[], effect: file };
    assert_eq!(consumer.lag(&stores[0]).await?, 0);
    Ok(())
}

async fn an_effect_that_fails_moves_nothing(world: World) -> Result<()> {
    let store = world.store()?;
    left(&store, "a").await.unwrap();
    let consumer = Consumer {
        name: "fails",
        lane: LANE,
        kinds: &[],
        effect: |tx: &mut Tx<'_>, _, _: &[StoredEvent]| {
            tx.execute("INSERT INTO entry (name) VALUES ($1)", &params!["no trace"])?;
            tx.execute("INSERT INTO entry (name) VALUES ($1)", &params!["a"])?;
            Ok(())
        },
    };
    let outcome = consumer.step(&store).await;
    assert!(matches!(outcome, Err(Unavailable::Failed(_))), "{outcome:?}");
    assert_eq!(entries(&store).await?, ["a"]);
    assert_eq!(consumer.lag(&store).await?, 1);
    let repaired = Consumer { name: "fails", lane: LANE, kinds: &[], effect: file };
    assert_eq!(repaired.step(&store).await?, 1);
    assert_eq!(repaired.step(&store).await?, 0);
    Ok(())
}

async fn a_step_is_bounded_and_takes_what_it_reacts_to(world: World) -> Result<()> {
    let store = world.store()?;
    // Positions 1 to 1,200: every other one is of a type that nobody asks for. 1 to 6 are long, 1 alone too long.
    let emit = store.run(Call::new("test.emit", LANE), |tx, _| {
        for number in 1..=1200 {
            let kind = if number % 2 == 1 { "test.wanted" } else { "test.other" };
            let length = if number == 1 {
                100_000
            } else if number <= 6 {
                30_000
            } else {
                1
            };
            tx.emit(kind, "/test", number.to_string(), &"é".repeat(length / 2));
        }
        Ok::<_, Failed>(())
    });
    emit.await.unwrap();
    let consumer = Consumer { name: "odd", lane: LANE, kinds: &["test.wanted"], effect: file };
    assert_eq!(consumer.step(&store).await?, 2, "one that is longer than a step may be comes alone");
    assert_eq!(filed(&store).await?, [1]);
    assert_eq!(consumer.step(&store).await?, 198 + 2, "a hundred at a time: 60,000 bytes and 98 short ones");
    let odd = |last| (1..=last).filter(|number| number % 2 == 1);
    assert!(filed(&store).await?.into_iter().eq(odd(202)));
    while consumer.step(&store).await? > 0 {}
    assert!(filed(&store).await?.into_iter().eq(odd(1200)));
    assert_eq!(consumer.lag(&store).await?, 0);
    let idle = Consumer { name: "idle", lane: LANE, kinds: &["test.never"], effect: file };
    assert_eq!(
        [idle.step(&store).await?, idle.step(&store).await?, idle.step(&store).await?],
        [1000, 200, 0]
    );
    Ok(())
}
