//! Reading what the days around a day say of it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kernel::Timestamp;
use store::{DbError, Tx};

use super::around::WEEK;
use super::{Finding, Findings, Neighbours, Notice, around};
use crate::MetricType;
use crate::archive::{Attributes, Head, queries};
use crate::metrics::FailingSensor;

/// What the days around a day say of it, with the names of its sensors.
pub(crate) struct Noticed {
    kind: MetricType,
    expected: Option<u32>,
    notices: Vec<Notice>,
    /// The ids of all sensors of the type, by number, with what is known of those that something is told of.
    register: BTreeMap<i64, (String, Option<Attributes>)>,
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
    let mut days = BTreeMap::from([(head.day, queries::facts(tx, kind, head.day, head.version)?)]);
    for near in queries::range(tx, kind, (head.day.plus(-WEEK), head.day.plus(1)), known)? {
        if near.day != head.day {
            days.insert(near.day, queries::facts(tx, kind, near.day, near.version)?);
        }
    }
    let known = Neighbours { days };
    let found = around(kind, head.day, &known);
    let told_of = found.notices.iter().map(|notice| notice.sensor).collect();
    let register = queries::names(tx, kind, &told_of)?;
    Ok(Noticed {
        kind,
        expected: found.expected,
        notices: found.notices,
        register,
        present: known.days.get(&head.day).into_iter().flat_map(BTreeMap::keys).copied().collect(),
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
        let failing =
            self.named().filter_map(|(notice, id, known)| notice.failing(self.kind, id, &known.about().name));
        let mut failing: Vec<FailingSensor> = failing.collect();
        failing.sort_by(|a, b| a.id().cmp(b.id()));
        failing
    }

    /// The ids of the sensors that have rows that day.
    pub(crate) fn present(&self) -> impl Iterator<Item = &str> {
        self.present.iter().filter_map(|number| Some(self.register.get(number)?.0.as_str()))
    }

    fn named(&self) -> impl Iterator<Item = (&Notice, &str, &Attributes)> {
        self.notices.iter().filter_map(|notice| {
            let (id, known) = self.register.get(&notice.sensor)?;
            Some((notice, id.as_str(), known.as_ref()?))
        })
    }
}
