//! When portals are asked.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kernel::Timestamp;

/// So often it is looked whether a portal is due.
pub(super) const AGAIN: Duration = Duration::from_mins(1);

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
/// Local time skips or repeats the hour before this one when the clock changes (Directive 2000/84/EC: at 01:00 UTC).
const CHANGE: i64 = 3 * HOUR;

/// When portals are asked: again and again, or once a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// So long after the last time, in seconds.
    Every(i64),
    /// At a time of the day in Europe/Paris, in seconds after midnight by the clock on the wall.
    Daily(i64),
}

impl Schedule {
    /// When to ask next. A portal that was never asked is asked at once, or at the first such time after `started`.
    pub fn next(self, last: Option<Timestamp>, started: Timestamp) -> Timestamp {
        match self {
            Self::Every(seconds) => last.map_or(started, |last| last.plus_seconds(seconds)),
            Self::Daily(seconds) => first_after(last.unwrap_or(started), seconds),
        }
    }
}

/// The first instant after another at which clocks in Paris show this time.
fn first_after(after: Timestamp, wall: i64) -> Timestamp {
    let today = after.paris_day();
    let days = [today, today.plus(1)].map(|day| {
        let length = (day.plus(1).start().micros() - day.start().micros()) / 1_000_000;
        let shift = if wall >= CHANGE { length - 24 * HOUR } else { 0 };
        day.start().plus_seconds(wall + shift)
    });
    if days[0] > after { days[0] } else { days[1] }
}

impl FromStr for Schedule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "an interval such as 30m or 6h, or a time of the day in Paris such as 04:30";
        let number = |digits: &str| {
            let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|digits| digits.parse::<u32>().ok()).map(i64::from)
        };
        let two = |digits: &str| number(digits).filter(|_| digits.len() == 2);
        if let Some((hours, minutes)) = text.split_once(':') {
            let time = two(hours).zip(two(minutes)).filter(|(hours, minutes)| *hours < 24 && *minutes < 60);
            return time.map(|(hours, minutes)| Self::Daily(hours * HOUR + minutes * MINUTE)).ok_or(EXPECTED);
        }
        let (digits, unit) = match text.strip_suffix('m') {
            Some(minutes) => (minutes, MINUTE),
            None => (text.strip_suffix('h').ok_or(EXPECTED)?, HOUR),
        };
        let seconds = number(digits).map(|number| number * unit);
        seconds
            .filter(|seconds| (5 * MINUTE..=31 * 24 * HOUR).contains(seconds))
            .map(Self::Every)
            .ok_or(EXPECTED)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Every(seconds) if seconds % HOUR == 0 => write!(f, "{}h", seconds / HOUR),
            Self::Every(seconds) => write!(f, "{}m", seconds / MINUTE),
            Self::Daily(seconds) => write!(f, "{:02}:{:02}", seconds / HOUR, seconds % HOUR / MINUTE),
        }
    }
}

/// How long until an instant; nothing when it has passed.
pub(super) fn until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(at.micros() - now.micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(text: &str) -> Schedule {
        text.parse().unwrap()
    }

    #[test]
    fn schedules_are_written_as_they_are_read() {
        for text in ["5m", "90m", "6h", "04:30", "00:00", "23:59"] {
            assert_eq!(schedule(text).to_string(), text);
        }
        assert_eq!(schedule("120m").to_string(), "2h");
        for wrong in [
            "", "6", "h", "4m", "0h", "-1h", "1.5h", "24:00", "4:30", "04:60", "04:3", "745h", "6 h",
            "+1:30", "+6h",
        ] {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_interval_counts_from_the_last_time() {
        let (last, started) = (at("2026-03-01T12:00:00Z"), at("2026-03-01T13:00:00Z"));
        assert_eq!(schedule("6h").next(Some(last), started), at("2026-03-01T18:00:00Z"));
        assert_eq!(schedule("6h").next(None, started), started);
    }

    #[test]
    fn a_time_of_the_day_is_that_of_clocks_in_paris() {
        let next =
            |last: &str| schedule("04:30").next(Some(at(last)), at("2020-01-01T00:00:00Z")).to_string();
        assert_eq!(next("2026-01-10T03:29:59Z"), "2026-01-10T03:30:00Z");
        assert_eq!(next("2026-01-10T03:30:00Z"), "2026-01-11T03:30:00Z");
        assert_eq!(next("2026-07-10T12:00:00Z"), "2026-07-11T02:30:00Z");
        // The clock goes forward on 2026-03-29 and back on 2026-10-25.
        assert_eq!(next("2026-03-28T12:00:00Z"), "2026-03-29T02:30:00Z");
        assert_eq!(next("2026-10-24T12:00:00Z"), "2026-10-25T03:30:00Z");
    }

    #[test]
    fn a_time_that_was_missed_is_due_at_once_and_one_that_never_was_waits() {
        let now = at("2026-01-10T12:00:00Z");
        assert!(schedule("04:30").next(Some(at("2026-01-08T12:00:00Z")), now) < now);
        assert_eq!(schedule("04:30").next(None, now), at("2026-01-11T03:30:00Z"));
        assert_eq!(until(at("2026-01-10T12:00:05Z"), now), Duration::from_secs(5));
        assert_eq!(until(at("2026-01-10T11:00:05Z"), now), Duration::ZERO);
    }
}
