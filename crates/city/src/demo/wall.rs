//! Times as clocks in Paris show them, with their offset, as portals write them.

use kernel::Day;

const HOUR: i64 = 3600;
/// Clocks change at 01:00 UTC (Directive 2000/84/EC).
const CHANGE: i64 = HOUR;

/// The hours of a day, 23, 24 or 25.
pub(super) fn hours(day: Day) -> i64 {
    (day.plus(1).start().micros() - day.start().micros()) / (1_000_000 * HOUR)
}

/// The hour on the clock in an hour of a day, which is counted from 0 in the order of time.
pub(super) fn clock(day: Day, hour: i64) -> i64 {
    hour + (offset_at(day, hour) - offset(day, day.start().micros() / 1_000_000))
}

/// The beginning of an hour of a day, such as `2024-03-31T03:00:00+02:00`.
pub(super) fn time(day: Day, hour: i64) -> String {
    format!("{day}T{:02}:00:00+{:02}:00", clock(day, hour), offset_at(day, hour))
}

/// The offset from UTC in an hour of a day, in hours.
fn offset_at(day: Day, hour: i64) -> i64 {
    let change = day.number() * 24 * HOUR + CHANGE;
    let at = day.start().micros() / 1_000_000 + hour * HOUR;
    // On a day without a change both ends have the same offset.
    if at < change {
        offset(day, day.start().micros() / 1_000_000)
    } else {
        offset(day.plus(1), day.plus(1).start().micros() / 1_000_000)
    }
}

/// The offset at the first instant of a day, in hours.
fn offset(day: Day, start: i64) -> i64 {
    (day.number() * 24 * HOUR - start) / HOUR
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_clock_changes_where_it_does_in_paris() {
        let times = |day: &str, hours: std::ops::Range<i64>| {
            let day: Day = day.parse().unwrap();
            hours.map(|hour| time(day, hour)[11..].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(times("2024-03-31", 0..3), ["00:00:00+01:00", "01:00:00+01:00", "03:00:00+02:00"]);
        assert_eq!(times("2024-03-31", 22..23), ["23:00:00+02:00"]);
        let autumn =
            ["00:00:00+02:00", "01:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00", "03:00:00+01:00"];
        assert_eq!(times("2024-10-27", 0..5), autumn);
        assert_eq!(times("2024-10-27", 24..25), ["23:00:00+01:00"]);
        assert_eq!(times("2024-07-01", 0..1), ["00:00:00+02:00"]);
        assert_eq!(times("2024-01-01", 23..24), ["23:00:00+01:00"]);
    }

    #[test]
    fn each_time_is_the_instant_that_it_names() {
        for day in ["2024-03-31", "2024-10-27", "2024-06-01"] {
            let day: Day = day.parse().unwrap();
            for hour in 0..hours(day) {
                let at: kernel::Timestamp = time(day, hour).parse().unwrap();
                assert_eq!(at, day.start().plus_seconds(hour * HOUR), "{day} {hour}");
            }
        }
    }
}
