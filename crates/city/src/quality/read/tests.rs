//! What days say of each other, in the store.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Result;
use kernel::{Day, SystemIds, Timestamp};
use web::Drain;

use crate::MetricType::Bikes;
use crate::archive::answers::findings;
use crate::import::Importer;
use crate::input::{Limits, Source};
use crate::metrics::silence::Silence;
use crate::quality::{Findings, Kind};
use crate::report;
use crate::testing::{World, after_noon, on_both_engines};

on_both_engines!(
    an_absent_counter_is_found_whatever_was_loaded_first,
    a_value_stuck_over_midnight_is_found_on_both_days,
    a_counter_without_a_count_is_told_and_adds_no_zero,
    what_is_found_has_the_time_of_day,
);

/// 2024-10-27: the day on which the clock goes back.
fn sunday() -> Day {
    "2024-10-27".parse().unwrap()
}

/// Rows of a counter, one an hour from a slot on.
fn rows(csv: &mut String, counter: &str, on: Day, first: i64, counts: &[&str]) {
    for (slot, count) in (first..).zip(counts) {
        let at = Timestamp::from_micros(on.start().micros() + slot * 3_600_000_000);
        writeln!(csv, "{counter};rue {counter};1;rue;{count};{at};;;48.85,2.35").unwrap();
    }
}

/// Imports rows.
async fn import(world: &World, rows: &str) -> Result<()> {
    let header = "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;Nom du site de comptage;\
                  Comptage horaire;Date et heure de comptage;Date d'installation du site de comptage;\
                  Lien vers photo du site de comptage;Coordonnées géographiques\n";
    let source = Source::Bytes { name: "velo.csv".to_owned(), data: format!("{header}{rows}").into() };
    let importer = Importer::new(world.store.clone(), Arc::new(SystemIds), Drain::new(), Limits::default());
    importer.run(Bikes, vec![source], Arc::new(())).await?;
    Ok(())
}

async fn found(world: &World, on: Day, known: Option<Timestamp>) -> Result<Findings> {
    let found = world.store.scan(move |tx| findings(tx, Bikes, on, known)).await?;
    Ok(found.unwrap())
}

async fn report_of(world: &World, on: Day) -> Result<report::Report> {
    Ok(world.read(move |tx| report::read(tx, on, None, after_noon(0))).await?.unwrap())
}

async fn an_absent_counter_is_found_whatever_was_loaded_first(world: World) -> Result<()> {
    let (mut today, mut before) = (String::new(), String::new());
    rows(&mut today, "a", sunday(), 0, &["3", "5", "4"]);
    import(&world, &today).await?;
    let alone = found(&world, sunday(), None).await?;
    assert_eq!((alone.expected, alone.counts.get(&Kind::Absent)), (None, None));
    world.at(60);
    rows(&mut before, "a", sunday().plus(-2), 0, &["3", "5", "4"]);
    rows(&mut before, "b", sunday().plus(-2), 0, &["3", "5", "4"]);
    import(&world, &before).await?;
    let told = found(&world, sunday(), None).await?;
    assert_eq!((told.expected, told.counts[&Kind::Absent]), (Some(2), 1));
    let absent = told.list.iter().find(|one| one.kind == Kind::Absent).unwrap();
    assert_eq!(absent.sensor.as_deref(), Some("b"));
    assert_eq!(absent.detail.as_deref(), Some("measured last on 2024-10-25"));
    let then = found(&world, sunday(), Some(after_noon(59))).await?;
    assert_eq!((then.expected, then.counts.get(&Kind::Absent)), (None, None), "as it was known");
    let failing = report_of(&world, sunday()).await?.failing;
    let failing: Vec<_> = failing.iter().map(|it| (it.id(), it.name.as_str(), it.reason, it.hours)).collect();
    assert_eq!(failing, [("b", "rue b", Silence::Absent, 25)]);
    Ok(())
}

async fn a_value_stuck_over_midnight_is_found_on_both_days(world: World) -> Result<()> {
    let mut csv = String::new();
    rows(&mut csv, "a", sunday().plus(-1), 14, &["7"; 10]);
    rows(&mut csv, "a", sunday(), 0, &["7", "7", "7", "7", "9"]);
    import(&world, &csv).await?;
    for (on, hours) in [(sunday().plus(-1), 10), (sunday(), 4)] {
        let told = found(&world, on, None).await?;
        let stuck = told.list.iter().find(|one| one.kind == Kind::Stuck).unwrap();
        assert_eq!((stuck.slots.len(), stuck.value), (hours, Some(7.0)));
        let failing = &report_of(&world, on).await?.failing;
        assert_eq!((failing.len(), failing[0].reason, failing[0].hours), (1, Silence::Stuck, 14));
    }
    Ok(())
}

async fn a_counter_without_a_count_is_told_and_adds_no_zero(world: World) -> Result<()> {
    let mut csv = String::new();
    rows(&mut csv, "a", sunday().plus(-7), 0, &["3", "5", "4"]);
    // Values that cannot be count as missing.
    rows(&mut csv, "a", sunday(), 0, &["-1", "-1", "-2"]);
    import(&world, &csv).await?;
    let report = report_of(&world, sunday()).await?;
    assert_eq!((report.summary.bicycles, report.evolution.bicycles), (None, None));
    let failing: Vec<_> = report.failing.iter().map(|it| (it.reason, it.value, it.hours)).collect();
    assert_eq!(failing, [(Silence::Unmeasured, None, 3)]);
    let told = found(&world, sunday(), None).await?;
    assert_eq!((told.counts[&Kind::Unmeasured], told.counts.get(&Kind::Absent)), (1, None));
    assert_eq!(report_of(&world, sunday().plus(-7)).await?.summary.bicycles, Some(12.0));
    Ok(())
}

async fn what_is_found_has_the_time_of_day(world: World) -> Result<()> {
    let mut csv = String::new();
    rows(&mut csv, "a", sunday(), 0, &["3", "4", "5", "-1", "3"]);
    import(&world, &csv).await?;
    let told = found(&world, sunday(), None).await?;
    let negative = told.list.iter().find(|one| one.kind == Kind::Negative).unwrap();
    assert_eq!(negative.slots, [3]);
    let times = (negative.from.as_deref(), negative.to.as_deref());
    assert_eq!(times, (Some("2024-10-27T02:00:00+01:00"), Some("2024-10-27T03:00:00+01:00")));
    Ok(())
}
