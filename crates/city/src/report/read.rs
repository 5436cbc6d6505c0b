//! Reading what a report is composed from.

use kernel::{Day, Timestamp};
use store::{DbError, Tx};

use super::{DayTotals, Evolution, Report, compose};
use crate::archive::answers::{AnswerError, anomalies, records};
use crate::archive::{Version, from_json, queries};
use crate::metrics::bikes::BikeTotals;
use crate::metrics::roads::RoadTotals;
use crate::metrics::{FailingSensor, transit, weather, works};
use crate::quality::{Noticed, noticed};
use crate::{City, MetricType};

impl City {
    /// The report of a day, as it was known at an instant, or as it is known now. `None`: there is no data of that day.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn report(&self, day: Day, known: Option<Timestamp>) -> Result<Option<Report>, AnswerError> {
        let now = self.store().now();
        self.store().scan(move |tx| Ok(read(tx, day, known, now)?)).await
    }

    /// The last day up to today of which it was known at an instant, or is known now, that counters or arcs have measured
    /// anything.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn latest_day(&self, known: Option<Timestamp>) -> Result<Option<Day>, AnswerError> {
        let today = self.store().now().paris_day();
        self.store().read(move |tx| Ok(latest_day(tx, today, known)?)).await
    }
}

/// The report of a day, as it was known at an instant, or as it is known now.
pub fn read(
    tx: &mut Tx<'_>,
    day: Day,
    known: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Report>, DbError> {
    let today = totals(tx, day, known, Told::WithOtherDays)?;
    if today == DayTotals::default() {
        return Ok(None);
    }
    let before = totals(tx, day.plus(-Evolution::WEEK), known, Told::Alone)?;
    Ok(Some(compose(day, now, today, &before)))
}

fn latest_day(tx: &mut Tx<'_>, today: Day, known: Option<Timestamp>) -> Result<Option<Day>, DbError> {
    let bikes = queries::last_day(tx, MetricType::Bikes, today, known)?;
    Ok(bikes.max(queries::last_day(tx, MetricType::Roads, today, known)?))
}

/// What is told of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Only what it shows by itself: its sums are compared with.
    Alone,
    /// What other days say of it as well.
    WithOtherDays,
}

fn totals(tx: &mut Tx<'_>, day: Day, known: Option<Timestamp>, told: Told) -> Result<DayTotals, DbError> {
    let bikes = queries::day(tx, MetricType::Bikes, day, known)?;
    let roads = queries::day(tx, MetricType::Roads, day, known)?;
    let bikes = bikes.map(|version| bikes_of(tx, &version, known, told)).transpose()?;
    let roads = roads.map(|version| roads_of(tx, &version, known, told)).transpose()?;
    let mut of = |kind| records(tx, kind, day, known);
    let (disruptions, measured, sites) =
        (of(MetricType::Transit)?, of(MetricType::Weather)?, of(MetricType::Works)?);
    Ok(DayTotals {
        bikes,
        roads,
        transit: disruptions.map(|records| transit::day(day, &records)),
        weather: measured.map(|records| weather::day(day, &records)),
        works: sites.map(|records| works::day(day, &records)),
    })
}

fn bikes_of(
    tx: &mut Tx<'_>,
    version: &Version,
    known: Option<Timestamp>,
    told: Told,
) -> Result<BikeTotals, DbError> {
    let mut totals: BikeTotals = from_json(&version.totals)?;
    if told == Told::WithOtherDays {
        totals.tell(anomalies(tx, version, known)?);
        fail(&mut totals.failing, &noticed(tx, MetricType::Bikes, &version.head, known)?);
    }
    Ok(totals)
}

fn roads_of(
    tx: &mut Tx<'_>,
    version: &Version,
    known: Option<Timestamp>,
    told: Told,
) -> Result<RoadTotals, DbError> {
    let mut totals: RoadTotals = from_json(&version.totals)?;
    if told == Told::WithOtherDays {
        fail(&mut totals.failing, &noticed(tx, MetricType::Roads, &version.head, known)?);
    }
    Ok(totals)
}

/// Adds the silent sensors that only other days show.
fn fail(failing: &mut Vec<FailingSensor>, noticed: &Noticed) {
    failing.extend(noticed.failing());
    failing.sort_by(|a, b| a.id().cmp(b.id()));
}
