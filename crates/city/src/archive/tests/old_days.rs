//! Data of builds that kept names and places by sensor.

use std::convert::Infallible;

use anyhow::{Result, ensure};
use store::{Call, Durability, Engine, Failure, Options, Schema, Store, Unavailable};
use testkit::TempDir;

use super::super::queries;
use crate::{CITY, MetricType, SCHEMA};

/// The tables before each day said what its sensors are.
const BEFORE: Schema = Schema { stall: SCHEMA.stall, migrations: SCHEMA.migrations.split_at(1).0 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_of_the_old_layout_go_on_sqlite() -> Result<()> {
    let folder = TempDir::new()?;
    let engine = Engine::Sqlite { folder: folder.path().to_owned(), durability: Durability::Relaxed };
    days_of_the_old_layout_go(&engine).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_of_the_old_layout_go_on_postgres() -> Result<()> {
    days_of_the_old_layout_go(&Engine::Postgres { url: testkit::fresh_database() }).await
}

/// What an old build has left, beside two imports and a block: a day, its sensor, a record, and a portal's answer.
const LEFT: [&str; 6] = [
    "INSERT INTO city_sensor VALUES ('bikes', '1-1', 0, 0, '{}')",
    "INSERT INTO city_register VALUES ('bikes', 1, 1)",
    "INSERT INTO city_day SELECT 1, 'bikes', 19000, 1, 5, 0, id, 1, 1, 0, '{}', '{}', '{}', '{}' FROM city_import
     WHERE kind = 'bikes'",
    "INSERT INTO city_record SELECT 1, 'weather', 'w', 5, NULL, 19000, 19000, id, '{}' FROM city_import
     WHERE kind = 'bikes'",
    "INSERT INTO city_claim SELECT 'bikes', 19000, id, 5 FROM city_import WHERE kind = 'bikes'",
    "INSERT INTO city_fetch VALUES ('https://portal.invalid', 'etag', NULL, 5, 'IMPORTED')",
];

async fn days_of_the_old_layout_go(engine: &Engine) -> Result<()> {
    let old = Store::open(Options::new(engine.clone(), vec![BEFORE]))?;
    let fill = old.run(Call::new("test", CITY), |tx, _| {
        for (number, kind) in [(1_u128, "bikes"), (2, "weather")] {
            tx.execute(
                "INSERT INTO city_import VALUES ($1, $2, 'f', 'DONE', 5, 6, $1, 6, 1, 1, 1, NULL, NULL, NULL)",
                &store::params![super::import(number), kind],
            )?;
        }
        for sql in LEFT {
            tx.execute(sql, &[])?;
        }
        tx.execute(
            "INSERT INTO city_block VALUES (1, 'bikes', 19000, 0, 1, $1)",
            &store::params![&b"old layout".to_vec()],
        )?;
        Ok::<_, Failure<Infallible>>(())
    });
    ensure!(fill.await.is_ok());
    tokio::task::spawn_blocking(move || old.close()).await?;
    let new = Store::open(Options::new(engine.clone(), vec![SCHEMA]))?;
    let counts = new.scan(|tx| {
        let sql = "SELECT (SELECT COUNT(*) FROM city_day) + (SELECT COUNT(*) FROM city_block)
                   + (SELECT COUNT(*) FROM city_sensor) + (SELECT COUNT(*) FROM city_claim)
                   + (SELECT COUNT(*) FROM city_fetch), (SELECT COUNT(*) FROM city_import),
                   (SELECT COUNT(*) FROM city_record)";
        let counts = tx.query_one(sql, &[], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok::<(i64, i64, i64), Unavailable>(counts)
    });
    assert_eq!(counts.await?, (0, 1, 1), "records and their imports stay");
    let found = new
        .scan(|tx| {
            Ok::<_, Unavailable>(queries::last_day(tx, MetricType::Bikes, super::day("2999-12-31"), None)?)
        })
        .await?;
    assert_eq!(found, None);
    tokio::task::spawn_blocking(move || new.close()).await?;
    Ok(())
}
