//! Starting, counting and stopping on a real store.

use anyhow::Result;
use store::{Call, CallError, Failure, Unavailable};
use uuid::Uuid;

use super::{halves, minutes};
use crate::engagement::{EventType, Tracked};
use crate::experiment::{
    Experiment, ExperimentError, ExperimentId, NewExperiment, Report, commands, fold, queries,
};
use crate::learn::PolicyName;
use crate::testing::{World, on_both_engines};

on_both_engines!(
    one_runs_at_a_time_and_all_are_told,
    what_people_do_is_counted_while_it_counts,
    a_tiny_example_is_as_by_hand,
    a_skewed_split_is_told,
);

const ONE: ExperimentId = ExperimentId(Uuid::from_u128(1));
const TWO: ExperimentId = ExperimentId(Uuid::from_u128(2));

type Outcome = Result<Experiment, CallError<ExperimentError>>;

async fn start(world: &World, id: ExperimentId, new: NewExperiment) -> Outcome {
    world.store.run(commands::call("test.start"), move |tx, now| commands::start(tx, now, id, &new)).await
}

async fn stop(world: &World, id: ExperimentId) -> Outcome {
    world.store.run(commands::call("test.stop"), move |tx, now| commands::stop(tx, now, id)).await
}

async fn stop_arm(world: &World, id: ExperimentId, policy: PolicyName) -> Outcome {
    let call = commands::call("test.stop_arm");
    world.store.run(call, move |tx, now| commands::stop_arm(tx, now, id, policy)).await
}

/// So many events of a person at the store's present instant, folded as the durable consumer would.
async fn engage(world: &World, user: &str, views: usize, clicks: usize, redemptions: usize) -> Result<()> {
    let kinds = [EventType::View, EventType::Click, EventType::Redemption].into_iter();
    let events: Vec<Tracked<'static>> = kinds
        .zip([views, clicks, redemptions])
        .flat_map(|(kind, count)| std::iter::repeat_n(kind, count))
        .chain([EventType::Dismiss, EventType::AddToCart])
        .map(|event_type| Tracked {
            event_id: "e".into(),
            user_id: user.to_owned().into(),
            offer_id: "OFF001".into(),
            category: "electronics".into(),
            event_type,
            decision_id: None,
            signals: [0.0; 4].into(),
        })
        .collect();
    let call = Call::new("test.fold", crate::OFFERS);
    let folded: Result<(), CallError<Unavailable>> =
        world.store.run(call, move |tx, now| Ok::<_, Failure<_>>(fold(tx, now, &events)?)).await;
    folded.map_err(|error| anyhow::anyhow!("{error:?}"))
}

async fn report(world: &World, id: ExperimentId) -> Result<Report> {
    let report = world.store.scan(move |tx| Ok::<_, Unavailable>(queries::report(tx, id)?)).await?;
    Ok(report.unwrap())
}

/// The first `count` people of an arm.
fn people(experiment: &Experiment, policy: PolicyName, count: usize) -> Vec<String> {
    let all = (0..).map(|number| format!("U{number}"));
    all.filter(|user| experiment.arm_of(user).policy == policy).take(count).collect()
}

async fn one_runs_at_a_time_and_all_are_told(world: World) -> Result<()> {
    let refused = |error| Err(CallError::Refused(error));
    assert_eq!(stop(&world, ONE).await, refused(ExperimentError::Unknown(ONE)));
    let started = start(&world, ONE, halves()).await.unwrap();
    assert_eq!(start(&world, TWO, halves()).await, refused(ExperimentError::AnotherRunning(ONE)));
    let running = async || world.store.read(|tx| Ok::<_, Unavailable>(queries::running(tx)?)).await;
    assert_eq!(running().await?, Some(started.clone()));

    world.at(60);
    let without = stop_arm(&world, ONE, PolicyName::Thompson).await.unwrap();
    assert_eq!(without.arms[1].stopped_at, Some(minutes(1)));
    world.at(120);
    assert_eq!(stop_arm(&world, ONE, PolicyName::Thompson).await.unwrap(), without, "as it was");
    assert_eq!(stop_arm(&world, ONE, PolicyName::Static).await, refused(ExperimentError::Control));
    assert_eq!(
        stop_arm(&world, ONE, PolicyName::Ucb1).await,
        refused(ExperimentError::UnknownArm(PolicyName::Ucb1))
    );
    let ended = stop(&world, ONE).await.unwrap();
    assert_eq!(ended.ended_at, Some(minutes(2)));
    world.at(180);
    assert_eq!(stop(&world, ONE).await.unwrap(), ended, "as it was");
    assert_eq!(stop_arm(&world, ONE, PolicyName::Thompson).await, refused(ExperimentError::Ended));
    assert_eq!(running().await?, None);
    let second = start(&world, TWO, halves()).await.unwrap();

    let events = world.store.scan(|tx| Ok::<_, Unavailable>(store::log::after(tx, 0, None, 100)?)).await?;
    let told: Vec<(&str, Experiment)> = events
        .iter()
        .map(|event| (event.kind.as_str(), serde_json::from_str(&event.data).unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            (commands::STARTED, started),
            (commands::ARM_STOPPED, without),
            (commands::STOPPED, ended.clone()),
            (commands::STARTED, second.clone()),
        ]
    );
    let list = async |after, limit| {
        world.store.scan(move |tx| Ok::<_, Unavailable>(queries::list(tx, after, limit)?)).await
    };
    assert_eq!(list(None, 10).await?, [second.clone(), ended.clone()]);
    assert_eq!((list(None, 1).await?, list(Some(TWO), 1).await?), (vec![second], vec![ended]));
    Ok(())
}

async fn what_people_do_is_counted_while_it_counts(world: World) -> Result<()> {
    let planned = super::running(1, &halves());
    let [control, treated] =
        [PolicyName::Static, PolicyName::Thompson].map(|policy| people(&planned, policy, 2));
    engage(&world, &control[0], 100, 100, 100).await?;
    world.at(60);
    start(&world, ONE, halves()).await.unwrap();
    for user in control.iter().chain(&treated) {
        engage(&world, user, 3, 1, 1).await?;
    }
    engage(&world, &treated[0], 2, 0, 1).await?;
    world.at(120);
    stop_arm(&world, ONE, PolicyName::Thompson).await.unwrap();
    engage(&world, &treated[0], 50, 50, 50).await?;
    engage(&world, &control[1], 1, 0, 0).await?;
    world.at(180);
    stop(&world, ONE).await.unwrap();
    engage(&world, &control[1], 50, 50, 50).await?;
    start(&world, TWO, halves()).await.unwrap();
    engage(&world, &control[1], 7, 1, 0).await?;

    let counts = async |id| {
        let arms = report(&world, id).await?.arms;
        anyhow::Ok(
            arms.iter().map(|arm| [arm.users, arm.views, arm.clicks, arm.redemptions]).collect::<Vec<_>>(),
        )
    };
    assert_eq!(counts(ONE).await?, [[2, 7, 2, 2], [2, 8, 2, 3]]);
    assert_eq!(counts(TWO).await?.iter().map(|arm| arm[1]).sum::<i64>(), 7);
    Ok(())
}

async fn a_tiny_example_is_as_by_hand(world: World) -> Result<()> {
    let experiment = start(&world, ONE, halves()).await.unwrap();
    let control = people(&experiment, PolicyName::Static, 3);
    let treated = people(&experiment, PolicyName::Thompson, 2);
    // Rate 9/60; residuals -0.5, 1, -0.5; variance 3/2 · 1.5 / 60² = 0.025².
    for (user, (views, clicks)) in control.iter().zip([(10, 1), (20, 4), (30, 4)]) {
        engage(&world, user, views, clicks, 0).await?;
    }
    // Rate 6/20; residuals 1, -1; variance 2/1 · 2 / 20² = 0.1².
    for (user, (views, clicks)) in treated.iter().zip([(10, 4), (10, 2)]) {
        engage(&world, user, views, clicks, 1).await?;
    }
    let report = report(&world, ONE).await?;
    let near = |left: f64, right: f64| (left - right).abs() < 1e-12;
    let rates: Vec<_> = report.arms.iter().map(|arm| arm.click_rate.unwrap()).collect();
    assert!(near(rates[0].value, 0.15) && near(rates[1].value, 0.3), "{rates:?}");
    assert!(near(rates[0].low, 0.101_000_900_386_498_64), "{rates:?}");
    assert!(near(rates[1].high, 0.495_996_398_454_005_4), "{rates:?}");
    assert_eq!(report.arms[0].uplift, None);
    // The logarithm of 2 has the standard error √(1/9 + 1/36).
    let uplift = report.arms[1].uplift.unwrap();
    assert!(near(uplift.value, 1.0), "{uplift:?}");
    assert!(
        near(uplift.low, -0.036_601_623_457_231_28) && near(uplift.high, 3.151_968_798_571_486),
        "{uplift:?}"
    );
    assert!(near(uplift.p_value, 0.062_898_393_740_767_1), "{uplift:?}");
    let ratio = report.sample_ratio.unwrap();
    assert!(near(ratio.chi_square, 0.2), "{ratio:?}");
    let codes: Vec<_> = report.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, ["too-few-data", "too-few-data"]);
    Ok(())
}

async fn a_skewed_split_is_told(world: World) -> Result<()> {
    let experiment = start(&world, ONE, halves()).await.unwrap();
    let control = people(&experiment, PolicyName::Static, 140);
    for user in control.iter().chain(&people(&experiment, PolicyName::Thompson, 100)) {
        engage(&world, user, 5, 1, 0).await?;
    }
    let codes = async || {
        let warnings = report(&world, ONE).await?.warnings;
        anyhow::Ok(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>())
    };
    assert_eq!(codes().await?, [] as [&str; 0], "140 to 100 happens in one case of a hundred");
    for user in &people(&experiment, PolicyName::Static, 200)[140..] {
        engage(&world, user, 5, 1, 0).await?;
    }
    assert_eq!(codes().await?, ["sample-ratio-mismatch"]);
    stop_arm(&world, ONE, PolicyName::Thompson).await.unwrap();
    assert_eq!(codes().await?, [] as [&str; 0], "one arm is left, which is whole");
    Ok(())
}
