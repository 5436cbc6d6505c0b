//! What one pass over an arc's hours finds.

use super::lost_time::{self, Speed};
use super::state::{StateHours, TrafficState};
use crate::hours::Reading;
use crate::metrics::silence::Silent;
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
    /// Why it is silent, when it is.
    pub(super) silent: Option<Silent>,
    /// Whether some hour has a flow and an occupancy.
    has_both: bool,
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
            silent: Silent::of(sensor.hours),
            has_both: false,
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
        if let Some(loss) = loss(reading) {
            self.has_both = true;
            self.losses += loss;
        }
    }

    /// All its vehicles; nothing is said without an hour that has a flow.
    pub(super) fn total_flow(&self) -> Option<i64> {
        (self.flow_hours > 0).then_some(self.flow)
    }

    /// The speed at the mean occupancy of the day.
    pub(super) fn speed(&self) -> Option<Speed> {
        Speed::at(self.occupancy, self.occupancy_hours)
    }

    /// Whether its mean occupancy is 30 % or more; nothing is said without an hour that has an occupancy.
    pub(super) fn is_saturated(&self) -> Option<bool> {
        Some(self.speed()? != Speed::FREE)
    }

    /// What all its vehicles lost hour by hour, in billionths of a minute. Nothing is said of an arc without a length,
    /// or without any hour that has both a flow and an occupancy.
    pub(super) fn lost(&self) -> Option<i64> {
        Some(lost_time::total(self.length.filter(|_| self.has_both)?, self.losses))
    }

    /// The same for some of its hours: from a slot to a slot, itself included.
    pub(super) fn lost_between(&self, first: usize, last: usize) -> Option<i64> {
        let hours = self.sensor.hours.iter().filter(|(slot, _)| (first..=last).contains(slot));
        let losses: Vec<i64> = hours.filter_map(|(_, reading)| loss(reading)).collect();
        let length = self.length.filter(|_| !losses.is_empty())?;
        Some(lost_time::total(length, losses.iter().sum()))
    }
}

/// What the vehicles of an hour lose per metre; nothing is said of one without a flow or without an occupancy.
fn loss(reading: Reading) -> Option<i64> {
    let (flow, full) = flow(reading).zip(occupancy(reading))?;
    Some(Speed::at(i64::from(full), 1)?.loss(flow))
}
