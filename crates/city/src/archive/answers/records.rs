//! What is told of a day and of a range by records.

use std::collections::BTreeMap;

use kernel::{Day, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::{DbError, Tx};

use super::super::queries::{self, Edition};
use super::{RangeDay, raw_of};
use crate::MetricType;
use crate::metrics::reference::{Arc, ArcCount, ReferenceStatistics};
use crate::metrics::transit::TransitCount;
use crate::metrics::works::WorksCount;
use crate::metrics::{DayCount, reference, transit, weather, works};
use crate::record::{Record, Span, common};

/// The records that tell of a day, when there is data of that type for it: nothing is as much of an answer as something
/// on a day that was told as a whole.
pub(crate) fn records(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    known: Option<Timestamp>,
) -> Result<Option<Vec<Record>>, DbError> {
    let found = queries::records_on(tx, kind, day, known)?;
    if !found.is_empty() {
        return Ok(Some(found));
    }
    let edition = queries::edition(tx, kind, known)?;
    let is_quiet = !queries::covered(tx, kind, edition.number, (day, day))?.is_empty();
    Ok(is_quiet.then_some(found))
}

/// The metrics of a day.
pub(crate) fn data(
    tx: &mut Tx<'_>,
    kind: MetricType,
    day: Day,
    known: Option<Timestamp>,
) -> Result<Option<Box<RawValue>>, DbError> {
    let Some(records) = records(tx, kind, day, known)? else { return Ok(None) };
    let data = match kind {
        MetricType::Transit => raw_of(&transit::day(day, &records)),
        MetricType::Weather => raw_of(&weather::day(day, &records)),
        MetricType::Works => raw_of(&works::day(day, &records)),
        MetricType::Reference => raw_of(&reference::day(day, &records)),
        MetricType::Bikes | MetricType::Roads => Err(no_records(kind)),
    };
    data.map(Some)
}

/// The numbers of the days of a range, without lists. Each record is read once and none is kept.
pub(super) fn range(
    tx: &mut Tx<'_>,
    kind: MetricType,
    days: Span,
    known: Option<Timestamp>,
) -> Result<Vec<RangeDay>, DbError> {
    let edition = queries::edition(tx, kind, known)?;
    match kind {
        MetricType::Transit => counted::<TransitCount>(tx, kind, days, &edition),
        MetricType::Works => counted::<WorksCount>(tx, kind, days, &edition),
        MetricType::Weather => weather_range(tx, days, &edition),
        MetricType::Reference => reference_range(tx, days, &edition),
        MetricType::Bikes | MetricType::Roads => Err(no_records(kind)),
    }
}

fn no_records(kind: MetricType) -> DbError {
    DbError::Other(format!("{kind} has no records"))
}

fn counted<C: DayCount>(
    tx: &mut Tx<'_>,
    kind: MetricType,
    days: Span,
    edition: &Edition,
) -> Result<Vec<RangeDay>, DbError> {
    let mut counts: BTreeMap<Day, C> = BTreeMap::new();
    for covered in queries::covered(tx, kind, edition.number, days)? {
        for day in each(common(covered, days)) {
            counts.entry(day).or_default();
        }
    }
    queries::each_record(tx, kind, days, edition, |record| {
        let Ok(body) = C::Body::deserialize(&record.body) else { return };
        let last = record.to.day().unwrap_or(days.1);
        for day in each(common((record.from, last), days)) {
            counts.entry(day).or_default().add(day, &body);
        }
    })?;
    counts.into_iter().map(|(day, count)| Ok(RangeDay { day, data: raw_of(&count.numbers())? })).collect()
}

/// A day's weather is small: its metrics are all numbers.
fn weather_range(tx: &mut Tx<'_>, days: Span, edition: &Edition) -> Result<Vec<RangeDay>, DbError> {
    let mut told: BTreeMap<Day, Vec<Record>> = BTreeMap::new();
    queries::each_record(tx, MetricType::Weather, days, edition, |record| {
        told.entry(record.from).or_default().push(record);
    })?;
    let data = |(day, records): (Day, Vec<Record>)| {
        Ok(RangeDay { day, data: raw_of(&weather::day(day, &records))? })
    };
    told.into_iter().map(data).collect()
}

/// The reference is large and seldom changes: of each day its statistics, counted on from the day before.
fn reference_range(tx: &mut Tx<'_>, days: Span, edition: &Edition) -> Result<Vec<RangeDay>, DbError> {
    #[derive(Serialize)]
    struct Statistics {
        statistiques: ReferenceStatistics,
    }
    let mut arcs: BTreeMap<Day, Vec<Arc>> = BTreeMap::new();
    queries::each_record(tx, MetricType::Reference, days, edition, |record| {
        arcs.entry(record.from).or_default().extend(Arc::deserialize(&record.body));
    })?;
    let Some(first) = arcs.keys().next().copied() else { return Ok(Vec::new()) };
    let mut counted = ArcCount::default();
    let mut begun = arcs.into_iter().peekable();
    let mut out: Vec<RangeDay> = Vec::new();
    for day in each(common((first, days.1), days)) {
        let mut is_new = out.is_empty();
        while let Some((_, arcs)) = begun.next_if(|(from, _)| *from <= day) {
            for arc in &arcs {
                counted.add(arc);
            }
            is_new = true;
        }
        let data = match out.last() {
            Some(before) if !is_new => before.data.clone(),
            Some(_) | None => raw_of(&Statistics { statistiques: counted.statistics() })?,
        };
        out.push(RangeDay { day, data });
    }
    Ok(out)
}

fn each(span: Option<Span>) -> impl Iterator<Item = Day> {
    let numbers = span.map(|(from, to)| from.number()..=to.number());
    numbers.into_iter().flatten().filter_map(Day::from_number)
}
