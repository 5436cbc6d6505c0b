//! Sensors that say nothing, though they send rows.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::number::{count, ratio};
use super::{flow, occupancy};
use crate::hours::{FLOW_UNITS, Hours, OCCUPANCY_UNITS, Reading, SLOTS};

/// All of a sensor's values being zero means something only over so many hours: at night, with a few hours loaded, a
/// quiet street counts zero as well.
pub const ZERO_HOURS: usize = 6;
/// A value that stays the same for more than so many hours is stuck (specification of the metrics): neither bicycles
/// nor cars come in equal numbers every hour, except none.
pub const SAME_HOURS: usize = 12;

/// Why a sensor is taken to be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = CitySilence)]
pub enum Silence {
    /// Every value of the day is zero.
    #[serde(rename = "tout_a_zero")]
    AllZero,
    /// One value other than zero came for more than twelve hours.
    #[serde(rename = "valeur_constante")]
    Stuck,
    /// It sent rows, and no value in any of them.
    #[serde(rename = "sans_mesure")]
    Unmeasured,
    /// It sent nothing, but did on one of the seven days before. No day says so of itself: only a report does.
    #[serde(rename = "absent")]
    Absent,
}

/// What a sensor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Vehicles or bicycles.
    Flow,
    /// The share of the time that something is on the sensor.
    Occupancy,
}

impl Quantity {
    /// The value of an hour, unless it is missing or cannot be.
    pub(crate) fn of(self, reading: Reading) -> Option<i32> {
        match self {
            Self::Flow => flow(reading),
            Self::Occupancy => occupancy(reading),
        }
    }

    /// The first value of a day.
    pub(crate) fn first(self, hours: &Hours) -> Option<i32> {
        hours.iter().find_map(|(_, reading)| self.of(reading))
    }

    /// The last value of a day.
    pub(crate) fn last(self, hours: &Hours) -> Option<i32> {
        (0..SLOTS).rev().find_map(|slot| self.of(hours.get(slot)?))
    }

    /// A value as a number for people: vehicles per hour, or percent.
    pub(crate) fn told(self, value: i32) -> f64 {
        let units = match self {
            Self::Flow => FLOW_UNITS,
            Self::Occupancy => OCCUPANCY_UNITS,
        };
        ratio(i64::from(value), units)
    }

    /// The hours that have a value, in the order of time.
    pub(crate) fn values(self, hours: &Hours) -> Vec<(usize, i32)> {
        hours.iter().filter_map(|(slot, reading)| Some((slot, self.of(reading)?))).collect()
    }
}

/// The same value in one hour after another. Hours without a value in between do not end it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The value, in the units of the reading.
    pub value: i32,
    /// The slots, in the order of time.
    pub slots: Vec<usize>,
}

/// Why a sensor is silent on a day, and what shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Silent {
    /// Why.
    pub why: Silence,
    /// The value that it sent, in vehicles per hour, or in percent when only an arc's occupancy is stuck; none when it
    /// sent none.
    pub value: Option<f64>,
    /// The hours that show it.
    pub slots: Vec<usize>,
}

impl Silent {
    /// Why a sensor with these hours is silent: by its flows or, when these are not, by an occupancy that is stuck. An occupancy of zero
    /// is an empty road; only the flow tells that nothing is measured.
    pub fn of(hours: &Hours) -> Option<Self> {
        let flows = Quantity::Flow.values(hours);
        if let Some((why, run)) = silence(&flows) {
            return Some(Self::shown(why, Quantity::Flow, run));
        }
        let full = Quantity::Occupancy.values(hours);
        if flows.is_empty() && full.is_empty() && !hours.is_empty() {
            let slots = hours.iter().map(|(slot, _)| slot).collect();
            return Some(Self { why: Silence::Unmeasured, value: None, slots });
        }
        let run = longest_run(&full).filter(|run| run.slots.len() > SAME_HOURS)?;
        Some(Self::shown(Silence::Stuck, Quantity::Occupancy, run))
    }

    fn shown(why: Silence, quantity: Quantity, Run { value, slots }: Run) -> Self {
        Self { why, value: Some(quantity.told(value)), slots }
    }

    /// How many hours show it.
    pub fn hours(&self) -> u32 {
        count(self.slots.len())
    }
}

/// Why a sensor with these values (slot and value, in the order of time) is silent, and the hours that show it.
pub fn silence(values: &[(usize, i32)]) -> Option<(Silence, Run)> {
    let all_zero = values.len() >= ZERO_HOURS && values.iter().all(|(_, value)| *value == 0);
    if all_zero {
        let slots = values.iter().map(|(slot, _)| *slot).collect();
        return Some((Silence::AllZero, Run { value: 0, slots }));
    }
    let run = longest_run(values)?;
    (run.slots.len() > SAME_HOURS).then_some((Silence::Stuck, run))
}

/// The longest run of a value other than zero; of two equally long the earlier.
pub fn longest_run(values: &[(usize, i32)]) -> Option<Run> {
    let runs = values.chunk_by(|before, after| before.1 == after.1).filter(|run| run[0].1 != 0);
    let longest = runs.reduce(|longest, run| if run.len() > longest.len() { run } else { longest })?;
    Some(Run { value: longest[0].1, slots: longest.iter().map(|(slot, _)| *slot).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly(values: &[i32]) -> Vec<(usize, i32)> {
        values.iter().copied().enumerate().collect()
    }

    fn why(values: &[i32]) -> Option<Silence> {
        silence(&hourly(values)).map(|(why, _)| why)
    }

    #[test]
    fn zero_all_day_is_silence() {
        assert_eq!(why(&[0; 24]), Some(Silence::AllZero));
        let mut once = [0; 24];
        once[17] = 1;
        assert_eq!(why(&once), None);
        assert_eq!(why(&[0; ZERO_HOURS - 1]), None, "a few hours of the night say nothing");
    }

    #[test]
    fn the_same_value_for_more_than_twelve_hours_is_silence() {
        let mut values: Vec<i32> = (100..124).collect();
        values[4..16].fill(7);
        assert_eq!(why(&values), None, "twelve hours are not more than twelve");
        values[16] = 7;
        let (why, run) = silence(&hourly(&values)).expect("thirteen hours");
        assert_eq!((why, run.value, run.slots), (Silence::Stuck, 7, (4..17).collect()));
    }

    #[test]
    fn missing_hours_do_not_hide_a_stuck_value() {
        let values: Vec<(usize, i32)> = (0..24).filter(|slot| slot % 5 != 0).map(|slot| (slot, 9)).collect();
        assert!(silence(&values).is_some_and(|(why, run)| why == Silence::Stuck && run.slots.len() == 19));
    }
}
