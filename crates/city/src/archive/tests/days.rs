//! Versions of days: written by one import at a time, seen when they are whole, kept for ever.

use anyhow::Result;
use proptest::prelude::*;
use store::{CallError, Unavailable, log};

use super::super::block::Facts;
use super::super::block::tests::facts;
use super::super::commands::day::{self as commands, Claim, DAY_READY, Overtaken, Staged};
use super::super::queries;
use super::{attempt, day, flows, known_at};
use crate::MetricType::Roads;
use crate::testing::{World, after_noon, on_both_engines};

const DATE: &str = "2024-03-31";

on_both_engines!(
    a_day_is_seen_when_it_is_published,
    what_was_known_stays_readable,
    two_imports_take_turns,
    a_dead_imports_day_is_taken_over,
    what_a_cut_off_import_left_is_cleared_away,
    a_range_has_one_version_of_each_day,
    clocks_that_differ_do_not_change_the_order,
);

fn some_facts() -> Facts {
    (0..40).map(|sensor| (sensor, flows(&[1_000, i32::try_from(sensor).unwrap()]))).collect()
}

async fn a_day_is_seen_when_it_is_published(world: World) -> Result<()> {
    let (facts, first) = (some_facts(), attempt(1, DATE, 0));
    world.claim(first).await?;
    let rows = super::changed_blocks(&Facts::new(), &facts);
    let rows = rows.into_iter().map(|(number, facts)| Staged::Block { number, facts }).collect();
    world.stage(first, rows).await.unwrap();
    assert_eq!(world.read(|tx| queries::day(tx, Roads, day(DATE), None)).await?, None);
    assert_eq!(world.read(|tx| queries::stats(tx, day("2026-03-01"))).await?[1].count, 0);
    world.publish(first).await.unwrap();
    let found = world.read(|tx| queries::day(tx, Roads, day(DATE), None)).await?.unwrap();
    assert_eq!((found.head.version, found.head.known_at), (1, after_noon(0)));
    assert_eq!(found.head.summary, "{\"version\":1}");
    assert_eq!(world.read(|tx| queries::facts(tx, Roads, day(DATE), 1)).await?, facts);
    let events = world.read(|tx| log::after(tx, 0, Some(DAY_READY), 10)).await?;
    let told: Vec<_> = events.iter().map(|event| (event.subject.as_str(), event.data.as_str())).collect();
    let data = "{\"type\":\"comptages\",\"date\":\"2024-03-31\",\"version\":1}";
    assert_eq!(told, [("comptages/2024-03-31", data)]);
    let stats = world.read(|tx| queries::stats(tx, day("2026-03-01"))).await?[1];
    assert_eq!((stats.count, stats.first, stats.last), (1, Some(day(DATE)), Some(day(DATE))));
    Ok(())
}

async fn what_was_known_stays_readable(world: World) -> Result<()> {
    let before = some_facts();
    world.write(attempt(1, DATE, 0), &Facts::new(), &before).await?;
    world.at(60);
    let mut after = before.clone();
    after.insert(3, flows(&[7]));
    after.insert(99, flows(&[8]));
    world.write(attempt(2, DATE, 1), &before, &after).await?;
    for (known, version, facts) in
        [(Some(after_noon(59)), 1, &before), (Some(after_noon(60)), 2, &after), (None, 2, &after)]
    {
        let found = world.read(move |tx| queries::day(tx, Roads, day(DATE), known)).await?.unwrap();
        assert_eq!(found.head.version, version);
        assert_eq!(&world.read(move |tx| queries::facts(tx, Roads, day(DATE), version)).await?, facts);
        let page = world.read(move |tx| queries::page(tx, Roads, day(DATE), version, 0)).await?;
        assert_eq!(page.unwrap(), format!("page of {version}").into_bytes());
        for sensor in [3, 5, 99, 1_000] {
            let days = (day(DATE), day(DATE));
            let range = world.read(move |tx| queries::sensor_range(tx, Roads, sensor, days, known)).await?;
            let expected: Vec<_> = facts.get(&sensor).map(|hours| (day(DATE), *hours)).into_iter().collect();
            assert_eq!(range, expected, "sensor {sensor} in version {version}");
        }
    }
    let long_ago = world.read(|tx| queries::day(tx, Roads, day(DATE), Some(after_noon(-1)))).await?;
    assert_eq!(long_ago, None);
    let versions = world.read(|tx| queries::versions(tx, Roads, day(DATE), None, 10)).await?;
    let versions: Vec<_> = versions.iter().map(|it| (it.version, it.import_id.as_u128())).collect();
    assert_eq!(versions, [(2, 2), (1, 1)]);
    let earlier = world.read(|tx| queries::versions(tx, Roads, day(DATE), Some(2), 10)).await?;
    assert_eq!(earlier.len(), 1);
    Ok(())
}

async fn two_imports_take_turns(world: World) -> Result<()> {
    let (ours, theirs) = (attempt(1, DATE, 0), attempt(2, DATE, 0));
    assert_eq!(world.claim(ours).await?, Claim::Ours { leftovers: false });
    assert_eq!(world.claim(theirs).await?, Claim::Held);
    assert_eq!(world.claim(attempt(2, "2024-04-01", 0)).await?, Claim::Ours { leftovers: false });
    assert_eq!(world.publish(theirs).await, Err(CallError::Refused(Overtaken)));
    world.publish(ours).await.unwrap();
    assert_eq!(world.claim(theirs).await?, Claim::Moved);
    assert_eq!(world.claim(attempt(2, DATE, 1)).await?, Claim::Ours { leftovers: false });
    Ok(())
}

async fn a_dead_imports_day_is_taken_over(world: World) -> Result<()> {
    let (dead, ours) = (attempt(1, DATE, 0), attempt(2, DATE, 0));
    world.claim(dead).await?;
    world.stage(dead, vec![Staged::Page { number: 0, body: vec![1] }]).await.unwrap();
    world.at(commands::CLAIM_SECONDS - 1);
    assert_eq!(world.claim(ours).await?, Claim::Held);
    world.at(commands::CLAIM_SECONDS + 1);
    assert_eq!(world.claim(ours).await?, Claim::Ours { leftovers: true });
    let late = world.stage(dead, vec![Staged::Page { number: 1, body: vec![1] }]).await;
    assert_eq!(late, Err(CallError::Refused(Overtaken)));
    assert_eq!(world.publish(dead).await, Err(CallError::Refused(Overtaken)));
    Ok(())
}

async fn what_a_cut_off_import_left_is_cleared_away(world: World) -> Result<()> {
    let before = some_facts();
    world.write(attempt(1, DATE, 0), &Facts::new(), &before).await?;
    let cut_off = attempt(2, DATE, 1);
    world.claim(cut_off).await?;
    let many = (0..commands::CLEARED_AT_ONCE + 10).map(|number| Staged::Block { number, facts: vec![] });
    world.stage(cut_off, many.collect()).await.unwrap();
    let pages = (0..3).map(|number| Staged::Page { number, body: vec![9] }).collect();
    world.stage(cut_off, pages).await.unwrap();
    world.at(commands::CLAIM_SECONDS + 1);
    let again = attempt(3, DATE, 1);
    assert_eq!(world.claim(again).await?, Claim::Ours { leftovers: true });
    let mut steps = 1;
    while world.run(move |tx, now| commands::clear(tx, now, &again)).await.unwrap() {
        steps += 1;
    }
    assert_eq!(steps, 2);
    assert_eq!(world.claim(again).await?, Claim::Ours { leftovers: false });
    let mut after = before.clone();
    after.insert(3, flows(&[7]));
    let rows = super::changed_blocks(&before, &after);
    let rows = rows.into_iter().map(|(number, facts)| Staged::Block { number, facts }).collect();
    world.stage(again, rows).await.unwrap();
    world.publish(again).await.unwrap();
    assert_eq!(world.read(|tx| queries::facts(tx, Roads, day(DATE), 2)).await?, after);
    let page = world.read(|tx| queries::page(tx, Roads, day(DATE), 2, 0)).await?;
    assert_eq!(page.unwrap(), b"page of 1", "a page that did not change holds on");
    Ok(())
}

async fn a_range_has_one_version_of_each_day(world: World) -> Result<()> {
    let facts = some_facts();
    for (second, date) in (0..).zip(["2024-03-30", "2024-03-31", "2024-04-02"]) {
        world.at(second);
        world.write(attempt(1, date, 0), &Facts::new(), &facts).await?;
    }
    world.at(10);
    world.write(attempt(2, "2024-03-31", 1), &facts, &facts).await?;
    let days = |from: &str, to: &str| (day(from), day(to));
    let whole = days("2024-01-01", "2024-12-31");
    let cases = [
        (whole, None, vec![("2024-03-30", 1), ("2024-03-31", 2), ("2024-04-02", 1)]),
        (whole, Some(after_noon(9)), vec![("2024-03-30", 1), ("2024-03-31", 1), ("2024-04-02", 1)]),
        (whole, Some(after_noon(0)), vec![("2024-03-30", 1)]),
        (days("2024-03-31", "2024-04-01"), None, vec![("2024-03-31", 2)]),
        (days("2024-04-03", "2024-04-04"), None, vec![]),
    ];
    for (range, known, expected) in cases {
        let heads = world.read(move |tx| queries::range(tx, Roads, range, known)).await?;
        let found: Vec<_> = heads.iter().map(|head| (head.day.to_string(), head.version)).collect();
        let expected: Vec<_> =
            expected.into_iter().map(|(date, version)| (date.to_owned(), version)).collect();
        assert_eq!(found, expected);
        let hours = world.read(move |tx| queries::sensor_range(tx, Roads, 5, range, known)).await?;
        assert_eq!(hours.len(), heads.len());
    }
    let last = async |until: &str, known| {
        let until = day(until);
        world.read(move |tx| queries::last_day(tx, Roads, until, known)).await
    };
    assert_eq!(last("2024-12-31", None).await?, Some(day("2024-04-02")));
    assert_eq!(last("2024-04-01", None).await?, Some(day("2024-03-31")), "not of the future");
    assert_eq!(last("2024-12-31", Some(after_noon(-1))).await?, None, "nothing was known yet");
    Ok(())
}

async fn clocks_that_differ_do_not_change_the_order(world: World) -> Result<()> {
    let facts = some_facts();
    world.write(attempt(1, DATE, 0), &Facts::new(), &facts).await?;
    world.write(attempt(2, DATE, 1), &facts, &facts).await?;
    let (first, second) = (known_at(&world, DATE, 1).await?, known_at(&world, DATE, 2).await?);
    assert!(first < second);
    let found = world.read(move |tx| queries::day(tx, Roads, day(DATE), Some(first))).await?;
    assert_eq!(found.unwrap().head.version, 1);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever versions a day has, each can be read as it was published.
    #[test]
    fn every_version_is_read_as_it_was_written(
        versions in proptest::collection::vec(proptest::collection::btree_map(0_i64..40, facts(), 0..8), 1..5),
    ) {
        use store::testing::Scratch;
        let mut scratch = Scratch::new(&[crate::SCHEMA], after_noon(0)).unwrap();
        let mut written = vec![Facts::new()];
        for (from, more) in (0..).zip(versions) {
            let before = written.last().unwrap().clone();
            let mut after = before.clone();
            after.extend(more);
            let attempt = attempt(1, DATE, from);
            let rows: Vec<_> = super::changed_blocks(&before, &after)
                .into_iter()
                .map(|(number, facts)| Staged::Block { number, facts })
                .collect();
            scratch.advance_seconds(1);
            scratch.run(|tx, now| Ok::<_, store::Failure<Overtaken>>(commands::claim(tx, now, &attempt)?)).unwrap();
            scratch.run(|tx, now| commands::stage(tx, now, &attempt, &rows)).unwrap();
            scratch.run(|tx, now| commands::publish(tx, now, &super::publication(attempt))).unwrap();
            written.push(after);
        }
        for (version, facts) in (0..).zip(&written).skip(1) {
            let found: Result<_, Unavailable> = scratch.read(|tx| Ok(queries::facts(tx, Roads, day(DATE), version)?));
            prop_assert_eq!(&found.unwrap(), facts);
            for sensor in 0..40 {
                let known = Some(after_noon(version));
                let days = (day(DATE), day(DATE));
                let found: Result<_, Unavailable> =
                    scratch.read(|tx| Ok(queries::sensor_range(tx, Roads, sensor, days, known)?));
                let hours = found.unwrap().first().map(|(_, hours)| *hours);
                prop_assert_eq!(hours, facts.get(&sensor).copied());
            }
        }
    }
}
