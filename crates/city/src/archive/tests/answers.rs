//! What is told of a day and of a range, after imports of files.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Result;
use kernel::{Cursor, Day, SystemIds, Timestamp};
use serde_json::{Value, json};
use web::Drain;

use super::super::PAGE_SENSORS;
use super::super::answers::{AnswerError, DayAnswer, answer, range, sensor_range};
use super::day;
use crate::MetricType::{self, Bikes};
use crate::import::Importer;
use crate::input::{Limits, Source};
use crate::testing::{World, after_noon, on_both_engines};

on_both_engines!(
    a_long_list_comes_in_pages_of_one_version,
    a_counter_is_compared_with_its_own_history,
    a_range_of_one_counter,
);

/// Imports how many bicycles each of so many counters has counted in the hour from noon on a day.
async fn count(world: &World, on_day: Day, counters: usize, bicycles: u32) -> Result<()> {
    let mut csv =
        "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;Nom du site de comptage;\
                   Comptage horaire;Date et heure de comptage;Date d'installation du site de comptage;\
                   Lien vers photo du site de comptage;Coordonnées géographiques\n"
            .to_owned();
    for number in 0..counters {
        let spread = u32::try_from(number % 3)?;
        writeln!(
            csv,
            "c{number:04};rue {number};1;rue;{};{on_day}T12:00:00+01:00;;;48.85,2.35",
            bicycles + spread
        )?;
    }
    let source = Source::Bytes { name: "velo.csv".to_owned(), data: csv.into() };
    let importer = Importer::new(world.store.clone(), Arc::new(SystemIds), Drain::new(), Limits::default());
    importer.run(Bikes, vec![source], Arc::new(())).await?;
    Ok(())
}

async fn told(
    world: &World,
    kind: MetricType,
    on_day: Day,
    known: Option<Timestamp>,
    cursor: Option<Cursor>,
) -> Result<Option<(DayAnswer, Value)>, AnswerError> {
    let asked =
        world.store.scan(move |tx| answer(tx, kind, on_day, known, cursor.as_ref(), PAGE_SENSORS)).await?;
    Ok(asked.map(|asked| {
        let data = serde_json::from_str(asked.data.get()).unwrap();
        (asked, data)
    }))
}

fn list(data: &Value) -> &Vec<Value> {
    data["metrics"].as_array().unwrap()
}

fn next(data: &Value) -> Option<Cursor> {
    data.get("curseur").map(|cursor| serde_json::from_value(cursor.clone()).unwrap())
}

async fn a_long_list_comes_in_pages_of_one_version(world: World) -> Result<()> {
    let on_day = day("2024-02-01");
    count(&world, on_day, 620, 10).await?;
    let (first, data) = told(&world, Bikes, on_day, None, None).await?.unwrap();
    assert_eq!((first.version, list(&data).len()), (Some(1), 500));
    assert_eq!(data["total_velos"], json!(6_200.0 + 619.0));
    world.at(60);
    count(&world, on_day, 620, 20).await?;
    let (second, rest) = told(&world, Bikes, on_day, None, next(&data)).await?.unwrap();
    assert_eq!((second.version, list(&rest).len(), next(&rest)), (Some(1), 120, None));
    assert_eq!(list(&rest)[0]["id_compteur"], json!("c0500"));
    assert_eq!(list(&rest)[0]["total_jour"], json!(12.0), "of the version that was begun with");
    let (now, data) = told(&world, Bikes, on_day, None, None).await?.unwrap();
    assert_eq!((now.version, now.known_at), (Some(2), Some(after_noon(60))));
    assert_eq!(list(&data)[0]["total_jour"], json!(20.0));
    let (before, data) = told(&world, Bikes, on_day, Some(after_noon(59)), None).await?.unwrap();
    assert_eq!((before.version, &list(&data)[0]["total_jour"]), (Some(1), &json!(10.0)));
    assert!(told(&world, Bikes, on_day, Some(after_noon(-1)), None).await?.is_none());
    assert!(told(&world, Bikes, on_day.plus(1), None, None).await?.is_none());
    let foreign = told(&world, Bikes, on_day, None, Some(Cursor::new(&"foreign"))).await;
    assert!(matches!(foreign, Err(AnswerError::Cursor(_))));
    let beyond = told(&world, Bikes, on_day, None, Some(Cursor::new(&(1, 4_500, None::<Timestamp>)))).await;
    assert!(matches!(beyond, Err(AnswerError::Cursor(_))));
    Ok(())
}

async fn a_counter_is_compared_with_its_own_history(world: World) -> Result<()> {
    let on_day = day("2024-02-29");
    count(&world, on_day, 3, 900).await?;
    let anomalies = async |known: Option<Timestamp>| -> Result<usize> {
        let (_, data) = told(&world, Bikes, on_day, known, None).await?.unwrap();
        let marked = list(&data).iter().filter(|counter| counter["anomalie_detectee"] == json!(true)).count();
        assert_eq!(data["anomalies"].as_array().unwrap().len(), marked);
        Ok(marked)
    };
    assert_eq!(anomalies(None).await?, 0, "nothing to compare with");
    world.at(60);
    for week in 1..=6 {
        count(&world, on_day.plus(-7 * week), 3, 100 + week.unsigned_abs()).await?;
    }
    assert_eq!(anomalies(None).await?, 3, "whatever was loaded first");
    assert_eq!(anomalies(Some(after_noon(59))).await?, 0);
    Ok(())
}

async fn a_range_of_one_counter(world: World) -> Result<()> {
    let on_day = day("2024-02-01");
    for number in 0..3 {
        world.at(i64::from(number) * 10);
        count(&world, on_day.plus(2 * number), 2, 10 * number.unsigned_abs()).await?;
    }
    let days = (on_day, on_day.plus(30));
    let of = async |id: &'static str, known: Option<Timestamp>| {
        let asked = world.store.scan(move |tx| sensor_range(tx, Bikes, id, days, known)).await?;
        Ok::<_, AnswerError>(asked.map(|days| {
            let total = |data: &str| serde_json::from_str::<Value>(data).unwrap()["total_jour"].as_f64();
            days.iter().map(|it| (it.day, total(it.data.get()).unwrap())).collect::<Vec<_>>()
        }))
    };
    let expected = vec![(on_day, 1.0), (on_day.plus(2), 11.0), (on_day.plus(4), 21.0)];
    assert_eq!(of("c0001", None).await?, Some(expected.clone()));
    assert_eq!(of("c0001", Some(after_noon(19))).await?, Some(expected[..2].to_vec()));
    assert_eq!(of("nobody", None).await?, None);
    let city = world.store.scan(move |tx| range(tx, Bikes, days, None)).await?;
    let totals: Vec<Value> = city.iter().map(|it| serde_json::from_str(it.data.get()).unwrap()).collect();
    assert_eq!(totals.iter().map(|it| it["total_velos"].clone()).collect::<Vec<_>>(), [1.0, 21.0, 41.0]);
    assert_eq!(totals[0]["capteurs"], json!(2));
    Ok(())
}
