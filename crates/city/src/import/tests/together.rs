//! Several imports at the same time, as processes that share a database have them.

use super::*;
use crate::testing::{World, on_both_engines};

on_both_engines!(imports_at_the_same_time_lose_nothing, an_import_stops_between_commands);

async fn imports_at_the_same_time_lose_nothing(world: World) -> Result<()> {
    let all: Flows = (0..40)
        .flat_map(|sensor| (0..3).map(move |day| ((sensor, day, sensor % 23), 1_000 * i32::from(sensor))))
        .collect();
    let ground = ground(&world);
    let mut imports = tokio::task::JoinSet::new();
    for part in 0..4 {
        let flows: Flows =
            all.iter().filter(|((sensor, ..), _)| sensor % 4 == part).map(|(k, v)| (*k, *v)).collect();
        let ground = ground.clone();
        imports.spawn(async move { load(&ground, SensorType::Roads, part.into(), &flows).await });
    }
    while let Some(ended) = imports.join_next().await {
        assert_eq!(ended??, 3);
    }
    let alone = World::sqlite()?;
    load(&self::ground(&alone), SensorType::Roads, 9, &all).await?;
    assert_eq!(state(&world, SensorType::Roads).await?, state(&alone, SensorType::Roads).await?);
    assert_eq!(published(&world).await?, 12);
    Ok(())
}

async fn an_import_stops_between_commands(world: World) -> Result<()> {
    let ground = ground(&world);
    ground.drain.start();
    let stopped = load(&ground, SensorType::Roads, 1, &Flows::from([((1, 0, 3), 5_000)])).await;
    assert!(matches!(stopped, Err(ImportError::Stopped)), "{stopped:?}");
    assert_eq!(published(&world).await?, 0);
    let again = self::ground(&world);
    assert_eq!(load(&again, SensorType::Roads, 2, &Flows::from([((1, 0, 3), 5_000)])).await?, 1, "at once");
    Ok(())
}
