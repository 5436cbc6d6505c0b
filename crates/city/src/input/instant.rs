//! Times as they are written, into hours, days of Europe/Paris and slots of those days.

use kernel::Day;

use super::Reason;

/// The first and the last year that a time may name: no sensor is older, and Paris keeps whole hours from UTC.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;
/// Days of those years, and a few more because of the offsets of their ends.
const DAYS: usize = 230 * 366;
const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// Reads `YYYY-MM-DDThh:mm:ss` with `Z` or `±hh:mm` into seconds since 1970-01-01T00:00:00Z.
fn instant(text: &[u8]) -> Option<i64> {
    let (local, zone) = text.split_first_chunk::<19>()?;
    let two = |at: usize| {
        let (tens, ones) = (local[at].wrapping_sub(b'0'), local[at + 1].wrapping_sub(b'0'));
        (tens < 10 && ones < 10).then(|| i32::from(tens) * 10 + i32::from(ones))
    };
    let marks = [local[4], local[7], local[10], local[13], local[16]];
    if marks != *b"--T::" {
        return None;
    }
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    let (hours, minutes, seconds) = (two(11)?, two(14)?, two(17)?);
    let real = YEARS.contains(&year)
        && (1..=12).contains(&month)
        && day >= 1
        && day <= days_of(year, month)
        && hours < 24
        && minutes < 60
        && seconds < 60;
    if !real {
        return None;
    }
    let seconds_of_day = (hours * 60 + minutes - offset(zone)?) * 60 + seconds;
    Some(i64::from(days_since_1970(year, month, day)) * 86_400 + i64::from(seconds_of_day))
}

/// Minutes that a zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i32> {
    let [sign, h1, h2, b':', m1, m2] = zone else { return (zone == b"Z").then_some(0) };
    if ![h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit) {
        return None;
    }
    let two = |tens: &u8, ones: &u8| i32::from(tens - b'0') * 10 + i32::from(ones - b'0');
    let (hours, minutes) = (two(h1, h2), two(m1, m2));
    let ahead = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
    match sign {
        b'+' => Some(ahead),
        b'-' => Some(-ahead),
        _ => None,
    }
}

fn days_of(year: i32, month: i32) -> i32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Of the Gregorian calendar, whose years are counted from March so that the leap day is the last.
fn days_since_1970(year: i32, month: i32, day: i32) -> i32 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// When the days of Europe/Paris begin; each is worked out when it is first asked for.
#[derive(Debug)]
pub(super) struct Calendar {
    /// The first hours of days since 1970.
    starts: Vec<Option<i32>>,
    /// The day that was last found, its first hour and that of the next.
    last: (i32, i32, i32),
    /// The text that was last read, and what it means.
    text: [u8; 25],
    read: Result<Moment, Reason>,
    /// The last day that is not yet to come.
    until: i32,
}

/// An hour, and where it is in its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Hours since 1970-01-01T00:00:00Z.
    pub(super) hour: i32,
    /// The number of the day in Europe/Paris.
    pub(super) day: i32,
    /// The slot in that day.
    pub(super) slot: usize,
}

impl Calendar {
    /// Of days up to this one.
    pub(super) fn new(until: Option<Day>) -> Self {
        let until = until.and_then(|day| i32::try_from(day.number()).ok()).unwrap_or(i32::MAX);
        let (text, read) = ([0; 25], Err(Reason::BadDate));
        Self { starts: vec![None; DAYS], last: (0, 0, 0), text, read, until }
    }

    /// Reads the time of a whole hour, which must be of the years that are known and not yet to come.
    pub(super) fn read(&mut self, text: &[u8]) -> Result<Moment, Reason> {
        // In files that go hour by hour, thousands of rows have the same.
        if *text == self.text {
            return self.read;
        }
        let read = self.of(text);
        if let Ok(text) = text.try_into() {
            (self.text, self.read) = (text, read);
        }
        read
    }

    fn of(&mut self, text: &[u8]) -> Result<Moment, Reason> {
        let seconds = instant(text).ok_or(Reason::BadDate)?;
        let hour = i32::try_from(seconds.div_euclid(3600)).ok();
        let moment = hour.and_then(|hour| self.moment(hour)).ok_or(Reason::BadDate)?;
        if seconds % 3600 != 0 {
            Err(Reason::PartOfHour)
        } else if moment.day > self.until {
            Err(Reason::Future)
        } else {
            Ok(moment)
        }
    }

    fn moment(&mut self, hour: i32) -> Option<Moment> {
        let (_, start, end) = self.last;
        if !(start..end).contains(&hour) {
            self.last = self.day(hour)?;
        }
        let (day, start, _) = self.last;
        Some(Moment { hour, day, slot: usize::try_from(hour - start).ok()? })
    }

    fn day(&mut self, hour: i32) -> Option<(i32, i32, i32)> {
        // Paris is one or two hours ahead of UTC.
        let guess = (hour + 1).div_euclid(24);
        (guess..=guess + 1).find_map(|day| {
            let (start, end) = (self.start(day)?, self.start(day + 1)?);
            (start..end).contains(&hour).then_some((day, start, end))
        })
    }

    fn start(&mut self, day: i32) -> Option<i32> {
        let known = self.starts.get_mut(usize::try_from(day).ok()?)?;
        if known.is_none() {
            let micros = Day::from_number(i64::from(day))?.start().micros();
            *known = i32::try_from(micros.div_euclid(MICROS_PER_HOUR)).ok();
        }
        *known
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn slot(text: &str) -> (String, usize) {
        let Moment { day, slot, .. } = Calendar::new(None).read(text.as_bytes()).unwrap();
        (Day::from_number(i64::from(day)).unwrap().to_string(), slot)
    }

    #[test]
    fn slots_are_hours_since_midnight_in_paris() {
        for (text, day, expected) in [
            ("2024-03-25T01:00:00+01:00", "2024-03-25", 1),
            ("2024-03-25T00:00:00+00:00", "2024-03-25", 1),
            ("2024-03-24T23:00:00Z", "2024-03-25", 0),
            ("2024-03-31T01:00:00+01:00", "2024-03-31", 1),
            ("2024-03-31T03:00:00+02:00", "2024-03-31", 2),
            ("2024-03-31T23:00:00+02:00", "2024-03-31", 22),
            ("2024-10-27T02:00:00+02:00", "2024-10-27", 2),
            ("2024-10-27T02:00:00+01:00", "2024-10-27", 3),
            ("2024-10-27T23:00:00+01:00", "2024-10-27", 24),
            ("1970-01-01T00:00:00+01:00", "1970-01-01", 0),
            ("2000-02-29T12:30:00-10:30", "2000-03-01", 0),
        ] {
            assert_eq!(slot(text), (day.to_owned(), expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2024-03-25",
            "2024-03-25T01:00:00",
            "2024-03-25 01:00:00+01:00",
            "2024-02-30T01:00:00Z",
            "2023-02-29T01:00:00Z",
            "2024-13-01T01:00:00Z",
            "2024-00-01T01:00:00Z",
            "2024-01-00T01:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T01:60:00Z",
            "2024-01-01T01:00:60Z",
            "2024-01-01T01:00:00+24:00",
            "2024-01-01T01:00:00+0100",
            "2024-01-01T01:00:00*01:00",
            "20x4-01-01T01:00:00Z",
            "1969-12-31T23:00:00Z",
            "2200-01-01T00:00:00Z",
            "2024-01-01T01:00:00ZZ",
        ] {
            assert_eq!(Calendar::new(None).read(text.as_bytes()), Err(Reason::BadDate), "{text}");
        }
    }

    #[test]
    fn parts_of_hours_and_hours_to_come_are_refused() {
        let mut calendar = Calendar::new(Some("2024-03-25".parse().unwrap()));
        for (text, reason) in [
            ("2024-03-25T01:15:00+01:00", Some(Reason::PartOfHour)),
            ("2024-03-25T01:00:01+01:00", Some(Reason::PartOfHour)),
            ("2024-03-25T12:00:00-10:30", Some(Reason::PartOfHour)),
            ("2024-03-25T23:00:00+01:00", None),
            ("2024-03-26T00:00:00+01:00", Some(Reason::Future)),
            ("2199-03-25T00:00:00+01:00", Some(Reason::Future)),
        ] {
            assert_eq!(calendar.read(text.as_bytes()).err(), reason, "{text}");
        }
    }

    #[test]
    fn a_time_read_again_means_the_same() {
        let mut calendar = Calendar::new(None);
        for text in ["2024-03-25T01:00:00+01:00", "2024-03-25T01:00:00+0x:00", "2024-03-25T00:00:00Z"] {
            let first = calendar.read(text.as_bytes());
            assert_eq!(
                (calendar.read(text.as_bytes()), first),
                (first, Calendar::new(None).read(text.as_bytes()))
            );
        }
    }

    proptest! {
        #[test]
        fn any_hour_is_where_the_time_zone_database_says(hours in 0_i64..2_000_000) {
            let at = Timestamp::from_micros(hours * MICROS_PER_HOUR);
            let Moment { day, slot, .. } = Calendar::new(None).read(at.to_string().as_bytes()).unwrap();
            let expected = at.paris_day();
            prop_assert_eq!(i64::from(day), expected.number());
            let since_midnight = (at.micros() - expected.start().micros()) / MICROS_PER_HOUR;
            prop_assert_eq!(i64::try_from(slot).unwrap(), since_midnight);
        }
    }
}
