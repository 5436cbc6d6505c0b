//! What is written down of imports.

use anyhow::Result;
use kernel::Limit;
use store::Failure;
use uuid::Uuid;

use super::super::imports::{self, GONE_SECONDS, HELD_SECONDS, INTERRUPTED, New, Origin, Progress, State};
use super::import;
use crate::MetricType::Bikes;
use crate::input::Tally;
use crate::testing::{World, after_noon, on_both_engines};

on_both_engines!(
    an_import_goes_its_way,
    imports_of_dead_processes_have_failed,
    imports_whose_data_is_there_are_taken_over,
    who_was_only_taken_for_dead_tells_how_it_ended,
    imports_are_listed_the_latest_first,
);

/// A process.
const fn process(number: u128) -> Uuid {
    Uuid::from_u128(number << 64)
}

async fn begin(world: &World, number: u128, holder: u128) {
    begin_from(world, number, holder, None).await;
}

async fn begin_from(world: &World, number: u128, holder: u128, origin: Option<Origin>) {
    let new = New {
        id: import(number),
        kind: Bikes,
        source: format!("file {number}"),
        origin,
        holder: process(holder),
    };
    world.run(move |tx, now| Ok::<_, Failure<()>>(imports::begin(tx, now, &new)?)).await.unwrap();
}

async fn get(world: &World, number: u128) -> Result<imports::Import> {
    Ok(world.read(move |tx| imports::get(tx, import(number))).await?.unwrap())
}

async fn an_import_goes_its_way(world: World) -> Result<()> {
    begin(&world, 1, 1).await;
    let waiting = get(&world, 1).await?;
    assert_eq!((waiting.state, waiting.asked_at, waiting.tally), (State::Waiting, after_noon(0), None));
    let progress = Progress { state: State::Publishing, days_done: 3, days_all: 7, days_changed: 2 };
    let tally = Tally { read: 10, kept: 9, duplicates: 1, ..Tally::default() };
    world.at(5);
    let noted = tally.clone();
    let note = world.run(move |tx, now| {
        imports::note(tx, now, import(1), &progress)?;
        Ok::<_, Failure<()>>(imports::note_tally(tx, import(1), &noted, &crate::quality::of_import(&noted))?)
    });
    note.await.unwrap();
    let done = world.run(|tx, now| Ok::<_, Failure<()>>(imports::end(tx, now, import(1), None)?)).await;
    done.unwrap();
    let again =
        world.run(|tx, now| Ok::<_, Failure<()>>(imports::end(tx, now, import(1), Some("no"))?)).await;
    again.unwrap();
    let found = get(&world, 1).await?;
    assert_eq!((found.state, found.ended_at, found.error), (State::Done, Some(after_noon(5)), None));
    assert_eq!((found.days_done, found.days_all, found.days_changed), (3, 7, 2));
    assert_eq!(found.tally, Some(tally));
    assert_eq!(world.read(|tx| imports::get(tx, import(9))).await?, None);
    Ok(())
}

async fn imports_of_dead_processes_have_failed(world: World) -> Result<()> {
    let fail = async |holder: u128, alone: bool| {
        let fail = move |tx: &mut store::Tx<'_>, now| {
            Ok::<_, Failure<()>>(imports::fail_abandoned(tx, now, process(holder), alone)?)
        };
        world.run(fail).await.unwrap()
    };
    begin(&world, 1, 1).await;
    begin(&world, 2, 2).await;
    assert_eq!(fail(2, false).await, 0);
    world.at(HELD_SECONDS - 1);
    let renew = move |tx: &mut store::Tx<'_>, now| Ok::<_, Failure<()>>(imports::renew(tx, now, process(1))?);
    world.run(renew).await.unwrap();
    world.at(HELD_SECONDS + 1);
    assert_eq!(fail(3, false).await, 1);
    assert_eq!((get(&world, 1).await?.state, get(&world, 2).await?.state), (State::Waiting, State::Failed));
    assert_eq!(get(&world, 2).await?.error.as_deref(), Some(INTERRUPTED));
    assert_eq!(fail(1, true).await, 0, "its own");
    assert_eq!(fail(3, true).await, 1);
    Ok(())
}

async fn imports_whose_data_is_there_are_taken_over(world: World) -> Result<()> {
    let unfinished = async |at: i64, holder: u128, alone: bool| {
        let find =
            move |tx: &mut store::Tx<'_>| imports::unfinished(tx, after_noon(at), process(holder), alone);
        world.read(find).await.map(|found| found.iter().map(|found| found.id.as_u128()).collect::<Vec<_>>())
    };
    let take = async |number: u128, holder: u128, alone: bool| {
        let take = move |tx: &mut store::Tx<'_>, now| {
            Ok::<_, Failure<()>>(imports::take_over(tx, now, import(number), process(holder), alone)?)
        };
        world.run(take).await.unwrap()
    };
    begin_from(&world, 1, 1, Some(Origin::Upload)).await;
    begin_from(&world, 2, 1, Some(Origin::Inbox("2024/a.csv".into()))).await;
    begin(&world, 3, 1).await;
    assert_eq!(unfinished(1, 2, false).await?, [], "that process may live");
    assert_eq!(unfinished(1, 1, true).await?, [], "its own");
    assert_eq!(unfinished(1, 2, true).await?, [1, 2]);
    assert!(!take(1, 2, false).await);
    world.at(HELD_SECONDS + 1);
    assert_eq!(unfinished(HELD_SECONDS + 1, 2, false).await?, [1, 2]);
    assert!(take(1, 2, false).await);
    assert!(!take(1, 3, false).await, "another was quicker");
    let fail = move |tx: &mut store::Tx<'_>, now| {
        Ok::<_, Failure<()>>(imports::fail_abandoned(tx, now, process(2), false)?)
    };
    assert_eq!(world.run(fail).await.unwrap(), 1, "whoever has the data of the second may come");
    assert_eq!(get(&world, 3).await?.state, State::Failed);
    // A process that ends lets go at once, also of what it was at.
    let stop = move |tx: &mut store::Tx<'_>, now| {
        imports::let_go(tx, now, process(2))?;
        Ok::<_, Failure<()>>(imports::stop(tx, now, import(1), "stopped")?)
    };
    world.run(stop).await.unwrap();
    assert_eq!(get(&world, 1).await?.state, State::Waiting);
    assert!(take(1, 4, false).await);
    world.at(2 * HELD_SECONDS + GONE_SECONDS + 2);
    assert_eq!(world.run(fail).await.unwrap(), 2, "nobody has come");
    Ok(())
}

async fn who_was_only_taken_for_dead_tells_how_it_ended(world: World) -> Result<()> {
    begin(&world, 1, 1).await;
    let fail = |tx: &mut store::Tx<'_>, now| {
        Ok::<_, Failure<()>>(imports::fail_abandoned(tx, now, process(2), true)?)
    };
    assert_eq!(world.run(fail).await.unwrap(), 1);
    let progress = Progress { state: State::Publishing, days_done: 1, days_all: 2, days_changed: 1 };
    let note = move |tx: &mut store::Tx<'_>, now| {
        Ok::<_, Failure<()>>(imports::note(tx, now, import(1), &progress)?)
    };
    world.run(note).await.unwrap();
    let found = get(&world, 1).await?;
    assert_eq!((found.state, found.ended_at, found.error), (State::Publishing, None, None));
    assert_eq!(world.run(fail).await.unwrap(), 1);
    let end = |tx: &mut store::Tx<'_>, now| Ok::<_, Failure<()>>(imports::end(tx, now, import(1), None)?);
    world.run(end).await.unwrap();
    let found = get(&world, 1).await?;
    assert_eq!((found.state, found.error), (State::Done, None));
    Ok(())
}

async fn imports_are_listed_the_latest_first(world: World) -> Result<()> {
    for number in 1..=5 {
        world.at(i64::try_from(number).unwrap() / 2);
        begin(&world, number, 1).await;
    }
    let limit = Limit::new(2).unwrap();
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = world.read(move |tx| imports::list(tx, limit, after)).await?;
        found.extend(page.items.iter().map(|import| import.id.as_u128()));
        let Some(cursor) = page.next else { break };
        after = Some(imports::after(&cursor)?);
    }
    assert_eq!(found, [5, 4, 3, 2, 1]);
    Ok(())
}
