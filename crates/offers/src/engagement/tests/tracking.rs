//! Which events count.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Result;
use store::testing::Scratch;
use store::{Call, CallError, Failure, Store, Unavailable, log, params};

use super::{NoStores, item, mark, offer};
use crate::engagement::commands::{
    REMEMBERED_SECONDS, TOLD_AT_ONCE, Told, TrackItem, TrackOne, Tracking, prune, track, track_batch,
};
use crate::engagement::{ENGAGEMENT, Engagement, EventType};
use crate::offer::commands::{delete, put_all};
use crate::testing::{NOON, World, on_both_engines};
use crate::{OFFERS, SCHEMA};

use EventType::{Click, Redemption, View};
use Tracking::{Duplicate, OutOfStock, Tracked, UnknownOffer};

on_both_engines!(
    a_batch_is_judged_event_by_event,
    the_same_names_from_many_sides_count_once,
    redemptions_never_exceed_inventory,
);

/// A database in memory with two offers.
fn scratch() -> Result<Scratch> {
    let mut scratch = Scratch::new(&[SCHEMA], NOON)?;
    let offers = [offer("OFF001", "electronics", 2), offer("OFF002", "fashion", 100)];
    scratch
        .run(|tx, now| put_all(tx, now, &NoStores, &offers).map_err(Failure::<Unavailable>::Db))
        .map_err(failed)?;
    Ok(scratch)
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by value")]
fn failed(failure: Failure<Unavailable>) -> anyhow::Error {
    anyhow::anyhow!("{failure:?}")
}

fn tracked(scratch: &mut Scratch, items: &[TrackItem]) -> Result<Vec<Tracking>> {
    let items: Vec<&TrackItem> = items.iter().collect();
    let run =
        scratch.run(|tx, now| track(tx, now, &NoStores, mark(), &items).map_err(Failure::<Unavailable>::Db));
    run.map_err(failed)
}

/// The events of the log that tell what people did: for each its names and offers.
fn told(scratch: &mut Scratch) -> Result<Vec<Vec<(String, String)>>> {
    let events = scratch.events()?;
    let engagements = events.iter().filter(|event| event.kind == ENGAGEMENT);
    let lists = engagements.map(|event| {
        let names = Engagement::read(event)?.events.into_iter();
        Ok(names.map(|event| (event.event_id.into_owned(), event.offer_id.into_owned())).collect())
    });
    lists.collect()
}

fn left(scratch: &mut Scratch, id: &str) -> Result<i64> {
    let sql = "SELECT inventory_effective FROM offer WHERE id = $1";
    Ok(scratch.read(|tx| tx.query_one(sql, &params![id], |row| row.get::<i64>(0)))?)
}

#[test]
fn what_counts_is_one_event_of_the_log_in_order() -> Result<()> {
    let mut scratch = scratch()?;
    let items = [
        item("c", "U1", "OFF002", Click),
        item("x", "U1", "OFF999", View),
        item("a", "U2", "OFF001", Redemption),
        item("c", "U3", "OFF001", View),
        item("b", "U1", "OFF001", View),
    ];
    assert_eq!(tracked(&mut scratch, &items)?, [Tracked, UnknownOffer, Tracked, Duplicate, Tracked]);
    let pair = |name: &str, offer: &str| (name.to_owned(), offer.to_owned());
    assert_eq!(told(&mut scratch)?, [[pair("c", "OFF002"), pair("a", "OFF001"), pair("b", "OFF001")]]);
    assert_eq!(left(&mut scratch, "OFF001")?, 1);
    let events = scratch.events()?;
    let engagement = events.last().unwrap();
    let first = &Engagement::read(engagement)?.events[0];
    assert_eq!((&*first.category, first.event_type, engagement.time), ("fashion", Click, NOON));
    assert_eq!(first.signals, [95.0, 0.0, 83.33, 0.25].into());
    Ok(())
}

#[test]
fn a_name_counts_once_in_seven_days() -> Result<()> {
    let mut scratch = scratch()?;
    let items = [item("a", "U1", "OFF001", Redemption), item("", "U1", "OFF002", View)];
    assert_eq!(tracked(&mut scratch, &items)?, [Tracked, Tracked]);
    assert_eq!(tracked(&mut scratch, &items)?, [Duplicate, Tracked], "an event without a name always counts");
    assert_eq!(left(&mut scratch, "OFF001")?, 1);
    let forget = |scratch: &mut Scratch, limit| {
        scratch.run(|tx, now| Ok::<_, Failure<Unavailable>>(prune(tx, now, limit)?)).map_err(failed)
    };
    scratch.advance_seconds(REMEMBERED_SECONDS);
    assert_eq!(forget(&mut scratch, 10)?, 0);
    assert_eq!(tracked(&mut scratch, &items[..1])?, [Duplicate]);
    scratch.advance_seconds(1);
    assert_eq!(tracked(&mut scratch, &[item("b", "U1", "OFF002", View)])?, [Tracked]);
    assert_eq!([forget(&mut scratch, 10)?, forget(&mut scratch, 10)?], [1, 0]);
    assert_eq!(tracked(&mut scratch, &items[..1])?, [Tracked]);
    Ok(())
}

#[test]
fn nothing_that_counts_leaves_nothing() -> Result<()> {
    let mut scratch = scratch()?;
    let before = scratch.events()?.len();
    assert_eq!(tracked(&mut scratch, &[])?, []);
    assert_eq!(tracked(&mut scratch, &[item("a", "U1", "OFF999", Click)])?, [UnknownOffer]);
    assert_eq!(scratch.events()?.len(), before);
    assert_eq!(
        tracked(&mut scratch, &[item("a", "U1", "OFF001", Click)])?,
        [Tracked],
        "the name was not used up"
    );
    scratch
        .run(|tx, now| delete(tx, now, &NoStores, &"OFF001".parse().unwrap()))
        .map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
    assert_eq!(tracked(&mut scratch, &[item("", "U1", "OFF001", Click)])?, [UnknownOffer]);
    Ok(())
}

#[test]
fn a_refused_redemption_may_come_again_under_its_name() -> Result<()> {
    let mut scratch = scratch()?;
    let redeem = |name| item(name, "U1", "OFF001", Redemption);
    let all = [redeem("a"), redeem("b"), redeem("c"), redeem("a"), redeem("c")];
    assert_eq!(tracked(&mut scratch, &all)?, [Tracked, Tracked, OutOfStock, Duplicate, OutOfStock]);
    assert_eq!(tracked(&mut scratch, &[redeem("c")])?, [OutOfStock]);
    let more = [offer("OFF001", "electronics", 1)];
    scratch
        .run(|tx, now| put_all(tx, now, &NoStores, &more).map_err(Failure::<Unavailable>::Db))
        .map_err(failed)?;
    assert_eq!(tracked(&mut scratch, &[redeem("c"), redeem("c")])?, [Tracked, Duplicate]);
    assert_eq!(left(&mut scratch, "OFF001")?, 0);
    Ok(())
}

#[test]
fn a_large_batch_is_a_few_events_of_the_log() -> Result<()> {
    let mut scratch = scratch()?;
    let items: Vec<TrackItem> =
        (0..450).map(|number| item(&format!("e{number}"), "U1", "OFF002", View)).collect();
    assert!(tracked(&mut scratch, &items)?.iter().all(|outcome| *outcome == Tracked));
    let told = told(&mut scratch)?;
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [TOLD_AT_ONCE, TOLD_AT_ONCE, 50]);
    let names = told.iter().flatten().map(|(name, _)| name.clone());
    assert!(names.eq((0..450).map(|number| format!("e{number}"))), "in order");
    Ok(())
}

#[test]
fn many_that_come_alone_are_one_event_of_the_log() -> Result<()> {
    let mut scratch = scratch()?;
    let one = |name: &str, what| TrackOne {
        item: item(name, "U1", "OFF001", what),
        key: None,
        mark: mark(),
        stock: Arc::new(NoStores),
    };
    let items =
        [one("a", View), one("a", View), one("r1", Redemption), one("r2", Redemption), one("r3", Redemption)];
    let outcomes = scratch.slice::<TrackOne>(&items)?;
    assert_eq!(outcomes, [Tracked, Duplicate, Tracked, Tracked, OutOfStock].map(Told::Now));
    assert_eq!(told(&mut scratch)?.iter().map(Vec::len).collect::<Vec<_>>(), [3]);
    Ok(())
}

/// Offers to begin with.
async fn put(store: &Store, offers: Vec<(crate::names::OfferId, crate::offer::Details)>) -> Result<()> {
    let put = store.run(Call::new("test.put", OFFERS), move |tx, now| {
        put_all(tx, now, &NoStores, &offers).map_err(Failure::<Unavailable>::Db)
    });
    put.await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    Ok(())
}

async fn batch(store: &Store, items: Vec<TrackItem>) -> Result<Vec<Tracking>> {
    let mark = mark();
    let run = store.run(Call::new("test.track", OFFERS), move |tx, now| {
        track_batch(tx, now, &NoStores, mark, &items, None).map_err(Failure::<Unavailable>::Db)
    });
    match run.await {
        Ok(Told::Now(outcomes)) => Ok(outcomes),
        Ok(Told::Before(claim)) => anyhow::bail!("{claim:?}"),
        Err(CallError::Unavailable(error) | CallError::Refused(error)) => Err(error.into()),
    }
}

async fn alone(store: &Store, item: TrackItem) -> Result<Tracking> {
    let one = TrackOne { item, key: None, mark: mark(), stock: Arc::new(NoStores) };
    match store.run_one::<TrackOne>(one).await? {
        Told::Now(outcome) => Ok(outcome),
        Told::Before(claim) => anyhow::bail!("{claim:?}"),
    }
}

async fn a_batch_is_judged_event_by_event(world: World) -> Result<()> {
    put(&world.store, vec![offer("OFF001", "electronics", 1), offer("OFF002", "fashion", 9)]).await?;
    let first = vec![item("a", "U1", "OFF001", View), item("b", "U1", "OFF002", Click)];
    assert_eq!(batch(&world.store, first).await?, [Tracked, Tracked]);
    let second = vec![
        item("b", "U2", "OFF001", View),
        item("r1", "U2", "OFF001", Redemption),
        item("r2", "U2", "OFF001", Redemption),
        item("r1", "U2", "OFF002", Redemption),
        item("n", "U2", "OFF404", View),
        item("", "U2", "OFF002", View),
    ];
    let outcomes = batch(&world.store, second).await?;
    assert_eq!(outcomes, [Duplicate, Tracked, OutOfStock, Duplicate, UnknownOffer, Tracked]);
    Ok(())
}

/// What became of many events under each name.
async fn names_told(store: &Store) -> Result<HashMap<String, usize>> {
    let events =
        store.scan(|tx| Ok::<_, Unavailable>(log::after(tx, 0, Some(ENGAGEMENT), i64::MAX)?)).await?;
    let mut names = HashMap::new();
    for event in &events {
        for tracked in Engagement::read(event)?.events {
            *names.entry(tracked.event_id.into_owned()).or_default() += 1;
        }
    }
    Ok(names)
}

async fn the_same_names_from_many_sides_count_once(world: World) -> Result<()> {
    const NAMES: usize = 40;
    put(&world.store, vec![offer("OFF001", "electronics", 9)]).await?;
    // A second process, where there can be one: the names are guarded by their table alone.
    let other = match &world.engine {
        store::Engine::Sqlite { .. } => world.store.clone(),
        store::Engine::Postgres { .. } => World::on(world.engine.clone())?.store,
    };
    let mut tasks = Vec::new();
    for side in 0..8 {
        let store = if side % 2 == 0 { world.store.clone() } else { other.clone() };
        tasks.push(tokio::spawn(async move {
            let mut counted = 0;
            for start in 0..NAMES {
                // Each side begins elsewhere, so that they meet in every order.
                let names = (0..NAMES).map(|place| format!("e{}", (start * 7 + side * 5 + place) % NAMES));
                let mut items: Vec<TrackItem> = names.map(|name| item(&name, "U1", "OFF001", View)).collect();
                let single = items.pop().unwrap();
                let outcomes = batch(&store, items).await?;
                counted += outcomes.iter().filter(|outcome| **outcome == Tracked).count();
                counted += usize::from(alone(&store, single).await? == Tracked);
            }
            anyhow::Ok(counted)
        }));
    }
    let mut counted = 0;
    for task in tasks {
        counted += task.await??;
    }
    assert_eq!(counted, NAMES, "each name was accepted once");
    let told = names_told(&world.store).await?;
    assert!(told.len() == NAMES && told.values().all(|times| *times == 1), "{told:?}");
    Ok(())
}

async fn redemptions_never_exceed_inventory(world: World) -> Result<()> {
    const UNITS: usize = 50;
    put(&world.store, vec![offer("OFF001", "electronics", 50), offer("OFF002", "electronics", 9)]).await?;
    let mut tasks = Vec::new();
    for task in 0..40 {
        let store = world.store.clone();
        tasks.push(tokio::spawn(async move {
            let redeem = |number| item(&format!("t{task}-{number}"), "U1", "OFF001", Redemption);
            let mut outcomes =
                batch(&store, vec![redeem(0), item("", "U1", "OFF002", View), redeem(1)]).await?;
            outcomes.remove(1);
            outcomes.push(alone(&store, redeem(2)).await?);
            // Sent again, it takes nothing.
            outcomes.push(alone(&store, redeem(2)).await?);
            anyhow::Ok(outcomes)
        }));
    }
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.extend(task.await??);
    }
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    assert_eq!(count(Tracked), UNITS);
    assert_eq!(count(UnknownOffer), 0);
    assert_eq!(names_told(&world.store).await?.keys().filter(|name| name.starts_with('t')).count(), UNITS);
    let sql = "SELECT inventory_own FROM offer WHERE id = $1";
    let left = world.store.read(move |tx| {
        Ok::<_, Unavailable>(tx.query_one(sql, &params!["OFF001"], |row| row.get::<i64>(0))?)
    });
    assert_eq!(left.await?, 0);
    Ok(())
}
