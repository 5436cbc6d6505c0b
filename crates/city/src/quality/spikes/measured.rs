//! How many counts multiplied by ten are found, and how many days on which nothing happened are reported.

use std::fmt::Write as _;

use super::{spikes, unusual};
use crate::MetricType::{self, Bikes, Roads};
use crate::testing::chance::Chance;

/// Days measured in each row.
const DAYS: u32 = 1_000;

/// Percent of the busiest hour in each hour of a working day, and of a Saturday or Sunday.
const WORKING: [f64; 24] = [
    4.0, 2.0, 1.0, 1.0, 2.0, 6.0, 18.0, 48.0, 100.0, 62.0, 34.0, 32.0, 38.0, 40.0, 36.0, 38.0, 52.0, 78.0,
    96.0, 70.0, 44.0, 28.0, 18.0, 9.0,
];
const WEEKEND: [f64; 24] = [
    12.0, 9.0, 6.0, 4.0, 2.0, 2.0, 4.0, 8.0, 15.0, 24.0, 34.0, 42.0, 44.0, 46.0, 52.0, 56.0, 56.0, 52.0,
    46.0, 38.0, 28.0, 22.0, 18.0, 15.0,
];

type Counts = Vec<(usize, i32)>;

/// A day of a counter that counts so many in its busiest hour; days differ by 10 %, hours by 15 %, and chance does the
/// rest.
fn a_day(chance: &mut Chance, peak: f64, weekday: u32) -> Counts {
    let shape = if weekday % 7 < 5 { WORKING } else { WEEKEND };
    let of_day = peak * chance.factor(0.1) / 100.0;
    let count = |(slot, share): (usize, f64)| {
        let mean = share * of_day * chance.factor(0.15);
        #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
        let count = chance.poisson(mean) as i32;
        (slot, count * 1_000)
    };
    shape.into_iter().enumerate().map(count).collect()
}

/// Slots found by the hours around them alone, and by other days as well.
fn found(kind: MetricType, today: &Counts, week: &[Counts]) -> [Vec<usize>; 2] {
    let slots = |found: Counts| found.into_iter().map(|(slot, _)| slot).collect::<Vec<_>>();
    let alone = slots(spikes(kind, today));
    let of = |slot: usize| week.iter().map(move |day| day[slot].1);
    let both = alone.iter().copied().chain(slots(unusual(kind, today, of))).collect();
    [alone, both]
}

/// What is measured of one size of counters.
#[derive(Default)]
struct Measured {
    /// Hours that were wrong, those found by the hours around them alone, and those found by other days as well.
    wrong: [u32; 3],
}

impl Measured {
    /// Multiplies by ten so many hours in a row from a slot on.
    fn inject(&mut self, kind: MetricType, today: &Counts, week: &[Counts], slots: std::ops::Range<usize>) {
        let mut wrong = today.clone();
        for slot in slots.clone() {
            wrong[slot].1 *= 10;
        }
        // Ten times nothing is nothing.
        let spoilt: Vec<usize> = slots.filter(|slot| today[*slot].1 > 0).collect();
        let [alone, both] = found(kind, &wrong, week);
        for slot in spoilt {
            self.wrong[0] += 1;
            self.wrong[1] += u32::from(alone.contains(&slot));
            self.wrong[2] += u32::from(both.contains(&slot));
        }
    }

    /// Percent of the wrong hours that are found, before and after.
    fn told(&self) -> String {
        let [wrong, alone, both] = self.wrong.map(f64::from);
        format!("{:.0} → {:.0}", 100.0 * alone / wrong, 100.0 * both / wrong)
    }
}

/// One row: a size of counters, so many hours in a row, by day (7 to 22 h) and at night (0 to 6 h).
fn row(kind: MetricType, peak: f64, hours: usize) -> ([Measured; 2], u32) {
    let (mut chance, mut at_day, mut at_night) = (Chance::new(7), Measured::default(), Measured::default());
    let mut false_alarms = 0;
    for weekday in 0..DAYS {
        let week: Vec<Counts> = (0..7).map(|back| a_day(&mut chance, peak, weekday + back)).collect();
        let today = a_day(&mut chance, peak, weekday);
        false_alarms += u32::from(!found(kind, &today, &week)[1].is_empty());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        let mut from = |first: f64, count: f64| (first + count * chance.uniform()) as usize;
        let (by_day, by_night) = (from(7.0, 15.0), from(0.0, 5.0));
        at_day.inject(kind, &today, &week, by_day..by_day + hours);
        at_night.inject(kind, &today, &week, by_night..by_night + hours);
    }
    ([at_day, at_night], false_alarms)
}

#[test]
fn the_documentation_says_how_many_spikes_are_found_and_how_few_are_none() {
    let documentation = include_str!("../../../../../docs/city.md");
    let mut table = String::new();
    for (kind, name, peak) in [
        (Bikes, "30 bicycles", 30.0),
        (Bikes, "150 bicycles", 150.0),
        (Bikes, "600 bicycles", 600.0),
        (Roads, "300 vehicles", 300.0),
        (Roads, "1,500 vehicles", 1_500.0),
    ] {
        let _ = write!(table, "| {name} |");
        let mut alarms = 0;
        for hours in [1, 2] {
            let ([day, night], false_alarms) = row(kind, peak, hours);
            let _ = write!(table, " {} | {} |", day.told(), night.told());
            alarms = false_alarms;
        }
        let percent = 100.0 * f64::from(alarms) / f64::from(DAYS);
        assert!(percent <= 1.0, "{name}: {percent} % false alarms");
        let _ = writeln!(table, " {percent:.1} |");
    }
    assert!(documentation.contains(&table), "the table is now\n{table}");
}
