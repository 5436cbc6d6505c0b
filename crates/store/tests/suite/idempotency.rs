//! Keys under which a request may be sent again.

use std::sync::Arc;

use anyhow::Result;
use kernel::{ManualClock, Timestamp};
use store::idempotency::{Answer, Claim, KEPT_SECONDS, Key, claim, claim_each, complete, prune, release};
use store::{Call, DbError, Store, Tx};

use crate::world::{Failed, LANE, LANES, NOON, World};

on_both_engines! {
    a_key_is_claimed_once_and_then_replayed,
    a_key_released_is_as_good_as_new,
    a_key_older_than_a_day_is_as_good_as_new,
    the_same_key_twice_in_one_slice_is_claimed_once,
    of_many_who_claim_a_key_one_wins,
}

fn key(caller: &str, key: &str, body: u8) -> Key {
    Key { caller: caller.into(), key: key.into(), route: "POST /clients".into(), body_hash: [body; 32] }
}

async fn run<T: Send + 'static>(
    store: &Store,
    f: impl Fn(&mut Tx<'_>, Timestamp) -> Result<T, DbError> + Send + 'static,
) -> T {
    store.run(Call::new("test.key", LANE), move |tx, now| Ok::<_, Failed>(f(tx, now)?)).await.unwrap()
}

async fn claimed(store: &Store, key: Key) -> Claim {
    run(store, move |tx, now| claim(tx, now, &key)).await
}

fn answer() -> Answer {
    Answer { status: 201, body: r#"{"id":1}"#.into(), location: Some("/clients/1".into()) }
}

async fn a_key_is_claimed_once_and_then_replayed(world: World) -> Result<()> {
    let store = world.store()?;
    assert_eq!(claimed(&store, key("alice", "k", 1)).await, Claim::New);
    assert_eq!(claimed(&store, key("alice", "k", 1)).await, Claim::Running);
    assert_eq!(claimed(&store, key("alice", "k", 2)).await, Claim::Reused);
    assert_eq!(claimed(&store, key("bob", "k", 2)).await, Claim::New, "another caller's keys are others");
    run(&store, |tx, _| complete(tx, &key("alice", "k", 1), &answer())).await;
    assert_eq!(claimed(&store, key("alice", "k", 1)).await, Claim::Replay(answer()));
    assert_eq!(claimed(&store, key("alice", "k", 2)).await, Claim::Reused);
    let other_route = Key { route: "POST /produits".into(), ..key("alice", "k", 1) };
    assert_eq!(claimed(&store, other_route).await, Claim::Reused);
    Ok(())
}

async fn a_key_released_is_as_good_as_new(world: World) -> Result<()> {
    let store = world.store()?;
    assert_eq!(claimed(&store, key("alice", "k", 1)).await, Claim::New);
    run(&store, |tx, _| release(tx, &key("alice", "k", 1))).await;
    assert_eq!(claimed(&store, key("alice", "k", 2)).await, Claim::New);
    Ok(())
}

async fn a_key_older_than_a_day_is_as_good_as_new(world: World) -> Result<()> {
    let clock = Arc::new(ManualClock::new(NOON));
    let mut options = world.options();
    options.clock = Arc::clone(&clock) as Arc<dyn kernel::Clock>;
    let store = Store::open(options)?;
    for name in ["done", "running"] {
        assert_eq!(claimed(&store, key("alice", name, 1)).await, Claim::New);
    }
    run(&store, |tx, _| complete(tx, &key("alice", "done", 1), &answer())).await;
    clock.advance_seconds(KEPT_SECONDS);
    assert_eq!(claimed(&store, key("alice", "done", 1)).await, Claim::Replay(answer()));
    clock.advance_seconds(1);
    assert_eq!(claimed(&store, key("alice", "done", 2)).await, Claim::New);
    assert_eq!(
        claimed(&store, key("alice", "running", 1)).await,
        Claim::Running,
        "its outcome is not known yet"
    );
    run(&store, |tx, _| complete(tx, &key("alice", "done", 2), &answer())).await;
    assert_eq!(run(&store, |tx, now| prune(tx, now, 10)).await, 0);
    assert_eq!(
        run(&store, |tx, now| prune(tx, now.plus_seconds(1), 10)).await,
        1,
        "only what is finished goes"
    );
    Ok(())
}

async fn the_same_key_twice_in_one_slice_is_claimed_once(world: World) -> Result<()> {
    let store = world.store()?;
    assert_eq!(claimed(&store, key("alice", "old", 1)).await, Claim::New);
    let claims = run(&store, |tx, now| {
        let keys = [
            key("alice", "k", 1),
            key("alice", "k", 1),
            key("alice", "k", 2),
            key("bob", "k", 1),
            key("alice", "old", 1),
        ];
        claim_each(tx, now, &keys.iter().collect::<Vec<_>>())
    });
    assert_eq!(claims.await, [Claim::New, Claim::Running, Claim::Reused, Claim::New, Claim::Running]);
    Ok(())
}

async fn of_many_who_claim_a_key_one_wins(world: World) -> Result<()> {
    let stores = world.stores()?;
    for round in 0..10 {
        let claims = (0..8).map(|caller: usize| {
            let (store, lane) = (stores[caller % stores.len()].clone(), LANES[caller % 4]);
            let key = key("alice", &round.to_string(), 1);
            let call = Call::new("test.key", lane).lock_key(Some(&key));
            tokio::spawn(async move {
                store.run(call, move |tx, now| Ok::<_, Failed>(claim(tx, now, &key)?)).await
            })
        });
        let mut new = 0;
        for claim in claims.collect::<Vec<_>>() {
            new += usize::from(claim.await?.unwrap() == Claim::New);
        }
        assert_eq!(new, 1);
    }
    Ok(())
}
