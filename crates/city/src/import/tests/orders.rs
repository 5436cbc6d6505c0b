//! However facts are spread over imports, and in whatever order these come, the result is the same to the last digit.

use super::*;
use crate::testing::World;

/// What these imports lead to, one after the other.
async fn after(kind: SensorType, imports: &[&Flows]) -> Result<State> {
    let world = World::sqlite()?;
    for (number, flows) in (1..).zip(imports) {
        load(&ground(&world), kind, number, flows).await?;
    }
    state(&world, kind).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn splitting_and_order_do_not_matter(flows in flows(), parts in proptest::collection::vec(0_usize..3, 60)) {
        let mut split = vec![Flows::new(); 3];
        for ((key, flow), part) in flows.iter().zip(parts) {
            split[part].insert(*key, *flow);
        }
        for kind in [SensorType::Bikes, SensorType::Roads] {
            RUNTIME.block_on(async {
                let whole = after(kind, &[&flows]).await?;
                for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                    let imports = order.map(|part: usize| &split[part]);
                    assert_eq!(after(kind, &imports).await?, whole, "order {order:?}");
                }
                anyhow::Ok(())
            }).unwrap();
        }
    }

    #[test]
    fn a_correction_is_as_if_the_facts_had_been_right_from_the_start(first in flows(), correction in flows()) {
        let mut right = first.clone();
        right.extend(correction.clone());
        RUNTIME.block_on(async {
            let corrected = after(SensorType::Roads, &[&first, &correction]).await?;
            assert_eq!(corrected, after(SensorType::Roads, &[&right]).await?);
            anyhow::Ok(())
        }).unwrap();
    }

    #[test]
    fn what_is_there_already_is_not_published_again(first in flows(), second in flows()) {
        RUNTIME.block_on(async {
            let world = World::sqlite()?;
            let ground = ground(&world);
            load(&ground, SensorType::Bikes, 1, &first).await?;
            load(&ground, SensorType::Bikes, 2, &second).await?;
            let (before, versions) = (state(&world, SensorType::Bikes).await?, published(&world).await?);
            assert_eq!(load(&ground, SensorType::Bikes, 3, &second).await?, 0);
            assert_eq!(published(&world).await?, versions);
            assert_eq!(state(&world, SensorType::Bikes).await?, before);
            anyhow::Ok(())
        }).unwrap();
    }

    #[test]
    fn no_day_changes_because_of_another(first in flows(), second in flows()) {
        let other_days: Flows = second
            .into_iter()
            .map(|((sensor, day, slot), flow)| ((sensor, day + 7, slot), flow))
            .collect();
        RUNTIME.block_on(async {
            let world = World::sqlite()?;
            let ground = ground(&world);
            load(&ground, SensorType::Roads, 1, &first).await?;
            let (before, versions) = (state(&world, SensorType::Roads).await?, published(&world).await?);
            let days: BTreeSet<i8> = other_days.keys().map(|(_, day, _)| *day).collect();
            assert_eq!(load(&ground, SensorType::Roads, 2, &other_days).await?, days.len() as u64);
            assert_eq!(published(&world).await?, versions + days.len());
            let after = state(&world, SensorType::Roads).await?;
            assert!(before.0.iter().all(|(day, read)| after.0.get(day) == Some(read)));
            anyhow::Ok(())
        }).unwrap();
    }
}
