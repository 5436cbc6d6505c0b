//! Reading what the days around a day say of it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kernel::Timestamp;
use store::{DbError, Tx};

use super::around::WEEK;
use super::{Finding, Findings, Neighbours, Notice, around};
use crate::MetricType;
use crate::archive::{Head, named, queries};
use crate::metrics::FailingSensor;

/// What the days around a day say of it, with the names of its sensors.
pub(crate) struct Noticed {
    kind: MetricType,
    expected: Option<u32>,
    notices: Vec<Notice>,
    /// The ids of all sensors of the type, by number.
    ids: BTreeMap<i64, String>,
    /// What those that something is told of are called, by the latest of these days on which they are.
    names: BTreeMap<i64, String>,
    /// The sensors that have rows that day.
    present: Vec<i64>,
}

/// What the days around a version of a day say of it, as they were known at an instant, or as they are known now.
///
/// It reads the facts of nine days and works for some milliseconds on each when there are thousands of sensors.
pub(crate) fn noticed(
    tx: &mut Tx<'_>,
    kind: MetricType,
    head: &Head,
    known: Option<Timestamp>,
) -> Result<Noticed, DbError> {
    let mut days = queries::range(tx, kind, (head.day.plus(-WEEK), head.day.plus(1)), known)?;
    days.retain(|near| near.day != head.day);
    days.push(head.clone());
    days.sort_by_key(|near| near.day);
    let (mut around_it, mut described) = (Neighbours::default(), BTreeMap::new());
    for near in &days {
        let facts = queries::facts(tx, kind, near.day, near.version)?;
        described.extend(named(&facts));
        around_it
            .days
            .insert(near.day, facts.into_iter().map(|(sensor, of_day)| (sensor, of_day.hours)).collect());
    }
    let found = around(kind, head.day, &around_it);
    let told_of: BTreeSet<i64> = found.notices.iter().map(|notice| notice.sensor).collect();
    described.retain(|sensor, _| told_of.contains(sensor));
    let described: Vec<(i64, u32)> = described.into_iter().collect();
    let abouts = queries::descriptions(tx, kind, &described)?;
    Ok(Noticed {
        kind,
        expected: found.expected,
        notices: found.notices,
        ids: queries::ids(tx, kind)?,
        names: abouts.into_iter().map(|((sensor, _), about)| (sensor, about.name.clone())).collect(),
        present: around_it.days.get(&head.day).into_iter().flat_map(BTreeMap::keys).copied().collect(),
    })
}

impl Noticed {
    /// As findings of the day.
    pub(crate) fn findings(&self) -> Findings {
        let list: Vec<Finding> = self.named().map(|(notice, id, _)| notice.finding(id)).collect();
        Findings { expected: self.expected, ..Findings::from_list(list, None) }
    }

    /// The silent sensors among them, by id.
    pub(crate) fn failing(&self) -> Vec<FailingSensor> {
        let failing = self.named().filter_map(|(notice, id, name)| notice.failing(self.kind, id, name));
        let mut failing: Vec<FailingSensor> = failing.collect();
        failing.sort_by(|a, b| a.id().cmp(b.id()));
        failing
    }

    /// The ids of the sensors that have rows that day.
    pub(crate) fn present(&self) -> impl Iterator<Item = &str> {
        self.present.iter().filter_map(|number| self.ids.get(number).map(String::as_str))
    }

    /// What is told, with the ids and names of the sensors; a name that nobody has said is empty.
    fn named(&self) -> impl Iterator<Item = (&Notice, &str, &str)> {
        self.notices.iter().filter_map(|notice| {
            let id = self.ids.get(&notice.sensor)?;
            Some((notice, id.as_str(), self.names.get(&notice.sensor).map_or("", String::as_str)))
        })
    }
}
