//! What is wrong with the facts of a day.

use std::collections::BTreeSet;

use kernel::Day;

use super::spikes::spikes;
use super::{Finding, Findings, Kind};
use crate::MetricType;
use crate::hours::{FLOW_UNITS, OCCUPANCY_UNITS, Reading, SLOTS, State};
use crate::metrics::number::{count, ratio};
use crate::metrics::roads::TrafficState;
use crate::metrics::silence::{Quantity, Silence, Silent};
use crate::metrics::{Coverage, SensorDay, flow, hours_of, occupancy};

/// More vehicles in an hour than any street of Paris takes: eight lanes at the 2,400 cars per hour that a motorway lane
/// can carry (*Highway Capacity Manual*, 2010, chapter 11).
const MOST_VEHICLES: i64 = 19_200;
/// More bicycles than any path takes: five lanes at the 2,000 per hour that leave a stop line (*Highway Capacity Manual*,
/// 2000, chapter 19).
const MOST_BICYCLES: i64 = 10_000;
/// Below this share of hours measured, in percent, a day's totals are not worth comparing with another day's.
const LEAST_COVERAGE: f64 = 75.0;

/// What is wrong with a day of a sensor type; of the other types, whose records have no hours, nothing is told.
///
/// The order of the sensors means nothing.
pub fn of_day(kind: MetricType, day: Day, sensors: &[SensorDay<'_>]) -> Findings {
    let hours = hours_of(day);
    let seen = seen(sensors);
    let mut list = Vec::new();
    let mut measured = 0;
    for sensor in sensors {
        measured += measurements(sensor);
        look_at(kind, sensor, &seen, &mut list);
    }
    let coverage = Coverage::new(count(sensors.len()), count(measured), hours);
    if !sensors.is_empty() {
        let missing: Vec<usize> = (0..hours).filter(|slot| !seen[*slot]).collect();
        if !missing.is_empty() {
            list.push(Finding::whole(Kind::MissingHour, missing, None));
        }
        if coverage.percent < LEAST_COVERAGE {
            list.push(Finding::whole(Kind::LowCoverage, Vec::new(), Some(coverage.percent)));
        }
    }
    Findings::from_list(list, Some(coverage))
}

/// The arcs of a day that the reference does not have. It may be loaded later, so this is asked when the day is read.
pub fn unknown_arcs<'a>(arcs: impl IntoIterator<Item = &'a str>, known: &BTreeSet<String>) -> Findings {
    let unknown = arcs.into_iter().filter(|arc| !known.contains(*arc));
    let list = unknown.map(|arc| Finding::of(Kind::UnknownArc, arc, Vec::new(), None)).collect();
    Findings::from_list(list, None)
}

/// The slots that at least one sensor has.
fn seen(sensors: &[SensorDay<'_>]) -> [bool; SLOTS] {
    let mut seen = [false; SLOTS];
    for (slot, _) in sensors.iter().flat_map(|sensor| sensor.hours.iter()) {
        seen[slot] = true;
    }
    seen
}

fn is_measured(reading: Reading) -> bool {
    flow(reading).is_some() || occupancy(reading).is_some()
}

fn measurements(sensor: &SensorDay<'_>) -> usize {
    sensor.hours.iter().filter(|(_, reading)| is_measured(*reading)).count()
}

fn look_at(kind: MetricType, sensor: &SensorDay<'_>, seen: &[bool; SLOTS], list: &mut Vec<Finding>) {
    let mut tell = |kind, slots: Vec<usize>, value| {
        if !slots.is_empty() {
            list.push(Finding::of(kind, sensor.id, slots, value));
        }
    };
    if let Some(Silent { why, value, slots }) = Silent::of(sensor.hours) {
        tell(kind_of(why), slots, value);
    }
    let gaps = seen.iter().enumerate().filter(|(slot, seen)| **seen && sensor.hours.get(*slot).is_none());
    tell(Kind::Gap, gaps.map(|(slot, _)| slot).collect(), None);
    for (what, slots, value) in out_of_range(kind, sensor) {
        tell(what, slots, Some(value));
    }
    for (slot, count) in spikes(kind, &Quantity::Flow.values(sensor.hours)) {
        tell(Kind::Spike, vec![slot], Some(Quantity::Flow.told(count)));
    }
    let contradicted = sensor.hours.iter().filter(|(_, reading)| contradicts_itself(*reading));
    tell(Kind::StateMismatch, contradicted.map(|(slot, _)| slot).collect(), None);
}

fn values(sensor: &SensorDay<'_>, of: impl Fn(Reading) -> Option<i32>) -> Vec<(usize, i32)> {
    sensor.hours.iter().filter_map(|(slot, reading)| Some((slot, of(reading)?))).collect()
}

const fn kind_of(why: Silence) -> Kind {
    match why {
        Silence::AllZero => Kind::Silent,
        Silence::Stuck => Kind::Stuck,
        Silence::Unmeasured => Kind::Unmeasured,
        Silence::Absent => Kind::Absent,
    }
}

/// Values below zero or above what can be, with the hours and the worst of them: first of the flow, then of the
/// occupancy.
fn out_of_range(kind: MetricType, sensor: &SensorDay<'_>) -> Vec<(Kind, Vec<usize>, f64)> {
    let most = match kind {
        MetricType::Bikes => MOST_BICYCLES,
        MetricType::Roads
        | MetricType::Transit
        | MetricType::Weather
        | MetricType::Works
        | MetricType::Reference => MOST_VEHICLES,
    };
    let flows = values(sensor, |reading| reading.flow);
    let full = values(sensor, |reading| reading.occupancy);
    let mut found = Vec::new();
    for (values, most, units) in [(&flows, most, FLOW_UNITS), (&full, 100, OCCUPANCY_UNITS)] {
        let below: Vec<_> = values.iter().filter(|(_, value)| *value < 0).collect();
        let above: Vec<_> = values.iter().filter(|(_, value)| i64::from(*value) > most * units).collect();
        let slots = |wrong: &[&(usize, i32)]| wrong.iter().map(|(slot, _)| *slot).collect();
        let worst = |value: i32| ratio(i64::from(value), units);
        if let Some(least) = below.iter().map(|(_, value)| *value).min() {
            found.push((Kind::Negative, slots(&below), worst(least)));
        }
        if let Some(greatest) = above.iter().map(|(_, value)| *value).max() {
            found.push((Kind::Impossible, slots(&above), worst(greatest)));
        }
    }
    found
}

/// Whether the source calls an hour otherwise than its occupancy does; a source that calls it nothing does not.
fn contradicts_itself(reading: Reading) -> bool {
    let Some(full) = occupancy(reading) else { return false };
    let told = match reading.state {
        State::Unknown => return false,
        State::Free => TrafficState::Free,
        State::Dense => TrafficState::Dense,
        State::Saturated => TrafficState::Saturated,
        State::Blocked => TrafficState::Blocked,
    };
    told != TrafficState::of(Some(full))
}
