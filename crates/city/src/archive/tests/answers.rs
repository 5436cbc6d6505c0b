//! What is told of a day and of a range, after imports of files.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Result;
use kernel::{Cursor, Day, SystemIds, Timestamp};
use serde_json::{Value, json};
use web::Drain;

use super::super::PAGE_SENSORS;
use super::super::answers::{AnswerError, Asked, DayAnswer, Place, RangeDay, answer, range};
use super::super::queries;
use super::super::sensor_range::sensor_range;
use super::day;
use crate::MetricType::{self, Bikes, Weather};
use crate::import::Importer;
use crate::input::{Limits, Source};
use crate::testing::{World, after_noon, on_both_engines};

on_both_engines!(
    a_long_list_comes_in_pages_of_one_version,
    a_counter_is_compared_with_its_own_history,
    the_pages_of_a_list_have_the_same_history,
    a_cursor_is_of_its_list_only,
    a_range_of_one_counter,
    a_range_of_one_counter_tells_its_anomalies,
    each_day_says_what_its_own_rows_say,
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
    let (asked, now) = (Asked { kind, day: on_day, known, cursor, limit: PAGE_SENSORS }, world.store.now());
    let asked = world.store.scan(move |tx| answer(tx, &asked, now)).await?;
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
    Ok(())
}

async fn a_cursor_is_of_its_list_only(world: World) -> Result<()> {
    let on_day = day("2024-02-01");
    count(&world, on_day, 3, 10).await?;
    count(&world, on_day.plus(1), 3, 10).await?;
    let good = Place { kind: Bikes, day: on_day, version: 1, first: 2, known: after_noon(0) };
    let page = told(&world, Bikes, on_day, None, Some(Cursor::new(&good))).await?.unwrap().1;
    assert_eq!(list(&page)[0]["id_compteur"], json!("c0002"));
    let agrees = told(&world, Bikes, on_day, Some(after_noon(0)), Some(Cursor::new(&good))).await?;
    assert!(agrees.is_some());
    let refused = async |kind, on_day, known, cursor: Cursor| {
        let told = told(&world, kind, on_day, known, Some(cursor)).await;
        assert!(matches!(told, Err(AnswerError::Cursor(_))), "{told:?}");
    };
    refused(Bikes, on_day.plus(1), None, Cursor::new(&good)).await;
    refused(Bikes, on_day, Some(after_noon(7)), Cursor::new(&good)).await;
    refused(Weather, on_day, None, Cursor::new(&Place { kind: Weather, ..good })).await;
    for other in [
        Place { kind: crate::MetricType::Roads, ..good },
        Place { first: 3, ..good },
        Place { first: 4_500, ..good },
        Place { first: usize::MAX, ..good },
        Place { version: 2, ..good },
        Place { version: 0, ..good },
        Place { known: after_noon(-1), ..good },
    ] {
        refused(Bikes, on_day, None, Cursor::new(&other)).await;
    }
    refused(Bikes, on_day, None, Cursor::new(&"foreign")).await;
    Ok(())
}

async fn the_pages_of_a_list_have_the_same_history(world: World) -> Result<()> {
    let on_day = day("2024-02-29");
    count(&world, on_day, 620, 900).await?;
    let anomalies = |data: &Value| data["anomalies"].as_array().unwrap().len();
    world.at(30);
    let (_, data) = told(&world, Bikes, on_day, None, None).await?.unwrap();
    world.at(60);
    for week in 1..=5 {
        count(&world, on_day.plus(-7 * week), 620, 100 + week.unsigned_abs()).await?;
    }
    let (_, rest) = told(&world, Bikes, on_day, None, next(&data)).await?.unwrap();
    assert_eq!((anomalies(&data), anomalies(&rest)), (0, 0), "as it was known when the list was begun");
    assert_eq!(list(&rest)[0]["anomalie_detectee"], json!(false));
    let (_, now) = told(&world, Bikes, on_day, None, None).await?.unwrap();
    assert_eq!(anomalies(&now), 620);
    Ok(())
}

/// Imports a counter of another name and place; returns how many days that changed.
async fn describe(world: &World, rows: &[(Day, u32, &str, f64)]) -> Result<u64> {
    let mut csv = "Identifiant du compteur;Nom du compteur;Comptage horaire;Date et heure de comptage;\
                   Coordonnées géographiques\n"
        .to_owned();
    for (on_day, hour, name, lon) in rows {
        writeln!(csv, "c0000;{name};10;{on_day}T{hour:02}:00:00+01:00;48.85,{lon}")?;
    }
    let source = Source::Bytes { name: "velo.csv".to_owned(), data: csv.into() };
    let importer = Importer::new(world.store.clone(), Arc::new(SystemIds), Drain::new(), Limits::default());
    Ok(importer.run(Bikes, vec![source], Arc::new(())).await?.changed)
}

async fn each_day_says_what_its_own_rows_say(world: World) -> Result<()> {
    let (first, second) = (day("2024-02-01"), day("2024-02-02"));
    let read = async |known: Option<Timestamp>| -> Result<Vec<(String, f64)>> {
        let told_of = |data: &Value| {
            let name = data["nom_compteur"].as_str().unwrap().to_owned();
            (name, data["coordinates"]["lon"].as_f64().unwrap())
        };
        let days = (first, second);
        let asked = world.read(move |tx| sensor_range(tx, Bikes, "c0000", days, known));
        let mut found = Vec::new();
        for RangeDay { day, data } in asked.await?.unwrap() {
            let in_range: Value = serde_json::from_str(data.get())?;
            let (_, on_page) = told(&world, Bikes, day, known, None).await?.unwrap();
            assert_eq!(list(&on_page)[0], in_range, "the range and the page of {day}");
            found.push(told_of(&in_range));
        }
        Ok(found)
    };
    let old = ("Quai".to_owned(), 2.25);
    assert_eq!(describe(&world, &[(first, 8, "Quai", 2.25), (second, 8, "Quai", 2.25)]).await?, 2);
    world.at(60);
    // A later day with another name: no other day is published anew.
    assert_eq!(describe(&world, &[(second, 9, "Port", 2.25)]).await?, 1);
    assert_eq!(read(None).await?, [old.clone(), ("Port".to_owned(), 2.25)]);
    world.at(120);
    // The day's own row again, at another place: a correction like any other.
    assert_eq!(describe(&world, &[(first, 8, "Quai", 2.5)]).await?, 1);
    assert_eq!(read(None).await?, [("Quai".to_owned(), 2.5), ("Port".to_owned(), 2.25)]);
    assert_eq!(read(Some(after_noon(59))).await?, [old.clone(), old.clone()], "what was known before stays");
    // A row of an earlier hour describes no day; one that says nothing takes nothing away.
    world.at(180);
    assert_eq!(describe(&world, &[(second, 7, "Pont", 2.0)]).await?, 1, "an hour more");
    assert_eq!(read(None).await?[1], ("Port".to_owned(), 2.25));
    let versions = world.read(move |tx| queries::versions(tx, Bikes, first, None, 9)).await?;
    let described: Vec<_> = versions.iter().map(|it| it.changes.unwrap().sensors_described).collect();
    assert_eq!(described, [1, 0]);
    Ok(())
}

async fn a_range_of_one_counter_tells_its_anomalies(world: World) -> Result<()> {
    let on_day = day("2024-02-29");
    for week in (0_i32..=6).rev() {
        world.at(100 - i64::from(week));
        let bicycles = if week == 0 { 900 } else { 100 + week.unsigned_abs() };
        count(&world, on_day.plus(-7 * week), 1, bicycles).await?;
    }
    let of = async |days: (Day, Day), known: Option<Timestamp>| -> Result<Vec<(Day, bool)>> {
        let read = move |tx: &mut store::Tx<'_>| sensor_range(tx, Bikes, "c0000", days, known);
        let found = world.read(read).await?.unwrap();
        let is_anomaly =
            |data: &str| serde_json::from_str::<Value>(data).unwrap()["anomalie_detectee"] == json!(true);
        Ok(found.iter().map(|it| (it.day, is_anomaly(it.data.get()))).collect())
    };
    assert_eq!(of((on_day, on_day), None).await?, [(on_day, true)], "compared with days before the range");
    let both = of((on_day.plus(-7), on_day), None).await?;
    assert_eq!(both, [(on_day.plus(-7), false), (on_day, true)]);
    let (_, page) = told(&world, Bikes, on_day, None, None).await?.unwrap();
    assert_eq!(list(&page)[0]["anomalie_detectee"], json!(true), "as on the day's page");
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
        let asked = world.read(move |tx| sensor_range(tx, Bikes, id, days, known)).await?;
        anyhow::Ok(asked.map(|days| {
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
