//! How often a day on which nothing happened is called an anomaly, and how often one on which something did is not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use super::*;
use crate::hours::{Hours, Reading};
use crate::metrics::{SensorDay, bikes};
use crate::sensor::About;
use crate::testing::chance::Chance;

/// So many days of each kind are judged; the table in the documentation is of these.
const DAYS: u32 = 4_000;

/// A counter's total on the same day of the week, so many weeks ago.
type Draw = fn(&mut Chance, f64) -> f64;

/// Clean days of several kinds.
const CLEAN: [(&str, Draw); 9] = [
    ("20 a day, chance alone", |chance, _| chance.poisson(20.0)),
    ("100 a day, chance alone", |chance, _| chance.poisson(100.0)),
    ("1,000 a day, chance alone", |chance, _| chance.poisson(1_000.0)),
    ("1,000 a day, days differ by 5 %", |chance, _| differing(chance, 1_000.0, 0.05)),
    ("1,000 a day, days differ by 10 %", |chance, _| differing(chance, 1_000.0, 0.1)),
    ("1,000 a day, days differ by 20 %", |chance, _| differing(chance, 1_000.0, 0.2)),
    ("5,000 a day, by 5 %, a quarter less on every fourth day (rain)", |chance, _| {
        let rain = if chance.uniform() < 0.25 { 0.75 } else { 1.0 };
        differing(chance, 5_000.0 * rain, 0.05)
    }),
    ("5,000 a day, by 10 %, a quarter less on every fourth day", |chance, _| {
        let rain = if chance.uniform() < 0.25 { 0.75 } else { 1.0 };
        differing(chance, 5_000.0 * rain, 0.1)
    }),
    ("5,000 a day, by 10 %, 3 % more every week (spring)", |chance, weeks| {
        differing(chance, 5_000.0 * 1.03_f64.powf(-weeks), 0.1)
    }),
];

/// A count of days that differ more than by chance.
fn differing(chance: &mut Chance, mean: f64, deviation: f64) -> f64 {
    let factor = chance.factor(deviation);
    chance.poisson(mean * factor)
}

/// A counter's day, to be given totals.
fn blank() -> CounterDay {
    let mut hours = Hours::default();
    hours.set(8, Reading { flow: Some(1_000), ..Reading::default() });
    let about = About::default();
    let sensor = SensorDay { id: "a", about: &about, hours: &hours };
    bikes::day("2024-06-04".parse().unwrap(), &[sensor]).0.remove(0)
}

fn is_anomaly(counter: &mut CounterDay, total: f64, before: &[f64]) -> bool {
    counter.total = Some(total);
    judge(counter, before.to_vec()).is_some()
}

/// Percent of the days that are called anomalies with so many days of history, and of those halved and doubled.
fn rates(draw: Draw, history: u8) -> [f64; 3] {
    let (mut counter, mut chance, mut found) = (blank(), Chance::new(u64::from(history)), [0_u32; 3]);
    for _ in 0..DAYS {
        let before: Vec<f64> = (1..=history).map(|weeks| draw(&mut chance, f64::from(weeks))).collect();
        let today = draw(&mut chance, 0.0);
        for (found, times) in found.iter_mut().zip([1.0, 0.5, 2.0]) {
            *found += u32::from(is_anomaly(&mut counter, (today * times).round(), &before));
        }
    }
    found.map(|found| 100.0 * f64::from(found) / f64::from(DAYS))
}

#[test]
fn at_most_one_clean_day_in_a_hundred_is_called_an_anomaly_and_the_documentation_says_how_many() {
    let documentation = include_str!("../../../../../../docs/city.md");
    let mut table = String::new();
    for (name, draw) in CLEAN {
        let _ = write!(table, "| {name} |");
        for history in [5, 8] {
            let [clean, halved, doubled] = rates(draw, history);
            assert!(clean <= 1.0, "{name}, {history} days: {clean} % false alarms");
            // Writing to a String cannot fail.
            let _ = write!(table, " {clean:.1} | {halved:.0} | {doubled:.0} |");
        }
        table.push('\n');
    }
    assert!(documentation.contains(&table), "the table is now\n{table}");
}

/// The z-score with the plain median absolute deviation (of a normal distribution 0.6745 standard deviations).
fn plain(total: f64, before: &[f64]) -> f64 {
    let mut before = before.to_vec();
    let around = median(&mut before);
    let mut distances: Vec<f64> = before.iter().map(|total| (total - around).abs()).collect();
    (total - around) * 0.6745 / median(&mut distances)
}

#[test]
fn the_spread_of_few_days_is_widened_as_much_as_is_needed() {
    // Far from zero, but so spread out that neither chance nor weather sets the spread.
    let draw = |chance: &mut Chance| 1e6 + 2e5 * chance.normal();
    for (history, plainly) in [(5, 12.0), (6, 7.5), (7, 6.9), (8, 4.7)] {
        let (mut counter, mut chance, mut beyond) = (blank(), Chance::new(1), [0_u32; 2]);
        for _ in 0..20_000 {
            let before: Vec<f64> = (0..history).map(|_| draw(&mut chance)).collect();
            let today = draw(&mut chance);
            beyond[0] += u32::from(plain(today, &before).abs() > OUTLIER);
            beyond[1] += u32::from(is_anomaly(&mut counter, today, &before));
        }
        let [plain, widened] = beyond.map(|days| f64::from(days) / 200.0);
        assert!((plain - plainly).abs() < 0.5, "{history} days: {plain} % beyond");
        assert!((0.4..=0.8).contains(&widened), "{history} days, widened: {widened} % beyond");
    }
}
