//! What is told of a day, put together from what is stored.
//!
//! What one day says of itself is stored; what depends on other days (anomalies against a counter's own history) and on
//! the records that were known is worked out here, from what was known at the same instant.

mod records;

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use kernel::{Cursor, CursorError, Day, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{DbError, Tx, Unavailable};

use super::sensor_range::sensor_range;
use super::{PAGE_SENSORS, Version, count, from_json, queries, to_json};
use crate::metrics::bikes::{self, BikeTotals, CounterDay};
use crate::quality::{self, Findings};
use crate::{City, MetricType};
pub(crate) use records::{data as record_data, records};

/// So many weeks back a counter is compared with itself.
pub(super) const WEEKS: i32 = 8;

/// What is told of a type on a day.
#[derive(Debug)]
pub struct DayAnswer {
    /// The version that it is; none for records, which have no versions.
    pub version: Option<i64>,
    /// When that version was published.
    pub known_at: Option<Timestamp>,
    /// The metrics: an object, as the type has it.
    pub data: Box<RawValue>,
}

/// A day of a range.
#[derive(Debug)]
pub struct RangeDay {
    /// The day.
    pub day: Day,
    /// Its metrics: the city's own numbers, or those of the one sensor that was asked for.
    pub data: Box<RawValue>,
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] Unavailable),
    /// The cursor is not one that this day gave out.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// Nothing is looked for in the days of such a type.
    #[error(
        "there are no findings about a day of {0}, only about days of bikes and comptages; what is wrong with the rows of \
         a file is told by its import"
    )]
    NoFindings(MetricType),
}

impl From<DbError> for AnswerError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}

impl City {
    /// A type's metrics on a day, as they were known at an instant, or as they are known now. Lists of sensors come in
    /// pages of [`PAGE_SENSORS`]; the cursor that a page gives keeps to what was known then. `None`: there is no data.
    ///
    /// # Errors
    ///
    /// See [`AnswerError`].
    pub async fn day(
        &self,
        kind: MetricType,
        day: Day,
        known: Option<Timestamp>,
        cursor: Option<Cursor>,
    ) -> Result<Option<DayAnswer>, AnswerError> {
        self.part_of_day(kind, day, known, cursor, PAGE_SENSORS).await
    }

    /// The same with at most `limit` sensors (from 1 to [`PAGE_SENSORS`]); there may be fewer although more follow.
    ///
    /// # Errors
    ///
    /// See [`AnswerError`].
    pub async fn part_of_day(
        &self,
        kind: MetricType,
        day: Day,
        known: Option<Timestamp>,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Option<DayAnswer>, AnswerError> {
        let now = self.store().now();
        let asked = Asked { kind, day, known, cursor, limit };
        self.store().scan(move |tx| answer(tx, &asked, now)).await
    }

    /// The days of a range that there are: the city's own numbers of each.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn range(
        &self,
        kind: MetricType,
        days: (Day, Day),
        known: Option<Timestamp>,
    ) -> Result<Vec<RangeDay>, AnswerError> {
        self.store().scan(move |tx| range(tx, kind, days, known)).await
    }

    /// The days of a range on which one sensor measured something. `None`: there is no such sensor.
    ///
    /// Its name, place and line are those of each day.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn sensor_range(
        &self,
        kind: MetricType,
        sensor: String,
        days: (Day, Day),
        known: Option<Timestamp>,
    ) -> Result<Option<Vec<RangeDay>>, AnswerError> {
        self.store().scan(move |tx| Ok(sensor_range(tx, kind, &sensor, days, known)?)).await
    }

    /// What is wrong with a day's facts. `None`: there is no data.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, and of records.
    pub async fn findings(
        &self,
        kind: MetricType,
        day: Day,
        known: Option<Timestamp>,
    ) -> Result<Option<Findings>, AnswerError> {
        self.store().scan(move |tx| findings(tx, kind, day, known)).await
    }
}

/// What is asked of a day.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) kind: MetricType,
    pub(super) day: Day,
    pub(super) known: Option<Timestamp>,
    pub(super) cursor: Option<Cursor>,
    pub(super) limit: usize,
}

/// Where a page of a day's list begins, and what it tells: all pages that follow one another are of the same version,
/// compared with other days as they were known at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) kind: MetricType,
    pub(super) day: Day,
    pub(super) version: i64,
    pub(super) first: usize,
    pub(super) known: Timestamp,
}

impl Asked {
    /// Where to go on, when a cursor says so: it must be of this list, as it was known at the same instant.
    fn place(&self) -> Result<Option<Place>, CursorError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let place: Place = cursor.key()?;
        let same = (place.kind, place.day) == (self.kind, self.day)
            && self.known.is_none_or(|known| known == place.known);
        if same { Ok(Some(place)) } else { Err(CursorError) }
    }

    /// The version that is asked for, and where in its list.
    fn version(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<(Version, Place)>, AnswerError> {
        let Self { kind, day, .. } = *self;
        if let Some(place) = self.place()? {
            let version = queries::version(tx, kind, day, place.version)?;
            let given_out = |version: &Version| {
                version.head.known_at <= place.known && count(place.first) < version.head.sensors
            };
            let version = version.filter(given_out).ok_or(CursorError)?;
            return Ok(Some((version, place)));
        }
        let version = queries::day(tx, kind, day, self.known)?;
        Ok(version.map(|version| {
            // The clock of the process that published it may be ahead of ours.
            let known = self.known.unwrap_or_else(|| now.max(version.head.known_at));
            let place = Place { kind, day, version: version.head.version, first: 0, known };
            (version, place)
        }))
    }
}

pub(super) fn answer(
    tx: &mut Tx<'_>,
    asked: &Asked,
    now: Timestamp,
) -> Result<Option<DayAnswer>, AnswerError> {
    let Asked { kind, day, known, limit, .. } = *asked;
    if !kind.has_sensors() {
        if asked.cursor.is_some() {
            return Err(CursorError.into());
        }
        let data = record_data(tx, kind, day, known)?;
        return Ok(data.map(|data| DayAnswer { version: None, known_at: None, data }));
    }
    let Some((version, place)) = asked.version(tx, now)? else { return Ok(None) };
    let Place { version: number, first, known, .. } = place;
    let body = queries::page(tx, kind, day, number, count(first / PAGE_SENSORS))?;
    let body = body.ok_or_else(|| DbError::Decode("a stored page is missing".to_owned()))?;
    let (sensors, known_at) = (version.head.sensors, version.head.known_at);
    let (list, totals) = if kind == MetricType::Bikes {
        compared(tx, &version, &body, Some(known))?
    } else {
        (unpacked(&body)?, version.totals)
    };
    let limit = limit.min(PAGE_SENSORS - first % PAGE_SENSORS);
    let list = if limit < PAGE_SENSORS { part(&list, first % PAGE_SENSORS, limit)? } else { list };
    let next = first + limit;
    let next = (count(next) < sensors).then(|| Cursor::new(&Place { first: next, ..place }));
    let data = joined(&totals, &list, next.as_ref())?;
    Ok(Some(DayAnswer { version: Some(number), known_at: Some(known_at), data }))
}

/// Some elements of a JSON list, as they are.
fn part(list: &str, first: usize, limit: usize) -> Result<String, DbError> {
    let all: Vec<Box<RawValue>> = from_json(list)?;
    to_json(&all.into_iter().skip(first).take(limit).collect::<Vec<_>>())
}

/// The text of a page.
pub(super) fn unpacked(body: &[u8]) -> Result<String, DbError> {
    let mut text = String::new();
    let read = GzDecoder::new(body).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| DbError::Decode(format!("a stored page is damaged: {error}")))
}

/// The sensors of a whole list.
pub(crate) fn list<T: DeserializeOwned>(
    tx: &mut Tx<'_>,
    kind: MetricType,
    head: &super::Head,
) -> Result<Vec<T>, DbError> {
    let mut all = Vec::new();
    for page in 0..head.pages {
        if let Some(body) = queries::page(tx, kind, head.day, head.version, page)? {
            all.append(&mut from_json(&unpacked(&body)?)?);
        }
    }
    Ok(all)
}

/// A page of counters and the totals, both with the anomalies against the weeks before.
fn compared(
    tx: &mut Tx<'_>,
    version: &Version,
    body: &[u8],
    known: Option<Timestamp>,
) -> Result<(String, String), DbError> {
    let mut page: Vec<CounterDay> = from_json(&unpacked(body)?)?;
    let anomalies = anomalies(tx, version, known)?;
    for counter in &mut page {
        counter.is_anomaly = anomalies.iter().any(|anomaly| anomaly.id == counter.id);
    }
    let mut totals: BikeTotals = from_json(&version.totals)?;
    totals.tell(anomalies);
    Ok((to_json(&page)?, to_json(&totals)?))
}

/// The counters of a version that are far from what they usually count on this day of the week.
pub(crate) fn anomalies(
    tx: &mut Tx<'_>,
    version: &Version,
    known: Option<Timestamp>,
) -> Result<Vec<bikes::Anomaly>, DbError> {
    let mut today: Vec<CounterDay> = list(tx, MetricType::Bikes, &version.head)?;
    let mut history = Vec::new();
    for week in 1..=WEEKS {
        let day = version.head.day.plus(-7 * week);
        history.push(match queries::day(tx, MetricType::Bikes, day, known)? {
            Some(past) => list(tx, MetricType::Bikes, &past.head)?,
            None => Vec::new(),
        });
    }
    Ok(bikes::anomalies(&mut today, &history))
}

/// An object of totals with the list of sensors and the cursor of its next page.
fn joined(totals: &str, list: &str, next: Option<&Cursor>) -> Result<Box<RawValue>, DbError> {
    let members = totals.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let members = members.ok_or_else(|| DbError::Decode("stored totals are no object".to_owned()))?;
    let comma = if members.is_empty() { "" } else { "," };
    let mut text = format!("{{\"metrics\":{list}{comma}{members}");
    if let Some(next) = next {
        text.push_str(",\"curseur\":");
        text.push_str(&to_json(next)?);
    }
    text.push('}');
    raw(text)
}

fn raw(text: String) -> Result<Box<RawValue>, DbError> {
    RawValue::from_string(text).map_err(|error| DbError::Decode(error.to_string()))
}

pub(super) fn raw_of(value: &impl Serialize) -> Result<Box<RawValue>, DbError> {
    raw(to_json(value)?)
}

pub(crate) fn range(
    tx: &mut Tx<'_>,
    kind: MetricType,
    days: (Day, Day),
    known: Option<Timestamp>,
) -> Result<Vec<RangeDay>, AnswerError> {
    if kind.has_sensors() {
        let heads = queries::range(tx, kind, days, known)?;
        let days = heads.into_iter().map(|head| Ok(RangeDay { day: head.day, data: raw(head.summary)? }));
        return days.collect();
    }
    Ok(records::range(tx, kind, days, known)?)
}

/// What is wrong with a day's facts, by itself and compared with the days around it, as they were known at an instant, or
/// as they are known now.
pub fn findings(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    known: Option<Timestamp>,
) -> Result<Option<Findings>, AnswerError> {
    if !kind.has_sensors() {
        return Err(AnswerError::NoFindings(kind));
    }
    let Some(version) = queries::day(tx, kind, day, known)? else { return Ok(None) };
    let mut findings: Findings = from_json(&version.findings)?;
    let noticed = quality::noticed(tx, kind, &version.head, known)?;
    findings.join(noticed.findings());
    if kind == MetricType::Roads {
        let reference = queries::records_on(tx, MetricType::Reference, day, known)?;
        let reference: BTreeSet<String> = reference.into_iter().map(|record| record.id).collect();
        // Without a reference, nothing can be said of arcs that are not in it.
        if !reference.is_empty() {
            findings.join(quality::unknown_arcs(noticed.present(), &reference));
        }
    }
    findings.date(day);
    Ok(Some(findings))
}
