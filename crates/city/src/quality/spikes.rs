//! Counts far above the hours around them, or above the same hour of other days.

#[cfg(test)]
mod measured;

use crate::MetricType;
use crate::hours::FLOW_UNITS;

/// A count is a spike from this many times what is expected on: the geometric mean of its neighbours, since traffic grows
/// and shrinks by factors rather than by amounts and the mean follows the slopes of morning and evening; or the median of
/// the same hour on other days. In two weeks of the city's 90 bicycle counters (29,847 hours in spring 2024) and a year of
/// an arc of the Champs-Élysées no hour came to five times its neighbours. How many of the counts multiplied by ten are
/// found, the tests measure.
const TIMES: i128 = 5;
/// Added to each neighbour, in vehicles: in the small hours the step from one to ten means nothing.
const FLOOR: i128 = 5;
/// Added to the same hour of other days: of seven days the median is worth more than two neighbours.
const USUAL_FLOOR: i128 = 2;
/// A count that is unlike other days has to be so many times the nearest hours that are like them as well. Else the first
/// working day after a week of holidays would be made of spikes.
const TIMES_AROUND: i128 = 4;
/// With fewer other days that have the hour nothing is said.
const LEAST_DAYS: usize = 4;

/// From this many vehicles above both neighbours on.
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

/// From this many vehicles above the same hour of other days on.
const fn least_unusual(kind: MetricType) -> i128 {
    match kind {
        MetricType::Roads => 100,
        MetricType::Bikes
        | MetricType::Transit
        | MetricType::Weather
        | MetricType::Works
        | MetricType::Reference => 15,
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

/// The places of counts far above the same hour of other days; those that `spikes` finds as well are left out. `others`
/// tells what was counted on other days at the hour of a slot.
pub(super) fn unusual<I: Iterator<Item = i32>>(
    kind: MetricType,
    counts: &[(usize, i32)],
    others: impl Fn(usize) -> I,
) -> Vec<(usize, i32)> {
    let units = i128::from(FLOW_UNITS);
    let is_above = |count: i32, usual: i32| {
        let (count, usual) = (i128::from(count), i128::from(usual));
        count - usual >= least_unusual(kind) * units && count >= TIMES * (usual + USUAL_FLOOR * units)
    };
    // A count that is not above the least of the others is not above their median either, which takes longer to find.
    let is_unlike = |slot: usize, count: i32| {
        others(slot).min().is_some_and(|least| is_above(count, least))
            && usual(others(slot)).is_some_and(|usual| is_above(count, usual))
    };
    let (unlike, like): (Vec<_>, Vec<_>) = counts.iter().partition(|(slot, count)| is_unlike(*slot, *count));
    if unlike.is_empty() {
        return unlike;
    }
    let stands_out = |(slot, count): &(usize, i32)| {
        let next = like.partition_point(|(other, _)| other < slot);
        let before = next.checked_sub(1).and_then(|place| like.get(place));
        let (Some((_, before)), Some((_, after))) =
            (before.or_else(|| like.get(next)), like.get(next).or(before))
        else {
            return false;
        };
        let floored = |count: i32| i128::from(count) + USUAL_FLOOR * units;
        let count = i128::from(*count);
        count * count >= TIMES_AROUND * TIMES_AROUND * floored(*before) * floored(*after)
    };
    let known = spikes(kind, counts);
    unlike.into_iter().filter(|one| stands_out(one) && !known.contains(one)).collect()
}

/// What a sensor usually counts in an hour: the median of what it counted then on other days, unless these are too few.
pub(super) fn usual(others: impl Iterator<Item = i32>) -> Option<i32> {
    let mut counts: Vec<i32> = others.collect();
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().filter(|_| counts.len() >= LEAST_DAYS)
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
