//! What an earlier build has stored is carried over.

use serde_json::json;
use store::{Call, Durability, Engine, Failure, Options, Schema, Store, Unavailable, params};
use testkit::TempDir;

use super::super::queries;
use super::*;
use crate::MetricType::{Reference, Transit, Weather, Works};
use crate::metrics::weather;
use crate::record::{Last, Record};
use crate::{CITY, SCHEMA};

/// The tables as they were before there were editions.
const BEFORE: Schema = Schema { stall: "city", migrations: SCHEMA.migrations.split_at(1).0 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_an_earlier_build_are_carried_over() -> Result<()> {
    let folder = TempDir::new()?;
    carried_over(Engine::Sqlite { folder: folder.path().to_owned(), durability: Durability::Relaxed }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_an_earlier_build_are_carried_over_on_postgres() -> Result<()> {
    carried_over(Engine::Postgres { url: testkit::fresh_database() }).await
}

async fn carried_over(engine: Engine) -> Result<()> {
    let before = Store::open(Options::new(engine.clone(), vec![BEFORE]))?;
    before.run(Call::new("test", CITY), |tx, _| Ok::<_, Failure<()>>(write(tx)?)).await.unwrap();
    before.close();
    drop(before);
    let after = Store::open(Options::new(engine, vec![SCHEMA]))?;
    let on = async |kind, on_day: &'static str, known: Option<i64>| {
        let known = known.map(Timestamp::from_micros);
        let read = move |tx: &mut store::Tx<'_>| {
            Ok::<_, Unavailable>(queries::records_on(tx, kind, day(on_day), known)?)
        };
        after.scan(read).await
    };
    let impacts =
        |found: Vec<Record>| found.into_iter().map(|it| it.body["impact"].clone()).collect::<Vec<_>>();
    assert_eq!(impacts(on(Works, "2024-03-02", None).await?), [json!("new"), json!("same")]);
    assert_eq!(impacts(on(Works, "2024-03-02", Some(199)).await?), [json!("old"), json!("same")]);
    assert_eq!(impacts(on(Works, "2024-03-02", Some(149)).await?), [json!("old")]);
    assert_eq!(on(Reference, "2026-01-01", None).await?[0].to, Last::Open);
    assert_eq!(on(Transit, "2024-03-02", None).await?.len(), 1);
    let measured = on(Weather, "2024-03-01", None).await?;
    let told = weather::day(day("2024-03-01"), &measured).metrics.unwrap();
    assert_eq!((told.mean, told.rain), (Some(7.5), Some(0.2)));
    let violations = after.scan(|tx| Ok::<_, Unavailable>(queries::invariants::check(tx)?)).await?;
    assert_eq!(violations, []);
    Ok(())
}

type Row = (i64, &'static str, &'static str, i64, Option<i64>, &'static str, &'static str, &'static str);

fn write(tx: &mut store::Tx<'_>) -> Result<(), store::DbError> {
    let rows: [Row; 6] = [
        (1, "chantiers", "a", 100, Some(200), "2024-03-01", "2024-03-31", r#"{"impact":"old"}"#),
        (2, "chantiers", "b", 150, None, "2024-03-01", "2024-03-31", r#"{"impact":"same"}"#),
        (3, "chantiers", "a", 200, None, "2024-03-01", "2024-03-31", r#"{"impact":"new"}"#),
        (4, "referentiel", "r", 100, None, "2005-01-01", "2019-06-01", "{}"),
        (5, "traffic", "t", 100, None, "2024-03-01", "2024-03-02", "{}"),
        (
            6,
            "weather",
            "2024-03-01/open-meteo",
            100,
            None,
            "2024-03-01",
            "2024-03-01",
            r#"{"source":"open-meteo","place":null,"hours":24,"mean":7.5,"min":3.0,"max":9.0,"rain":0.2,"wind":9.0,
                "is_gust":false,"conditions":null}"#,
        ),
    ];
    for (number, kind, id, known_from, known_until, from, to, body) in rows {
        tx.execute(
            "INSERT INTO city_record (number, kind, id, known_from, known_until, from_day, to_day, import_id, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &params![number, kind, id, known_from, known_until, day(from), day(to), import(1), body],
        )?;
    }
    Ok(())
}
