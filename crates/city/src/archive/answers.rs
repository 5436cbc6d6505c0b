//! What is told of a day, put together from what is stored.
//!
//! What one day says of itself is stored; what depends on other days (anomalies against a counter's own history) and on
//! the records that were known is worked out here, from what was known at the same instant.

use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::GzDecoder;
use kernel::{Cursor, CursorError, Day, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use store::{DbError, Tx, Unavailable};

use super::{PAGE_SENSORS, Version, count, from_json, queries, to_json};
use crate::metrics::bikes::{self, BikeTotals, CounterDay};
use crate::metrics::roads;
use crate::metrics::{SensorDay, reference, transit, weather, works};
use crate::quality::{self, Findings};
use crate::record::Record;
use crate::{City, MetricType};

/// So many weeks back a counter is compared with itself.
const WEEKS: i32 = 8;

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
        self.store().scan(move |tx| answer(tx, kind, day, known, cursor.as_ref(), limit)).await
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
    /// Its name, place and line are those that are known now.
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
        self.store().scan(move |tx| sensor_range(tx, kind, &sensor, days, known)).await
    }

    /// What is wrong with a day's facts. `None`: there is no data.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn findings(
        &self,
        kind: MetricType,
        day: Day,
        known: Option<Timestamp>,
    ) -> Result<Option<Findings>, AnswerError> {
        self.store().scan(move |tx| findings(tx, kind, day, known)).await
    }
}

pub(super) fn answer(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    known: Option<Timestamp>,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Option<DayAnswer>, AnswerError> {
    if !kind.has_sensors() {
        let data = record_data(tx, kind, day, known)?;
        return Ok(data.map(|data| DayAnswer { version: None, known_at: None, data }));
    }
    let (version, first, known) = match cursor {
        Some(cursor) => {
            let (version, first, known): (i64, usize, Option<Timestamp>) = cursor.key()?;
            (queries::version(tx, kind, day, version)?, first, known)
        }
        None => (queries::day(tx, kind, day, known)?, 0, known),
    };
    let Some(version) = version else { return Ok(None) };
    let page = count(first / PAGE_SENSORS);
    let Some(body) = queries::page(tx, kind, day, version.head.version, page)? else {
        return if cursor.is_some() { Err(CursorError.into()) } else { Ok(None) };
    };
    let (list, totals) = if kind == MetricType::Bikes {
        compared(tx, &version, &body, known)?
    } else {
        (unpacked(&body)?, version.totals)
    };
    let limit = limit.min(PAGE_SENSORS - first % PAGE_SENSORS);
    let list = if limit < PAGE_SENSORS { part(&list, first % PAGE_SENSORS, limit)? } else { list };
    let more = count(first + limit) < version.head.sensors;
    let next = more.then(|| Cursor::new(&(version.head.version, first + limit, known)));
    let data = joined(&totals, &list, next.as_ref())?;
    let known_at = Some(version.head.known_at);
    Ok(Some(DayAnswer { version: Some(version.head.version), known_at, data }))
}

/// Some elements of a JSON list, as they are.
fn part(list: &str, first: usize, limit: usize) -> Result<String, DbError> {
    let all: Vec<Box<RawValue>> = from_json(list)?;
    to_json(&all.into_iter().skip(first).take(limit).collect::<Vec<_>>())
}

/// The text of a page.
fn unpacked(body: &[u8]) -> Result<String, DbError> {
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

fn raw_of(value: &impl Serialize) -> Result<Box<RawValue>, DbError> {
    raw(to_json(value)?)
}

/// The records that tell of a day, when there is data of that type for it.
pub(crate) fn records(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    known: Option<Timestamp>,
) -> Result<Option<Vec<Record>>, DbError> {
    let found = queries::records_on(tx, kind, day, known)?;
    let covered = if found.is_empty() { quiet_days(tx, kind, known)? } else { None };
    Ok(is_known(&found, day, covered).then_some(found))
}

/// Between which days nothing is as much of an answer as something: a day without a disruption or without works is a
/// quiet day, when there are some before and after it. A day without weather is unknown.
fn quiet_days(
    tx: &mut Tx<'_>,
    kind: MetricType,
    known: Option<Timestamp>,
) -> Result<Option<(Day, Day)>, DbError> {
    match kind {
        MetricType::Transit | MetricType::Works => queries::coverage(tx, kind, known),
        MetricType::Bikes | MetricType::Roads | MetricType::Weather | MetricType::Reference => Ok(None),
    }
}

fn is_known(found: &[Record], day: Day, quiet: Option<(Day, Day)>) -> bool {
    !found.is_empty() || quiet.is_some_and(|(first, last)| (first..=last).contains(&day))
}

fn record_data(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    known: Option<Timestamp>,
) -> Result<Option<Box<RawValue>>, DbError> {
    let found = records(tx, kind, day, known)?;
    found.map(|found| data_of(kind, day, &found)).transpose()
}

fn data_of(kind: MetricType, day: Day, records: &[Record]) -> Result<Box<RawValue>, DbError> {
    match kind {
        MetricType::Transit => raw_of(&transit::day(day, records)),
        MetricType::Weather => raw_of(&weather::day(day, records)),
        MetricType::Works => raw_of(&works::day(day, records)),
        MetricType::Reference => raw_of(&reference::day(day, records)),
        MetricType::Bikes | MetricType::Roads => Err(DbError::Other(format!("{kind} has no records"))),
    }
}

pub(super) fn range(
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
    let all = queries::records_between(tx, kind, days, known)?;
    if kind == MetricType::Reference {
        return Ok(reference_range(days, &all)?);
    }
    let quiet = quiet_days(tx, kind, known)?;
    let mut out = Vec::new();
    for day in each(days) {
        let found: Vec<Record> =
            all.iter().filter(|record| (record.from..=record.to).contains(&day)).cloned().collect();
        if is_known(&found, day, quiet) {
            out.push(RangeDay { day, data: data_of(kind, day, &found)? });
        }
    }
    Ok(out)
}

/// The reference is large and seldom changes: of each day its statistics, worked out when an arc is added.
fn reference_range(days: (Day, Day), arcs: &[Record]) -> Result<Vec<RangeDay>, DbError> {
    #[derive(Serialize)]
    struct Statistics {
        statistiques: reference::ReferenceStatistics,
    }
    let Some(first) = arcs.iter().map(|arc| arc.from).min() else { return Ok(Vec::new()) };
    let mut out: Vec<RangeDay> = Vec::new();
    for day in each((days.0.max(first), days.1)) {
        let data = match out.last() {
            Some(before) if arcs.iter().all(|arc| arc.from != day) => before.data.clone(),
            Some(_) | None => raw_of(&Statistics { statistiques: reference::day(day, arcs).statistics })?,
        };
        out.push(RangeDay { day, data });
    }
    Ok(out)
}

fn each((from, to): (Day, Day)) -> impl Iterator<Item = Day> {
    (from.number()..=to.number()).filter_map(Day::from_number)
}

pub(super) fn sensor_range(
    tx: &mut Tx<'_>,
    kind: MetricType,
    id: &str,
    days: (Day, Day),
    known: Option<Timestamp>,
) -> Result<Option<Vec<RangeDay>>, AnswerError> {
    let Some(sensor) = queries::sensor(tx, kind, id)? else { return Ok(None) };
    let about = sensor.attributes.about();
    let found = queries::sensor_range(tx, kind, sensor.number, days, known)?;
    let days = found.iter().map(|(day, hours)| {
        let one = [SensorDay { id, about: &about, hours }];
        let data = if kind == MetricType::Bikes {
            raw_of(&bikes::day(*day, &one).0.first())?
        } else {
            raw_of(&roads::day(*day, &one).0.first())?
        };
        Ok(RangeDay { day: *day, data })
    });
    days.collect::<Result<_, AnswerError>>().map(Some)
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
        // What is wrong with records is told by the import that brought them.
        return Ok(records(tx, kind, day, known)?.map(|_| Findings::default()));
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
