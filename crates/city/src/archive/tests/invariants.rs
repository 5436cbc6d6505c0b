//! What `halles check` finds of the archive.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Result, ensure};
use kernel::SystemIds;
use store::Failure;
use web::Drain;

use super::super::queries::invariants::{Rule, check};
use crate::MetricType::Bikes;
use crate::import::Importer;
use crate::input::{Limits, Source};
use crate::testing::{World, on_both_engines};

on_both_engines!(what_an_import_leaves_adds_up, an_archive_of_the_demo_adds_up);

const HEADER: &str = "Identifiant du compteur;Nom du compteur;Identifiant du site de comptage;\
    Nom du site de comptage;Comptage horaire;Date et heure de comptage;Date d'installation du site de comptage;\
    Lien vers photo du site de comptage;Coordonnées géographiques\n";

/// Imports what two counters have counted on two days.
async fn import(world: &World, counts: [u32; 4]) -> Result<()> {
    let mut csv = HEADER.to_owned();
    let rows = [("1-1", 27), ("2-2", 27), ("1-1", 28), ("2-2", 28)];
    for ((id, day), count) in rows.into_iter().zip(counts) {
        writeln!(csv, "{id};Quai {id};1;Site;{count};2026-02-{day}T08:00:00+01:00;2020-01-01;;48.86,2.35")?;
    }
    let limits = Limits { threads: 1, ..Limits::default() };
    let importer = Importer::new(world.store.clone(), Arc::new(SystemIds), Drain::new(), limits);
    let source = Source::Bytes { name: "a.csv".to_owned(), data: csv.into() };
    importer.run(Bikes, vec![source], Arc::new(())).await?;
    Ok(())
}

/// Two counters on two days, of which the second has been corrected: that gives it a block and a page of each version.
async fn fill(world: &World) -> Result<()> {
    import(world, [12, 7, 30, 40]).await?;
    world.at(60);
    import(world, [12, 7, 31, 41]).await
}

async fn what_an_import_leaves_adds_up(world: World) -> Result<()> {
    fill(&world).await?;
    assert_eq!(world.read(check).await?, []);
    Ok(())
}

async fn an_archive_of_the_demo_adds_up(world: World) -> Result<()> {
    let importer = Importer::new(world.store.clone(), Arc::new(SystemIds), Drain::new(), Limits::default());
    let last = "2026-02-28".parse().unwrap();
    for (kind, source) in crate::demo::files(last).into_iter().filter(|(kind, _)| kind.has_sensors()) {
        importer.run(kind, vec![source], Arc::new(())).await?;
    }
    assert_eq!(world.read(check).await?, []);
    Ok(())
}

/// The rules that are broken once statements have been run.
async fn broken_by(statements: &[&'static str]) -> Result<BTreeSet<String>> {
    let world = World::sqlite()?;
    fill(&world).await?;
    for sql in statements {
        let sql = *sql;
        let done = world.run(move |tx, _| tx.execute(sql, &[]).map_err(Failure::<Infallible>::Db)).await;
        ensure!(done.is_ok_and(|rows| rows > 0), "{sql}");
    }
    Ok(world.read(check).await?.into_iter().map(|violation| violation.rule.to_string()).collect())
}

#[tokio::test]
async fn whatever_is_changed_behind_its_back_is_found() -> Result<()> {
    use Rule::{CityFacts, CityList, CityMetrics, CityRecords, CityRegister, CityVersions};
    let cases: [(&[&'static str], &[Rule]); 19] = [
        (&["UPDATE city_day SET hours = hours + 1"], &[CityFacts]),
        (&["DELETE FROM city_block"], &[CityFacts, CityList, CityMetrics]),
        (
            &["DELETE FROM city_block WHERE version = 1 AND day = (SELECT MAX(day) FROM city_day)"],
            &[CityFacts, CityList],
        ),
        (&["UPDATE city_block SET facts = X'00'"], &[CityFacts]),
        (&["DELETE FROM city_page"], &[CityList]),
        (&["DELETE FROM city_page WHERE version = 1 AND day = (SELECT MAX(day) FROM city_day)"], &[CityList]),
        // The same counters, with the numbers of another day.
        (
            &["UPDATE city_page SET body = (SELECT body FROM city_page WHERE version = 2) WHERE version = 1"],
            &[CityMetrics],
        ),
        (&["UPDATE city_day SET summary = '{}'"], &[CityMetrics]),
        (&["UPDATE city_day SET totals = '{}' WHERE version = 2"], &[CityMetrics]),
        (&["UPDATE city_day SET findings = '{}'"], &[CityMetrics]),
        (
            &[
                "UPDATE city_block SET facts = (SELECT facts FROM city_block WHERE version = 2) WHERE version = 1",
            ],
            &[CityMetrics],
        ),
        (
            &[
                "UPDATE city_sensor SET number = 7 WHERE number = 0",
                "UPDATE city_sensor SET number = 0 WHERE number = 1",
                "UPDATE city_sensor SET number = 1 WHERE number = 7",
            ],
            &[CityMetrics],
        ),
        (&["UPDATE city_sensor SET number = 5 WHERE number = 1"], &[CityRegister]),
        (&["DELETE FROM city_sensor WHERE number = 1"], &[CityRegister]),
        (&["DELETE FROM city_description WHERE sensor = 0"], &[CityRegister]),
        (&["UPDATE city_description SET description = 1 WHERE sensor = 1"], &[CityRegister]),
        (&["UPDATE city_day SET version = 3 WHERE version = 2"], &[CityVersions]),
        (
            &["INSERT INTO city_edition (kind, number, known_at, import_id, changed)
               SELECT 'chantiers', version, known_at, import_id, 0 FROM city_day WHERE version = 2"],
            &[CityRecords],
        ),
        (
            &["INSERT INTO city_record (kind, id, since, until, from_day, to_day, told, body)
               SELECT 'chantiers', 'CP1', version, version, day, day, FALSE, '{}' FROM city_day WHERE version = 2"],
            &[CityRecords],
        ),
    ];
    for (statements, broken) in cases {
        let broken: BTreeSet<String> = broken.iter().map(ToString::to_string).collect();
        assert_eq!(broken_by(statements).await?, broken, "{statements:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_counter_that_is_listed_twice_is_found() -> Result<()> {
    use std::io::Write as _;

    let world = World::sqlite()?;
    fill(&world).await?;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(br#"[{"id_compteur":"1-1","total_jour":31.0},{"id_compteur":"1-1","total_jour":41.0}]"#)?;
    let body = packed.finish()?;
    let done = world.run(move |tx, _| {
        let sql = "UPDATE city_page SET body = $1 WHERE version = 2";
        tx.execute(sql, &store::params![&body]).map_err(Failure::<Infallible>::Db)
    });
    ensure!(done.await.is_ok_and(|rows| rows == 1));
    let found = world.read(check).await?;
    let list = found.iter().find(|violation| violation.rule == Rule::CityList).unwrap();
    assert_eq!(list.subject, "bikes 2026-02-28, version 2");
    assert!(list.expected.contains("2-2") && list.found.contains("1-1"), "{list:?}");
    Ok(())
}
