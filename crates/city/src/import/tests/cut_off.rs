//! Imports that are killed between any two commands.

use super::*;
use crate::archive::commands::day::CLAIM_SECONDS;
use crate::import::leftovers;
use crate::testing::{World, on_both_engines};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_was_killed_is_made_good_by_another() -> Result<()> {
    made_good(World::sqlite).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_was_killed_is_made_good_by_another_on_postgres() -> Result<()> {
    made_good(World::postgres).await
}

/// Two sensors on three days, and what corrects them.
fn before_and_after() -> (Flows, Flows) {
    let before = (0..3).flat_map(|day| [((1, day, 3), 5_000), ((30, day, 4), 7_000)]).collect();
    let after = (0..3).flat_map(|day| [((1, day, 5), 6_000), ((35, day, 4), 8_000)]).collect();
    (before, after)
}

on_both_engines!(what_is_left_of_a_day_goes_when_nobody_imports_it_again);

/// How many rows there are of versions that were never published, and how many claims.
async fn left(world: &World) -> Result<(i64, i64)> {
    let sql = "SELECT (SELECT COUNT(*) FROM city_block b WHERE NOT EXISTS (SELECT 1 FROM city_day d WHERE
               d.kind = b.kind AND d.day = b.day AND d.version >= b.version)), (SELECT COUNT(*) FROM city_claim)";
    world.read(move |tx| tx.query_one(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))).await
}

async fn what_is_left_of_a_day_goes_when_nobody_imports_it_again(world: World) -> Result<()> {
    let (before, _) = before_and_after();
    // Registering, claiming, staging, and not publishing.
    let fuse = Fuse::of(3);
    let cut_off = Ground { fuse: fuse.clone(), ..ground(&world) };
    tokio::select! {
        ended = load(&cut_off, SensorType::Roads, 1, &before) => panic!("{ended:?}"),
        () = fuse.burnt() => {}
    }
    let ground = ground(&world);
    assert_eq!(left(&world).await?, (1, 1));
    assert_eq!(leftovers::clear(&ground, Uuid::from_u128(9)).await?, 0, "the import may be alive");
    world.at(CLAIM_SECONDS + 1);
    assert_eq!(leftovers::clear(&ground, Uuid::from_u128(9)).await?, 1);
    assert_eq!(left(&world).await?, (0, 0));
    assert_eq!(load(&ground, SensorType::Roads, 2, &before).await?, 3);
    Ok(())
}

async fn made_good(new: fn() -> Result<World>) -> Result<()> {
    let (before, after) = before_and_after();
    let untouched = new()?;
    load(&ground(&untouched), SensorType::Roads, 1, &before).await?;
    load(&ground(&untouched), SensorType::Roads, 2, &after).await?;
    let expected = state(&untouched, SensorType::Roads).await?;
    let mut killed = 0;
    for commands in 0.. {
        let world = new()?;
        load(&ground(&world), SensorType::Roads, 1, &before).await?;
        let fuse = Fuse::of(commands);
        let ground_with_fuse = Ground { fuse: fuse.clone(), ..ground(&world) };
        let ended = tokio::select! {
            ended = load(&ground_with_fuse, SensorType::Roads, 2, &after) => Some(ended?),
            () = fuse.burnt() => None,
        };
        if let Some(changed) = ended {
            assert_eq!(changed, 3);
            break;
        }
        killed += 1;
        for date in state(&world, SensorType::Roads).await?.0.into_values() {
            assert!(date.facts.len() == 2 || date.facts.len() == 3, "each day is as before or as after");
        }
        world.at(CLAIM_SECONDS + 1);
        load(&ground(&world), SensorType::Roads, 3, &after).await?;
        assert_eq!(state(&world, SensorType::Roads).await?, expected, "killed after {commands} commands");
        assert_eq!(
            published(&world).await?,
            published(&untouched).await?,
            "killed after {commands} commands"
        );
    }
    assert!(killed > 8, "{killed} commands");
    Ok(())
}
