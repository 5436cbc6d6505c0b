//! Records: replaced by id, readable as they were known.

use anyhow::Result;
use serde_json::json;
use store::{Failure, log};

use super::super::commands::records::{RECORDS_READY, put};
use super::super::queries;
use super::{day, import};
use crate::MetricType::{Reference, Works};
use crate::record::Record;
use crate::testing::{World, after_noon, on_both_engines};

on_both_engines!(
    a_later_record_takes_the_place_of_the_earlier,
    the_same_again_changes_nothing,
    a_record_concerns_its_days,
    an_arc_counts_from_its_first_day_on,
);

fn record(id: &str, from: &str, to: &str, impact: &str) -> Record {
    Record { kind: Works, id: id.to_owned(), from: day(from), to: day(to), body: json!({"impact": impact}) }
}

async fn write(world: &World, records: Vec<Record>) -> usize {
    let kind = records[0].kind;
    let written =
        world.run(move |tx, now| Ok::<_, Failure<()>>(put(tx, now, kind, import(1), &records)?)).await;
    written.unwrap()
}

async fn on(world: &World, date: &str, known: Option<i64>) -> Result<Vec<String>> {
    let (date, known) = (day(date), known.map(after_noon));
    let found = world.read(move |tx| queries::records_on(tx, Works, date, known)).await?;
    Ok(found
        .iter()
        .map(|record| format!("{} {}", record.id, record.body["impact"].as_str().unwrap()))
        .collect())
}

async fn a_later_record_takes_the_place_of_the_earlier(world: World) -> Result<()> {
    let first =
        vec![record("a", "2024-03-01", "2024-03-31", "1"), record("b", "2024-03-10", "2024-03-10", "1")];
    assert_eq!(write(&world, first).await, 2);
    world.at(10);
    assert_eq!(write(&world, vec![record("a", "2024-03-01", "2024-03-09", "2")]).await, 1);
    assert_eq!(on(&world, "2024-03-09", None).await?, ["a 2"]);
    assert_eq!(on(&world, "2024-03-10", None).await?, ["b 1"]);
    assert_eq!(on(&world, "2024-03-10", Some(9)).await?, ["a 1", "b 1"]);
    assert_eq!(on(&world, "2024-03-10", Some(10)).await?, ["b 1"]);
    assert_eq!(on(&world, "2024-03-10", Some(-1)).await?, [""; 0]);
    let coverage = async |known: Option<i64>| {
        world.read(move |tx| queries::coverage(tx, Works, known.map(after_noon))).await
    };
    assert_eq!(coverage(None).await?, Some((day("2024-03-01"), day("2024-03-10"))));
    assert_eq!(coverage(Some(9)).await?, Some((day("2024-03-01"), day("2024-03-31"))));
    assert_eq!(coverage(Some(-1)).await?, None);
    let stats = world.read(queries::stats).await?;
    let works = stats.iter().find(|it| it.kind == Works).unwrap();
    assert_eq!((works.count, works.last), (2, Some(day("2024-03-10"))));
    Ok(())
}

async fn the_same_again_changes_nothing(world: World) -> Result<()> {
    let records =
        vec![record("a", "2024-03-01", "2024-03-31", "1"), record("b", "2024-03-10", "2024-03-10", "1")];
    write(&world, records.clone()).await;
    assert_eq!(write(&world, records.clone()).await, 0);
    // At the same instant, as clocks of several processes may have it.
    assert_eq!(write(&world, vec![record("b", "2024-03-10", "2024-03-10", "2")]).await, 1);
    assert_eq!(write(&world, records).await, 1);
    assert_eq!(on(&world, "2024-03-10", None).await?, ["a 1", "b 1"]);
    let events = world.read(|tx| log::after(tx, 0, Some(RECORDS_READY), 10)).await?;
    let told: Vec<_> = events.iter().map(|event| event.data.as_str()).collect();
    assert_eq!(told[0], "{\"type\":\"chantiers\",\"du\":\"2024-03-01\",\"au\":\"2024-03-31\",\"nombre\":2}");
    assert_eq!(told.len(), 3);
    Ok(())
}

async fn a_record_concerns_its_days(world: World) -> Result<()> {
    write(&world, vec![record("a", "2024-03-05", "2024-03-06", "1")]).await;
    for (date, count) in [("2024-03-04", 0), ("2024-03-05", 1), ("2024-03-06", 1), ("2024-03-07", 0)] {
        assert_eq!(on(&world, date, None).await?.len(), count, "{date}");
    }
    Ok(())
}

async fn an_arc_counts_from_its_first_day_on(world: World) -> Result<()> {
    let arc = Record { kind: Reference, ..record("4264", "1996-10-10", "2019-01-01", "") };
    write(&world, vec![arc]).await;
    for (date, count) in [("1996-10-09", 0), ("1996-10-10", 1), ("2024-03-07", 1)] {
        let found = world.read(move |tx| queries::records_on(tx, Reference, day(date), None)).await?;
        assert_eq!(found.len(), count, "{date}");
    }
    Ok(())
}
