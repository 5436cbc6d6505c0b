//! One SQL text, the same effect on both engines.

use anyhow::Result;
use store::{Call, CallError, DbError, Tx, Unavailable, params};

use crate::world::{Failed, LANE, World};

on_both_engines! {
    a_statement_runs_for_many_rows,
    a_guarded_write_that_misses_a_row_undoes_its_command,
    a_query_runs_for_many_rows_in_order,
    expected_conflicts_are_no_errors,
    values_come_back_as_they_went,
    a_value_of_another_type_is_an_error,
}

async fn in_a_command<T: Send + 'static>(
    world: &World,
    f: impl Fn(&mut Tx<'_>) -> Result<T, DbError> + Send + 'static,
) -> Result<Result<T, CallError<&'static str>>> {
    let store = world.store()?;
    Ok(store.run(Call::new("test.statement", LANE), move |tx, _| Ok::<_, Failed>(f(tx)?)).await)
}

fn counters(tx: &mut Tx<'_>) -> Result<Vec<(i64, i64)>, DbError> {
    tx.query("SELECT id, value FROM counter ORDER BY id", &[], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn fill(tx: &mut Tx<'_>, values: impl IntoIterator<Item = (i64, i64)>) -> Result<(), DbError> {
    tx.execute_each(
        "INSERT INTO counter (id, value) VALUES ($1, $2)",
        values.into_iter().map(|(id, value)| params![id, value]),
    )
}

async fn a_statement_runs_for_many_rows(world: World) -> Result<()> {
    let found = in_a_command(&world, |tx| {
        fill(tx, (1..=5).map(|id| (id, 10 * id)))?;
        tx.execute_each(
            "UPDATE counter SET value = value + $2 WHERE id = $1 AND value >= 20",
            [params![1_i64, 100_i64], params![2_i64, 200_i64], params![77_i64, 1_i64]],
        )?;
        tx.execute_each("DELETE FROM counter WHERE id = $1", [params![4_i64], params![5_i64]])?;
        tx.execute_each("DELETE FROM counter WHERE id = $1", std::iter::empty::<[store::Param<'_>; 1]>())?;
        counters(tx)
    });
    assert_eq!(found.await?, Ok(vec![(1, 10), (2, 220), (3, 30)]));
    Ok(())
}

async fn a_guarded_write_that_misses_a_row_undoes_its_command(world: World) -> Result<()> {
    let guarded = in_a_command(&world, |tx| {
        fill(tx, [(1, 5), (2, 0)])?;
        tx.execute_each_once(
            "UPDATE counter SET value = value - $2 WHERE id = $1 AND value >= $2",
            [params![1_i64, 1_i64], params![2_i64, 1_i64]],
        )
    });
    let outcome = guarded.await?;
    assert!(matches!(outcome, Err(CallError::Unavailable(Unavailable::Busy(_)))), "{outcome:?}");
    let met = in_a_command(&world, |tx| {
        fill(tx, [(1, 5), (2, 1)])?;
        tx.execute_each_once(
            "UPDATE counter SET value = value - $2 WHERE id = $1 AND value >= $2",
            [params![1_i64, 1_i64], params![2_i64, 1_i64]],
        )?;
        counters(tx)
    });
    assert_eq!(met.await?, Ok(vec![(1, 4), (2, 0)]), "the first one has left nothing");
    Ok(())
}

async fn a_query_runs_for_many_rows_in_order(world: World) -> Result<()> {
    let found = in_a_command(&world, |tx| {
        fill(tx, (1..=100).map(|id| (id, id % 3)))?;
        let read = |place: usize, row: store::RowRef<'_>| Ok((place, row.get::<i64>(0)?));
        let sorted = tx.query_each(
            "SELECT id FROM counter WHERE value = $1 AND id <= $2 ORDER BY id DESC",
            [params![1_i64, 7_i64], params![9_i64, 100_i64], params![0_i64, 9_i64], params![1_i64, 1_i64]],
            read,
        )?;
        let by_key = tx.query_each(
            "SELECT value FROM counter WHERE id = $1",
            (1..=100).rev().map(|id: i64| params![id]),
            read,
        )?;
        Ok((sorted, by_key))
    });
    let (sorted, by_key) = found.await?.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    assert_eq!(sorted, [(0, 7), (0, 4), (0, 1), (2, 9), (2, 6), (2, 3), (3, 1)]);
    let expected: Vec<(usize, i64)> = (0..).zip((1..=100).rev().map(|id| id % 3)).collect();
    assert_eq!(by_key, expected);
    Ok(())
}

async fn expected_conflicts_are_no_errors(world: World) -> Result<()> {
    let found = in_a_command(&world, |tx| {
        fill(tx, [(1, 1), (2, 2)])?;
        let insert = "INSERT INTO counter (id, value) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
        let written = tx.execute(insert, &params![1_i64, 9_i64])?;
        tx.execute_each(insert, [params![2_i64, 9_i64], params![3_i64, 3_i64]])?;
        tx.execute_each(
            "INSERT INTO counter (id, value) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET value = counter.value + excluded.value",
            [params![3_i64, 4_i64], params![4_i64, 4_i64]],
        )?;
        Ok((written, counters(tx)?))
    });
    assert_eq!(found.await?, Ok((0, vec![(1, 1), (2, 2), (3, 7), (4, 4)])));
    Ok(())
}

async fn values_come_back_as_they_went(world: World) -> Result<()> {
    let id = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    let none = uuid::Uuid::from_u128(1);
    let found = in_a_command(&world, move |tx| {
        let raw: Vec<u8> = (0..=255).collect();
        tx.execute_each(
            "INSERT INTO sample (id, number, flag, ratio, text, raw) VALUES ($1, $2, $3, $4, $5, $6)",
            [
                params![
                    id,
                    Some(i64::MIN),
                    Some(true),
                    Some(-0.1),
                    Some("l'été \u{1f1eb}\u{1f1f7}\n$1"),
                    Some(&raw)
                ],
                params![none, None::<i64>, None::<bool>, None::<f64>, None::<&str>, None::<&Vec<u8>>],
            ],
        )?;
        tx.query(
            "SELECT id, number, flag, ratio, text, raw FROM sample WHERE $1 ORDER BY id",
            &params![true],
            |row| {
                Ok((
                    row.get::<uuid::Uuid>(0)?,
                    row.get_opt::<i64>(1)?,
                    row.get_opt::<bool>(2)?,
                    row.get_opt::<f64>(3)?,
                    row.get_opt::<String>(4)?,
                    row.get_opt::<Vec<u8>>(5)?,
                ))
            },
        )
    });
    let text = "l'été \u{1f1eb}\u{1f1f7}\n$1".to_owned();
    let full = (id, Some(i64::MIN), Some(true), Some(-0.1), Some(text), Some((0..=255).collect()));
    assert_eq!(found.await?, Ok(vec![(none, None, None, None, None, None), full]));
    Ok(())
}

async fn a_value_of_another_type_is_an_error(world: World) -> Result<()> {
    let store = world.store()?;
    let read = store.read(|tx| {
        let outcome = tx.query_one("SELECT 'text'", &[], |row| row.get::<i64>(0));
        Ok::<_, Unavailable>(outcome)
    });
    let outcome = read.await?;
    assert!(matches!(outcome, Err(DbError::Decode(_))), "{outcome:?}");
    let missing = store.read(|tx| {
        Ok::<_, Unavailable>(tx.query_one("SELECT id FROM counter", &[], |row| row.get::<i64>(0)))
    });
    assert!(matches!(missing.await?, Err(DbError::Decode(_))));
    let null = store.read(|tx| {
        Ok::<_, Unavailable>(tx.query_one("SELECT CAST(NULL AS BIGINT)", &[], |row| row.get::<i64>(0)))
    });
    assert!(matches!(null.await?, Err(DbError::Decode(_))));
    Ok(())
}
