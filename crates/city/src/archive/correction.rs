//! What a later import makes of a day's facts.

use super::{Changes, Facts};
use crate::hours::{FLOW_UNITS, Hours};
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
    /// Corrects a day's facts, if there are any yet, hour by hour: hours that the import does not have stay.
    pub fn new(before: Option<&Facts>, measured: impl IntoIterator<Item = (i64, Hours)>) -> Self {
        let mut facts = before.cloned().unwrap_or_default();
        let mut changes = Changes { total_before: before.map(total), ..Changes::default() };
        for (sensor, hours) in measured {
            correct(&mut facts, sensor, &hours, &mut changes);
        }
        changes.total_after = total(&facts);
        Self { facts, changes }
    }
}

impl Changes {
    /// Whether any hour is different.
    pub const fn is_of_hours(&self) -> bool {
        self.sensors_added + self.sensors_changed > 0
    }

    /// Whether anything is different.
    pub const fn is_any(&self) -> bool {
        self.is_of_hours() || self.sensors_described > 0
    }
}

fn correct(facts: &mut Facts, sensor: i64, later: &Hours, changes: &mut Changes) {
    let Some(known) = facts.get_mut(&sensor) else {
        if !later.is_empty() {
            changes.sensors_added += 1;
            changes.hours_added += later.len() as u64;
            facts.insert(sensor, *later);
        }
        return;
    };
    let hours_before = known.len();
    let different = known.correct(later) as u64;
    let added = (known.len() - hours_before) as u64;
    changes.hours_added += added;
    changes.hours_changed += different - added;
    changes.sensors_changed += u64::from(different > 0);
}

/// All flows that can be, together.
#[expect(clippy::cast_precision_loss, reason = "a day's vehicles are far below 2^52 thousandths")]
fn total(facts: &Facts) -> f64 {
    let readings = facts.values().flat_map(Hours::iter);
    let sum: i64 = readings.filter_map(|(_, reading)| metrics::flow(reading)).map(i64::from).sum();
    sum as f64 / FLOW_UNITS as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hours::Reading;

    fn hours(flows: &[(usize, i32)]) -> Hours {
        let mut hours = Hours::default();
        for (slot, flow) in flows {
            hours.set(*slot, Reading { flow: Some(*flow), ..Reading::default() });
        }
        hours
    }

    #[test]
    fn what_changes_is_counted() {
        let before = Facts::from([(1, hours(&[(0, 1_000), (1, 2_000)])), (2, hours(&[(0, 500)]))]);
        let later = [(1, hours(&[(1, 2_500), (2, 4_000)])), (3, hours(&[(5, 7)])), (4, Hours::default())];
        let Corrected { facts, changes } = Corrected::new(Some(&before), later);
        assert_eq!(facts[&1], hours(&[(0, 1_000), (1, 2_500), (2, 4_000)]));
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
        let facts = Facts::from([(1, hours(&[(0, -1)]))]);
        let again = Corrected::new(Some(&facts), facts.clone());
        assert!(!again.changes.is_any());
        assert_eq!((again.facts, again.changes.total_before), (facts, Some(0.0)));
    }
}
