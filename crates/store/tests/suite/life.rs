//! Opening, closing, and who may have the data.

use std::sync::Arc;

use anyhow::{Result, bail};
use store::{Call, CallError, OpenError, Store, Unavailable};

use crate::world::{
    Failed, Hold, LANE, LANES, Outcome, Pending, World, entries, eventually, left, options, queue, sqlite,
};

on_both_engines! {
    closing_finishes_what_waits,
    a_store_may_be_dropped_anywhere,
    a_store_may_be_dropped_by_its_own_command,
    what_was_written_is_there_after_opening_again,
    health_is_told,
}

async fn closing_finishes_what_waits(world: World) -> Result<()> {
    let store = world.store()?;
    let hold = Hold::start(&store, LANE).await?;
    let names = ["a", "b", "c"];
    let mut waiting: Vec<Pending<'_, Outcome>> = Vec::new();
    for name in names {
        let mut command: Pending<'_, Outcome> = Box::pin(left(&store, name));
        queue(&mut command).await?;
        waiting.push(command);
    }
    let closing = store.clone();
    let closed = tokio::task::spawn_blocking(move || closing.close());
    eventually("the store to take nothing more", async || {
        let nothing = store.run(Call::new("test.nothing", LANE), |_, _| Ok::<_, Failed>(()));
        queue(&mut (Box::pin(nothing) as Pending<'_, Outcome>)).await.is_err()
    })
    .await?;
    assert!(!closed.is_finished(), "it waits for the commands");
    hold.release().await?;
    closed.await?;
    for command in waiting {
        assert_eq!(command.await, Ok(()));
    }
    assert_eq!(left(&store, "later").await, Err(CallError::Unavailable(Unavailable::Closed)));
    let other = store.run(Call::new("test.other", LANES[2]), |_, _| Ok::<_, Failed>(()));
    assert_eq!(other.await, Err(CallError::Unavailable(Unavailable::Closed)));
    assert_eq!(entries(&store).await?, names);
    Ok(())
}

async fn a_store_may_be_dropped_anywhere(world: World) -> Result<()> {
    let store = world.store()?;
    left(&store, "a").await.unwrap();
    assert_eq!(entries(&store).await?, ["a"]);
    // Here within asynchronous code, with connections of readers and writers open.
    drop(store);
    assert_eq!(entries(&world.store()?).await?, ["a"]);
    Ok(())
}

async fn a_store_may_be_dropped_by_its_own_command(world: World) -> Result<()> {
    let store = world.store()?;
    let shared = Arc::new(());
    let (owned, witness) = ((store.clone(), Arc::clone(&shared)), Arc::downgrade(&shared));
    drop(shared);
    let hold = Hold::start(&store, LANE).await?;
    let mut last: Pending<'static, Outcome> = {
        let store = store.clone();
        Box::pin(async move {
            let call = Call::new("test.last", LANE);
            let command = store.run(call, move |tx, _| {
                let _ = &owned;
                Ok::<_, Failed>(crate::world::leave(tx, "last")?)
            });
            command.await
        })
    };
    queue(&mut last).await?;
    drop((last, store));
    // From here on only the command that waits owns the store.
    hold.release().await?;
    eventually("the command to be gone, and the store with it", async || witness.upgrade().is_none()).await?;
    if world.is_sqlite() {
        eventually("the folder to be free", async || world.store().is_ok()).await?;
    }
    assert_eq!(entries(&world.store()?).await?, ["last"]);
    Ok(())
}

async fn what_was_written_is_there_after_opening_again(world: World) -> Result<()> {
    for (number, name) in (1..).zip(["a", "b", "c"]) {
        let store = world.store()?;
        left(&store, name).await.unwrap();
        assert_eq!(store.head(), number, "positions go on where they ended");
    }
    assert_eq!(entries(&world.store()?).await?, ["a", "b", "c"]);
    Ok(())
}

async fn health_is_told(world: World) -> Result<()> {
    let store = world.store()?;
    store.opened().await;
    let engine = if world.is_sqlite() { "sqlite" } else { "postgresql" };
    assert_eq!(store.health(), store::Health { engine, ready: true });
    Ok(())
}

#[test]
fn a_folder_has_one_holder_who_is_named() -> Result<()> {
    let world = World::sqlite()?;
    let store = world.store()?;
    let refusal = |world: &World| match world.store() {
        Err(error) => Ok(error.to_string()),
        Ok(_) => bail!("the folder was opened twice"),
    };
    let (folder, process) = (world.folder()?.display().to_string(), std::process::id());
    let rest = "stop it first, or give another --data";
    assert_eq!(refusal(&world)?, format!("the data folder {folder} is in use by process {process}; {rest}"));
    store.announce("127.0.0.1:8000");
    assert_eq!(
        refusal(&world)?,
        format!(
            "the data folder {folder} is in use by process {process}, listening on http://127.0.0.1:8000; {rest}"
        )
    );
    drop(store);
    drop(world.store()?);
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_used_is_named() -> Result<()> {
    let folder = testkit::TempDir::new()?;
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way")?;
    // A folder in which nobody can make files, not even root.
    for place in [file.as_path(), std::path::Path::new("/proc/self")] {
        let Err(error) = Store::open(options(sqlite(place))) else { bail!("{} was opened", place.display()) };
        assert!(matches!(error, OpenError::Folder { .. }), "{error}");
        assert!(error.to_string().contains(&place.display().to_string()), "{error}");
    }
    assert_eq!(std::fs::read_to_string(&file)?, "in the way");
    Ok(())
}
