//! One command, whatever becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use kernel::{ManualClock, Timestamp};
use store::{Call, CallError, Failure, Unavailable, params};

use crate::world::{
    Failed, Hold, LANE, NOON, Outcome, Pending, World, entries, events, leave, left, log_of, queue,
};

on_both_engines! {
    a_command_that_succeeds_leaves_its_rows_and_events,
    a_command_that_refuses_leaves_nothing,
    a_command_that_fails_leaves_nothing,
    a_command_that_panics_leaves_nothing,
    a_command_that_hides_an_error_leaves_nothing,
    a_write_that_returns_rows_counts_as_a_write,
    a_command_runs_even_when_its_caller_has_left,
    a_command_whose_time_is_over_never_runs,
    a_full_queue_is_said_so,
    the_time_never_goes_back,
}

async fn a_command_that_succeeds_leaves_its_rows_and_events(world: World) -> Result<()> {
    let store = world.store()?;
    let call = Call::new("test.sum", LANE);
    let sum = store.run(call, |tx, now| {
        leave(tx, "a")?;
        leave(tx, "b")?;
        Ok::<_, Failed>((now, tx.query_one("SELECT COUNT(*) FROM entry", &[], |row| row.get::<i64>(0))?))
    });
    assert_eq!(sum.await, Ok((NOON, 2)));
    assert_eq!(entries(&store).await?, ["a", "b"]);
    assert_eq!(events(&store).await?, log_of(["a", "b"]));
    assert_eq!(store.head(), 2);
    Ok(())
}

async fn a_command_that_refuses_leaves_nothing(world: World) -> Result<()> {
    let store = world.store()?;
    let refused = store.run(Call::new("test.refuse", LANE), |tx, _| {
        leave(tx, "a")?;
        Err::<(), _>(Failure::Refused("no"))
    });
    assert_eq!(refused.await, Err(CallError::Refused("no")));
    assert_untouched(&world, &store).await
}

async fn a_command_that_fails_leaves_nothing(world: World) -> Result<()> {
    let store = world.store()?;
    let failed = store.run(Call::new("test.fail", LANE), |tx, _| {
        leave(tx, "a")?;
        leave(tx, "a")?;
        Ok::<_, Failed>(())
    });
    let outcome = failed.await;
    assert!(matches!(outcome, Err(CallError::Unavailable(Unavailable::Failed(_)))), "{outcome:?}");
    assert_untouched(&world, &store).await
}

async fn a_command_that_panics_leaves_nothing(world: World) -> Result<()> {
    let store = world.store()?;
    let panicked: Outcome = store
        .run(Call::new("test.panic", LANE), |tx, _| {
            leave(tx, "a")?;
            panic!("a fault of the command, on purpose")
        })
        .await;
    assert_eq!(panicked, Err(CallError::Unavailable(Unavailable::Panicked)));
    assert_untouched(&world, &store).await
}

async fn a_command_that_hides_an_error_leaves_nothing(world: World) -> Result<()> {
    let store = world.store()?;
    let hidden: Outcome = store
        .run(Call::new("test.hide", LANE), |tx, _| {
            leave(tx, "a")?;
            // What must never be done: on PostgreSQL the COMMIT that follows undoes everything and says success.
            let _ = leave(tx, "a");
            Ok(())
        })
        .await;
    assert!(matches!(hidden, Err(CallError::Unavailable(Unavailable::Failed(_)))), "{hidden:?}");
    assert_untouched(&world, &store).await
}

async fn a_write_that_returns_rows_counts_as_a_write(world: World) -> Result<()> {
    let store = world.store()?;
    left(&store, "a").await.unwrap();
    let refused = store.run(Call::new("test.refuse", LANE), |tx, _| {
        let changed = tx.query(
            "UPDATE entry SET note = $1 WHERE name = $2 RETURNING name",
            &params!["new", "a"],
            |row| row.get::<String>(0),
        )?;
        assert_eq!(changed, ["a"]);
        Err::<(), _>(Failure::Refused("no"))
    });
    assert_eq!(refused.await, Err(CallError::Refused("no")));
    let note: Option<String> = store
        .read(|tx| {
            let notes = tx.query("SELECT note FROM entry", &[], |row| row.get_opt(0))?;
            Ok::<_, Unavailable>(notes.into_iter().flatten().next())
        })
        .await?;
    assert_eq!(note, None);
    Ok(())
}

async fn a_command_runs_even_when_its_caller_has_left(world: World) -> Result<()> {
    let store = world.store()?;
    let hold = Hold::start(&store, LANE).await?;
    let mut abandoned: Pending<'_, Outcome> = Box::pin(left(&store, "abandoned"));
    queue(&mut abandoned).await?;
    drop(abandoned);
    hold.release().await?;
    left(&store, "next").await.unwrap();
    assert_eq!(events(&store).await?, log_of(["abandoned", "next"]));
    Ok(())
}

async fn a_command_whose_time_is_over_never_runs(world: World) -> Result<()> {
    let store = world.store()?;
    let ran = Arc::new(AtomicBool::new(false));
    let call = Call::new("test.late", LANE).patience(Duration::ZERO);
    let seen = Arc::clone(&ran);
    let late: Outcome = store
        .run(call, move |_, _| {
            seen.store(true, Ordering::Relaxed);
            Ok(())
        })
        .await;
    assert_eq!(late, Err(CallError::Unavailable(Unavailable::Expired)));
    left(&store, "next").await.unwrap();
    assert!(!ran.load(Ordering::Relaxed));
    Ok(())
}

async fn a_full_queue_is_said_so(world: World) -> Result<()> {
    let mut options = world.options();
    options.queue = 2;
    let store = store::Store::open(options)?;
    let hold = Hold::start(&store, LANE).await?;
    let mut waiting: [Pending<'_, Outcome>; 2] = [Box::pin(left(&store, "a")), Box::pin(left(&store, "b"))];
    for command in &mut waiting {
        queue(command).await?;
    }
    assert_eq!(left(&store, "c").await, Err(CallError::Unavailable(Unavailable::QueueFull)));
    hold.release().await?;
    for command in waiting {
        assert_eq!(command.await, Ok(()));
    }
    assert_eq!(entries(&store).await?, ["a", "b"]);
    Ok(())
}

async fn the_time_never_goes_back(world: World) -> Result<()> {
    let clock = Arc::new(ManualClock::new(NOON));
    let mut options = world.options();
    options.clock = Arc::clone(&clock) as Arc<dyn kernel::Clock>;
    let mut stamps = Vec::<Timestamp>::new();
    for _ in 0..2 {
        let store = store::Store::open(options.clone())?;
        for seconds in [10, -3600, 5] {
            clock.advance_seconds(seconds);
            let stamp = store.run(Call::new("test.stamp", LANE), |tx, now| {
                tx.emit("test.stamped", "/test", "", &());
                Ok::<_, Failed>(now)
            });
            stamps.push(stamp.await.unwrap());
        }
    }
    assert!(stamps.is_sorted(), "{stamps:?}");
    assert_eq!(stamps.last(), Some(&NOON.plus_seconds(10)));
    Ok(())
}

async fn assert_untouched(world: &World, store: &store::Store) -> Result<()> {
    assert!(entries(store).await?.is_empty());
    assert!(events(store).await?.is_empty());
    // The next one finds the writer alive and the log without a gap.
    for store in
        world.is_sqlite().then(|| store.clone()).map_or_else(|| world.stores(), |store| Ok(vec![store]))?
    {
        let before = events(&store).await?.len();
        left(&store, format!("after {before}")).await.unwrap();
        assert_eq!(events(&store).await?.len(), before + 1);
    }
    Ok(())
}
