//! What one pass over an arc's hours finds.

use super::lost_time::{self, Speed};
use super::state::{StateHours, TrafficState};
use crate::hours::Reading;
use crate::metrics::number::count;
use crate::metrics::silence::{Run, Silence, silence};
use crate::metrics::{SensorDay, flow, geo, occupancy};

/// An arc's exact sums, in the units of its readings.
pub(super) struct ArcFacts<'a> {
    pub(super) sensor: SensorDay<'a>,
    pub(super) arrondissement: Option<u8>,
    /// Metres, when its line is known.
    pub(super) length: Option<f64>,
    /// Hours that the source has a row for.
    pub(super) hours: u32,
    /// Hours with a flow, an occupancy, or both.
    pub(super) measured: u32,
    pub(super) flow_hours: u32,
    pub(super) flow: i64,
    /// The first hour with most vehicles.
    pub(super) peak: Option<(usize, i32)>,
    pub(super) occupancy_hours: u32,
    pub(super) occupancy: i64,
    pub(super) states: StateHours,
    /// Flows and occupancies that cannot be.
    pub(super) discarded: u32,
    losses: i64,
}

impl<'a> ArcFacts<'a> {
    pub(super) fn of(sensor: SensorDay<'a>) -> Self {
        let line = &sensor.about.line;
        let mut arc = Self {
            sensor,
            arrondissement: sensor.arrondissement(),
            length: (line.len() > 1).then(|| geo::length(line)),
            hours: 0,
            measured: 0,
            flow_hours: 0,
            flow: 0,
            peak: None,
            occupancy_hours: 0,
            occupancy: 0,
            states: StateHours::default(),
            discarded: 0,
            losses: 0,
        };
        for (slot, reading) in sensor.hours.iter() {
            arc.add(slot, reading);
        }
        arc
    }

    fn add(&mut self, slot: usize, reading: Reading) {
        let (flow, occupancy) = (flow(reading), occupancy(reading));
        self.hours += 1;
        self.measured += u32::from(flow.is_some() || occupancy.is_some());
        self.discarded += u32::from(reading.flow.is_some() && flow.is_none());
        self.discarded += u32::from(reading.occupancy.is_some() && occupancy.is_none());
        self.states.count(TrafficState::of(occupancy), 1);
        if let Some(flow) = flow {
            self.flow_hours += 1;
            self.flow += i64::from(flow);
            if self.peak.is_none_or(|(_, peak)| flow > peak) {
                self.peak = Some((slot, flow));
            }
        }
        if let Some(occupancy) = occupancy {
            self.occupancy_hours += 1;
            self.occupancy += i64::from(occupancy);
        }
        self.losses += loss(reading);
    }

    /// The speed at the mean occupancy of the day.
    pub(super) fn speed(&self) -> Option<Speed> {
        Speed::at(self.occupancy, self.occupancy_hours)
    }

    /// Whether its mean occupancy is 30 % or more.
    pub(super) fn is_saturated(&self) -> bool {
        self.speed().is_some_and(|speed| speed != Speed::FREE)
    }

    /// What all its vehicles lost hour by hour, in billionths of a minute. Nothing is said of an arc without a length,
    /// or without any hour that has both a flow and an occupancy.
    pub(super) fn lost(&self) -> Option<i64> {
        let has_both = self.sensor.hours.iter().any(|(_, reading)| has_both(reading));
        Some(lost_time::total(self.length.filter(|_| has_both)?, self.losses))
    }

    /// The same for some of its hours: from a slot to a slot, itself included.
    pub(super) fn lost_between(&self, first: usize, last: usize) -> Option<i64> {
        let hours = self.sensor.hours.iter().filter(|(slot, _)| (first..=last).contains(slot));
        let losses = hours.map(|(_, reading)| loss(reading)).sum();
        Some(lost_time::total(self.length?, losses))
    }

    /// Why it is silent: by its flows or, when these are not, by an occupancy that is stuck.
    pub(super) fn silence(&self) -> Option<Silent> {
        let hours = || self.sensor.hours.iter();
        let flows: Vec<_> = hours().filter_map(|(slot, reading)| Some((slot, flow(reading)?))).collect();
        if let Some((why, run)) = silence(&flows) {
            return Some(Silent { why, run, is_flow: true });
        }
        let full: Vec<_> = hours().filter_map(|(slot, reading)| Some((slot, occupancy(reading)?))).collect();
        let (why, run) = silence(&full)?;
        // An empty road has an occupancy of zero; only its flow tells that nothing is measured.
        (why == Silence::Stuck).then_some(Silent { why, run, is_flow: false })
    }
}

/// A silent arc: why, in which hours, and whether flow or occupancy shows it.
pub(super) struct Silent {
    pub(super) why: Silence,
    run: Run,
    is_flow: bool,
}

impl Silent {
    /// How many hours show it.
    pub(super) fn hours(&self) -> u32 {
        count(self.run.slots.len())
    }

    /// The value: vehicles per hour, or percent.
    pub(super) fn value(&self) -> f64 {
        let units = if self.is_flow { crate::hours::FLOW_UNITS } else { crate::hours::OCCUPANCY_UNITS };
        crate::metrics::number::ratio(i64::from(self.run.value), units)
    }
}

/// An hour without a flow or without an occupancy adds nothing to the lost time.
fn loss(reading: Reading) -> i64 {
    let both = flow(reading).zip(occupancy(reading));
    let loss = both.and_then(|(flow, full)| Some(Speed::at(i64::from(full), 1)?.loss(flow)));
    loss.unwrap_or_default()
}

fn has_both(reading: Reading) -> bool {
    flow(reading).is_some() && occupancy(reading).is_some()
}
