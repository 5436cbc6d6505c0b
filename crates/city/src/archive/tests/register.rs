//! The register of sensors and of what is said of them.

use anyhow::Result;
use store::{DbError, Failure};

use super::super::commands::register::{Numbers, Sighting, register};
use super::super::{Sensor, queries};
use crate::MetricType::{self, Bikes, Roads};
use crate::sensor::About;
use crate::testing::{World, on_both_engines};

on_both_engines!(sensors_are_numbered_by_type, descriptions_are_numbered_by_sensor);

fn seen(id: &str, name: Option<&str>) -> Sighting {
    let about = |name: &str| About { name: name.to_owned(), ..About::default() };
    Sighting { id: id.into(), description: name.map(|name| about(name).to_text().into()) }
}

async fn add(world: &World, kind: MetricType, seen: Vec<Sighting>) -> Vec<Numbers> {
    world.run(move |tx, _| Ok::<_, Failure<DbError>>(register(tx, kind, &seen)?)).await.unwrap()
}

async fn sensors_are_numbered_by_type(world: World) -> Result<()> {
    add(&world, Roads, vec![seen("b", Some("B")), seen("a", None)]).await;
    add(&world, Bikes, vec![seen("z", Some("Z"))]).await;
    let again = add(&world, Roads, vec![seen("a", Some("A")), seen("é", None), seen("é", Some("É"))]).await;
    assert_eq!(again, [(1, Some(0)), (2, None), (2, Some(0))]);
    let all = world.read(|tx| queries::sensors(tx, Roads, 0, 10)).await?;
    let sensor = |number, id: &str| Sensor { number, id: id.to_owned() };
    assert_eq!(all, [sensor(0, "b"), sensor(1, "a"), sensor(2, "é")]);
    assert_eq!(world.read(|tx| queries::sensor(tx, Bikes, "z")).await?, Some(0));
    assert_eq!(world.read(|tx| queries::sensor(tx, Bikes, "a")).await?, None);
    assert_eq!(world.read(|tx| queries::sensors(tx, Roads, 1, 1)).await?, [sensor(1, "a")]);
    Ok(())
}

async fn descriptions_are_numbered_by_sensor(world: World) -> Result<()> {
    let first =
        add(&world, Roads, vec![seen("a", Some("A")), seen("a", Some("A2")), seen("b", Some("A"))]).await;
    assert_eq!(first, [(0, Some(0)), (0, Some(1)), (1, Some(0))]);
    let again = vec![seen("b", Some("B")), seen("a", Some("A2")), seen("a", Some("A3"))];
    let expected = [(1, Some(1)), (0, Some(1)), (0, Some(2))];
    assert_eq!(add(&world, Roads, again.clone()).await, expected);
    assert_eq!(add(&world, Roads, again).await, expected, "known by then");
    let which = [(0, 2), (1, 0), (1, 7), (9, 0)];
    let found = world.read(move |tx| queries::descriptions(tx, Roads, &which)).await?;
    let mut names: Vec<_> = found.iter().map(|(which, about)| (*which, about.name.as_str())).collect();
    names.sort_unstable();
    assert_eq!(names, [((0, 2), "A3"), ((1, 0), "A")]);
    Ok(())
}
