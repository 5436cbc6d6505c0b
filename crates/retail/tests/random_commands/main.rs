//! Random commands against a small model: whatever comes in whatever order, each answer, every unit and every cent are
//! as the model says, and both engines hold the same rows.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod chain;
mod model;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use store::{Call, CallError, DbError, Failure};

use chain::Chain;
use common::Ground;
use model::{Command, Model, commands};

/// Runs so many random sequences, each on a chain of its own.
fn check(cases: u32, ground: fn() -> Ground) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&commands(1..60), |sequence| {
        runtime
            .block_on(async { Chain::open(ground()).await.follow(&sequence).await })
            .map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, sequence)) => panic!("{reason}\nafter {sequence:#?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

#[test]
fn random_commands_do_what_the_model_says_on_sqlite() {
    check(64, common::sqlite);
}

#[test]
fn random_commands_do_what_the_model_says_on_postgres() {
    check(8, common::postgres);
}

/// The same sequence each time.
fn fixed_sequence() -> Vec<Command> {
    let mut runner = TestRunner::deterministic();
    commands(400..=400).new_tree(&mut runner).unwrap().current()
}

/// How often a command of that name is answered so.
fn reached(sequence: &[Command], name: &str, status: u16) -> usize {
    let mut model = Model::new();
    let answered = sequence.iter().map(|command| (format!("{command:?}"), model.apply(command)));
    answered.filter(|(shown, answer)| shown.starts_with(name) && *answer == Some(status)).count()
}

#[test]
fn the_fixed_sequence_reaches_every_outcome() {
    let sequence = fixed_sequence();
    for (name, statuses) in [
        ("Deliver {", &[201, 404][..]),
        ("Sell {", &[201, 404, 409]),
        ("Order {", &[201, 402, 404, 409]),
        ("OrderAgain {", &[201, 409]),
        ("Cancel {", &[200, 409]),
        ("Reserve {", &[201, 404, 409]),
        ("Release {", &[200]),
        ("Request {", &[201, 404]),
        ("Validate {", &[200, 409]),
        ("Reject {", &[200, 409]),
        ("Count {", &[200, 409]),
    ] {
        for status in statuses {
            assert!(reached(&sequence, name, *status) > 0, "nothing is answered {status} to {name} … }}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_hold_the_same_rows_after_the_same_commands() {
    let sequence = fixed_sequence();
    let (mut one, mut other) = (Chain::open(common::sqlite()).await, Chain::open(common::postgres()).await);
    assert_ne!(std::mem::discriminant(one.engine()), std::mem::discriminant(other.engine()));
    assert_eq!(one.follow(&sequence).await, Ok(()));
    assert_eq!(other.follow(&sequence).await, Ok(()));
    let (rows, others) = (one.dump(), other.dump());
    for table in
        ["orders", "sale", "reservation", "replenishment", "stock_correction", "idempotency", "event"]
    {
        let prefix = format!("{table}|");
        assert!(rows.iter().any(|row| row.starts_with(&prefix)), "no row of {table} was compared");
    }
    let differing: Vec<_> = rows.iter().zip(&others).filter(|(row, other)| row != other).take(3).collect();
    assert!(differing.is_empty() && rows.len() == others.len(), "{differing:#?}");
}

/// The known-bad twin: a chain that loses one unit behind everybody's back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_unit_is_noticed() {
    let chain = Chain::open(common::sqlite()).await;
    assert_eq!(chain.compare(&Model::new()).await, Ok(()));
    let lost: Result<(), CallError<DbError>> = chain
        .store
        .run(Call::new("test.lose", retail::STOCK), |tx, _| {
            tx.execute("UPDATE stock_level SET on_hand = on_hand - 1 WHERE product_id = 1", &[])?;
            Ok::<_, Failure<DbError>>(())
        })
        .await;
    lost.unwrap();
    assert!(chain.compare(&Model::new()).await.is_err());
}
