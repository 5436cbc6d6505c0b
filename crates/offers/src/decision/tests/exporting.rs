//! Decisions joined with what came of them.

use std::collections::BTreeSet;

use anyhow::Result;
use kernel::Timestamp;
use serde_json::{Value, json};
use store::{Call, CallError, ReadOnly, Unavailable};
use telemetry::Metrics;
use uuid::Uuid;

use super::{after_noon, decision, id, record};
use crate::decision::export::{LATE_SECONDS, export_holding};
use crate::decision::{Decisions, Exported, export};
use crate::testing::{NOON, World, on_both_engines};

on_both_engines!(rewards_are_joined_to_their_slots, windows_change_nothing, only_the_time_asked_for);

/// Writes one event of the log, so many seconds after noon, that says what was done with which offer.
async fn engage(world: &World, seconds: i64, events: &[(&str, &str, Option<Uuid>)]) -> Result<()> {
    // Each decision's own person; see `decision`.
    let user =
        |decision: Option<Uuid>| format!("U\"{}", decision.map_or(0, |id| id.as_u64_pair().1 & 0xffff));
    engage_as(world, seconds, events, user).await
}

async fn engage_as(
    world: &World,
    seconds: i64,
    events: &[(&str, &str, Option<Uuid>)],
    user: impl Fn(Option<Uuid>) -> String,
) -> Result<()> {
    world.at(seconds);
    let events: Vec<Value> = events
        .iter()
        .map(|(offer, what, decision)| {
            let mut event = json!({
                "event_id": "e", "user_id": user(*decision), "offer_id": offer, "category": "food", "event_type": what,
                "signals": [0, 0, 0, 0],
            });
            if let Some(decision) = decision {
                event["decision_id"] = json!(decision);
            }
            event
        })
        .collect();
    let call = Call::new("test.engage", crate::OFFERS);
    let done: Result<(), CallError<Unavailable>> = world
        .store
        .run(call, move |tx, _| {
            let data = json!({"events": events});
            tx.emit(crate::engagement::ENGAGEMENT, "/offers", "engagement", &data);
            tx.emit("halles.offer.stock", "/offers", "OFF001", &json!({}));
            Ok(())
        })
        .await;
    done.map_err(|error| anyhow::anyhow!("{error:?}"))
}

async fn record_all(world: &World, times: &[(i64, u64)]) -> Result<()> {
    let decisions = Decisions::new(&Metrics::new());
    for (millis, number) in times {
        record(&decisions, &decision(*millis, *number));
    }
    Ok(decisions.flush(&world.store).await?)
}

/// The lines of an export that holds at most so many rewards.
async fn lines(
    world: &World,
    held: Option<usize>,
    from: Timestamp,
    to: Timestamp,
) -> Result<(Exported, Vec<Value>)> {
    let engine = world.engine.clone();
    let (done, out) = tokio::task::spawn_blocking(move || {
        let mut reader = ReadOnly::open(&engine, &[crate::SCHEMA])?;
        let mut out = Vec::new();
        let done = match held {
            Some(held) => export_holding(held, &mut reader, from, to, &mut out)?,
            None => export(&mut reader, from, to, &mut out)?,
        };
        anyhow::Ok((done, String::from_utf8(out)?))
    })
    .await??;
    Ok((done, out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?))
}

async fn rewards_are_joined_to_their_slots(world: World) -> Result<()> {
    record_all(&world, &[(0, 1), (10, 2)]).await?;
    let (first, second, lost) = (id(0, 1), id(10, 2), id(5, 77));
    let view = ("OFF002", "VIEW", Some(first));
    engage(&world, 1, &[view, ("OFF001", "VIEW", Some(second)), ("OFF002", "VIEW", None)]).await?;
    engage(&world, 60, &[("OFF002", "CLICK", Some(first)), ("OFF009", "VIEW", Some(first))]).await?;
    engage_as(&world, 60, &[("OFF002", "CLICK", Some(first))], |_| "another".to_owned()).await?;
    engage(&world, 61, &[("OFF001", "CLICK", Some(lost))]).await?;
    engage(&world, LATE_SECONDS, &[("OFF001", "REDEMPTION", Some(second))]).await?;
    engage(&world, LATE_SECONDS + 1, &[("OFF002", "REDEMPTION", Some(second))]).await?;

    let (done, lines) = lines(&world, None, NOON, NOON.plus_seconds(1)).await?;
    assert_eq!(done, Exported { decisions: 2, rewards: 4, lost: 1, strays: 2 });
    let reward = |what: &str, seconds: i64| json!({"event_type": what, "at": NOON.plus_seconds(seconds)});
    let slot = |offer: &str, propensity: f64| json!({"offer_id": offer, "category": "électronique", "propensity": propensity, "score": 87.5});
    let rewarded = |mut slot: Value, rewards: Value| {
        slot["rewards"] = rewards;
        slot
    };
    assert_eq!(
        lines,
        [
            json!({
                "decision_id": first, "at": "2026-03-01T12:00:00Z", "user_id": "U\"1", "segment": "premium",
                "policy": "thompson", "experiment": "00000000-0000-0000-0000-000000000007", "arm": "thompson",
                "slots": [
                    slot("OFF001", 0.75),
                    rewarded(slot("OFF002", 0.015_625), json!([reward("VIEW", 1), reward("CLICK", 60)])),
                ],
            }),
            json!({
                "decision_id": second, "at": "2026-03-01T12:00:00.01Z", "user_id": "U\"2", "segment": "premium",
                "policy": "thompson",
                "slots": [
                    rewarded(slot("OFF001", 0.75), json!([reward("VIEW", 1), reward("REDEMPTION", LATE_SECONDS)])),
                    slot("OFF002", 0.015_625),
                ],
            }),
            json!({"lost_decision": {
                "decision_id": lost, "offer_id": "OFF001", "event_type": "CLICK", "at": NOON.plus_seconds(61),
            }}),
        ]
    );
    Ok(())
}

async fn windows_change_nothing(world: World) -> Result<()> {
    let times: Vec<(i64, u64)> = (0..120).map(|n: u32| (i64::from(n) * 700, u64::from(n))).collect();
    record_all(&world, &times).await?;
    for (round, what) in (1..).zip(["VIEW", "CLICK", "ADD_TO_CART"]) {
        let ids: Vec<Uuid> = times.iter().map(|(millis, number)| id(*millis, *number)).collect();
        // Some are lost: their decision has another number.
        let lost = [id(1_000, 500), id(50_000, 501)];
        let named = ids.iter().chain(&lost).rev().step_by(round);
        let events: Vec<_> = named.map(|id| ("OFF001", what, Some(*id))).collect();
        engage(&world, 100 * i64::try_from(round)?, &events).await?;
    }
    let (from, to) = (after_noon(350), after_noon(80_000));
    let (whole, all) = lines(&world, None, from, to).await?;
    assert_eq!((whole.decisions, whole.lost), (114, 4), "{whole:?}");
    let set = |lines: &[Value]| lines.iter().map(Value::to_string).collect::<BTreeSet<_>>();
    for held in [1, 7, 50] {
        let (done, some) = lines(&world, Some(held), from, to).await?;
        assert_eq!((done, some.len()), (whole, all.len()), "{held}");
        assert_eq!(set(&some), set(&all), "{held}");
    }
    Ok(())
}

async fn only_the_time_asked_for(world: World) -> Result<()> {
    record_all(&world, &[(0, 1), (1_000, 2), (2_000, 3), (600_000, 4)]).await?;
    let events = [1, 2, 3].map(|n| ("OFF001", "VIEW", Some(id(1_000 * (n - 1), n.unsigned_abs()))));
    engage(&world, 5, &events).await?;
    let count = async |from: i64, to: i64| {
        let (done, _) = lines(&world, None, after_noon(from), after_noon(to)).await?;
        anyhow::Ok((done.decisions, done.rewards, done.lost))
    };
    assert_eq!(count(0, 1_000).await?, (1, 1, 0), "the end is not part of it");
    assert_eq!(count(1, 2_001).await?, (2, 2, 0));
    assert_eq!(count(0, 1_000_000).await?, (4, 3, 0));
    assert_eq!(count(3_000, 4_000).await?, (0, 0, 0));
    assert_eq!(count(4_000, 3_000).await?, (0, 0, 0));
    Ok(())
}
