#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const NOON: Timestamp = Timestamp::from_micros(1_767_268_800_000_000);

fn at(seconds: i64) -> Timestamp {
    NOON.plus_seconds(seconds)
}

#[expect(clippy::float_cmp, reason = "halves are exact")]
fn is(windows: &Windows, window: Window, seconds: i64, points: f64) -> bool {
    windows.points(window, at(seconds)) == points
}

#[test]
fn a_window_slides_and_its_oldest_bucket_counts_in_part() {
    let mut windows = Windows::default();
    windows.add(4, at(0));
    assert!(is(&windows, Window::Hour, 0, 2.0) && is(&windows, Window::Hour, 3600, 2.0));
    assert!(is(&windows, Window::Hour, 3720, 1.0), "half of the first bucket is still inside");
    assert!(is(&windows, Window::Hour, 3780, 0.5));
    assert!(is(&windows, Window::Hour, 3840, 0.0));
    assert!(is(&windows, Window::Day, 86_400, 2.0) && is(&windows, Window::Day, 86_400 + 2700, 1.0));
    assert!(is(&windows, Window::Day, 86_400 + 5400, 0.0));
    assert!(is(&windows, Window::Day, 1_000_000_000, 0.0));
}

#[test]
fn new_activity_pushes_nothing_back() {
    let mut windows = Windows::default();
    for minute in 0..180 {
        windows.add(2, at(minute * 60));
    }
    // The sixty minutes since 120, and a quarter of the bucket before those.
    assert!(is(&windows, Window::Hour, 179 * 60, 61.0), "{}", windows.points(Window::Hour, at(179 * 60)));
    assert!(is(&windows, Window::Hour, 179 * 60 + 59, 60.0 + 1.0 / 60.0));
    assert!(is(&windows, Window::Day, 179 * 60, 180.0));
}

#[test]
fn when_the_clock_goes_back_no_time_has_passed() {
    let mut windows = Windows::default();
    windows.add(2, at(7200));
    windows.add(2, at(0));
    assert!(is(&windows, Window::Hour, 7200, 2.0), "counted as now");
    assert!(is(&windows, Window::Hour, -100_000, 2.0));
}

#[test]
fn quiet_offers_hold_nothing() {
    let mut windows = Windows::default();
    windows.add(0, at(0));
    assert_eq!(
        (&windows, std::mem::size_of::<Windows>()),
        (&Windows::default(), std::mem::size_of::<usize>())
    );
    windows.add(1, at(0));
    windows.forget_if_quiet(at(86_400));
    assert!(is(&windows, Window::Day, 86_400, 0.5));
    windows.forget_if_quiet(at(86_400 + 5400));
    assert_eq!(windows, Windows::default());
}

proptest! {
    /// Against a list of everything that happened, summed by bucket without any ring.
    #[test]
    fn windows_are_those_of_a_full_list(steps in prop::collection::vec((0..4_000_i64, 1..12_u32), 1..200), ask in 0..8_000_i64) {
        let (mut windows, mut list, mut now) = (Windows::default(), Vec::new(), 0);
        for (passed, half_points) in steps {
            now += passed;
            windows.add(half_points, at(now));
            list.push((at(now).micros(), half_points));
        }
        let now = at(now + ask);
        for (window, span, buckets) in [(Window::Hour, 240_000_000, 15), (Window::Day, 5_400_000_000, 16)] {
            let oldest = now.micros().div_euclid(span) - buckets;
            let part = |micros: i64| f64::from(u32::try_from(micros / 1_000).unwrap());
            let inside = 1.0 - part(now.micros().rem_euclid(span)) / part(span);
            let expected: f64 = list.iter().map(|(at, half_points)| match at.div_euclid(span).cmp(&oldest) {
                std::cmp::Ordering::Less => 0.0,
                std::cmp::Ordering::Equal => f64::from(*half_points) * inside,
                std::cmp::Ordering::Greater => f64::from(*half_points),
            }).sum();
            prop_assert!((windows.points(window, now) - expected / 2.0).abs() < 1e-6);
        }
        let stored = serde_json::to_string(&windows.to_stored()).unwrap();
        prop_assert_eq!(Windows::from(&serde_json::from_str::<StoredWindows>(&stored).unwrap()), windows);
    }
}
