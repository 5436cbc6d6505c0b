//! What is told of one counter or arc over a range of days.

use std::collections::BTreeMap;

use kernel::{Day, Timestamp};
use store::{DbError, Tx};

use super::answers::{RangeDay, WEEKS, raw_of};
use super::work_out::sensor_of_day;
use super::{Abouts, SensorFacts, SensorType, queries};
use crate::MetricType;
use crate::metrics::bikes::{self, CounterDay};
use crate::metrics::{SensorDay, roads};

/// The days of a range on which a sensor measured something; nothing when there is no such sensor.
pub(super) fn sensor_range(
    tx: &mut Tx<'_>,
    kind: MetricType,
    id: &str,
    days: (Day, Day),
    known: Option<Timestamp>,
) -> Result<Option<Vec<RangeDay>>, DbError> {
    let (Some(number), Some(of)) = (queries::sensor(tx, kind, id)?, SensorType::of(kind)) else {
        return Ok(None);
    };
    let range = match of {
        SensorType::Bikes => {
            let days_before = (days.0.plus(-7 * WEEKS), days.1);
            compared(&One::read(tx, kind, (number, id), days_before, known)?, days.0)?
        }
        SensorType::Roads => {
            let one = One::read(tx, kind, (number, id), days, known)?;
            let days = one.days().map(|of_day| {
                let (day, arc) = of_day?;
                Ok(RangeDay { day, data: raw_of(&roads::day(day, &[arc]).0.first())? })
            });
            days.collect::<Result<_, DbError>>()?
        }
    };
    Ok(Some(range))
}

/// The days of a counter from one on, each compared with the counter's own days before it.
fn compared(counter: &One<'_>, from: Day) -> Result<Vec<RangeDay>, DbError> {
    let mut all: BTreeMap<Day, CounterDay> = BTreeMap::new();
    for of_day in counter.days() {
        let (day, counter) = of_day?;
        all.extend(bikes::day(day, &[counter]).0.pop().map(|counter| (day, counter)));
    }
    all.range(from..)
        .map(|(day, counter)| {
            let past = |week: i32| all.get(&day.plus(-7 * week)).cloned().into_iter().collect();
            let history: Vec<Vec<CounterDay>> = (1..=WEEKS).map(past).collect();
            let mut today = [counter.clone()];
            bikes::anomalies(&mut today, &history);
            Ok(RangeDay { day: *day, data: raw_of(&today.first())? })
        })
        .collect()
}

/// The facts of one sensor.
struct One<'i> {
    number: i64,
    id: &'i str,
    facts: Vec<(Day, SensorFacts)>,
    abouts: Abouts,
}

impl<'i> One<'i> {
    fn read(
        tx: &mut Tx<'_>,
        kind: MetricType,
        (number, id): (i64, &'i str),
        days: (Day, Day),
        known: Option<Timestamp>,
    ) -> Result<Self, DbError> {
        let facts = queries::sensor_range(tx, kind, number, days, known)?;
        let mut named: Vec<(i64, u32)> =
            facts.iter().filter_map(|(_, of_day)| Some((number, of_day.described?.number))).collect();
        named.sort_unstable();
        named.dedup();
        let abouts = queries::descriptions(tx, kind, &named)?;
        Ok(Self { number, id, facts, abouts })
    }

    /// Each day, with what this day's own rows say of the sensor.
    fn days(&self) -> impl Iterator<Item = Result<(Day, SensorDay<'_>), DbError>> {
        self.facts
            .iter()
            .map(|(day, of_day)| Ok((*day, sensor_of_day(self.number, self.id, of_day, &self.abouts)?)))
    }
}
