//! What a later import makes of a day's facts.

use super::{Changes, Facts, SensorFacts};
use crate::hours::FLOW_UNITS;
use crate::metrics;

/// A day's facts, corrected.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrected {
    /// The facts.
    pub facts: Facts,
    /// What is different in them.
    pub changes: Changes,
}

impl Corrected {
    /// Corrects a day's facts, if there are any yet, hour by hour: hours that the import does not have stay. What it says
    /// of a sensor counts when the row that says it is not of an earlier hour than the one that counted before.
    pub fn new(before: Option<&Facts>, measured: impl IntoIterator<Item = (i64, SensorFacts)>) -> Self {
        let mut facts = before.cloned().unwrap_or_default();
        let mut changes = Changes { total_before: before.map(total), ..Changes::default() };
        for (sensor, later) in measured {
            correct(&mut facts, sensor, &later, &mut changes);
        }
        changes.total_after = total(&facts);
        Self { facts, changes }
    }
}

fn correct(facts: &mut Facts, sensor: i64, later: &SensorFacts, changes: &mut Changes) {
    let Some(known) = facts.get_mut(&sensor) else {
        if !later.hours.is_empty() {
            changes.sensors_added += 1;
            changes.hours_added += later.hours.len() as u64;
            facts.insert(sensor, *later);
        }
        return;
    };
    let hours_before = known.hours.len();
    let different = known.hours.correct(&later.hours) as u64;
    let added = (known.hours.len() - hours_before) as u64;
    changes.hours_added += added;
    changes.hours_changed += different - added;
    changes.sensors_changed += u64::from(different > 0);
    changes.sensors_described += u64::from(describe(known, later));
}

/// Takes over what a later import says of a sensor; returns whether it says something else.
fn describe(known: &mut SensorFacts, later: &SensorFacts) -> bool {
    let Some(says) = later.described else { return false };
    let before = known.described;
    if before.is_some_and(|before| before.slot > says.slot) {
        return false;
    }
    known.described = Some(says);
    before.map(|before| before.number) != Some(says.number)
}

/// All flows that can be, together.
#[expect(clippy::cast_precision_loss, reason = "a day's vehicles are far below 2^52 thousandths")]
fn total(facts: &Facts) -> f64 {
    let readings = facts.values().flat_map(|facts| facts.hours.iter());
    let sum: i64 = readings.filter_map(|(_, reading)| metrics::flow(reading)).map(i64::from).sum();
    sum as f64 / FLOW_UNITS as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hours::{Hours, Reading};
    use crate::sensor::Described;

    fn measured(flows: &[(usize, i32)]) -> SensorFacts {
        let mut hours = Hours::default();
        for (slot, flow) in flows {
            hours.set(*slot, Reading { flow: Some(*flow), ..Reading::default() });
        }
        SensorFacts { hours, described: None }
    }

    #[test]
    fn what_changes_is_counted() {
        let before = Facts::from([(1, measured(&[(0, 1_000), (1, 2_000)])), (2, measured(&[(0, 500)]))]);
        let later =
            [(1, measured(&[(1, 2_500), (2, 4_000)])), (3, measured(&[(5, 7)])), (4, SensorFacts::default())];
        let Corrected { facts, changes } = Corrected::new(Some(&before), later);
        assert_eq!(facts[&1], measured(&[(0, 1_000), (1, 2_500), (2, 4_000)]));
        assert_eq!(facts.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        let expected = Changes {
            sensors_added: 1,
            sensors_changed: 1,
            hours_added: 2,
            hours_changed: 1,
            sensors_described: 0,
            total_before: Some(3.5),
            total_after: 8.007,
        };
        assert_eq!(changes, expected);
    }

    #[test]
    fn the_same_again_is_no_change() {
        let facts = Facts::from([(1, measured(&[(0, -1)]))]);
        let again = Corrected::new(Some(&facts), facts.clone());
        let same = Changes { total_before: Some(0.0), ..Changes::default() };
        assert_eq!((again.facts, again.changes), (facts, same));
    }

    #[test]
    fn a_row_of_an_earlier_hour_describes_nothing() {
        let said =
            |slot, number| SensorFacts { described: Some(Described { slot, number }), ..measured(&[(5, 1)]) };
        for (before, later, after, redescribed) in [
            (said(5, 0), said(5, 1), said(5, 1), 1),
            (said(5, 0), said(4, 1), said(5, 0), 0),
            (said(5, 0), said(7, 0), said(7, 0), 0),
            (measured(&[(5, 1)]), said(0, 0), said(0, 0), 1),
            (said(5, 0), measured(&[(5, 1)]), said(5, 0), 0),
        ] {
            let Corrected { facts, changes } =
                Corrected::new(Some(&Facts::from([(1, before)])), [(1, later)]);
            assert_eq!((facts[&1], changes.sensors_described), (after, redescribed), "{before:?} {later:?}");
        }
    }
}
