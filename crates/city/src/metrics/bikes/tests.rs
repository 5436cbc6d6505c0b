#![expect(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]

use super::*;
use crate::hours::{Hours, Reading};
use crate::sensor::{About, Point};

fn hours(counts: impl IntoIterator<Item = (usize, i32)>) -> Hours {
    let mut hours = Hours::default();
    for (slot, count) in counts {
        hours.set(slot, Reading { flow: Some(count * 1_000), ..Reading::default() });
    }
    hours
}

fn about(name: &str, lon: f64, lat: f64) -> About {
    About { name: name.to_owned(), point: Some(Point { lon, lat }), ..About::default() }
}

fn one(date: &str, hours: &Hours) -> (CounterDay, BikeTotals) {
    let about = about("Quai", 2.375_59, 48.846_13);
    let (mut counters, totals) = day(date.parse().unwrap(), &[SensorDay { id: "a", about: &about, hours }]);
    (counters.remove(0), totals)
}

#[test]
fn a_counter_of_a_day() {
    let (counter, totals) = one(
        "2024-06-04",
        &hours((0..24).map(|slot| (slot, [3, 40, 12][usize::from(slot > 7) + usize::from(slot > 8)]))),
    );
    assert_eq!(
        (counter.total, counter.hours, counter.expected),
        (Some(8.0 * 3.0 + 40.0 + 15.0 * 12.0), 24, 24)
    );
    assert_eq!(counter.mean, Some(244.0 / 24.0));
    assert_eq!((counter.peak_hour, counter.peak), (Some(8), Some(40.0)));
    assert_eq!(counter.arrondissement.as_deref(), Some("75012"));
    assert_eq!((totals.total, totals.coverage.sensors, totals.coverage.percent), (Some(244.0), 1, 100.0));
}

#[test]
fn means_divide_by_the_hours_present() {
    let (counter, totals) = one("2024-06-04", &hours([(3, 10), (9, 5)]));
    assert_eq!((counter.mean, counter.hours), (Some(7.5), 2));
    assert_eq!((totals.coverage.measured, totals.coverage.expected), (2, 24));
    assert_eq!(counter.coverage, 100.0 * 2.0 / 24.0);
}

#[test]
fn a_day_of_23_hours_is_complete_with_23() {
    let (counter, _) = one("2024-03-31", &hours((0..23).map(|slot| (slot, i32::from(slot == 7)))));
    assert_eq!((counter.hours, counter.expected, counter.coverage), (23, 23, 100.0));
    assert_eq!(counter.peak_hour, Some(8), "the clock went forward before");
    assert_eq!(counter.mean, Some(1.0 / 23.0));
}

#[test]
fn negative_counts_are_missing_not_subtracted() {
    let (counter, totals) = one("2024-06-04", &hours([(3, 10), (4, -7), (9, 5)]));
    assert_eq!((counter.total, counter.hours, counter.discarded), (Some(15.0), 2, 1));
    assert_eq!(totals.total, Some(15.0));
}

#[test]
fn nothing_measured_is_null_and_not_zero() {
    let mut empty = Hours::default();
    empty.set(5, Reading::default());
    let (counter, totals) = one("2024-06-04", &empty);
    assert_eq!((counter.total, counter.mean, counter.peak_hour, counter.hours), (None, None, None, 0));
    assert_eq!((totals.total, totals.top_counters.len()), (None, 0));
    let zero = one("2024-06-04", &hours([(5, 0)])).1;
    assert_eq!((zero.total, zero.top_counters.len()), (Some(0.0), 1), "zero was measured");
}

#[test]
fn a_counter_that_sends_rows_without_a_count_is_silent() {
    let mut rows = hours([(7, -3)]);
    rows.set(5, Reading::default());
    let (counter, totals) = one("2024-06-04", &rows);
    assert_eq!((counter.silence, totals.failing_sensors), (Some(Silence::Unmeasured), vec!["a".to_owned()]));
    let failing = &totals.failing[0];
    assert_eq!((failing.reason, failing.value, failing.hours), (Silence::Unmeasured, None, 2));
}

#[test]
fn silent_counters_are_listed_and_not_among_the_busiest() {
    let (zero, stuck, good) = (
        hours((0..24).map(|slot| (slot, 0))),
        hours((0..24).map(|slot| (slot, 999))),
        hours((0..24).map(|slot| (slot, i32::try_from(slot).unwrap()))),
    );
    let about = About::default();
    let sensors =
        [("z", &zero), ("s", &stuck), ("g", &good)].map(|(id, hours)| SensorDay { id, about: &about, hours });
    let (counters, totals) = day("2024-06-04".parse().unwrap(), &sensors);
    assert_eq!(totals.failing_sensors, ["s", "z"]);
    assert_eq!(totals.failing[0].reason, Silence::Stuck);
    assert_eq!((totals.failing[0].value, totals.failing[0].hours), (Some(999.0), 24));
    let top: Vec<&str> = totals.top_counters.iter().map(|counter| counter.id.as_str()).collect();
    assert_eq!(top, ["g"]);
    assert_eq!(counters.iter().map(|counter| counter.id.as_str()).collect::<Vec<_>>(), ["g", "s", "z"]);
}

#[test]
fn the_busiest_are_ten_and_ties_are_by_id() {
    let about = About::default();
    let equal = hours([(8, 50), (9, 51)]);
    let ids: Vec<String> = (0..15).rev().map(|number| format!("{number:02}")).collect();
    let sensors: Vec<SensorDay<'_>> =
        ids.iter().map(|id| SensorDay { id, about: &about, hours: &equal }).collect();
    let (_, totals) = day("2024-06-04".parse().unwrap(), &sensors);
    let top: Vec<&str> = totals.top_counters.iter().map(|counter| counter.id.as_str()).collect();
    assert_eq!(top, ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09"]);
}

fn with_total(total: i32) -> CounterDay {
    one("2024-06-04", &hours((0..24).map(|slot| (slot, if slot == 8 { total } else { 0 })))).0
}

fn judged(today: i32, before: &[i32]) -> Vec<Anomaly> {
    let history: Vec<Vec<CounterDay>> = before.iter().map(|total| vec![with_total(*total)]).collect();
    let mut today = vec![with_total(today)];
    let found = anomalies(&mut today, &history);
    assert_eq!(today[0].is_anomaly, !found.is_empty());
    found
}

#[test]
fn an_outlier_has_a_robust_z_above_three_and_a_half() {
    // The median is 1000; without the farthest two of seven days the distances from it are 0, 100, 100, 150 and 150: the
    // root of their mean square is 114.02, widened by 3.3.
    let before = [850, 900, 1_100, 1_150, 1_000, 1_160, 840];
    assert!(judged(2_316, &before).is_empty(), "1316 / (3.3 · 114.02) = 3.498");
    let found = judged(2_317, &before);
    assert_eq!((found[0].median, found[0].compared), (1_000.0, 7));
    assert!((found[0].score - 1_317.0 / (3.3 * 13_000_f64.sqrt())).abs() < 1e-12);
}

#[test]
fn four_days_of_history_are_too_few_and_more_than_eight_weeks_too_old() {
    assert!(judged(5_000, &[1_000, 1_001, 1_002, 1_003]).is_empty());
    assert_eq!(judged(5_000, &[1_000, 1_001, 1_002, 1_003, 1_004]).len(), 1);
    let mut nine = [1_000; 9];
    nine[8] = 1_000_000;
    assert_eq!(judged(5_000, &nine)[0].compared, 8);
}

#[test]
fn a_constant_history_leaves_the_spread_of_chance_and_of_weather() {
    assert!(judged(135, &[100; 5]).is_empty(), "35 / √100 = 3.5");
    assert_eq!(judged(136, &[100; 5]).len(), 1);
    assert!(judged(6_500, &[10_000; 5]).is_empty(), "a third less is what rain does");
    assert_eq!(judged(6_499, &[10_000; 5]).len(), 1);
    assert!(judged(4, &[1; 5]).is_empty(), "one and four are nothing to speak of");
}

#[test]
fn silent_or_incomplete_days_are_no_history() {
    let silent = one("2024-06-04", &hours((0..24).map(|slot| (slot, 0)))).0;
    let partial = one("2024-06-04", &hours((0..12).map(|slot| (slot, i32::from(slot == 8) * 900)))).0;
    let mut history: Vec<Vec<CounterDay>> =
        [1_000, 1_010, 990, 1_005].map(|total| vec![with_total(total)]).into();
    history.push(vec![silent]);
    history.push(vec![partial]);
    assert!(anomalies(&mut [with_total(5_000)], &history).is_empty());
}

#[test]
fn anomalies_reach_the_busiest_too() {
    let mut totals = one("2024-06-04", &hours((0..24).map(|slot| (slot, i32::try_from(slot).unwrap())))).1;
    let anomaly = judged(5_000, &[1_000; 5]).remove(0);
    totals.tell(vec![anomaly]);
    assert!(totals.top_counters[0].is_anomaly);
    let text = serde_json::to_string(&totals).unwrap();
    assert_eq!(serde_json::from_str::<BikeTotals>(&text).unwrap(), totals);
}
