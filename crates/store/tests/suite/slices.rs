//! Hot commands, which run for many callers at once.

use std::sync::{Arc, Mutex};

use anyhow::Result;
use kernel::Timestamp;
use store::{Call, DbError, Lane, Locks, Slice, Store, Tx, Unavailable, params};

use crate::world::{Failed, LANE, Pending, World, as_one_batch, entries, events, leave, log_of};

on_both_engines! {
    items_that_wait_run_together,
    one_bad_item_fails_alone,
    a_slice_that_panics_fails_alone,
    a_slice_that_loses_an_output_is_a_failure,
}

/// Leaves one entry per item; writes down how many items came together.
struct Leave;

#[derive(Clone)]
struct Item {
    name: &'static str,
    sizes: Arc<Mutex<Vec<usize>>>,
}

impl Slice for Leave {
    type Item = Item;
    type Output = usize;
    const NAME: &'static str = "test.slice";
    const LANE: Lane = LANE;

    fn locks(item: &Item, locks: &mut Locks) {
        locks.key("entry", item.name);
    }

    fn run(tx: &mut Tx<'_>, _: Timestamp, items: &[&Item]) -> Result<Vec<usize>, DbError> {
        if let Some(first) = items.first() {
            first.sizes.lock().unwrap().push(items.len());
        }
        tx.execute_each("INSERT INTO entry (name) VALUES ($1)", items.iter().map(|item| params![item.name]))?;
        for item in items {
            assert_ne!(item.name, "panic", "on purpose");
            tx.emit("test.left", "/test", item.name, &());
        }
        Ok((0..items.len()).filter(|place| items[*place].name != "lost").collect())
    }
}

type Outcome = Result<usize, Unavailable>;

fn items<'s>(
    store: &'s Store,
    sizes: &Arc<Mutex<Vec<usize>>>,
    names: impl IntoIterator<Item = &'static str>,
) -> Vec<Pending<'s, Outcome>> {
    let item = |name| Item { name, sizes: Arc::clone(sizes) };
    names
        .into_iter()
        .map(|name| Box::pin(store.run_one::<Leave>(item(name))) as Pending<'s, Outcome>)
        .collect()
}

async fn items_that_wait_run_together(world: World) -> Result<()> {
    let store = world.store()?;
    let sizes = Arc::default();
    let mut commands = items(&store, &sizes, ["a", "b"]);
    let other = store.run(Call::new("test.other", LANE), |tx, _| Ok::<_, Failed>(leave(tx, "x")?));
    commands.push(Box::pin(async { other.await.map(|()| 99).map_err(|_| Unavailable::Closed) }));
    commands.extend(items(&store, &sizes, ["c"]));
    let outcomes = as_one_batch(&store, commands).await?;
    assert_eq!(outcomes, [Ok(0), Ok(1), Ok(99), Ok(2)]);
    assert_eq!(*sizes.lock().unwrap(), [3]);
    assert_eq!(events(&store).await?, log_of(["a", "b", "c", "x"]));
    Ok(())
}

async fn one_bad_item_fails_alone(world: World) -> Result<()> {
    let store = world.store()?;
    let sizes = Arc::default();
    let outcomes = as_one_batch(&store, items(&store, &sizes, ["a", "b", "a", "c"])).await?;
    assert_eq!(outcomes[..2], [Ok(0), Ok(0)]);
    assert!(matches!(outcomes[2], Err(Unavailable::Failed(_))), "{outcomes:?}");
    assert_eq!(outcomes[3], Ok(0));
    assert_eq!(*sizes.lock().unwrap(), [4, 1, 1, 1, 1]);
    assert_eq!(events(&store).await?, log_of(["a", "b", "c"]));
    Ok(())
}

async fn a_slice_that_panics_fails_alone(world: World) -> Result<()> {
    let store = world.store()?;
    let outcomes = as_one_batch(&store, items(&store, &Arc::default(), ["a", "panic", "b"])).await?;
    assert_eq!(outcomes, [Ok(0), Err(Unavailable::Panicked), Ok(0)]);
    assert_eq!(entries(&store).await?, ["a", "b"]);
    Ok(())
}

async fn a_slice_that_loses_an_output_is_a_failure(world: World) -> Result<()> {
    let store = world.store()?;
    let outcomes = as_one_batch(&store, items(&store, &Arc::default(), ["a", "lost", "b"])).await?;
    assert_eq!(outcomes[0], Ok(0));
    assert!(matches!(outcomes[1], Err(Unavailable::Failed(_))), "{outcomes:?}");
    assert_eq!(outcomes[2], Ok(0));
    assert_eq!(entries(&store).await?, ["a", "b"]);
    Ok(())
}
