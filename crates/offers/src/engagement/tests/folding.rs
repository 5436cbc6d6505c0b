//! The durable fold comes to the same however it is cut.

use std::collections::BTreeMap;

use anyhow::Result;
use kernel::Timestamp;
use proptest::prelude::*;
use store::testing::Scratch;
use store::{Failure, StoredEvent, Unavailable};

use crate::SCHEMA;
use crate::engagement::fold::{OfferState, Restore, fold, snapshot};
use crate::engagement::{
    ENGAGEMENT, Engagement, EventType, Numbers, Rewards, Signals, Touched, Tracked, work,
};
use crate::learn::{OfferFeatures, Shared, name_hash};
use crate::testing::{NOON, World, eventually, on_both_engines};
use crate::user::{Imported, Interner, NEW_SEGMENT, Profile, StoredProfile, USER_IMPORTED};

on_both_engines!(the_tables_follow_the_log);

/// Everything known, with names.
#[derive(Debug, Default, PartialEq)]
struct State {
    people: BTreeMap<String, (String, String)>,
    offers: BTreeMap<String, OfferState>,
    shared: Shared,
}

impl Restore for State {
    fn person(&mut self, id: &str, segment: &str, profile: &StoredProfile<'_>) {
        let state = serde_json::to_string(profile).unwrap();
        self.people.insert(id.to_owned(), (segment.to_owned(), state));
    }

    fn offer(&mut self, id: &str, state: OfferState) {
        self.offers.insert(id.to_owned(), state);
    }

    fn shared(&mut self, shared: Shared) {
        self.shared = shared;
    }
}

/// The state that the tables hold.
fn stored(scratch: &mut Scratch) -> Result<State> {
    let mut state = State::default();
    scratch.read(|tx| snapshot(tx, &mut state))?;
    Ok(state)
}

fn fold_all(scratch: &mut Scratch, events: &[StoredEvent]) -> Result<()> {
    let run = scratch.run(|tx, _| Ok::<_, Failure<Unavailable>>(fold(tx, events, &Rewards::default())?));
    run.map_err(|failure| anyhow::anyhow!("{failure:?}"))
}

/// What the ranking index does, with plain maps.
fn in_memory(events: &[StoredEvent]) -> Result<State> {
    let (mut segments, mut categories) = (Interner::default(), Interner::default());
    let stranger = Profile::new(segments.number(NEW_SEGMENT));
    let (mut people, mut state) = (BTreeMap::<String, Profile>::new(), State::default());
    for event in events {
        if event.kind == USER_IMPORTED {
            for user in Imported::read(event)?.users {
                let person = people.entry(user.user_id.to_string()).or_insert(stranger);
                user.apply(person, event.time, &mut segments, &mut categories);
            }
            continue;
        }
        for tracked in Engagement::read(event)?.events {
            let person = people.entry(tracked.user_id.to_string()).or_insert(stranger);
            let numbers = Numbers {
                category: categories.number(&tracked.category),
                category_hash: name_hash(&tracked.category),
                segment_hash: name_hash(segments.name(person.segment())),
            };
            let OfferState { counts, arm, windows } =
                state.offers.entry(tracked.offer_id.to_string()).or_default();
            Touched { person, counts, windows, arm, shared: &mut state.shared }.apply(
                &tracked,
                event.time,
                numbers,
                &Rewards::default(),
            );
        }
    }
    for (id, profile) in people {
        let stored = serde_json::to_string(&StoredProfile::of(&profile, &categories))?;
        state.people.insert(id, (segments.name(profile.segment()).to_owned(), stored));
    }
    Ok(state)
}

fn event(position: usize, kind: &str, at: Timestamp, data: String) -> StoredEvent {
    StoredEvent {
        position: i64::try_from(position).unwrap() + 1,
        kind: kind.to_owned(),
        source: "/offers".to_owned(),
        subject: "engagement".to_owned(),
        time: at,
        data,
    }
}

fn tracked(user: u8, offer: u8, what: usize, signal: f32) -> Tracked<'static> {
    let features = OfferFeatures { priority: signal, urgency: 0.0, inventory: 50.0, discount: 0.25 };
    Tracked {
        event_id: "e".into(),
        user_id: format!("U{user}").into(),
        offer_id: format!("OFF{offer:03}").into(),
        category: format!("c{}", offer % 11).into(),
        event_type: EventType::ALL[what],
        decision_id: None,
        signals: Signals(features),
    }
}

/// A log: sometimes the clock goes back, sometimes people are imported.
fn logs() -> impl Strategy<Value = Vec<StoredEvent>> {
    let doing = (0..6_u8, 0..14_u8, 0..5_usize, 0..100_u8);
    let engagement = (prop::collection::vec(doing, 1..12), -500_000..9_000_000_i64);
    let entry = prop_oneof![
        9 => engagement.prop_map(Some),
        1 => Just(None),
    ];
    prop::collection::vec(entry, 1..25).prop_map(|entries| {
        let mut at = NOON;
        let entries = entries.into_iter().enumerate().map(|(position, entry)| {
            let Some((doings, passed)) = entry else {
                let replace = position % 2 == 0;
                let data = format!(
                    r#"{{"users":[{{"user_id":"U1","segment":"premium","replace":{replace},"affinities":{{"c1":7.25}}}}]}}"#
                );
                return event(position, USER_IMPORTED, at, data);
            };
            at = Timestamp::from_micros(at.micros() + passed * 997);
            let events = doings.into_iter().map(|(user, offer, what, signal)| tracked(user, offer, what, signal.into()));
            let data = serde_json::to_string(&Engagement { events: events.collect() }).unwrap();
            event(position, ENGAGEMENT, at, data)
        });
        entries.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_cut_comes_to_the_same(events in logs(), cuts in prop::collection::vec(1..6_usize, 25)) {
        let expected = in_memory(&events).unwrap();
        let mut whole = Scratch::new(&[SCHEMA], NOON).unwrap();
        fold_all(&mut whole, &events).unwrap();
        prop_assert_eq!(&stored(&mut whole).unwrap(), &expected);
        let (mut parts, mut rest) = (Scratch::new(&[SCHEMA], NOON).unwrap(), &events[..]);
        for cut in cuts {
            let (step, later) = rest.split_at(cut.min(rest.len()));
            fold_all(&mut parts, step).unwrap();
            rest = later;
        }
        fold_all(&mut parts, rest).unwrap();
        prop_assert_eq!(&stored(&mut parts).unwrap(), &expected);
    }
}

#[test]
fn somebody_with_ten_thousand_events_is_one_row() -> Result<()> {
    let events: Vec<StoredEvent> = (0..100)
        .map(|position| {
            let doings = (0..100_u8).map(|number| tracked(1, number % 40, usize::from(number % 4), 50.0));
            let data = serde_json::to_string(&Engagement { events: doings.collect() })?;
            Ok(event(position, ENGAGEMENT, NOON.plus_seconds(i64::try_from(position)?), data))
        })
        .collect::<Result<_>>()?;
    let mut scratch = Scratch::new(&[SCHEMA], NOON)?;
    for step in events.chunks(7) {
        fold_all(&mut scratch, step)?;
    }
    let state = stored(&mut scratch)?;
    assert_eq!(state, in_memory(&events)?);
    let (segment, profile) = &state.people["U1"];
    assert_eq!(segment, NEW_SEGMENT);
    assert!(profile.starts_with(r#"{"events":10000,"#) && profile.len() < 500, "{profile}");
    let views: u32 = state.offers.values().map(|offer| offer.counts.get(EventType::View)).sum();
    assert_eq!((state.offers.len(), views), (40, 2500));
    Ok(())
}

async fn the_tables_follow_the_log(world: World) -> Result<()> {
    let drain = web::Drain::new();
    let follower = tokio::spawn({
        let (store, drain) = (world.store.clone(), drain.clone());
        async move { work::follow(&store, Rewards::default(), &drain).await }
    });
    for round in 0..20_u8 {
        let emit = world.store.run(store::Call::new("test.emit", crate::OFFERS), move |tx, _| {
            let events =
                (0..50).map(|number| tracked(number % 7, number % 5, usize::from(number + round) % 5, 1.0));
            tx.emit(ENGAGEMENT, "/offers", "engagement", &Engagement { events: events.collect() });
            tx.emit("halles.other", "/retail", "1", &());
            Ok::<_, Failure<Unavailable>>(())
        });
        emit.await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    }
    let consumer = crate::engagement::fold::consumer(Rewards::default());
    eventually(async || Ok(consumer.lag(&world.store).await? == 0)).await?;
    let (position, state, events) = world
        .store
        .scan(|tx| {
            let mut state = State::default();
            let position = snapshot(tx, &mut state)?;
            Ok::<_, Unavailable>((position, state, store::log::after(tx, 0, Some(ENGAGEMENT), i64::MAX)?))
        })
        .await?;
    assert_eq!((position, events.len()), (40, 20));
    assert_eq!(state, in_memory(&events)?);
    drain.start();
    follower.await?;
    Ok(())
}
