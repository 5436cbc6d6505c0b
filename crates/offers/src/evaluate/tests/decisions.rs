//! Our own decision log.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use super::{assert_close, run, settings};
use crate::engagement::EventType;
use crate::evaluate::log::{Decision, Line, LostDecision, LostLine, Reward, Slot};
use crate::evaluate::{
    Estimator, EvaluateError, Format, Report, RewardRule, Settings, Target, Unit, Warning,
};

fn at(second: i64) -> kernel::Timestamp {
    kernel::Timestamp::from_micros(1_700_000_000_000_000).plus_seconds(second)
}

fn slot(offer: &str, propensity: f64, events: &[&str]) -> Slot {
    let reward = |event: &&str| Reward { event_type: (*event).to_owned(), at: at(9) };
    Slot {
        offer_id: offer.parse().unwrap(),
        category: "food".parse().unwrap(),
        propensity,
        score: Some(87.5),
        rewards: events.iter().map(reward).collect(),
    }
}

fn decision(user: &str, slots: Vec<Slot>) -> Line {
    Line::Decision(Decision {
        decision_id: uuid::Uuid::from_u128(7),
        at: at(1),
        user_id: user.parse().unwrap(),
        segment: "premium".parse().unwrap(),
        policy: "thompson".to_owned(),
        experiment: None,
        arm: None,
        slots,
    })
}

fn lost(event: &str) -> Line {
    let (decision_id, event_type) = (uuid::Uuid::from_u128(8), event.to_owned());
    Line::Lost(LostLine {
        lost_decision: LostDecision {
            decision_id,
            offer_id: "OFF001".parse().unwrap(),
            event_type,
            at: at(2),
        },
    })
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
}

/// Three decisions of two users. Uniform over two offers: a chance of 0.25 weighs 2, one of 0.5 weighs 1.
fn three() -> Vec<Line> {
    vec![
        decision(
            "USER001",
            vec![slot("OFF001", 0.5, &["VIEW", "CLICK", "CLICK"]), slot("OFF002", 0.25, &[])],
        ),
        decision(
            "USER002",
            vec![slot("OFF002", 0.5, &["VIEW"]), slot("OFF001", 0.25, &["CLICK", "REDEMPTION"])],
        ),
        lost("CLICK"),
        lost("VIEW"),
        decision("USER001", vec![slot("OFF001", 0.5, &["DISMISS"])]),
        decision("USER003", vec![]),
    ]
}

fn with(rewards: RewardRule) -> Settings {
    Settings { rewards, ..settings(Format::Decisions, Target::Uniform) }
}

fn value(report: &Report, estimator: Estimator) -> f64 {
    report.estimates.iter().find(|row| row.estimator == estimator).unwrap().estimate.value
}

#[test]
fn slots_are_rows_and_a_double_click_counts_once() {
    let report = run(&with(RewardRule::Click), text(&three())).unwrap();
    assert_eq!((report.decisions, report.rows, report.items, report.slots, report.rewards), (3, 5, 2, 2, 2));
    assert_close(report.logged.value, 2.0 / 5.0);
    // weights 1, 2, 1, 2, 1; clicks in the first (1) and the fourth (2)
    assert_close(value(&report, Estimator::Ips), 3.0 / 5.0);
    assert_close(value(&report, Estimator::Snips), 3.0 / 7.0);
    assert_eq!(report.lost_rewards, 1);
    // One of the three clicks is lost.
    assert!(report.warnings.contains(&Warning::LostRewards { share: 1.0 / 3.0 }));
    assert!(report.to_string().contains("3 decisions, 5 rows, 2 offers, 2 slots"));
}

#[test]
fn what_is_worth_something_can_be_chosen() {
    let report = run(&with(RewardRule::Redemption), text(&three())).unwrap();
    assert_close(value(&report, Estimator::Ips), 2.0 / 5.0);
    assert_eq!(report.lost_rewards, 0);

    let weights = BTreeMap::from([(EventType::Click, 0.25), (EventType::Redemption, 1.0)]);
    let report = run(&with(RewardRule::Weights(weights)), text(&three())).unwrap();
    // The best event of a slot counts: a click (0.25 · 1) and a redemption (1 · 2).
    assert_close(value(&report, Estimator::Ips), 2.25 / 5.0);

    for wrong in [
        BTreeMap::new(),
        BTreeMap::from([(EventType::Click, 1.5)]),
        BTreeMap::from([(EventType::Click, f64::NAN)]),
    ] {
        assert!(matches!(run(&with(RewardRule::Weights(wrong)), ""), Err(EvaluateError::Weights)));
    }
    let obd = Settings { format: Format::Obd, ..with(RewardRule::Redemption) };
    assert!(matches!(run(&obd, ""), Err(EvaluateError::ClicksOnly)));
}

#[test]
fn users_can_be_the_units() {
    let by = |unit| Settings { unit, ..with(RewardRule::Click) };
    let two: Vec<_> = three().into_iter().filter(|line| !matches!(line, Line::Lost(_))).collect();
    let (decisions, users) =
        (run(&by(Unit::Decision), text(&two)).unwrap(), run(&by(Unit::User), text(&two)).unwrap());
    assert_close(value(&decisions, Estimator::Ips), value(&users, Estimator::Ips));
    assert_ne!(decisions.logged.interval, users.logged.interval);

    let alone = [
        decision("USER001", vec![slot("OFF001", 0.5, &[])]),
        decision("USER001", vec![slot("OFF001", 0.5, &[])]),
    ];
    assert!(run(&by(Unit::Decision), text(&alone)).is_ok());
    assert!(matches!(run(&by(Unit::User), text(&alone)), Err(EvaluateError::Single)));
}

/// The log as it is written: fields that are not known are passed over, blank lines too.
#[test]
fn the_wire_form() {
    let written = text(&[three().remove(0), lost("CLICK")]);
    let expected = concat!(
        r#"{"decision_id":"00000000-0000-0000-0000-000000000007","at":"2023-11-14T22:13:21Z","user_id":"USER001","#,
        r#""segment":"premium","policy":"thompson","slots":[{"offer_id":"OFF001","category":"food","propensity":0.5,"#,
        r#""score":87.5,"rewards":[{"event_type":"VIEW","at":"2023-11-14T22:13:29Z"},"#,
        r#"{"event_type":"CLICK","at":"2023-11-14T22:13:29Z"},{"event_type":"CLICK","at":"2023-11-14T22:13:29Z"}]},"#,
        r#"{"offer_id":"OFF002","category":"food","propensity":0.25,"score":87.5}]}"#,
        "\n",
        r#"{"lost_decision":{"decision_id":"00000000-0000-0000-0000-000000000008","offer_id":"OFF001","#,
        r#""event_type":"CLICK","at":"2023-11-14T22:13:22Z"}}"#,
        "\n",
    );
    assert_eq!(written, expected);
    let loose = written.replace("\"slots\"", "\"later\":[1],\"slots\"").replace('\n', "\r\n\r\n");
    let bom = format!("\u{feff}{loose}{loose}");
    assert_eq!(run(&with(RewardRule::Click), bom).unwrap().lost_rewards, 2);
}

#[test]
fn damaged_lines_say_where() {
    let good = text(&three());
    let problem = |log: &str| run(&with(RewardRule::Click), log).unwrap_err().to_string();
    for (from, to, expected) in [
        (
            "\"propensity\":0.25",
            "\"propensity\":0",
            "line 1, column `propensity`: `0` is not a chance above 0",
        ),
        (
            "\"propensity\":0.25",
            "\"propensity\":1.5",
            "line 1, column `propensity`: `1.5` is not a chance above 0",
        ),
        ("\"propensity\":0.25", "\"propensity\":null", "line 1, character "),
        ("\"user_id\":\"USER002\",", "", "line 2, character "),
        ("\"OFF002\"", "\"OFF 2\"", "line 1, character "),
    ] {
        let found = problem(&good.replacen(from, to, 1));
        assert!(found.starts_with(expected), "{found}");
    }
    assert!(problem(&good.replacen("\"user_id\":\"USER002\",", "", 1)).ends_with("missing field `user_id`"));
    assert!(problem(&good[..good.len() / 2]).contains("not a decision"));
    let huge = format!("{}{}", good, "x".repeat(3 << 20));
    assert_eq!(problem(&huge), "line 7 is longer than 1024 KiB: the file is damaged, or of another kind");
}
