//! Records: published as a whole, replaced by id, readable as they were known.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kernel::{SystemIds, Timestamp};
use serde_json::{Value, json};
use store::Unavailable;

use super::super::records::Publisher;
use super::*;
use crate::MetricType::{self, Reference, Transit, Weather, Works};
use crate::archive::commands::day::CLAIM_SECONDS;
use crate::archive::commands::records::RECORDS_READY;
use crate::archive::{Extent, VersionInfo, answers};
use crate::import::{Importer, leftovers};
use crate::input::{Limits, Source};
use crate::metrics::works::Work;
use crate::record::{Last, Record, Records};
use crate::testing::{after_noon, on_both_engines};

on_both_engines!(
    an_import_becomes_known_as_a_whole,
    a_later_record_takes_the_place_of_the_earlier,
    the_same_again_changes_nothing,
    a_record_concerns_its_days,
    an_arc_counts_from_its_first_day_on,
    only_days_that_were_told_are_quiet,
    what_is_told_again_is_not_written_again,
    editions_of_a_day_are_those_that_changed_it,
    an_import_that_was_killed_leaves_what_was_known,
    what_is_left_of_an_edition_goes_when_nobody_imports_it_again,
    imports_of_one_type_at_the_same_time_lose_nothing,
    weather_is_corrected_hour_by_hour,
    ranges_give_numbers_without_lists,
);

fn date(text: &str) -> Day {
    text.parse().unwrap()
}

fn record(kind: MetricType, id: &str, from: &str, to: Last, body: Value) -> Record {
    Record { kind, id: id.to_owned(), from: date(from), to, body }
}

fn work(id: &str, from: &str, to: &str, impact: &str) -> Record {
    record(Works, id, from, date(to).into(), content(impact))
}

fn content(impact: &str) -> Value {
    serde_json::to_value(Work { impact: impact.to_owned(), ..Work::default() }).unwrap()
}

/// An import of so many works, all of the same content.
fn many(count: usize, impact: &str) -> Records {
    let work = |number| work(&format!("w{number:04}"), "2024-03-01", "2024-03-31", impact);
    Records::some((0..count).map(work).collect())
}

async fn publish(
    ground: &Ground,
    kind: MetricType,
    number: u128,
    found: Records,
) -> Result<u64, ImportError> {
    Publisher::new(ground, kind, Uuid::from_u128(number), found).publish().await
}

async fn write(world: &World, records: Vec<Record>) -> Result<u64> {
    Ok(publish(&ground(world), records[0].kind, 1, Records::some(records)).await?)
}

async fn on(world: &World, on_day: &str, known: Option<i64>) -> Result<Vec<String>> {
    let (on_day, known) = (date(on_day), known.map(after_noon));
    let found = world.read(move |tx| queries::records_on(tx, Works, on_day, known)).await?;
    let told = |record: &Record| format!("{} {}", record.id, record.body["impact"].as_str().unwrap());
    Ok(found.iter().map(told).collect())
}

/// How many records tell of a day; `None` when it is unknown.
async fn known(
    world: &World,
    kind: MetricType,
    on_day: &str,
    at: Option<Timestamp>,
) -> Result<Option<usize>> {
    let on_day = date(on_day);
    let found =
        world.store.scan(move |tx| Ok::<_, Unavailable>(answers::records(tx, kind, on_day, at)?)).await?;
    Ok(found.map(|found| found.len()))
}

async fn extent(world: &World, kind: MetricType) -> Result<Extent> {
    world.read(move |tx| queries::extent(tx, kind, date("2026-03-01"))).await
}

async fn events(world: &World) -> Result<Vec<String>> {
    let events = world.read(|tx| log::after(tx, 0, Some(RECORDS_READY), 100)).await?;
    Ok(events.into_iter().map(|event| event.data).collect())
}

async fn is_sound(world: &World) -> Result<()> {
    assert_eq!(world.read(queries::invariants::check).await?, []);
    Ok(())
}

async fn an_import_becomes_known_as_a_whole(world: World) -> Result<()> {
    assert_eq!(publish(&ground(&world), Works, 1, many(350, "1")).await?, 350);
    world.at(10);
    assert_eq!(publish(&ground(&world), Works, 2, many(350, "2")).await?, 350);
    assert_eq!(events(&world).await?.len(), 2, "one edition, one event");
    for (at, impact) in [(Some(0), "1"), (Some(9), "1"), (Some(10), "2"), (None, "2")] {
        let found = on(&world, "2024-03-15", at).await?;
        assert_eq!(found.len(), 350);
        assert!(found.iter().all(|told| told.ends_with(impact)), "{at:?}");
    }
    is_sound(&world).await
}

async fn a_later_record_takes_the_place_of_the_earlier(world: World) -> Result<()> {
    let first = vec![work("a", "2024-03-01", "2024-03-31", "1"), work("b", "2024-03-10", "2024-03-10", "1")];
    assert_eq!(write(&world, first).await?, 2);
    world.at(10);
    assert_eq!(write(&world, vec![work("a", "2024-03-01", "2024-03-09", "2")]).await?, 1);
    assert_eq!(on(&world, "2024-03-09", None).await?, ["a 2"]);
    assert_eq!(on(&world, "2024-03-10", None).await?, ["b 1"]);
    assert_eq!(on(&world, "2024-03-10", Some(9)).await?, ["a 1", "b 1"]);
    assert_eq!(on(&world, "2024-03-10", Some(10)).await?, ["b 1"]);
    assert_eq!(on(&world, "2024-03-10", Some(-1)).await?, [""; 0]);
    let works = extent(&world, Works).await?;
    assert_eq!((works.count, works.last), (2, Some(date("2024-03-10"))));
    is_sound(&world).await
}

async fn the_same_again_changes_nothing(world: World) -> Result<()> {
    let records =
        vec![work("a", "2024-03-01", "2024-03-31", "1"), work("b", "2024-03-10", "2024-03-10", "1")];
    write(&world, records.clone()).await?;
    assert_eq!(write(&world, records.clone()).await?, 0);
    // At the same instant, as clocks of several processes may have it.
    assert_eq!(write(&world, vec![work("b", "2024-03-10", "2024-03-10", "2")]).await?, 1);
    assert_eq!(write(&world, records).await?, 1);
    assert_eq!(on(&world, "2024-03-10", None).await?, ["a 1", "b 1"]);
    let told = events(&world).await?;
    assert_eq!(
        told[0],
        "{\"type\":\"chantiers\",\"edition\":1,\"du\":\"2024-03-01\",\"au\":\"2024-03-31\",\"nombre\":2}"
    );
    assert_eq!(told.len(), 3);
    is_sound(&world).await
}

async fn a_record_concerns_its_days(world: World) -> Result<()> {
    let open = record(Works, "b", "2024-03-06", Last::Open, content("1"));
    write(&world, vec![work("a", "2024-03-05", "2024-03-06", "1"), open]).await?;
    for (on_day, count) in [("2024-03-04", 0), ("2024-03-05", 1), ("2024-03-06", 2), ("2034-03-07", 1)] {
        assert_eq!(on(&world, on_day, None).await?.len(), count, "{on_day}");
    }
    assert_eq!(extent(&world, Works).await?.last, Some(date("2026-03-01")), "what has no end goes on today");
    Ok(())
}

async fn an_arc_counts_from_its_first_day_on(world: World) -> Result<()> {
    let arc = |to: &str| record(Reference, "4264", "1996-10-10", date(to).into(), json!({}));
    write(&world, vec![arc("2019-01-01")]).await?;
    assert_eq!(write(&world, vec![arc("2023-01-01")]).await?, 0, "the end that it is given is not looked at");
    for (on_day, count) in [("1996-10-09", None), ("1996-10-10", Some(1)), ("2024-03-07", Some(1))] {
        assert_eq!(known(&world, Reference, on_day, None).await?, count, "{on_day}");
    }
    let arcs = extent(&world, Reference).await?;
    assert_eq!((arcs.first, arcs.last), (Some(date("1996-10-10")), Some(date("2026-03-01"))));
    Ok(())
}

/// A document of disruptions as it was told on a day: each by its id and whether it has an end, which is on that day.
fn told(on_day: &str, disruptions: &[(&str, bool)]) -> Records {
    let end = |has_end| if has_end { Last::On(date(on_day)) } else { Last::Told(date(on_day)) };
    let one = |(id, has_end): &(&str, bool)| record(Transit, id, "2024-03-01", end(*has_end), json!({}));
    let list = disruptions.iter().map(one).collect();
    Records { list, covered: vec![(date(on_day), date(on_day))] }
}

async fn only_days_that_were_told_are_quiet(world: World) -> Result<()> {
    let ground = ground(&world);
    publish(&ground, Transit, 1, told("2024-04-08", &[])).await?;
    world.at(10);
    publish(&ground, Transit, 2, told("2026-02-18", &[])).await?;
    for (on_day, count) in [("2024-04-08", Some(0)), ("2025-01-07", None), ("2026-02-18", Some(0))] {
        assert_eq!(known(&world, Transit, on_day, None).await?, count, "{on_day}");
    }
    assert_eq!(known(&world, Transit, "2026-02-18", Some(after_noon(9))).await?, None, "not told yet");
    let days = (date("2026-01-01"), date("2026-03-31"));
    let range = world.store.scan(move |tx| answers::range(tx, Transit, days, None)).await?;
    assert_eq!(range.iter().map(|it| it.day).collect::<Vec<_>>(), [date("2026-02-18")]);
    assert_eq!(publish(&ground, Transit, 3, told("2026-02-18", &[])).await?, 0);
    assert_eq!(events(&world).await?.len(), 2, "told again the same, nothing is new");
    let works = vec![work("a", "2024-02-01", "2024-02-02", ""), work("b", "2024-02-05", "2024-02-05", "")];
    let export = Records { list: works, covered: vec![(date("2024-02-01"), date("2024-02-05"))] };
    publish(&ground, Works, 4, export).await?;
    let expected =
        [("2024-01-31", None), ("2024-02-01", Some(1)), ("2024-02-03", Some(0)), ("2024-02-06", None)];
    for (on_day, count) in expected {
        assert_eq!(known(&world, Works, on_day, None).await?, count, "{on_day}");
    }
    Ok(())
}

async fn what_is_told_again_is_not_written_again(world: World) -> Result<()> {
    let ground = ground(&world);
    let rows = async || {
        world.read(|tx| tx.query_one("SELECT COUNT(*) FROM city_record", &[], |row| row.get::<i64>(0))).await
    };
    publish(&ground, Transit, 1, told("2024-03-01", &[("a", false), ("b", false)])).await?;
    for (second, number) in (1..9).zip(2..) {
        world.at(second);
        let on_day = format!("2024-03-0{number}");
        assert_eq!(publish(&ground, Transit, number, told(&on_day, &[("a", false), ("b", false)])).await?, 0);
    }
    assert_eq!(rows().await?, 2);
    assert_eq!(known(&world, Transit, "2024-03-09", None).await?, Some(2));
    assert_eq!(known(&world, Transit, "2024-03-10", None).await?, None, "not told yet");
    assert_eq!(known(&world, Transit, "2024-03-05", Some(after_noon(4))).await?, Some(2));
    assert_eq!(known(&world, Transit, "2024-03-06", Some(after_noon(4))).await?, None, "not known then");
    // One is told no more: it has lasted until it was told for the last time.
    world.at(20);
    assert_eq!(publish(&ground, Transit, 20, told("2024-03-20", &[("b", false)])).await?, 1);
    assert_eq!(known(&world, Transit, "2024-03-09", None).await?, Some(2));
    assert_eq!(known(&world, Transit, "2024-03-20", None).await?, Some(1));
    // An older document ends nothing and shortens nothing.
    publish(&ground, Transit, 21, told("2024-03-15", &[("a", false)])).await?;
    for (on_day, count) in [("2024-03-15", Some(2)), ("2024-03-16", Some(1)), ("2024-03-20", Some(1))] {
        assert_eq!(known(&world, Transit, on_day, None).await?, count, "{on_day}");
    }
    assert_eq!(extent(&world, Transit).await?.last, Some(date("2024-03-20")));
    is_sound(&world).await
}

async fn editions_of_a_day_are_those_that_changed_it(world: World) -> Result<()> {
    write(&world, vec![work("a", "2024-03-01", "2024-03-31", "1")]).await?;
    write(&world, vec![work("b", "2024-04-01", "2024-04-30", "1")]).await?;
    write(&world, vec![work("a", "2024-03-01", "2024-03-09", "1")]).await?;
    let editions = async |on_day: &str| -> Result<Vec<i64>> {
        let on_day = date(on_day);
        let found = world.read(move |tx| queries::editions(tx, Works, on_day, None, 10)).await?;
        Ok(found.into_iter().map(|VersionInfo { version, .. }| version).collect())
    };
    assert_eq!(editions("2024-03-05").await?, [3, 1]);
    assert_eq!(editions("2024-03-20").await?, [3, 1], "it has ended earlier");
    assert_eq!(editions("2024-04-05").await?, [2]);
    assert_eq!(editions("2024-05-05").await?, [0; 0]);
    Ok(())
}

/// What is known of works: of each its id and content.
async fn all(world: &World) -> Result<Vec<String>> {
    on(world, "2024-03-15", None).await
}

async fn an_import_that_was_killed_leaves_what_was_known(world: World) -> Result<()> {
    publish(&ground(&world), Works, 1, many(150, "0")).await?;
    let mut killed = 0;
    for commands in 0.. {
        let (before, editions) = (all(&world).await?, events(&world).await?.len());
        let fuse = Fuse::of(commands);
        let cut_off = Ground { fuse: fuse.clone(), ..ground(&world) };
        let impact = format!("{commands}-");
        let ended = tokio::select! {
            ended = publish(&cut_off, Works, 2 + u128::from(killed), many(250, &impact)) => Some(ended?),
            () = fuse.burnt() => None,
        };
        if ended.is_some() {
            break;
        }
        killed += 1_u32;
        assert_eq!(all(&world).await?, before, "killed after {commands} commands");
        assert_eq!(events(&world).await?.len(), editions);
        is_sound(&world).await?;
        world.at((CLAIM_SECONDS + 1) * i64::from(killed));
        let again = publish(&ground(&world), Works, 1_000 + u128::from(killed), many(250, &impact)).await?;
        assert_eq!(again, 250);
        assert!(all(&world).await?.iter().all(|told| told.ends_with(&impact)));
        is_sound(&world).await?;
    }
    // Claiming, staging thrice, publishing.
    assert_eq!(killed, 5);
    Ok(())
}

async fn what_is_left_of_an_edition_goes_when_nobody_imports_it_again(world: World) -> Result<()> {
    publish(&ground(&world), Works, 1, many(150, "0")).await?;
    let fuse = Fuse::of(3);
    let cut_off = Ground { fuse: fuse.clone(), ..ground(&world) };
    tokio::select! {
        ended = publish(&cut_off, Works, 2, many(250, "1")) => panic!("{ended:?}"),
        () = fuse.burnt() => {}
    }
    let left = async || {
        let sql = "SELECT (SELECT COUNT(*) FROM city_record WHERE since > 1 OR until > 1),
                   (SELECT COUNT(*) FROM city_claim)";
        world.read(move |tx| tx.query_one(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))).await
    };
    assert_eq!(left().await?, (350_i64, 1_i64));
    let ground = ground(&world);
    assert_eq!(leftovers::clear(&ground, Uuid::from_u128(9)).await?, 0, "the import may be alive");
    world.at(CLAIM_SECONDS + 1);
    assert_eq!(leftovers::clear(&ground, Uuid::from_u128(9)).await?, 1);
    assert_eq!(left().await?, (0, 0));
    assert_eq!(all(&world).await?.len(), 150);
    Ok(())
}

async fn imports_of_one_type_at_the_same_time_lose_nothing(world: World) -> Result<()> {
    let ground = ground(&world);
    let mut imports = tokio::task::JoinSet::new();
    for part in 0..4_usize {
        let list = many(400, "1").list.into_iter().skip(part * 100).take(100).collect();
        let ground = ground.clone();
        imports.spawn(async move { publish(&ground, Works, part as u128, Records::some(list)).await });
    }
    while let Some(ended) = imports.join_next().await {
        assert_eq!(ended??, 100);
    }
    assert_eq!(all(&world).await?.len(), 400);
    assert_eq!(events(&world).await?.len(), 4);
    is_sound(&world).await
}

/// A document of Open-Meteo with these hours of a day.
fn weather(hours: impl Iterator<Item = (u8, Option<f64>)>) -> Source {
    let (times, values): (Vec<String>, Vec<Option<f64>>) =
        hours.map(|(hour, value)| (format!("2024-03-05T{hour:02}:00"), value)).unzip();
    let document = json!({"latitude": 48.86, "longitude": 2.35, "timezone": "Europe/Paris",
        "hourly": {"time": times, "temperature_2m": values, "precipitation": values}});
    Source::Bytes { name: "meteo.json".to_owned(), data: document.to_string().into() }
}

async fn weather_is_corrected_hour_by_hour(world: World) -> Result<()> {
    let importer = Importer::new(world.store.clone(), Arc::new(SystemIds), Drain::new(), Limits::default());
    let import = async |source: Source| importer.run(Weather, vec![source], Arc::new(())).await;
    let mean = async || -> Result<(Value, Value)> {
        let of = world.read(|tx| answers::record_data(tx, Weather, date("2024-03-05"), None)).await?;
        let data: Value = serde_json::from_str(of.unwrap().get())?;
        Ok((data["metrics"]["temp_moyenne"].clone(), data["metrics"]["heures_presentes"].clone()))
    };
    import(weather((0..24).map(|hour| (hour, Some(10.0))))).await?;
    assert_eq!(mean().await?, (json!(10.0), json!(24)));
    import(weather((0..3).map(|hour| (hour, Some(18.0))))).await?;
    assert_eq!(mean().await?, (json!(11.0), json!(24)), "what a poorer file does not have stays");
    let empty = import(weather((0..3).map(|hour| (hour, None)))).await;
    assert!(empty.is_err(), "a day without a value is none: {empty:?}");
    assert_eq!(mean().await?, (json!(11.0), json!(24)));
    assert_eq!(import(weather((1..3).map(|hour| (hour, Some(18.0))))).await?.changed, 0);
    Ok(())
}

async fn ranges_give_numbers_without_lists(world: World) -> Result<()> {
    let days = (date("2024-03-30"), date("2024-04-02"));
    publish(&ground(&world), Works, 1, many(30, "RESTREINTE")).await?;
    let range = world.store.scan(move |tx| answers::range(tx, Works, days, None)).await?;
    let data: Vec<Value> = range.iter().map(|it| serde_json::from_str(it.data.get()).unwrap()).collect();
    assert_eq!(data.len(), 2);
    assert_eq!(
        (&data[0]["total_chantiers_actifs"], &data[0]["repartition_impacts"]["RESTREINTE"]),
        (&json!(30), &json!(30))
    );
    let fields: BTreeSet<&str> = data[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(!fields.contains("chantiers_actifs") && !fields.contains("zones_critiques"), "{fields:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn order_split_and_repetition_do_not_matter(
        works in proptest::collection::btree_map(0_u8..60, (0_u8..28, 0_u8..28), 0..60),
        parts in proptest::collection::vec(0_usize..3, 60),
    ) {
        let work = |(id, (from, length)): (&u8, &(u8, u8))| {
            let from = date("2024-03-01").plus(i32::from(*from));
            let to = from.plus(i32::from(*length)).into();
            Record { kind: Works, id: id.to_string(), from, to, body: content("1") }
        };
        let mut split = vec![Vec::new(); 3];
        for (part, one) in parts.iter().zip(works.iter().map(work)) {
            split[*part].push(one);
        }
        RUNTIME.block_on(async {
            let mut expected = None;
            for order in [vec![0, 1, 2], vec![2, 1, 0, 2], vec![1, 1, 2, 0]] {
                let world = World::sqlite()?;
                for part in order {
                    publish(&ground(&world), Works, 1, Records::some(split[part].clone())).await?;
                }
                let days = (date("2024-02-01"), date("2024-06-30"));
                let found = world.read(move |tx| {
                    let (edition, mut found) = (queries::edition(tx, Works, None)?, Vec::new());
                    queries::each_record(tx, Works, days, &edition, |record| found.push(record))?;
                    Ok(found)
                }).await?;
                is_sound(&world).await?;
                assert_eq!(expected.get_or_insert_with(|| found.clone()), &found);
            }
            anyhow::Ok(())
        }).unwrap();
    }

    #[test]
    fn documents_of_days_may_come_in_any_order(
        told_on in proptest::collection::vec(proptest::collection::btree_set(0_u8..4, 0..4), 1..6),
        turn in 0_usize..6,
    ) {
        let document = |number: usize| {
            let ids: Vec<String> = told_on[number].iter().map(ToString::to_string).collect();
            let mut on_day = String::new();
            write!(on_day, "2024-03-0{}", number + 1).unwrap();
            told(&on_day, &ids.iter().map(|id| (id.as_str(), false)).collect::<Vec<_>>())
        };
        let numbers: Vec<usize> = (0..told_on.len()).collect();
        let mut turned = numbers.clone();
        turned.rotate_left(turn % numbers.len());
        let reversed: Vec<usize> = numbers.iter().rev().copied().collect();
        RUNTIME.block_on(async {
            let mut expected = None;
            for order in [numbers, turned, reversed] {
                let world = World::sqlite()?;
                for number in order {
                    publish(&ground(&world), Transit, 1, document(number)).await?;
                }
                let mut state = Vec::new();
                for number in 0..7 {
                    state.push(known(&world, Transit, &format!("2024-03-0{}", number + 1), None).await?);
                }
                is_sound(&world).await?;
                assert_eq!(expected.get_or_insert_with(|| state.clone()), &state);
            }
            anyhow::Ok(())
        }).unwrap();
    }
}
