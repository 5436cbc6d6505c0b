//! Instants, the days people live in, and the clock.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

static PARIS: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("Europe/Paris").unwrap_or(TimeZone::UTC));

const EPOCH: Date = Date::constant(1970, 1, 1);

/// An instant: microseconds since 1970-01-01T00:00:00Z.
///
/// On the wire RFC 3339 in UTC, in the store a BIGINT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// So many seconds later (earlier when negative), saturating.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The day of Europe/Paris that this instant falls on.
    pub fn paris_day(self) -> Day {
        Day::from_date(self.to_jiff().to_zoned(PARIS.clone()).date())
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_jiff())
    }
}

impl std::str::FromStr for Timestamp {
    type Err = &'static str;

    /// Parses RFC 3339, such as `2026-03-01T12:00:00Z`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|at| Self(at.as_microsecond()))
            .map_err(|_| "an instant is written as RFC 3339, such as 2026-03-01T12:00:00Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples([serde_json::json!("2026-03-01T12:00:00Z")])
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {
    fn name() -> std::borrow::Cow<'static, str> {
        "Horodatage".into()
    }
}

/// A calendar day of Europe/Paris, counted from 1970-01-01.
///
/// On the wire `YYYY-MM-DD`, in the store a BIGINT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// From the number of days since 1970-01-01; `None` outside the years −9999 to 9999.
    pub fn from_number(number: i64) -> Option<Self> {
        let number = i32::try_from(number).ok()?;
        EPOCH.checked_add(jiff::Span::new().try_days(number).ok()?).ok().map(|_| Self(number))
    }

    /// Days since 1970-01-01.
    pub fn number(self) -> i64 {
        i64::from(self.0)
    }

    fn from_date(date: Date) -> Self {
        // A date of jiff is within ±4 million days of the epoch, so it always fits.
        Self(EPOCH.until(date).map_or(0, |span| span.get_days()))
    }

    fn date(self) -> Date {
        EPOCH.saturating_add(jiff::Span::new().days(self.0))
    }

    /// So many days later, saturating at the ends of the calendar.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self::from_number(self.number() + i64::from(days)).unwrap_or(self)
    }

    /// Monday is 1, Sunday 7.
    pub fn weekday(self) -> i8 {
        self.date().weekday().to_monday_one_offset()
    }

    /// The first instant of the day in Europe/Paris.
    pub fn start(self) -> Timestamp {
        let instant = self.date().to_zoned(PARIS.clone()).map(|zoned| zoned.timestamp().as_microsecond());
        Timestamp(instant.unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

impl std::str::FromStr for Day {
    type Err = &'static str;

    /// Parses exactly `YYYY-MM-DD`, a date that exists.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a day is a real calendar date written YYYY-MM-DD";
        let shape = text.len() == 10
            && text
                .bytes()
                .enumerate()
                .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        if !shape {
            return Err(EXPECTED);
        }
        text.parse::<Date>().map(Self::from_date).map_err(|_| EXPECTED)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for Day {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .examples([serde_json::json!("2026-03-01")])
            .into()
    }
}

impl utoipa::ToSchema for Day {
    fn name() -> std::borrow::Cow<'static, str> {
        "Jour".into()
    }
}

/// Where the present time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present instant. It may go backwards when the machine's clock is set.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

/// A clock that moves only when told, for tests and simulations.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock (backwards when negative).
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_utc() {
        let at: Timestamp = "2026-03-01T13:00:00.25+01:00".parse().expect("an instant");
        assert_eq!(at.to_string(), "2026-03-01T12:00:00.25Z");
        assert!("2026-03-01".parse::<Timestamp>().is_err());
    }

    #[test]
    fn days_are_those_of_paris() {
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant").paris_day().to_string();
        assert_eq!(at("2026-06-30T21:59:59Z"), "2026-06-30");
        assert_eq!(at("2026-06-30T22:00:00Z"), "2026-07-01");
        assert_eq!(at("2026-01-31T22:30:00Z"), "2026-01-31");
    }

    #[test]
    fn a_day_of_the_clock_change_has_23_or_25_hours() {
        let hours = |text: &str| {
            let day: Day = text.parse().expect("a day");
            (day.plus(1).start().micros() - day.start().micros()) / 3_600_000_000
        };
        assert_eq!((hours("2024-03-31"), hours("2024-10-27"), hours("2024-06-01")), (23, 25, 24));
    }

    #[test]
    fn only_real_dates_are_days() {
        for text in ["2024-02-30", "2024-1-01", "20240101", "2024-01-01T00:00", "-2024-01-1", ""] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        let leap: Day = "2024-02-29".parse().expect("a day");
        assert_eq!((leap.to_string(), leap.weekday()), ("2024-02-29".to_owned(), 4));
        assert_eq!(Day::from_number(leap.number()), Some(leap));
    }
}
