//! Tables, brought up to date at start and equal on both engines.

use anyhow::{Result, bail};
use store::{Call, Migration, OpenError, Options, ReadOnly, Schema, Store, Tx, params, testing};
use uuid::Uuid;

use crate::world::{Failed, LANE, STALL, World, entries, left};

on_both_engines! {
    data_is_brought_up_to_date,
    newer_data_is_refused,
    a_reader_wants_the_tables_it_knows,
    a_step_that_fails_changes_nothing,
    two_that_start_together_take_turns,
}

const SECOND: Migration = Migration {
    version: 2,
    name: "one more column",
    sql: "ALTER TABLE entry ADD COLUMN colour TEXT; UPDATE entry SET colour = 'blue';",
};
const UPGRADED: Schema = Schema { stall: "test", migrations: &[STALL.migrations[0], SECOND] };

fn open(world: &World, schema: Schema) -> Result<Store, OpenError> {
    Store::open(Options { schemas: vec![schema], ..world.options() })
}

async fn data_is_brought_up_to_date(world: World) -> Result<()> {
    let store = open(&world, STALL)?;
    left(&store, "a").await.unwrap();
    drop(store);
    for _ in 0..2 {
        let store = open(&world, UPGRADED)?;
        assert_eq!(entries(&store).await?, ["a"]);
        let colour = store.read(|tx| {
            let colour = tx.query_one("SELECT colour FROM entry", &[], |row| row.get::<String>(0))?;
            Ok::<_, store::Unavailable>(colour)
        });
        assert_eq!(colour.await?, "blue");
    }
    Ok(())
}

async fn newer_data_is_refused(world: World) -> Result<()> {
    drop(open(&world, UPGRADED)?);
    let Err(error) = open(&world, STALL) else { bail!("an older program opened newer data") };
    assert_eq!(
        error.to_string(),
        "the data of test is at version 2, this program knows 1: run a newer halles"
    );
    drop(open(&world, UPGRADED)?);
    Ok(())
}

async fn a_reader_wants_the_tables_it_knows(world: World) -> Result<()> {
    let read = async |schema: Schema| {
        let engine = world.engine.clone();
        tokio::task::spawn_blocking(move || ReadOnly::open(&engine, &[schema]).map(drop)).await
    };
    drop(open(&world, STALL)?);
    read(STALL).await??;
    let older = read(UPGRADED).await?.expect_err("version 1 where 2 is wanted");
    assert!(matches!(older, OpenError::Older { found: 1, known: 2, .. }), "{older}");
    drop(open(&world, UPGRADED)?);
    let newer = read(STALL).await?.expect_err("version 2 where 1 is wanted");
    assert!(matches!(newer, OpenError::Newer { found: 2, known: 1, .. }), "{newer}");
    Ok(())
}

async fn a_step_that_fails_changes_nothing(world: World) -> Result<()> {
    const BROKEN: Migration = Migration {
        version: 3,
        name: "broken",
        sql: "CREATE TABLE half (id BIGINT PRIMARY KEY); INSERT INTO nowhere (id) VALUES (1);",
    };
    const WITH_BROKEN: Schema = Schema { stall: "test", migrations: &[STALL.migrations[0], SECOND, BROKEN] };
    drop(open(&world, STALL)?);
    let before = testing::schema(&world.engine)?;
    assert!(matches!(open(&world, WITH_BROKEN), Err(OpenError::Db(_))));
    assert_eq!(testing::schema(&world.engine)?, before, "not even the step that works");
    drop(open(&world, UPGRADED)?);
    Ok(())
}

async fn two_that_start_together_take_turns(world: World) -> Result<()> {
    if world.is_sqlite() {
        // The second one is refused by the lock of the folder.
        return Ok(());
    }
    let opened = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| world.store())).collect();
        threads.into_iter().map(|thread| thread.join().expect("opening panicked")).collect::<Result<Vec<_>>>()
    })?;
    assert_eq!(opened.len(), 4);
    for store in &opened {
        assert!(entries(store).await?.is_empty());
    }
    Ok(())
}

#[test]
fn both_engines_have_the_same_tables() -> Result<()> {
    let (here, there) = (World::sqlite()?, World::postgres());
    for world in [&here, &there] {
        drop(world.store()?);
    }
    let schema = testing::schema(&here.engine)?;
    assert_eq!(schema, testing::schema(&there.engine)?);
    assert!(schema.contains(&"sample.flag INTEGER null".to_owned()), "{schema:?}");
    assert!(schema.contains(&"index entry_note".to_owned()), "{schema:?}");
    Ok(())
}

#[tokio::test]
async fn the_same_commands_leave_the_same_rows() -> Result<()> {
    let (here, there) = (World::sqlite()?, World::postgres());
    for world in [&here, &there] {
        seed(&world.store()?).await;
    }
    let dump = testing::dump(&here.engine)?;
    assert_eq!(dump, testing::dump(&there.engine)?);
    let samples: Vec<_> = dump.iter().filter(|row| row.starts_with("sample|")).collect();
    assert_eq!(samples.len(), 3, "{dump:?}");
    assert!(samples[1].contains("|NULL|NULL|NULL|NULL|NULL"), "{samples:?}");
    Ok(())
}

async fn seed(store: &Store) {
    let write = |tx: &mut Tx<'_>, _| {
        tx.execute_each(
            "INSERT INTO sample (id, number, flag, ratio, text, raw) VALUES ($1, $2, $3, $4, $5, $6)",
            [
                params![
                    Uuid::from_u128(1),
                    Some(-5_i64),
                    Some(false),
                    Some(1.5),
                    Some("t"),
                    Some(b"\x00\xff".as_slice())
                ],
                params![
                    Uuid::from_u128(2),
                    None::<i64>,
                    None::<bool>,
                    None::<f64>,
                    None::<&str>,
                    None::<&[u8]>
                ],
                params![
                    Uuid::from_u128(3),
                    Some(i64::MAX),
                    Some(true),
                    Some(-2.5),
                    Some("l'été | \u{1f950}"),
                    Some(b"".as_slice())
                ],
            ],
        )?;
        tx.emit("test.seeded", "/test", "é", &serde_json::json!({"a": null}));
        Ok::<_, Failed>(())
    };
    store.run(Call::new("test.seed", LANE), write).await.unwrap();
    for name in ["b", "a"] {
        left(store, name).await.unwrap();
    }
    let refuse = store.run(Call::new("test.refuse", LANE), |tx, _| {
        tx.execute("DELETE FROM sample", &[])?;
        Err::<(), _>(store::Failure::Refused("no"))
    });
    assert!(refuse.await.is_err());
}
