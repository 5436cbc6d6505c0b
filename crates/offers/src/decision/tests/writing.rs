//! Writing behind, finding again and throwing away.

use std::time::Duration;

use anyhow::Result;
use store::{Engine, Unavailable};
use telemetry::Metrics;
use testkit::PrivatePostgres;
use web::Drain;

use super::{blocks, decision, find, id, record};
use crate::decision::commands::{Block, insert};
use crate::decision::{Decision, Decisions, prune_old};
use crate::testing::{NOON, World, eventually, on_both_engines};

const KEPT: Duration = Duration::from_hours(30 * 24);

on_both_engines!(
    what_is_recorded_is_found_again,
    one_decision_goes_out_by_itself,
    the_end_writes_what_is_left,
    old_blocks_go_and_young_ones_stay,
);

async fn what_is_recorded_is_found_again(world: World) -> Result<()> {
    let decisions = Decisions::new(&Metrics::new());
    let made: Vec<Decision> = (0..2_500).map(|n| decision(i64::try_from(n).unwrap_or(0) / 20, n)).collect();
    // As they come from several threads: nearly in order.
    let (even, odd): (Vec<_>, Vec<_>) = made.iter().partition(|made| made.decision_id.as_u128() % 2 == 0);
    odd.iter().chain(&even).for_each(|made| record(&decisions, made));
    decisions.flush(&world.store).await?;
    assert_eq!(blocks(&world).await?, 4, "three of a quarter of a mebibyte, and the rest");
    for made in made.iter().step_by(97) {
        assert_eq!(find(&world, made.decision_id).await?.as_ref(), Some(made));
    }
    for unknown in [id(0, 9_999), id(60_000, 1), id(-60_000, 1), uuid::Uuid::nil(), uuid::Uuid::max()] {
        assert_eq!(find(&world, unknown).await?, None, "{unknown}");
    }
    assert_eq!(decisions.lost(), 0);
    Ok(())
}

async fn one_decision_goes_out_by_itself(world: World) -> Result<()> {
    let metrics = Metrics::new();
    let (decisions, drain) = (Decisions::new(&metrics), Drain::new());
    let working = {
        let (decisions, store, drain) = (decisions.clone(), world.store.clone(), drain.clone());
        tokio::spawn(async move { decisions.work(&store, &drain).await })
    };
    for number in 0..3 {
        let made = decision(0, number);
        record(&decisions, &made);
        eventually(async || Ok(find(&world, made.decision_id).await?.is_some())).await?;
    }
    drain.start();
    working.await?;
    let text = metrics.encode();
    assert!(text.contains("offer_decisions_total 3"), "{text}");
    assert!(text.contains("offer_decisions_lost_total 0"), "{text}");
    Ok(())
}

async fn the_end_writes_what_is_left(world: World) -> Result<()> {
    let (decisions, drain) = (Decisions::new(&Metrics::new()), Drain::new());
    drain.start();
    decisions.work(&world.store, &drain).await;
    let late = decision(0, 1);
    record(&decisions, &late);
    decisions.finish(&world.store).await;
    assert_eq!(find(&world, late.decision_id).await?, Some(late));

    record(&decisions, &decision(0, 2));
    world.store.close();
    decisions.finish(&world.store).await;
    assert_eq!(decisions.lost(), 1);
    Ok(())
}

async fn old_blocks_go_and_young_ones_stay(world: World) -> Result<()> {
    let decisions = Decisions::new(&Metrics::new());
    for number in 0..45_u32 {
        // Each is further from the one before than a block may span.
        record(&decisions, &decision(i64::from(number) * 10_000, u64::from(number)));
    }
    decisions.flush(&world.store).await?;
    assert_eq!(blocks(&world).await?, 45);
    assert_eq!(prune_old(&world.store, KEPT).await?, 0);
    world.at(30 * 24 * 3600 + 10 * 44);
    assert_eq!(prune_old(&world.store, KEPT).await?, 44);
    assert!(find(&world, id(440_000, 44)).await?.is_some());
    assert_eq!(find(&world, id(430_000, 43)).await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_away_gets_everything() -> Result<()> {
    let mut server = PrivatePostgres::start()?;
    let world = World::on(Engine::Postgres { url: server.create_database("halles")? })?;
    let (decisions, drain) = (Decisions::new(&Metrics::new()), Drain::new());
    let working = {
        let (decisions, store, drain) = (decisions.clone(), world.store.clone(), drain.clone());
        tokio::spawn(async move { decisions.work(&store, &drain).await })
    };
    record(&decisions, &decision(0, 0));
    eventually(async || Ok(find(&world, id(0, 0)).await?.is_some())).await?;
    server.kill9()?;
    (1..1_500).for_each(|number| record(&decisions, &decision(0, number)));
    eventually(async || Ok(!world.store.health().ready)).await?;
    server.start_again()?;
    for number in [1, 700, 1_499] {
        let found = async || {
            let found = find(&world, id(0, number)).await;
            Ok(found.is_ok_and(|found| found.is_some()))
        };
        eventually(found).await?;
    }
    assert_eq!(decisions.lost(), 0);
    drain.start();
    working.await?;
    Ok(())
}

#[tokio::test]
async fn too_many_are_dropped_and_counted() -> Result<()> {
    let world = World::sqlite()?;
    let decisions = Decisions::new(&Metrics::new());
    let mut wide = decision(0, 0);
    let slot = wide.slots[0].clone();
    let length = serde_json::to_string(&slot)?.len() + 1;
    wide.slots = vec![slot; (1 << 20) / length + 1];
    for number in 0..40 {
        wide.decision_id = id(0, number);
        record(&decisions, &wide);
    }
    assert_eq!(decisions.lost(), 9, "of more than a mebibyte each, 31 fit into 32");
    decisions.flush(&world.store).await?;
    record(&decisions, &decision(0, 50));
    decisions.flush(&world.store).await?;
    assert_eq!(decisions.lost(), 9, "there is room again");
    assert!(find(&world, id(0, 50)).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_block_written_twice_is_there_once() -> Result<()> {
    let world = World::sqlite()?;
    let block = Block {
        first: id(0, 1),
        last: id(0, 1),
        at: NOON,
        count: 1,
        data: serde_json::to_string(&[decision(0, 1)])?,
    };
    for _ in 0..2 {
        let block = block.clone();
        let call = store::Call::new("test.write", crate::OFFERS);
        let written: Result<(), store::CallError<Unavailable>> =
            world.store.run(call, move |tx, _| Ok(insert(tx, &block)?)).await;
        assert_eq!(written, Ok(()));
    }
    assert_eq!(blocks(&world).await?, 1);
    Ok(())
}
