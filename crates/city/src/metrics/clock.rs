//! The hours of a day of Europe/Paris, whose clock may go forward or back in its course.

use std::cmp::Ordering;

use kernel::Day;

const MICROS_OF_AN_HOUR: i64 = 3_600_000_000;

/// How many hours a day has: 24, on the last Sunday of March 23, on the last Sunday of October 25.
pub fn hours_of(day: Day) -> usize {
    let micros = day.plus(1).start().micros() - day.start().micros();
    usize::try_from(micros / MICROS_OF_AN_HOUR).unwrap_or_default()
}

/// What the clocks on the walls of Paris show on one day. A slot is an hour counted from the day's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallClock {
    day: Day,
    hours: usize,
    /// Hours ahead of UTC at the day's first instant.
    offset: i64,
}

impl WallClock {
    /// The clock of a day.
    pub fn of(day: Day) -> Self {
        let offset = day.number() * 24 - day.start().micros() / MICROS_OF_AN_HOUR;
        Self { day, hours: hours_of(day), offset }
    }

    /// How many hours the day has.
    pub fn hours(&self) -> usize {
        self.hours
    }

    /// What the clock shows at the beginning of a slot: 0 to 23.
    ///
    /// It changes at 01:00 UTC (Directive 2000/84/EC), which in Paris is 02:00 in March and 03:00 in October.
    pub fn hour(&self, slot: usize) -> usize {
        match self.hours {
            23 if slot >= 2 => slot + 1,
            25 if slot >= 3 => slot - 1,
            _ => slot,
        }
    }

    /// The slot in which the clock shows an hour (0 to 23), the first of two; none for the hour that is left out.
    pub fn slot(&self, hour: usize) -> Option<usize> {
        match self.hours {
            23 if hour == 2 => None,
            23 if hour > 2 => Some(hour - 1),
            25 if hour > 2 => Some(hour + 1),
            _ => Some(hour),
        }
    }

    /// The beginning of a slot in local time with its offset, such as `2024-01-04T22:00:00+01:00`. The slot after the
    /// last one begins the next day.
    pub fn beginning(&self, slot: usize) -> String {
        if slot >= self.hours {
            let next = Self::of(self.day.plus(1));
            return next.text(0);
        }
        self.text(slot)
    }

    fn text(&self, slot: usize) -> String {
        let hour = self.hour(slot);
        let offset = match hour.cmp(&slot) {
            Ordering::Less => self.offset - 1,
            Ordering::Equal => self.offset,
            Ordering::Greater => self.offset + 1,
        };
        let sign = if offset < 0 { '-' } else { '+' };
        format!("{}T{hour:02}:00:00{sign}{:02}:00", self.day, offset.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(day: &str) -> Vec<String> {
        let clock = WallClock::of(day.parse().expect("a day"));
        (0..clock.hours()).map(|slot| clock.beginning(slot)).collect()
    }

    #[test]
    fn an_ordinary_day_has_24_hours() {
        let hours = clock("2024-01-04");
        assert_eq!((hours.len(), hours[22].as_str()), (24, "2024-01-04T22:00:00+01:00"));
        assert_eq!(clock("2024-07-01")[0], "2024-07-01T00:00:00+02:00");
        let clock = WallClock::of("2024-01-04".parse().expect("a day"));
        assert_eq!(clock.beginning(24), "2024-01-05T00:00:00+01:00");
    }

    #[test]
    fn every_hour_of_the_clock_has_its_slot() {
        for day in ["2024-01-04", "2024-03-31", "2024-10-27"] {
            let clock = WallClock::of(day.parse().expect("a day"));
            for slot in 0..clock.hours() {
                let first = clock.slot(clock.hour(slot)).expect("the clock shows it");
                assert!(
                    first == slot || (day, slot, first) == ("2024-10-27", 3, 2),
                    "{day}: {slot}, {first}"
                );
            }
        }
        let march = WallClock::of("2024-03-31".parse().expect("a day"));
        assert_eq!(march.slot(2), None, "the clock goes from 02:00 to 03:00");
    }

    #[test]
    fn the_clock_skips_an_hour_in_march() {
        let hours = clock("2024-03-31");
        assert_eq!(hours.len(), 23);
        assert_eq!(hours[1..3], ["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"]);
        assert_eq!(hours[22], "2024-03-31T23:00:00+02:00");
    }

    #[test]
    fn the_clock_repeats_an_hour_in_october() {
        let hours = clock("2024-10-27");
        assert_eq!(hours.len(), 25);
        assert_eq!(hours[2..4], ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"]);
        assert_eq!(hours[24], "2024-10-27T23:00:00+01:00");
    }
}
