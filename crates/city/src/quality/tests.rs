#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::MetricType;
use crate::hours::{Hours, Reading, State};
use crate::input::{Reason, Tally};
use crate::metrics::SensorDay;
use crate::sensor::About;

const DATE: &str = "2024-06-04";

/// A street's day: quiet at night, two rush hours, with the noise of counts, from numbers that repeat.
fn clean(kind: MetricType, sensor: u64) -> Hours {
    const SHAPE: [i64; 24] =
        [8, 5, 3, 3, 4, 9, 22, 48, 86, 70, 48, 46, 52, 54, 50, 52, 62, 82, 98, 76, 52, 36, 26, 14];
    let size = i64::try_from(1 + sensor % 17).unwrap() * if kind == MetricType::Roads { 150 } else { 30 };
    let mut noise = sensor.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut hours = Hours::default();
    for (slot, share) in SHAPE.into_iter().enumerate() {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        let percent = 75 + i64::try_from(noise % 51).unwrap();
        let flow = i32::try_from(size * share * percent / 10_000).unwrap();
        let occupancy = i32::try_from(share * percent * 400 + i64::try_from(noise % 997).unwrap()).unwrap();
        let occupancy = (kind == MetricType::Roads).then_some(occupancy);
        hours.set(slot, Reading { flow: Some(flow * 1_000), occupancy, state: State::Unknown });
    }
    hours
}

fn found(kind: MetricType, days: &[Hours]) -> Findings {
    let about = About::default();
    let ids: Vec<String> = (0..days.len()).map(|number| format!("{number:05}")).collect();
    let sensors: Vec<SensorDay<'_>> =
        ids.iter().zip(days).map(|(id, hours)| SensorDay { id, about: &about, hours }).collect();
    of_day(kind, DATE.parse().unwrap(), &sensors)
}

#[test]
fn clean_days_have_at_most_one_false_alarm_in_a_hundred() {
    for kind in [MetricType::Bikes, MetricType::Roads] {
        let days: Vec<Hours> = (0..3_000).map(|sensor| clean(kind, sensor)).collect();
        let findings = found(kind, &days);
        let alarms: u64 = findings.counts.values().sum();
        assert!(alarms <= 30, "{kind}: {alarms} false alarms in 3,000 days: {:?}", findings.counts);
        assert!((findings.coverage.unwrap().percent - 100.0).abs() < 1e-9);
    }
}

/// A fault, and what has to be said of it.
type Fault = (&'static str, Kind, fn(&mut Hours));

fn edit(hours: &mut Hours, slots: impl IntoIterator<Item = usize>, change: impl Fn(&mut Reading)) {
    for slot in slots {
        let mut reading = hours.get(slot).unwrap();
        change(&mut reading);
        hours.set(slot, reading);
    }
}

fn without(hours: &mut Hours, dropped: &[usize]) {
    let mut kept = Hours::default();
    for (slot, reading) in hours.iter().filter(|(slot, _)| !dropped.contains(slot)) {
        kept.set(slot, reading);
    }
    *hours = kept;
}

const FAULTS: [Fault; 12] = [
    ("zero all day", Kind::Silent, |day| edit(day, 0..24, |hour| hour.flow = Some(0))),
    ("stuck for 13 hours", Kind::Stuck, |day| edit(day, 5..18, |hour| hour.flow = Some(77_000))),
    ("rows without a measurement", Kind::Unmeasured, |day| {
        edit(day, 0..24, |hour| *hour = Reading::default());
    }),
    ("one hour missing", Kind::Gap, |day| without(day, &[14])),
    ("the evening missing", Kind::Gap, |day| without(day, &[20, 21, 22, 23])),
    ("a spike at noon", Kind::Spike, |day| edit(day, [12], |hour| hour.flow = Some(19_000_000))),
    ("a spike in the first hour", Kind::Spike, |day| edit(day, [0], |hour| hour.flow = Some(5_000_000))),
    ("a spike in the last hour", Kind::Spike, |day| edit(day, [23], |hour| hour.flow = Some(9_000_000))),
    ("a negative count", Kind::Negative, |day| edit(day, [9], |hour| hour.flow = Some(-1_000))),
    ("too many vehicles", Kind::Impossible, |day| edit(day, [9], |hour| hour.flow = Some(19_201_000))),
    ("an occupancy above 100 %", Kind::Impossible, |day| {
        edit(day, [9], |hour| hour.occupancy = Some(10_000_001));
    }),
    ("free, they say, at 60 %", Kind::StateMismatch, |day| {
        edit(day, [9], |hour| (hour.occupancy, hour.state) = (Some(6_000_000), State::Free));
    }),
];

#[test]
fn every_injected_fault_is_found() {
    for (name, kind, inject) in FAULTS {
        for broken in 0..40 {
            let mut days: Vec<Hours> = (0..40).map(|sensor| clean(MetricType::Roads, sensor)).collect();
            inject(&mut days[broken]);
            let findings = found(MetricType::Roads, &days);
            let sensor = format!("{broken:05}");
            let told =
                findings.list.iter().any(|one| one.kind == kind && one.sensor.as_deref() == Some(&sensor));
            assert!(told, "{name} in {sensor}: {:?}", findings.counts);
        }
    }
}

#[test]
fn an_occupancy_that_is_stuck_is_found_though_the_flow_moves() {
    let mut day = clean(MetricType::Roads, 3);
    edit(&mut day, 0..24, |hour| hour.occupancy = Some(9_999_000));
    let findings = found(MetricType::Roads, &[day]);
    assert_eq!(findings.counts, BTreeMap::from([(Kind::Stuck, 1)]));
    assert_eq!(findings.list[0].value, Some(99.99));
}

#[test]
fn an_hour_that_nobody_has_is_the_days_and_not_each_sensors() {
    let mut days: Vec<Hours> = (0..5).map(|sensor| clean(MetricType::Bikes, sensor)).collect();
    for day in &mut days {
        without(day, &[22, 23]);
    }
    let findings = found(MetricType::Bikes, &days);
    assert_eq!(findings.counts, BTreeMap::from([(Kind::MissingHour, 1)]));
    assert_eq!(findings.list[0].slots, [22, 23]);
}

#[test]
fn a_day_of_which_little_was_measured_says_so() {
    let mut days: Vec<Hours> = (0..4).map(|sensor| clean(MetricType::Bikes, sensor)).collect();
    days[1] = Hours::default();
    days[2] = Hours::default();
    let findings = found(MetricType::Bikes, &days);
    assert_eq!(findings.counts[&Kind::LowCoverage], 1);
    assert_eq!(findings.counts[&Kind::Gap], 2);
    assert_eq!(findings.coverage.map(|coverage| (coverage.measured, coverage.expected)), Some((48, 96)));
    assert!(found(MetricType::Bikes, &[]).is_clean());
}

#[test]
fn arcs_that_the_reference_lacks_are_told() {
    let known = BTreeSet::from(["1".to_owned(), "3".to_owned()]);
    let findings = unknown_arcs(["1", "2", "3", "4"], &known);
    let arcs: Vec<Option<&str>> = findings.list.iter().map(|one| one.sensor.as_deref()).collect();
    assert_eq!(arcs, [Some("2"), Some("4")]);
}

#[test]
fn lists_are_short_and_counts_are_whole() {
    let days = vec![Hours::default(); 250];
    let mut some = days.clone();
    some[0] = clean(MetricType::Bikes, 1);
    let findings = found(MetricType::Bikes, &some);
    assert_eq!((findings.counts[&Kind::Gap], findings.counts[&Kind::LowCoverage]), (249, 1));
    assert_eq!(findings.list.len(), LISTED + 1);
}

#[test]
fn an_import_tells_of_its_rows() {
    let mut tally =
        Tally { read: 100, kept: 90, duplicates: 3, conflicts: 1, disorder: 12, ..Tally::default() };
    for line in 2..9 {
        tally.reject(Reason::MissingId, "velo.csv", line);
    }
    let findings = of_import(&tally);
    let expected = [(Kind::Duplicate, 3), (Kind::Conflict, 1), (Kind::Disorder, 12), (Kind::Rejected, 7)];
    assert_eq!(findings.counts, BTreeMap::from(expected));
    let rejected = findings.list.iter().find(|one| one.kind == Kind::Rejected).unwrap();
    let detail = rejected.detail.as_deref().unwrap();
    assert!(detail.starts_with("no id: velo.csv, line 2; ") && detail.ends_with(", …"), "{detail}");
    assert!(of_import(&Tally { read: 9, kept: 9, ..Tally::default() }).is_clean());
}

proptest! {
    /// Neither the order of the sensors nor the way through the store changes what is found.
    #[test]
    fn findings_do_not_depend_on_order(turn in 0..30_usize, broken in 0..30_usize, fault in 0..12_usize) {
        let mut days: Vec<Hours> = (0..30).map(|sensor| clean(MetricType::Roads, sensor)).collect();
        FAULTS[fault].2(&mut days[broken]);
        let about = About::default();
        let ids: Vec<String> = (0..days.len()).map(|number| number.to_string()).collect();
        let mut sensors: Vec<SensorDay<'_>> =
            ids.iter().zip(&days).map(|(id, hours)| SensorDay { id, about: &about, hours }).collect();
        let expected = of_day(MetricType::Roads, DATE.parse().unwrap(), &sensors);
        sensors.rotate_left(turn);
        prop_assert_eq!(&of_day(MetricType::Roads, DATE.parse().unwrap(), &sensors), &expected);
        let text = serde_json::to_string(&expected).unwrap();
        prop_assert_eq!(serde_json::from_str::<Findings>(&text).unwrap(), expected);
    }
}
