//! Local times of Paris, as disruptions and weather write them: without an offset.

use kernel::{Day, Timestamp};

const HOUR: i64 = 3600;
/// From this time on, a clock that changes on a day has changed: in March it goes from 02:00 to 03:00, in October from
/// 03:00 back to 02:00 (Directive 2000/84/EC).
const CHANGED: i64 = 3 * HOUR;

/// Days as they are written: `2024-03-15`, or an instant such as `2005-01-01T02:00:00+01:00`, of which the day in Paris
/// counts.
pub(super) fn day(text: &str) -> Option<Day> {
    let text = text.trim();
    match text.parse::<Day>() {
        Ok(day) => Some(day),
        Err(_) => text.parse::<Timestamp>().ok().map(Timestamp::paris_day),
    }
}

/// A local time of Paris: `20240408T071300`, the same with dashes and colons, or with an offset, which then counts.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let (date, time) = text.split_once(['T', ' '])?;
    let digits: String = date.chars().filter(|letter| *letter != '-').collect();
    let written = digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let day: Day =
        written.then(|| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]).parse().ok())??;
    Some(at(day, seconds(time)?))
}

/// So many seconds of the clock after midnight on a day in Paris. Of an hour that comes twice in October the first is
/// meant; one that is skipped in March is taken as if the clock had not changed yet.
pub(super) fn at(day: Day, seconds: i64) -> Timestamp {
    let (start, end) = (day.start(), day.plus(1).start());
    let length = (end.micros() - start.micros()) / 1_000_000;
    let moved = if seconds >= CHANGED { length - 24 * HOUR } else { 0 };
    start.plus_seconds(seconds + moved)
}

/// `071300`, `07:13:00` or `07:13` as seconds after midnight.
fn seconds(time: &str) -> Option<i64> {
    let digits: String = time.chars().filter(|letter| *letter != ':').collect();
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize| digits.get(from..from + 2).map_or(Some(0), |two| two.parse::<i64>().ok());
    let (hours, minutes, seconds) = (number(0)?, number(2)?, number(4)?);
    (hours < 24 && minutes < 60 && seconds < 60).then_some(hours * HOUR + minutes * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Option<String> {
        instant(text).map(|at| at.to_string())
    }

    #[test]
    fn local_times_become_instants() {
        for (text, expected) in [
            ("20240408T071300", "2024-04-08T05:13:00Z"),
            ("20240108T071300", "2024-01-08T06:13:00Z"),
            ("2024-04-08T07:13:00", "2024-04-08T05:13:00Z"),
            ("2024-04-08 07:13", "2024-04-08T05:13:00Z"),
            ("2024-04-08T07:13:00+00:00", "2024-04-08T07:13:00Z"),
            ("20240331T015959", "2024-03-31T00:59:59Z"),
            ("20240331T030000", "2024-03-31T01:00:00Z"),
            ("20241027T020000", "2024-10-27T00:00:00Z"),
            ("20241027T030000", "2024-10-27T02:00:00Z"),
            ("20241027T235959", "2024-10-27T22:59:59Z"),
        ] {
            assert_eq!(utc(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in
            ["", "20240408", "20240230T000000", "20240408T250000", "2024040T071300", "T", "20240408Tnoon"]
        {
            assert_eq!(utc(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_dates_or_those_of_an_instant() {
        let day = |text| super::day(text).map(|day| day.to_string());
        assert_eq!(day("2024-03-15").as_deref(), Some("2024-03-15"));
        assert_eq!(day("2005-01-01T02:00:00+01:00").as_deref(), Some("2005-01-01"));
        assert_eq!(day("2019-05-31T23:00:00Z").as_deref(), Some("2019-06-01"));
        assert_eq!((day(""), day("15/03/2024")), (None, None));
    }
}
