//! Estimates against arithmetic on paper.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::{assert_close, obd, run, settings};
use crate::evaluate::estimate::Folds;
use crate::evaluate::{Estimator, Format, LearnedFrom, Report, Settings, Target, Warning, evaluate};
use crate::learn::PolicyName;

/// Two offers in one slot: A is shown four times of five, B once. Asked about: both evenly, so A weighs
/// ½ / 0.8 = 0.625 and B ½ / 0.2 = 2.5.
const SIX: [(&str, u32, u32, &str); 6] = [
    ("A", 1, 1, "0.8"),
    ("A", 1, 0, "0.8"),
    ("B", 1, 1, "0.2"),
    ("A", 1, 1, "0.8"),
    ("A", 1, 0, "0.8"),
    ("B", 1, 0, "0.2"),
];

/// A seed that puts rows 1, 3 and 5 into one half and rows 2, 4 and 6 into the other.
const ALTERNATING: u64 = 14;

fn uniform() -> Settings {
    Settings { seed: ALTERNATING, ..settings(Format::Obd, Target::Uniform) }
}

fn value(report: &Report, estimator: Estimator) -> f64 {
    report.estimates.iter().find(|row| row.estimator == estimator).unwrap().estimate.value
}

#[test]
fn ips_and_snips() {
    let report = run(&uniform(), obd(&SIX)).unwrap();
    assert_close(report.logged.value, 3.0 / 6.0);
    // Σ wr = 0.625 + 2.5 + 0.625 = 3.75, of 6 rows
    assert_close(value(&report, Estimator::Ips), 3.75 / 6.0);
    // Σ w = 4 · 0.625 + 2 · 2.5 = 7.5
    assert_close(value(&report, Estimator::Snips), 3.75 / 7.5);
    // (Σ w)² = 56.25; Σ w² = 4 · 0.390625 + 2 · 6.25 = 14.0625
    assert_close(report.weights.effective_sample_size, 4.0);
    assert_close(report.weights.largest, 2.5);
    assert_close(report.weights.mean.value, 1.25);
    let lifts = [0.625 / 0.5 - 1.0, 0.5 / 0.5 - 1.0];
    for (row, lift) in report.estimates.iter().zip(lifts) {
        assert_close(row.lift.unwrap().value, lift);
    }
}

#[test]
fn doubly_robust() {
    let halves: Vec<_> = (0..6).map(|row| Folds { seed: ALTERNATING }.of(row)).collect();
    assert_eq!(halves, [0, 1, 0, 1, 0, 1]);

    // Rows 2, 4, 6 say (A 0, A 1, B 0): mean ⅓, so the prior is worth 5 / ⅓ = 15 trials.
    // A: (1 + 15 · ⅓) / 17 = 6/17, in its slot (1 + 15 · 6/17) / 17 = 107/289
    // B: (0 + 15 · ⅓) / 16 = 5/16, in its slot (0 + 15 · 5/16) / 16 = 75/256
    let (a, b) = (107.0 / 289.0, 75.0 / 256.0);
    let expected = 0.5 * a + 0.5 * b;
    let of_1_3_5 = 3.0 * expected + 0.625 * (1.0 - a) + 2.5 * (1.0 - b) + 0.625 * (0.0 - a);

    // Rows 1, 3, 5 say (A 1, B 1, A 0): mean ⅔, prior 7.5 trials.
    // A: (1 + 7.5 · ⅔) / 9.5 = 12/19, in its slot (1 + 7.5 · 12/19) / 9.5 = 218/361
    // B: (1 + 7.5 · ⅔) / 8.5 = 12/17, in its slot (1 + 7.5 · 12/17) / 8.5 = 214/289
    let (a, b) = (218.0 / 361.0, 214.0 / 289.0);
    let expected = 0.5 * a + 0.5 * b;
    let of_2_4_6 = 3.0 * expected + 0.625 * (0.0 - a) + 0.625 * (1.0 - a) + 2.5 * (0.0 - b);

    let report = run(&uniform(), obd(&SIX)).unwrap();
    assert_close(value(&report, Estimator::Dr), (of_1_3_5 + of_2_4_6) / 6.0);
}

/// Whatever the model says, it is corrected: where it is never wrong nothing is left of it.
#[test]
fn the_logs_own_policy_is_its_mean() {
    let report = run(&settings(Format::Obd, Target::Logged), obd(&SIX)).unwrap();
    for row in &report.estimates {
        assert_close(row.estimate.value, 0.5);
        assert_eq!(row.estimate.interval, report.logged.interval);
        assert_close(row.lift.unwrap().value, 0.0);
    }
    assert_close(report.weights.effective_sample_size, 6.0);
    assert_close(report.weights.mean.value, 1.0);
}

#[test]
fn a_uniform_log_weighs_every_row_alike() {
    let rows = SIX.map(|(item, position, click, _)| (item, position, click, "0.5"));
    let report = run(&uniform(), obd(&rows)).unwrap();
    assert_close(value(&report, Estimator::Ips), 0.5);
    assert_close(value(&report, Estimator::Snips), 0.5);
    assert_close(report.weights.largest, 1.0);
}

#[test]
fn clipping_says_what_it_cut_off() {
    let report = run(&Settings { clip: Some(1.0), ..uniform() }, obd(&SIX)).unwrap();
    // Σ wr = 0.625 + 1 + 0.625; Σ w = 2.5 + 2, of 7.5
    assert_close(value(&report, Estimator::Ips), 2.25 / 6.0);
    assert_close(value(&report, Estimator::Snips), 2.25 / 4.5);
    let clipped = report.weights.clipped.unwrap();
    assert_close(clipped.rows, 2.0 / 6.0);
    assert_close(clipped.weight, 3.0 / 7.5);
    assert!(report.warnings.contains(&Warning::Clipped { weight: clipped.weight }));
}

#[test]
fn greedy_learns_from_the_other_half_or_from_another_log() {
    // Each half of the log finds another offer the best one; the half judged shows A only in rows 1 and 2.
    let rows = [("A", 1, 1, "0.5"), ("A", 1, 0, "0.5"), ("B", 1, 0, "0.5"), ("B", 1, 1, "0.5")];
    let greedy = Settings { seed: ALTERNATING, ..settings(Format::Obd, Target::Greedy) };
    let report = run(&greedy, obd(&rows)).unwrap();
    assert_eq!(report.learned_from, Some(LearnedFrom::OtherHalf));
    // Rows 2 and 4 prefer B: of rows 1 and 3, B (row 3) weighs 2. Rows 1 and 3 prefer A: row 2 weighs 2. No click.
    assert_close(value(&report, Estimator::Ips), 0.0);
    assert_close(report.weights.mean.value, 1.0);

    let mut training: &[u8] =
        &obd(&[("C", 1, 1, "0.5"), ("A", 1, 1, "0.5"), ("B", 1, 0, "0.5")]).into_bytes();
    let report = evaluate(&greedy, &mut obd(&rows).as_bytes(), Some(&mut training)).unwrap();
    assert_eq!(report.learned_from, Some(LearnedFrom::TrainingLog));
    // A is best of what the log shows: rows 1 and 2 weigh 2, one has a click.
    assert_close(value(&report, Estimator::Ips), 0.5);
}

/// Thompson sampling draws Beta posteriors: of two offers with 1 of 1 and 0 of 1 clicks the chance that the first
/// one is above the second is P(Beta(2, 1) > Beta(1, 2)) = ∫ 2x (2x − x²) dx = 4/3 − 1/2 = 5/6.
#[test]
fn thompson_shows_an_offer_as_often_as_it_is_the_best() {
    let rows = [("A", 1, 1, "0.5"), ("B", 1, 0, "0.5")];
    let target = Target::Learned(PolicyName::PlainThompson);
    let mut training: &[u8] = &obd(&rows).into_bytes();
    let report =
        evaluate(&settings(Format::Obd, target), &mut obd(&rows).as_bytes(), Some(&mut training)).unwrap();
    // The weights are P / 0.5 of A and of B; A's row has the only click: IPS = (P_A / 0.5) / 2 = P_A
    let spread = (5.0 / 36.0 / 1_000.0_f64).sqrt();
    assert!((value(&report, Estimator::Ips) - 5.0 / 6.0).abs() < 4.0 * spread);
}

/// Every policy deals each slot once per hand, whatever it believes.
#[test]
fn chances_of_a_slot_add_up_to_one() {
    let mut rows = Vec::new();
    for round in 0..20 {
        for (item, chance) in [("A", "0.25"), ("B", "0.25"), ("C", "0.25"), ("D", "0.25")] {
            rows.extend((1..=3).map(|position| (item, position, u32::from(round % 5 == 0), chance)));
        }
    }
    for name in PolicyName::ALL.into_iter().filter(|name| *name != PolicyName::LinearThompson) {
        let target = name.as_str().parse().unwrap();
        let report = run(&settings(Format::Obd, target), obd(&rows)).unwrap();
        // Every offer is in every slot equally often, so the weights of a slot add up to its rows.
        let mean = report.weights.mean.value;
        assert!((mean - 1.0).abs() < 0.2, "{name}: {mean}");
        assert!(report.estimates.iter().all(|row| row.estimate.value.is_finite()), "{name}");
    }
}

#[test]
fn too_few_rewards_are_warned_of_and_the_report_reads_well() {
    let report = run(&uniform(), obd(&SIX)).unwrap();
    // 4 effective rows at SNIPS 0.5
    assert!(
        matches!(report.warnings[0], Warning::FewRewards { rewards, .. } if (rewards - 2.0).abs() < 1e-12)
    );
    let text = report.to_string();
    for line in [
        "Policy uniform on an Open Bandit log\n6 rows, 2 offers, 1 slots, 3 rewards (click)\n",
        "\nIPS        0.6250000000  ",
        "\nSNIPS      0.5000000000  ",
        "\nDR         ",
        "\nweights: effective sample size 4 of 6 rows, largest 2.50, mean 1.250 ",
        "\nrewards whose decision was lost: 0",
        "\nwarning: the effective sample of 4 rows would bring 2.0 rewards. With fewer than 10 ",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["estimates"][0]["estimator"], "ips");
    assert_eq!(json["estimates"][0]["value"], 0.625);
    assert_eq!(json["policy"], "uniform");
    assert_eq!(json["warnings"][0]["kind"], "few-rewards");
}

#[test]
fn only_policies_that_a_log_can_judge_have_a_name() {
    for name in ["logged", "uniform", "greedy", "thompson", "epsilon-greedy", "ucb1", "static"] {
        assert_eq!(name.parse::<Target>().unwrap().to_string(), name);
    }
    let unknown = "best".parse::<Target>().unwrap_err().to_string();
    assert!(
        unknown.starts_with(
            "no policy is called `best`; a log can be asked about logged, greedy, static, uniform"
        )
    );
    assert!("linear-thompson".parse::<Target>().unwrap_err().to_string().contains("experiment"));
}
