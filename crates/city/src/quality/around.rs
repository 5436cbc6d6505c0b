//! What the days around a day say of its sensors.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kernel::Day;

use super::spikes::{unusual, usual};
use super::{Finding, Kind};
use crate::MetricType;
use crate::hours::Hours;
use crate::metrics::number::count;
use crate::metrics::silence::{Quantity, SAME_HOURS, Silence, Silent};
use crate::metrics::{FailingSensor, WallClock, flow, hours_of, occupancy};

/// A sensor is expected on a day when it measured something on one of so many days before. A week has every weekday in
/// it; one that was away for longer has been told of for a week.
pub(super) const WEEK: i32 = 7;

/// What sensors measured on a day, by their numbers in the register.
pub type Measured = BTreeMap<i64, Hours>;

/// A day and those around it, as they were known at one instant; days that nobody knows are not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Neighbours {
    /// What was measured on each.
    pub days: BTreeMap<Day, Measured>,
}

/// What the days around a day say of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Around {
    /// How many sensors measured something in the week before; none when nothing is known of that week.
    pub expected: Option<u32>,
    /// What is wrong, by sensor.
    pub notices: Vec<Notice>,
}

/// Something that is wrong with a sensor on a day, which only other days show.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The sensor's number in the register.
    pub sensor: i64,
    kind: Kind,
    slots: Vec<usize>,
    value: Option<f64>,
    detail: Option<String>,
    /// For how many hours, those of other days included.
    hours: u32,
}

impl Notice {
    /// As a finding of the day.
    pub fn finding(&self, id: &str) -> Finding {
        let found = Finding::of(self.kind, id, self.slots.clone(), self.value);
        Finding { detail: self.detail.clone(), ..found }
    }

    /// As a silent sensor, when it is one.
    pub fn failing(&self, kind: MetricType, id: &str, name: &str) -> Option<FailingSensor> {
        let why = match self.kind {
            Kind::Absent => Silence::Absent,
            Kind::Stuck => Silence::Stuck,
            Kind::Silent
            | Kind::Unmeasured
            | Kind::Gap
            | Kind::MissingHour
            | Kind::Spike
            | Kind::Negative
            | Kind::Impossible
            | Kind::StateMismatch
            | Kind::UnknownArc
            | Kind::LowCoverage
            | Kind::Duplicate
            | Kind::Conflict
            | Kind::Disorder
            | Kind::Rejected => return None,
        };
        let silent = Silent { why, value: self.value, slots: self.slots.clone() };
        Some(FailingSensor { hours: self.hours, ..FailingSensor::new(kind, id, name, &silent) })
    }
}

/// What the days around a day say of its sensors; nothing when the day itself is not known.
pub fn around(kind: MetricType, day: Day, known: &Neighbours) -> Around {
    let Some(today) = known.days.get(&day) else { return Around::default() };
    let week = known.week(day);
    let expected = last_measured(&week);
    let gone = expected.iter().filter(|(sensor, _)| today.get(*sensor).is_none_or(Hours::is_empty));
    let mut notices: Vec<Notice> = gone.map(|(sensor, last)| absent(day, *sensor, *last)).collect();
    for (sensor, hours) in today {
        notices.extend(stuck_over_midnight(known, day, *sensor));
        notices.extend(unlike_other_days(kind, day, (*sensor, hours), &week));
    }
    notices.sort_by_key(|notice| notice.sensor);
    Around { expected: (!week.is_empty()).then(|| count(expected.len())), notices }
}

/// A day of the week before.
struct Past<'a> {
    day: Day,
    clock: WallClock,
    facts: &'a Measured,
}

impl Neighbours {
    /// The days of the week before that are known, the latest first.
    fn week(&self, day: Day) -> Vec<Past<'_>> {
        let days = self.days.range(day.plus(-WEEK)..day).rev();
        days.map(|(day, facts)| Past { day: *day, clock: WallClock::of(*day), facts }).collect()
    }

    fn hours(&self, day: Day, sensor: i64) -> Option<&Hours> {
        self.days.get(&day)?.get(&sensor)
    }
}

/// The sensors that measured something, with the last day on which they did.
fn last_measured(week: &[Past<'_>]) -> BTreeMap<i64, Day> {
    let mut last = BTreeMap::new();
    for past in week {
        for (sensor, _) in past.facts.iter().filter(|(_, hours)| is_measured(hours)) {
            last.entry(*sensor).or_insert(past.day);
        }
    }
    last
}

fn is_measured(hours: &Hours) -> bool {
    hours.iter().any(|(_, reading)| flow(reading).is_some() || occupancy(reading).is_some())
}

fn absent(day: Day, sensor: i64, last: Day) -> Notice {
    Notice {
        sensor,
        kind: Kind::Absent,
        slots: Vec::new(),
        value: None,
        detail: Some(format!("measured last on {last}")),
        hours: count(hours_of(day)),
    }
}

/// A value other than zero that a sensor repeats for more than twelve hours, some of them on the day before or after. A
/// run that would begin earlier or end later still fills the whole neighbouring day, which is enough.
fn stuck_over_midnight(known: &Neighbours, day: Day, sensor: i64) -> Option<Notice> {
    let near = [-1, 0, 1].map(|days| (day.plus(days), known.hours(day.plus(days), sensor)));
    let [before, today, after] = near.map(|(_, hours)| hours);
    let is_crossed = |quantity: Quantity| {
        let [first, last] = [quantity.first(today?), quantity.last(today?)];
        let joins =
            |here: Option<i32>, there: Option<i32>| here == there && here.is_some_and(|value| value != 0);
        let crossed = joins(first, before.and_then(|hours| quantity.last(hours)))
            || joins(last, after.and_then(|hours| quantity.first(hours)));
        crossed.then_some(quantity)
    };
    let mut crossed = [Quantity::Flow, Quantity::Occupancy].into_iter().filter_map(is_crossed).peekable();
    // What the day shows by itself is told already.
    if crossed.peek().is_none() || today.is_none_or(|today| Silent::of(today).is_some()) {
        return None;
    }
    crossed.find_map(|quantity| {
        let values: Vec<(Day, usize, i32)> = near
            .iter()
            .filter_map(|(day, hours)| Some((*day, quantity.values((*hours)?))))
            .flat_map(|(day, values)| values.into_iter().map(move |(slot, value)| (day, slot, value)))
            .collect();
        let runs = values.chunk_by(|before, after| before.2 == after.2);
        let stuck = runs
            .filter(|run| run[0].2 != 0 && run.len() > SAME_HOURS)
            .find(|run| run.iter().any(|(on, ..)| *on == day))?;
        Some(stuck_notice(day, sensor, quantity, stuck))
    })
}

fn stuck_notice(day: Day, sensor: i64, quantity: Quantity, run: &[(Day, usize, i32)]) -> Notice {
    let (first, last) = (run[0], run[run.len() - 1]);
    let from = WallClock::of(first.0).beginning(first.1);
    let to = WallClock::of(last.0).beginning(last.1 + 1);
    Notice {
        sensor,
        kind: Kind::Stuck,
        slots: run.iter().filter(|(on, ..)| *on == day).map(|(_, slot, _)| *slot).collect(),
        value: Some(quantity.told(first.2)),
        detail: Some(format!("{} hours, seen from {from} to {to}", run.len())),
        hours: count(run.len()),
    }
}

/// Counts far above those of the same hour of the clock in the week before.
fn unlike_other_days(
    kind: MetricType,
    day: Day,
    (sensor, hours): (i64, &Hours),
    week: &[Past<'_>],
) -> Vec<Notice> {
    let clock = WallClock::of(day);
    let past: Vec<(&WallClock, &Hours)> =
        week.iter().filter_map(|past| Some((&past.clock, past.facts.get(&sensor)?))).collect();
    let others = |slot| {
        let hour = clock.hour(slot);
        past.iter().filter_map(move |(clock, hours)| flow(hours.get(clock.slot(hour)?)?))
    };
    let found = unusual(kind, &Quantity::Flow.values(hours), others);
    let notice = |(slot, value)| Notice {
        sensor,
        kind: Kind::Spike,
        slots: vec![slot],
        value: Some(Quantity::Flow.told(value)),
        detail: usual(others(slot))
            .map(|usual| format!("{} at this hour on other days", Quantity::Flow.told(usual))),
        hours: 1,
    };
    found.into_iter().map(notice).collect()
}
