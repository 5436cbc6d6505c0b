//! Simulations of worlds small enough to test.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Invented posteriors: a crowd of fair arms and three good ones, at rates that need no million of impressions.
const POSTERIORS: &str = include_str!("posteriors.yaml");

fn settings(policies: &[PolicyName]) -> Settings {
    let world = World::of_posteriors(POSTERIORS, "spring").unwrap();
    Settings { policies: policies.to_vec(), impressions: 90_000, seeds: 8, ..Settings::new(world) }
}

fn curve(report: &Report, policy: PolicyName) -> &Curve {
    report.curves.iter().find(|curve| curve.policy == policy).unwrap()
}

const PAIR: [PolicyName; 2] = [PolicyName::PlainThompson, PolicyName::AdaptiveThompson];

#[test]
fn the_default_learns_faster_than_plain_thompson() {
    let report = run(&settings(&PAIR), |_, _| {});
    let adaptive = curve(&report, PolicyName::AdaptiveThompson);
    let [first, .., last] = &adaptive.tenths[..] else { panic!("no tenths") };
    assert!(last.relative.mean > 0.95 && last.cumulative.mean > 0.9, "{report}");
    assert!(first.lead.mean > 0.0, "{report}");
    for tenth in &adaptive.tenths {
        assert!(tenth.lead.high > 0.0, "below plain Thompson beyond noise: {report}");
    }
}

#[test]
fn the_default_recovers_from_a_change_of_everything() {
    let report = run(&Settings { drift_at: Some(45_000), ..settings(&PAIR) }, |_, _| {});
    let [plain, adaptive] = PAIR.map(|name| curve(&report, name));
    let after = |curve: &Curve| curve.tenths[6..].iter().map(|tenth| tenth.relative.mean).sum::<f64>() / 4.0;
    assert!(adaptive.tenths[9].relative.mean > 0.85, "{report}");
    assert!(after(adaptive) > after(plain) + 0.02, "{report}");
}

#[test]
fn rewards_that_come_late_cost_the_default_little() {
    // A twentieth of the way.
    let report = run(&Settings { delay_seconds: 150.0, ..settings(&PAIR) }, |_, _| {});
    let adaptive = curve(&report, PolicyName::AdaptiveThompson);
    assert!(adaptive.tenths[9].relative.mean > 0.95, "{report}");
    assert!(adaptive.tenths[2..].iter().all(|tenth| tenth.lead.high > 0.0), "{report}");
}

#[test]
fn uniform_is_uniform_and_gives_what_the_world_says() {
    let report = run(&settings(&[PolicyName::Uniform, PolicyName::Static]), |_, _| {});
    for curve in &report.curves {
        let over = curve.tenths[9].over_uniform;
        assert!((over.mean - 1.0).abs() < 0.02, "{}: {over:?}", curve.policy);
    }
    assert_eq!(report.reference, PolicyName::Uniform);
}

#[test]
fn whom_an_offer_is_for_is_worth_knowing() {
    let world = World::synthetic(3, 4);
    let policies = vec![PolicyName::Uniform, PolicyName::PlainThompson, PolicyName::LinearThompson];
    let report =
        run(&Settings { policies, impressions: 30_000, seeds: 3, ..Settings::new(world) }, |_, _| {});
    let [uniform, plain, linear] = [0, 1, 2].map(|place| report.curves[place].tenths[9].relative.mean);
    assert!(uniform < plain && linear > 1.0, "{report}");
}

#[test]
fn the_same_seed_gives_the_same_curves_and_another_gives_others() {
    let settings = Settings { impressions: 6_000, seeds: 2, ..settings(&PolicyName::ALL) };
    let report = run(&settings, |_, _| {});
    assert_eq!(report, run(&settings, |_, _| {}));
    assert_ne!(report.curves, run(&Settings { seed: 50, ..settings }, |_, _| {}).curves);
}

#[test]
fn progress_ends_at_the_end() {
    let settings = Settings { impressions: 1_000, seeds: 2, ..settings(&PAIR) };
    let (highest, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let _ = run(&settings, |done, total| {
        assert_eq!(total, 999 * 4);
        highest.fetch_max(done, Ordering::Relaxed);
        calls.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!((highest.into_inner(), calls.into_inner()), (999 * 4, 400));
}

#[test]
fn worlds_without_arms_slots_or_time_are_empty_reports() {
    let empty = Settings { seeds: 1, impressions: 30, ..Settings::new(World::of_rates("nothing", &[])) };
    let few =
        Settings { slots: 5, ..Settings { world: World::of_rates("two", &[0.5, 0.1]), ..empty.clone() } };
    for settings in
        [Settings { slots: 0, ..few.clone() }, Settings { impressions: 0, ..few.clone() }, empty, few]
    {
        let report = run(&settings, |_, _| {});
        assert!(
            report
                .curves
                .iter()
                .all(|curve| curve.points.iter().all(|point| point.relative.mean.is_finite()))
        );
    }
}

#[test]
fn the_best_slate_of_a_world_has_at_most_two_of_a_category() {
    let world = World::of_posteriors(POSTERIORS, "spring").unwrap();
    let mut rates = [0.0; 20];
    for (rate, arm) in rates.iter_mut().zip(&world.arms) {
        *rate = arm.rate;
    }
    rates.sort_by(f64::total_cmp);
    assert!((world.best_rate(3) - (rates[17] + rates[18] + rates[19]) / 3.0).abs() < 1e-12);
    let mut crowded = World::of_rates("crowded", &[0.5, 0.4, 0.3, 0.1]);
    crowded.arms[..3].iter_mut().for_each(|arm| arm.category = 7);
    assert!((crowded.best_rate(3) - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn a_report_is_written_as_csv_and_reads_as_a_table() {
    let report = run(&Settings { impressions: 3_000, drift_at: Some(900), ..settings(&PAIR) }, |_, _| {});
    let mut csv = Vec::new();
    report.write_csv(&mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 201);
    assert!(lines[0].starts_with("policy,impressions,relative,relative_low,relative_high,cumulative"));
    assert!(lines[1].starts_with("plain-thompson,30,0."));
    assert!(lines[200].starts_with("adaptive-thompson,3000,"));
    assert!(lines.iter().all(|line| line.split(',').count() == 17));
    let table = report.to_string();
    assert!(
        table.starts_with("campaign spring, 20 arms: 3000 slot impressions, slates of 3, 8 seeds"),
        "{table}"
    );
    assert!(table.contains("rates permuted after 900 slot impressions"), "{table}");
    assert!(table.lines().last().unwrap().starts_with("adaptive-thompson  "), "{table}");
}

#[test]
fn intervals_are_students() {
    // Mean 3, standard deviation √2.5, five of them: 2.776 × √(2.5 / 5).
    let interval = Interval::of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
    assert!(
        (interval.mean - 3.0).abs() < 1e-12 && (interval.high - 3.0 - 1.962_93).abs() < 1e-4,
        "{interval:?}"
    );
    assert_eq!(Interval::of(&[2.0]), Interval { mean: 2.0, low: 2.0, high: 2.0 });
    assert_eq!(Interval::of(&[]), Interval::default());
}
