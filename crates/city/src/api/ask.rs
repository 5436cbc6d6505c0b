//! What is asked for: days, types, ranges and instants, and what is told about those that are none.
//!
//! In a path the date is looked at first, then the type; both are 400, as is a range that cannot be answered.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use kernel::{Day, FieldError, Kind, Problem, Timestamp, kinds};
use web::Rejection;

use crate::archive::RANGE_DAYS;
use crate::{MetricType, UnknownType};

/// A date that is none.
pub(super) static INVALID_DATE: Kind = Kind::new("invalid-date", 400, "Not a date", "Date non valide");
/// A type of metrics that there is not.
pub(super) static UNKNOWN_METRIC_TYPE: Kind =
    Kind::new("unknown-metric-type", 400, "Unknown type of metrics", "Type de métriques inconnu");
/// A range of days that cannot be answered.
pub(super) static INVALID_RANGE: Kind =
    Kind::new("invalid-range", 400, "Not a range of days", "Période non valide");
/// Nothing is known of that day, or was not yet.
pub(super) static NO_DATA: Kind = Kind::new("no-data", 404, "No data", "Pas de données");
/// Nothing is looked for in the days of that type.
pub(super) static NO_FINDINGS: Kind = Kind::new("no-findings", 404, "No findings", "Pas de constats");

/// Days of a range when its beginning is not said.
const USUAL_RANGE: i32 = 31;

fn wrong(kind: &'static Kind, field: &str, message: impl Into<String>) -> Problem {
    let error = FieldError { field: field.to_owned(), message: message.into() };
    Problem::new(kind, format!("{}: {}", error.field, error.message)).with("erreurs", &[error])
}

/// Nothing is known of a type on a day.
pub(super) fn no_data(kind: MetricType, day: Day, known: Option<Timestamp>) -> Problem {
    no_data_of(&format!("data of type {kind} for {day}"), known)
}

/// Nothing is known of something, or was not yet at the instant that was asked for.
pub(super) fn no_data_of(what: &str, known: Option<Timestamp>) -> Problem {
    let told = match known {
        None => format!("there is no {what}"),
        Some(known) => format!("no {what} was known at {known} (connu_le)"),
    };
    Problem::new(&NO_DATA, told)
}

/// A day of the calendar.
pub(super) fn day_of(field: &str, text: &str) -> Result<Day, Problem> {
    text.parse().map_err(|message| wrong(&INVALID_DATE, field, format!("{text:?} is none: {message}")))
}

/// One of the six types.
pub(super) fn type_of(text: &str) -> Result<MetricType, Problem> {
    text.parse().map_err(|error| wrong(&UNKNOWN_METRIC_TYPE, "type", format!("{text:?}: {error}")))
}

/// A body that is no JSON, without a word about what it holds.
pub(super) fn missing_type() -> Problem {
    let types = MetricType::ALL.map(MetricType::as_str).join(", ");
    let told = format!(
        "is missing: when the body is a file, say what it holds in the address, ?type= one of {types}"
    );
    wrong(&UNKNOWN_METRIC_TYPE, "type", told)
}

/// What was known at an instant, or at the end of a day.
///
/// # Errors
///
/// What is expected, when the text is neither.
pub fn known_at(text: &str) -> Result<Timestamp, &'static str> {
    if let Ok(day) = text.parse::<Day>() {
        return Ok(Timestamp::from_micros(day.plus(1).start().micros() - 1));
    }
    // Of an offset, whoever forgets to encode it, only a space is left of the plus.
    text.replace(' ', "+")
        .parse()
        .map_err(|_| "must be a day, 2026-03-01, or an instant, 2026-03-01T12:00:00Z")
}

/// The instant of the parameter `connu_le`, when there is one.
pub(super) fn known(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let read = |text| known_at(text).map_err(|message| wrong(&INVALID_DATE, "connu_le", message));
    text.map(read).transpose()
}

/// A range of days; `last` is the last day with data. It ends a range whose end is not said, unless that would be too
/// long: then the range is as long as one may be.
pub(super) fn range(from: Option<Day>, to: Option<Day>, last: Option<Day>) -> Result<(Day, Day), Problem> {
    let (from, to) = match (from, to.or(last)) {
        (Some(from), None) => (from, from),
        (Some(from), Some(last)) if to.is_none() => (from, last.clamp(from, from.plus(RANGE_DAYS - 1))),
        (Some(from), Some(to)) => (from, to),
        (None, Some(to)) => (to.plus(1 - USUAL_RANGE), to),
        (None, None) => return Err(Problem::new(&NO_DATA, "there is no data of this type yet")),
    };
    if from > to {
        return Err(wrong(&INVALID_RANGE, "du", "must not be after au"));
    }
    if to.number() - from.number() >= i64::from(RANGE_DAYS) {
        let message = format!("must be within {RANGE_DAYS} days of du, both included");
        return Err(wrong(&INVALID_RANGE, "au", message));
    }
    Ok((from, to))
}

/// The parameters of a path, decoded.
async fn texts<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<Vec<String>, Problem> {
    let raw = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| Problem::new(&kinds::MALFORMED, "the path is not UTF-8"))?;
    Ok(raw.iter().map(|(_, text)| text.to_owned()).collect())
}

/// A path that ends with a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OnDay(pub(super) Day);

impl<S: Send + Sync> FromRequestParts<S> for OnDay {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let texts = texts(parts, state).await?;
        Ok(Self(day_of("date", texts.first().map_or("", String::as_str))?))
    }
}

/// A path with a type and a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeOnDay(pub(super) MetricType, pub(super) Day);

impl<S: Send + Sync> FromRequestParts<S> for TypeOnDay {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let texts = texts(parts, state).await?;
        let text = |place: usize| texts.get(place).map_or("", String::as_str);
        let day = day_of("date", text(1))?;
        Ok(Self(type_of(text(0))?, day))
    }
}

/// A path with a date or a type: what looks like neither is told of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayOrType {
    /// All types on a day.
    Day(Day),
    /// A type on many days.
    Type(MetricType),
}

impl DayOrType {
    fn of(text: &str) -> Result<Self, Problem> {
        match (text.parse(), text.parse()) {
            (Ok(day), _) => Ok(Self::Day(day)),
            (Err(_), Ok(kind)) => Ok(Self::Type(kind)),
            (Err(message), Err(UnknownType)) => Err(neither(text, message)),
        }
    }
}

/// What is neither a date nor a type; whoever began with a digit meant a date.
fn neither(text: &str, message: &str) -> Problem {
    let types = MetricType::ALL.map(MetricType::as_str).join(", ");
    let message = format!("{text:?} is neither a date nor a type: {message}, and the types are {types}");
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        wrong(&INVALID_DATE, "date", message)
    } else {
        wrong(&UNKNOWN_METRIC_TYPE, "type", message)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DayOrType {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let texts = texts(parts, state).await?;
        Ok(Self::of(texts.first().map_or("", String::as_str))?)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_or_a_type() {
        assert_eq!(DayOrType::of("2024-03-31"), Ok(DayOrType::Day(day("2024-03-31"))));
        assert_eq!(DayOrType::of("comptages"), Ok(DayOrType::Type(MetricType::Roads)));
        for (text, kind) in [
            ("2024-02-30", &INVALID_DATE),
            ("20240331", &INVALID_DATE),
            ("velos", &UNKNOWN_METRIC_TYPE),
            ("", &UNKNOWN_METRIC_TYPE),
        ] {
            let problem = DayOrType::of(text).unwrap_err();
            assert_eq!((problem.kind, problem.kind.status), (kind, 400), "{text}");
        }
        let both = DayOrType::of("velos").unwrap_err().detail;
        assert!(
            both.contains("YYYY-MM-DD") && both.contains("bikes, comptages, traffic, weather, chantiers"),
            "{both}"
        );
    }

    #[test]
    fn a_type_is_one_of_six() {
        assert_eq!(type_of("bikes"), Ok(MetricType::Bikes));
        for text in ["Bikes", "bike", "", "bikes "] {
            let problem = type_of(text).unwrap_err();
            assert!(
                MetricType::ALL.iter().all(|kind| problem.detail.contains(kind.as_str())),
                "{}",
                problem.detail
            );
        }
    }

    #[test]
    fn what_was_known_on_a_day_is_what_was_known_at_its_end() {
        assert_eq!(known_at("2026-03-01").unwrap().to_string(), "2026-03-01T22:59:59.999999Z");
        assert_eq!(known_at("2026-03-01T12:00:00+01:00").unwrap().to_string(), "2026-03-01T11:00:00Z");
        assert_eq!(known_at("2026-03-01T12:00:00 01:00").unwrap().to_string(), "2026-03-01T11:00:00Z");
        for wrong in ["", "yesterday", "2026-02-30", "2026-03-01T12:00:00"] {
            assert_eq!(known(Some(wrong)).unwrap_err().kind, &INVALID_DATE, "{wrong}");
        }
        assert_eq!(known(None), Ok(None));
    }

    #[test]
    fn a_range_is_bounded_and_ends_with_the_data() {
        let last = Some(day("2026-03-31"));
        assert_eq!(range(None, None, last), Ok((day("2026-03-01"), day("2026-03-31"))));
        assert_eq!(range(Some(day("2026-03-30")), None, last), Ok((day("2026-03-30"), day("2026-03-31"))));
        assert_eq!(range(None, Some(day("2026-01-31")), last), Ok((day("2026-01-01"), day("2026-01-31"))));
        let first = day("2025-01-01");
        assert!(range(Some(first), Some(first.plus(399)), None).is_ok());
        assert_eq!(range(Some(first), Some(first.plus(400)), None).unwrap_err().kind, &INVALID_RANGE);
        assert_eq!(range(Some(first), Some(first.plus(-1)), None).unwrap_err().kind, &INVALID_RANGE);
        assert_eq!(range(Some(first), None, last), Ok((first, first.plus(399))), "not longer than may be");
        let future = day("2030-01-01");
        assert_eq!(
            range(Some(future), None, last),
            Ok((future, future)),
            "a day without data, not a mistake"
        );
        assert_eq!(range(Some(first), None, None), Ok((first, first)));
        assert_eq!(range(None, None, None).unwrap_err().kind.status, 404);
    }
}
