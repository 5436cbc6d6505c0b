//! Commands that share a transaction, and what one's fate does to the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use store::{Call, CallError, Failure, Store, Unavailable, params};

use crate::world::{
    Failed, Hold, LANE, Outcome, Pending, World, as_one_batch, entries, events, leave, left, log_of, queue,
};

on_both_engines! {
    neighbours_of_a_failing_command_survive,
    a_refusal_without_writes_costs_its_neighbours_nothing,
    a_refusal_after_writes_is_undone_alone,
    a_refusal_may_rest_on_a_neighbours_rows,
    many_neighbours_survive_too,
    a_lane_waits_for_no_other,
}

async fn neighbours_of_a_failing_command_survive(world: World) -> Result<()> {
    let store = world.store()?;
    left(&store, "old").await.unwrap();
    let call = || Call::new("test.neighbour", LANE);
    let outcomes = as_one_batch(
        &store,
        vec![
            Box::pin(left(&store, "first")) as Pending<'_, Outcome>,
            Box::pin(store.run(call(), |tx, _| {
                leave(tx, "refused")?;
                Err(Failure::Refused("no"))
            })),
            Box::pin(left(&store, "second")),
            Box::pin(store.run(call(), |tx, _| {
                leave(tx, "failed")?;
                // A write that may be sent now and fail later, when another command is under way.
                tx.execute_each("INSERT INTO entry (name) VALUES ($1)", [params!["old"]])?;
                Ok(())
            })),
            Box::pin(left(&store, "third")),
            Box::pin(store.run(call(), |tx, _| {
                leave(tx, "panicked")?;
                panic!("a fault of the command, on purpose")
            })),
            Box::pin(store.run(call(), |tx, _| {
                leave(tx, "hidden")?;
                let _ = leave(tx, "first");
                Ok(())
            })),
            Box::pin(left(&store, "fourth")),
        ],
    )
    .await?;
    assert_eq!(outcomes[0], Ok(()));
    assert_eq!(outcomes[1], Err(CallError::Refused("no")));
    assert_eq!(outcomes[2], Ok(()));
    assert!(matches!(outcomes[3], Err(CallError::Unavailable(Unavailable::Failed(_)))), "{outcomes:?}");
    assert_eq!(outcomes[4], Ok(()));
    assert_eq!(outcomes[5], Err(CallError::Unavailable(Unavailable::Panicked)));
    assert!(matches!(outcomes[6], Err(CallError::Unavailable(Unavailable::Failed(_)))), "{outcomes:?}");
    assert_eq!(outcomes[7], Ok(()));
    assert_eq!(entries(&store).await?, ["first", "fourth", "old", "second", "third"]);
    assert_eq!(events(&store).await?, log_of(["old", "first", "second", "third", "fourth"]));
    Ok(())
}

/// A command that leaves an entry and counts how often it runs.
fn counted<'s>(store: &'s Store, name: &'static str, runs: &Arc<AtomicUsize>) -> Pending<'s, Outcome> {
    let runs = Arc::clone(runs);
    Box::pin(store.run(Call::new("test.counted", LANE), move |tx, _| {
        runs.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Failed>(leave(tx, name)?)
    }))
}

async fn a_refusal_without_writes_costs_its_neighbours_nothing(world: World) -> Result<()> {
    let store = world.store()?;
    let runs = Arc::default();
    let refuse = store.run(Call::new("test.refuse", LANE), |tx, _| {
        tx.query("SELECT name FROM entry", &[], |row| row.get::<String>(0))?;
        Err(Failure::Refused("no"))
    });
    let commands = vec![counted(&store, "a", &runs), Box::pin(refuse), counted(&store, "b", &runs)];
    let outcomes = as_one_batch(&store, commands).await?;
    assert_eq!(outcomes, [Ok(()), Err(CallError::Refused("no")), Ok(())]);
    assert_eq!(runs.load(Ordering::Relaxed), 2, "each neighbour runs once");
    assert_eq!(events(&store).await?, log_of(["a", "b"]));
    Ok(())
}

async fn a_refusal_after_writes_is_undone_alone(world: World) -> Result<()> {
    let store = world.store()?;
    let runs = Arc::default();
    let refuse = store.run(Call::new("test.refuse", LANE), |tx, _| {
        leave(tx, "no trace")?;
        Err(Failure::Refused("no"))
    });
    let commands = vec![counted(&store, "a", &runs), Box::pin(refuse), counted(&store, "b", &runs)];
    let outcomes = as_one_batch(&store, commands).await?;
    assert_eq!(outcomes, [Ok(()), Err(CallError::Refused("no")), Ok(())]);
    assert_eq!(runs.load(Ordering::Relaxed), 3, "the first runs again, with care; the last only then");
    assert_eq!(events(&store).await?, log_of(["a", "b"]));
    Ok(())
}

async fn a_refusal_may_rest_on_a_neighbours_rows(world: World) -> Result<()> {
    let store = world.store()?;
    let take = |name: &'static str| -> Pending<'_, Outcome> {
        Box::pin(store.run(Call::new("test.take", LANE).lock("place", 1), move |tx, _| {
            let taken: i64 = tx.query_one("SELECT COUNT(*) FROM entry", &[], |row| row.get(0))?;
            if taken > 0 {
                return Err(Failure::Refused("taken"));
            }
            Ok(leave(tx, name)?)
        }))
    };
    let outcomes = as_one_batch(&store, vec![take("a"), take("b"), take("c")]).await?;
    assert_eq!(outcomes, [Ok(()), Err(CallError::Refused("taken")), Err(CallError::Refused("taken"))]);
    assert_eq!(entries(&store).await?, ["a"]);
    Ok(())
}

async fn many_neighbours_survive_too(world: World) -> Result<()> {
    let store = world.store()?;
    let command = |number: usize| -> Pending<'_, Outcome> {
        Box::pin(store.run(Call::new("test.many", LANE), move |tx, _| {
            leave(tx, &format!("{number:03}"))?;
            if number % 40 == 7 { Err(Failure::Refused("no")) } else { Ok(()) }
        }))
    };
    let outcomes = as_one_batch(&store, (0..180).map(command).collect()).await?;
    let expected: Vec<String> = (0..180).filter(|n| n % 40 != 7).map(|n| format!("{n:03}")).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 180 - expected.len());
    assert_eq!(events(&store).await?, log_of(expected.iter().map(String::as_str)));
    assert_eq!(entries(&store).await?, expected);
    Ok(())
}

async fn a_lane_waits_for_no_other(world: World) -> Result<()> {
    if world.is_sqlite() {
        // All lanes are one writer.
        return Ok(());
    }
    let store = world.store()?;
    let hold = Hold::start(&store, LANE).await?;
    let mut waiting: Pending<'_, Outcome> = Box::pin(left(&store, "waits"));
    queue(&mut waiting).await?;
    let other = Call::new("test.other", crate::world::LANES[1]);
    let done = store.run(other, |tx, _| Ok::<_, Failed>(leave(tx, "goes ahead")?));
    assert_eq!(done.await, Ok(()));
    hold.release().await?;
    assert_eq!(waiting.await, Ok(()));
    assert_eq!(events(&store).await?, log_of(["goes ahead", "waits"]));
    Ok(())
}
