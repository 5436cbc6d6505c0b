#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::hours::Reading;

/// Hours with these flows, in vehicles, from a slot on.
fn from(slot: usize, flows: &[i32]) -> Hours {
    let mut hours = Hours::default();
    for (slot, flow) in (slot..).zip(flows) {
        hours.set(slot, Reading { flow: Some(flow * 1_000), ..Reading::default() });
    }
    hours
}

/// A day on which nothing is wrong.
fn usual_day(of: i32) -> Hours {
    from(0, &(0..24).map(|hour| 40 + (hour * 7 + of) % 11).collect::<Vec<_>>())
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// What is told of a day; each of the days has its sensors in the order of their numbers.
fn told(on: &str, days: &[(&str, &[(i64, Hours)])]) -> Around {
    let days = days.iter().map(|(date, sensors)| (day(date), sensors.iter().copied().collect()));
    around(MetricType::Bikes, day(on), &Neighbours { days: days.collect() })
}

fn of_kind(around: &Around, kind: Kind) -> Vec<&Notice> {
    around.notices.iter().filter(|notice| notice.kind == kind).collect()
}

#[test]
fn a_sensor_of_the_week_before_is_expected() {
    let (here, mut no_value) = (usual_day(0), Hours::default());
    no_value.set(3, Reading::default());
    let days: [(&str, &[(i64, Hours)]); 4] = [
        ("2024-05-27", &[(0, here), (9, here)]),
        ("2024-05-28", &[(0, here), (1, here)]),
        ("2024-06-02", &[(0, here), (2, here), (3, no_value)]),
        ("2024-06-04", &[(0, here), (4, here)]),
    ];
    let found = told("2024-06-04", &days);
    assert_eq!(found.expected, Some(3), "9 is too long ago, 3 measured nothing, 4 is new");
    let absent: Vec<_> =
        found.notices.iter().map(|it| (it.sensor, it.kind, it.detail.clone().unwrap())).collect();
    let last = |on: &str| format!("measured last on {on}");
    assert_eq!(absent, [(1, Kind::Absent, last("2024-05-28")), (2, Kind::Absent, last("2024-06-02"))]);
    let failing = found.notices[0].failing(MetricType::Bikes, "c1", "Quai").unwrap();
    assert_eq!((failing.reason, failing.value, failing.hours), (Silence::Absent, None, 24));
    assert_eq!((failing.counter.as_deref(), failing.arc), (Some("c1"), None));
}

#[test]
fn nothing_is_expected_when_nothing_is_known_of_the_week_before() {
    let here = usual_day(0);
    assert_eq!(told("2024-06-04", &[("2024-06-04", &[(0, here)])]), Around::default());
    let alone = told("2024-06-04", &[("2024-06-03", &[(0, here)])]);
    assert_eq!(alone, Around::default(), "nothing is said of a day that nobody knows");
    assert_eq!(told("2024-06-04", &[("2024-06-03", &[]), ("2024-06-04", &[])]).expected, Some(0));
}

#[test]
fn a_value_stuck_over_midnight_is_told_on_both_days() {
    let evening = from(14, &[7; 10]);
    let mut morning = usual_day(0);
    for slot in 0..10 {
        morning.set(slot, Reading { flow: Some(7_000), ..Reading::default() });
    }
    let days: [(&str, &[(i64, Hours)]); 2] =
        [("2024-06-03", &[(5, evening)]), ("2024-06-04", &[(5, morning)])];
    for (on, slots) in [("2024-06-03", 14..24), ("2024-06-04", 0..10)] {
        let found = told(on, &days);
        let stuck = of_kind(&found, Kind::Stuck);
        assert_eq!(stuck[0].slots, slots.collect::<Vec<_>>());
        assert_eq!((stuck.len(), stuck[0].value, stuck[0].hours), (1, Some(7.0), 20));
        let detail = "20 hours, seen from 2024-06-03T14:00:00+02:00 to 2024-06-04T10:00:00+02:00";
        assert_eq!(stuck[0].detail.as_deref(), Some(detail));
    }
}

#[test]
fn what_a_day_shows_by_itself_is_not_told_twice() {
    let days: [(&str, &[(i64, Hours)]); 2] =
        [("2024-06-03", &[(5, from(0, &[7; 24]))]), ("2024-06-04", &[(5, from(0, &[7, 7, 7, 8, 9]))])];
    assert!(told("2024-06-03", &days).notices.is_empty());
    assert_eq!(of_kind(&told("2024-06-04", &days), Kind::Stuck)[0].slots, [0, 1, 2]);
}

#[test]
fn twelve_hours_and_zeros_over_midnight_are_not_stuck() {
    for (value, hours) in [(7, 6), (0, 10)] {
        let evening = from(24 - hours, &vec![value; hours]);
        let mut morning = usual_day(0);
        for slot in 0..hours {
            morning.set(slot, Reading { flow: Some(value * 1_000), ..Reading::default() });
        }
        let days: [(&str, &[(i64, Hours)]); 2] =
            [("2024-06-03", &[(5, evening)]), ("2024-06-04", &[(5, morning)])];
        assert!(told("2024-06-04", &days).notices.is_empty(), "{hours} hours of {value}");
    }
}

#[test]
fn an_occupancy_is_stuck_over_midnight_too() {
    let full = |slots: std::ops::Range<usize>| {
        let mut hours = usual_day(1);
        for slot in 0..24 {
            let full = if slots.contains(&slot) { 9_999_000 } else { 100_000 * i32::try_from(slot).unwrap() };
            let flow = hours.get(slot).unwrap().flow;
            hours.set(slot, Reading { flow, occupancy: Some(full), ..Reading::default() });
        }
        hours
    };
    let days: [(&str, &[(i64, Hours)]); 2] =
        [("2024-06-03", &[(5, full(17..24))]), ("2024-06-04", &[(5, full(0..6))])];
    let found = told("2024-06-04", &days);
    let stuck = of_kind(&found, Kind::Stuck);
    assert_eq!((stuck[0].value, stuck[0].hours, stuck[0].slots.len()), (Some(99.99), 13, 6));
}

#[test]
fn a_count_unlike_the_same_hour_of_other_days_is_told() {
    let dates: Vec<Day> = (0..8).map(|back| day("2024-04-03").plus(-back)).collect();
    let night = |hour: usize| if hour < 6 { 4 } else { 60 };
    let quiet = from(0, &(0..24).map(night).collect::<Vec<_>>());
    let mut spoilt = quiet;
    for slot in [2, 3] {
        spoilt.set(slot, Reading { flow: Some(40_000), ..Reading::default() });
    }
    let mut days: BTreeMap<Day, Measured> =
        dates.iter().map(|date| (*date, Measured::from([(8, quiet)]))).collect();
    days.insert(dates[0], Measured::from([(8, spoilt)]));
    let told = |days: &BTreeMap<Day, Measured>| {
        let found = around(MetricType::Bikes, dates[0], &Neighbours { days: days.clone() });
        found.notices.iter().flat_map(|notice| notice.slots.clone()).collect::<Vec<_>>()
    };
    // In that week the clock goes forward.
    assert_eq!(told(&days), [2, 3], "also two hours in a row");
    for date in &dates[1..5] {
        days.remove(date);
    }
    assert!(told(&days).is_empty(), "three other days are too few");
}
