//! The register of sensors.

use anyhow::Result;
use store::DbError;

use super::super::commands::register::{Sighting, register, settle};
use super::super::queries;
use crate::MetricType::{Bikes, Roads};
use crate::sensor::About;
use crate::testing::{World, on_both_engines};

on_both_engines!(sensors_are_numbered_by_type, what_is_said_later_counts_and_is_noticed);

fn seen(id: &str, measured_at: i64, name: &str) -> Sighting {
    Sighting { id: id.to_owned(), measured_at, about: About { name: name.to_owned(), ..About::default() } }
}

async fn add(world: &World, kind: crate::MetricType, seen: Vec<Sighting>) {
    let added = world.run(move |tx, _| Ok::<_, store::Failure<DbError>>(register(tx, kind, &seen)?)).await;
    added.unwrap();
}

async fn sensors_are_numbered_by_type(world: World) -> Result<()> {
    add(&world, Roads, vec![seen("b", 1, "B"), seen("a", 1, "A")]).await;
    add(&world, Bikes, vec![seen("z", 1, "Z")]).await;
    add(&world, Roads, vec![seen("a", 1, "A"), seen("é", 1, "C")]).await;
    let all = world.read(|tx| queries::sensors(tx, Roads, 0, 10)).await?;
    let all: Vec<_> = all.iter().map(|it| (it.number, it.id.as_str())).collect();
    assert_eq!(all, [(0, "b"), (1, "a"), (2, "é")]);
    assert_eq!(world.read(|tx| queries::sensor(tx, Bikes, "z")).await?.unwrap().number, 0);
    assert_eq!(world.read(|tx| queries::sensor(tx, Bikes, "a")).await?, None);
    let rest = world.read(|tx| queries::sensors(tx, Roads, 1, 1)).await?;
    assert_eq!(rest[0].id, "a");
    assert_eq!(world.read(|tx| queries::register(tx, Roads)).await?.revision, 0, "new ones change nothing");
    Ok(())
}

async fn what_is_said_later_counts_and_is_noticed(world: World) -> Result<()> {
    let name = async |id: &'static str| -> Result<(String, i64)> {
        let sensor = world.read(move |tx| queries::sensor(tx, Roads, id)).await?.unwrap();
        Ok((sensor.attributes.about().name, sensor.revision))
    };
    let revision =
        async || -> Result<i64> { Ok(world.read(|tx| queries::register(tx, Roads)).await?.revision) };
    add(&world, Roads, vec![seen("a", 10, "A"), seen("b", 10, "B")]).await;
    add(&world, Roads, vec![seen("a", 20, "A"), seen("b", 5, "older")]).await;
    assert_eq!((name("a").await?, name("b").await?), (("A".into(), 0), ("B".into(), 0)));
    assert_eq!(revision().await?, 0);
    add(&world, Roads, vec![seen("a", 15, "between"), seen("b", 10, "B2")]).await;
    assert_eq!((name("a").await?, name("b").await?), (("A".into(), 0), ("B2".into(), 1)));
    assert_eq!(revision().await?, 1);
    let settled = world.run(|tx, _| Ok::<_, store::Failure<DbError>>(settle(tx, Roads, 1)?)).await;
    settled.unwrap();
    add(&world, Roads, vec![seen("a", 30, "A2")]).await;
    let register = world.read(|tx| queries::register(tx, Roads)).await?;
    assert_eq!((register.revision, register.settled), (2, 1));
    Ok(())
}
