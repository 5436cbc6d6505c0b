#![expect(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::hours::{Hours, Reading};
use crate::sensor::{About, Point};

fn reading(flow: Option<i32>, percent: Option<f64>) -> Reading {
    #[expect(clippy::cast_possible_truncation, reason = "tests")]
    let occupancy = percent.map(|percent| (percent * 100_000.0).round() as i32);
    Reading { flow: flow.map(|flow| flow * 1_000), occupancy, ..Reading::default() }
}

fn hours(readings: impl IntoIterator<Item = (usize, Option<i32>, Option<f64>)>) -> Hours {
    let mut hours = Hours::default();
    for (slot, flow, percent) in readings {
        hours.set(slot, reading(flow, percent));
    }
    hours
}

/// A line of 100 m to the north, in the 8th.
fn about() -> About {
    let south = Point { lon: 2.301_7, lat: 48.871_5 };
    let degrees = (100.0 / geo::EARTH_RADIUS).to_degrees();
    About {
        name: "Avenue".to_owned(),
        point: Some(south),
        line: vec![south, Point { lat: south.lat + degrees, ..south }],
        ..About::default()
    }
}

fn one(date: &str, hours: &Hours) -> (ArcDay, RoadTotals) {
    let about = about();
    let (mut arcs, totals) = day(date.parse().unwrap(), &[SensorDay { id: "4264", about: &about, hours }]);
    (arcs.remove(0), totals)
}

fn close(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() < 1e-6)
}

#[test]
fn flow_and_occupancy_are_kept_apart() {
    let (arc, totals) = one(
        "2024-01-04",
        &hours([(0, Some(100), Some(10.0)), (1, Some(300), None), (2, None, Some(40.0)), (3, None, None)]),
    );
    assert_eq!((arc.flow, arc.mean_flow, arc.max_flow), (Some(400.0), Some(200.0), Some(300.0)));
    assert_eq!((arc.occupancy, arc.flow_hours, arc.occupancy_hours), (Some(25.0), 2, 2));
    assert_eq!((arc.hours, arc.expected, arc.coverage), (4, 24, 12.5));
    assert_eq!(arc.states, StateHours { free: 1, saturated: 1, unknown: 2, ..StateHours::default() });
    assert_eq!((arc.shares.free, arc.shares.unknown), (25.0, 50.0));
    assert_eq!(arc.peak.as_deref(), Some("2024-01-04T01:00:00+01:00"));
    assert_eq!(totals.global_metrics.availability, 12.5);
}

#[test]
fn time_is_lost_per_vehicle_at_the_mean_and_in_total_hour_by_hour() {
    let (arc, totals) = one(
        "2024-01-04",
        &hours([
            (7, Some(1_000), Some(99.0)),
            (8, Some(2_000), Some(20.0)),
            (9, Some(500), None),
            (10, None, Some(95.0)),
        ]),
    );
    // The mean of 99, 20 and 95 % is above 70 %: 20 km/h, 18 ten-thousandths of a minute per metre.
    assert_eq!(arc.speed, Some(20));
    assert!(close(arc.lost, 0.18));
    assert!(
        close(arc.total_lost, 180.0),
        "only the thousand vehicles of one hour lost time: {:?}",
        arc.total_lost
    );
    assert!(close(totals.global_metrics.lost, 180.0));
    assert_eq!(totals.top_zones[0].zone, "Paris 8e");
    assert!(close(totals.top_zones[0].lost, 180.0));
}

#[test]
fn nothing_is_said_without_measurements() {
    let (arc, totals) = one("2024-01-04", &hours((0..24).map(|slot| (slot, None, None))));
    assert_eq!((arc.flow, arc.mean_flow, arc.max_flow, arc.occupancy), (None, None, None, None));
    assert_eq!((arc.lost, arc.total_lost, arc.speed, arc.peak), (None, None, None, None));
    assert_eq!((arc.hours, arc.coverage, arc.state), (24, 0.0, TrafficState::Unknown));
    let city = &totals.global_metrics;
    assert_eq!((city.active, city.availability), (0, 0.0));
    assert_eq!((city.vehicles, city.lost, city.saturated, city.occupancy), (None, None, None, None));
    assert!(totals.top_arcs.is_empty() && totals.top_zones.is_empty());
    assert_eq!(arc.silence, Some(Silence::Unmeasured));
    let failing = &totals.failing[0];
    assert_eq!((failing.reason, failing.value, failing.hours), (Silence::Unmeasured, None, 24));
}

#[test]
fn what_no_sensor_tells_is_unknown_and_what_one_tells_as_zero_is_zero() {
    let (arc, totals) = one("2024-01-04", &hours([(7, Some(0), None), (8, Some(0), None)]));
    let (city, zone) = (&totals.global_metrics, &totals.top_zones[0]);
    assert_eq!((arc.flow, city.vehicles, zone.vehicles), (Some(0.0), Some(0.0), Some(0.0)));
    assert_eq!((arc.total_lost, city.lost, zone.lost), (None, None, None), "without an occupancy");
    assert_eq!((city.saturated, zone.saturated), (None, None));
    let (arc, totals) = one("2024-01-04", &hours([(7, None, Some(95.0)), (8, None, Some(95.0))]));
    let city = &totals.global_metrics;
    assert_eq!((arc.flow, city.vehicles, city.lost, city.saturated), (None, None, None, Some(1)));
    assert_eq!(totals.alerts[0].lost, None, "nobody counted who stood there");
    let (arc, totals) = one("2024-01-04", &hours([(7, Some(100), Some(5.0))]));
    let city = &totals.global_metrics;
    assert_eq!((arc.total_lost, city.lost, city.saturated), (Some(0.0), Some(0.0), Some(0)));
}

#[test]
fn zones_whose_lost_time_is_not_known_come_last() {
    let (here, uncounted) = (about(), hours([(7, Some(10), None)]));
    let bastille = Point { lon: 2.37559, lat: 48.84613 };
    let there = About { point: Some(bastille), ..about() };
    let measured = hours([(7, Some(10), Some(10.0))]);
    let sensors = [
        SensorDay { id: "a", about: &here, hours: &uncounted },
        SensorDay { id: "b", about: &there, hours: &measured },
    ];
    let zones = day("2024-01-04".parse().unwrap(), &sensors).1.top_zones;
    let told: Vec<_> = zones.iter().map(|zone| (zone.number, zone.lost)).collect();
    assert_eq!(told, [(12, Some(0.0)), (8, None)]);
}

#[test]
fn without_a_line_there_is_no_length_and_no_lost_time() {
    let about = About { point: about().point, ..About::default() };
    let hours = hours([(0, Some(10), Some(90.0))]);
    let (arcs, totals) =
        day("2024-01-04".parse().unwrap(), &[SensorDay { id: "a", about: &about, hours: &hours }]);
    assert_eq!((arcs[0].length, arcs[0].lost, arcs[0].total_lost), (None, None, None));
    assert_eq!((totals.global_metrics.without_length, totals.global_metrics.lost), (1, None));
}

#[test]
fn an_arc_without_a_place_is_half_way_along_its_line() {
    let about = About { point: None, ..about() };
    let hours = hours([(0, Some(10), Some(90.0))]);
    let (arcs, _) =
        day("2024-01-04".parse().unwrap(), &[SensorDay { id: "a", about: &about, hours: &hours }]);
    assert_eq!(arcs[0].arrondissement.as_deref(), Some("75008"));
    assert!(arcs[0].coordinates.is_some_and(|place| place.lat > 48.871_5));
}

#[test]
fn the_dominant_state_is_of_most_hours_and_of_equals_the_worse() {
    let state = |percents: &[Option<f64>]| {
        one("2024-01-04", &hours(percents.iter().enumerate().map(|(slot, percent)| (slot, None, *percent))))
            .0
            .state
    };
    assert_eq!(state(&[Some(1.0), Some(2.0), Some(60.0)]), TrafficState::Free);
    assert_eq!(state(&[Some(1.0), Some(60.0)]), TrafficState::Blocked);
    assert_eq!(state(&[Some(20.0), None, None]), TrafficState::Dense);
    assert_eq!(state(&[None]), TrafficState::Unknown);
}

#[test]
fn states_change_at_15_30_and_50_percent() {
    let states = [14.999_99, 15.0, 29.999_99, 30.0, 49.999_99, 50.0]
        .map(|percent| TrafficState::of(reading(None, Some(percent)).occupancy).as_str());
    assert_eq!(states, ["Fluide", "Pré-saturé", "Pré-saturé", "Saturé", "Saturé", "Bloqué"]);
}

#[test]
fn saturated_means_30_percent_or_more_on_average() {
    let saturated =
        |percent| one("2024-01-04", &hours([(0, None, Some(percent))])).1.global_metrics.saturated;
    assert_eq!((saturated(29.999_99), saturated(30.0)), (Some(0), Some(1)));
}

#[test]
fn impossible_values_count_as_missing() {
    let (arc, _) = one(
        "2024-01-04",
        &hours([(0, Some(-5), Some(20.0)), (1, Some(10), Some(100.1)), (2, Some(20), Some(-0.1))]),
    );
    assert_eq!((arc.flow, arc.flow_hours), (Some(30.0), 2));
    assert_eq!((arc.occupancy, arc.occupancy_hours, arc.discarded), (Some(20.0), 1, 3));
}

#[test]
fn two_hours_in_a_row_make_an_alert() {
    let alerts = |percents: &[f64]| {
        let hours =
            hours(percents.iter().enumerate().map(|(slot, percent)| (slot, Some(100), Some(*percent))));
        one("2024-01-04", &hours).1.alerts
    };
    assert!(alerts(&[80.0, 79.9, 95.0, 20.0]).is_empty(), "one hour is not enough");
    let high = alerts(&[10.0, 80.0, 95.0, 85.0, 10.0]);
    assert_eq!((high.len(), high[0].severity, high[0].hours), (1, AlertSeverity::High, 3));
    assert_eq!(
        (high[0].from.as_str(), high[0].to.as_str()),
        ("2024-01-04T01:00:00+01:00", "2024-01-04T04:00:00+01:00")
    );
    assert!(close(Some(high[0].mean), 260.0 / 3.0) && high[0].max == 95.0);
    assert!(close(high[0].lost, 300.0 * 0.18));
    assert_eq!(alerts(&[90.0, 90.0])[0].severity, AlertSeverity::Critical);
    let two = alerts(&[80.0, 80.0, 10.0, 90.0, 99.0]);
    assert_eq!(
        two.iter().map(|alert| alert.severity).collect::<Vec<_>>(),
        [AlertSeverity::Critical, AlertSeverity::High]
    );
}

#[test]
fn an_hour_that_is_missing_ends_an_alert() {
    let hours = hours([(3, None, Some(99.0)), (5, None, Some(99.0))]);
    assert!(one("2024-01-04", &hours).1.alerts.is_empty());
}

#[test]
fn silent_arcs_are_told_with_the_reason() {
    let failing = |hours: &Hours| one("2024-01-04", hours).1.failing;
    let zero = failing(&hours(
        (0..24).map(|slot| (slot, Some(0), Some(3.0 + f64::from(u8::try_from(slot).unwrap())))),
    ));
    assert_eq!((zero[0].reason, zero[0].arc.as_deref()), (Silence::AllZero, Some("4264")));
    let stuck = failing(&hours((0..24).map(|slot| (slot, i32::try_from(slot).ok(), Some(99.9)))));
    assert_eq!((stuck[0].reason, stuck[0].value, stuck[0].hours), (Silence::Stuck, Some(99.9), 24));
    let empty_road = hours((0..24).map(|slot| (slot, i32::try_from(slot).ok(), Some(0.0))));
    assert!(failing(&empty_road).is_empty(), "an occupancy of zero is an empty road");
}

#[test]
fn the_clock_change_is_seen_in_hours_and_peaks() {
    let (arc, _) =
        one("2024-10-27", &hours((0..25).map(|slot| (slot, Some(i32::from(slot == 3)), Some(1.0)))));
    assert_eq!((arc.expected, arc.hours, arc.coverage), (25, 25, 100.0));
    assert_eq!(arc.peak.as_deref(), Some("2024-10-27T02:00:00+01:00"));
}

fn any_hours() -> impl Strategy<Value = Hours> {
    let reading =
        (0..25_usize, proptest::option::of(0..9_000_000_i32), proptest::option::of(0..10_000_001_i32));
    proptest::collection::vec(reading, 0..30).prop_map(|readings| {
        let mut hours = Hours::default();
        for (slot, flow, occupancy) in readings {
            hours.add(slot, Reading { flow, occupancy, ..Reading::default() });
        }
        hours
    })
}

proptest! {
    /// The order of the sensors changes nothing, not even the last digit.
    #[test]
    fn order_does_not_matter(mut all in proptest::collection::vec(any_hours(), 1..12), turn in 0..12_usize) {
        let about = about();
        let date = "2024-01-04".parse().unwrap();
        let ids: Vec<String> = (0..all.len()).map(|number| number.to_string()).collect();
        let mut named: Vec<SensorDay<'_>> =
            ids.iter().zip(&all).map(|(id, hours)| SensorDay { id, about: &about, hours }).collect();
        let expected = day(date, &named);
        let turn = turn % named.len();
        named.rotate_left(turn);
        prop_assert_eq!(day(date, &named), expected.clone());
        let lost: f64 = expected.0.iter().filter_map(|arc| arc.total_lost).sum();
        let told = expected.1.global_metrics.lost;
        prop_assert_eq!(told.is_some(), expected.0.iter().any(|arc| arc.total_lost.is_some()));
        prop_assert!((lost - told.unwrap_or_default()).abs() <= 1e-6 * lost.max(1.0));
        all.clear();
    }

    /// What is stored is read back as it was.
    #[test]
    fn json_keeps_every_digit(hours in any_hours()) {
        let (arc, totals) = one("2024-01-04", &hours);
        let text = serde_json::to_string(&(&arc, &totals)).unwrap();
        prop_assert_eq!(serde_json::from_str::<(ArcDay, RoadTotals)>(&text).unwrap(), (arc, totals));
    }
}
