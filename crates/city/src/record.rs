//! Facts that last from one day to another: a disruption, a day's weather, a roadwork, an arc of the reference.

use kernel::Day;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::MetricType;

/// One record of an import. A later import's record with the same type and id takes its place; of weather, hour by hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Transit, weather, works or reference.
    pub kind: MetricType,
    /// The source's own id; of weather the day and the place.
    pub id: String,
    /// The first day that it concerns.
    pub from: Day,
    /// The last day.
    pub to: Last,
    /// What it says, in the form that [`crate::metrics`] reads (one type of content per type of metrics).
    pub body: Value,
}

/// The last day of a record, itself included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Last {
    /// This one.
    On(Day),
    /// The source gives no end: it lasts for as long as it is told, which it was until this day.
    Told(Day),
    /// There is none.
    Open,
}

impl Last {
    /// The day, unless there is none.
    pub const fn day(self) -> Option<Day> {
        match self {
            Self::On(day) | Self::Told(day) => Some(day),
            Self::Open => None,
        }
    }

    /// Whether it lasts until a day or longer.
    pub fn reaches(self, day: Day) -> bool {
        self.day().is_none_or(|last| day <= last)
    }

    /// By which of two the later one is known.
    pub(crate) fn rank(self) -> i64 {
        self.day().map_or(i64::MAX, Day::number)
    }
}

impl From<Day> for Last {
    fn from(day: Day) -> Self {
        Self::On(day)
    }
}

impl Record {
    /// Whether it concerns a day.
    pub fn concerns(&self, day: Day) -> bool {
        self.from <= day && self.to.reaches(day)
    }
}

/// From one day to another, both included.
pub type Span = (Day, Day);

/// The records of a source or an import.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Records {
    /// The records.
    pub list: Vec<Record>,
    /// The days of which the source tells as a whole: what it does not have was not.
    pub covered: Vec<Span>,
}

impl Records {
    /// Records of a source that does not tell of any day as a whole.
    pub const fn some(list: Vec<Record>) -> Self {
        Self { list, covered: Vec::new() }
    }

    /// Adds those of another source.
    pub fn append(&mut self, other: Self) {
        self.list.extend(other.list);
        self.covered.extend(other.covered);
    }
}

/// The same days as few spans, in order.
pub(crate) fn united(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut united: Vec<Span> = Vec::new();
    for (from, to) in spans {
        match united.last_mut() {
            Some((_, last)) if from <= last.plus(1) => *last = to.max(*last),
            Some(_) | None => united.push((from, to)),
        }
    }
    united
}

/// The days of both spans, if there are any.
pub(crate) fn common(a: Span, b: Span) -> Option<Span> {
    let (from, to) = (a.0.max(b.0), a.1.min(b.1));
    (from <= to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn span(from: i64, to: i64) -> Span {
        (Day::from_number(from).unwrap(), Day::from_number(to).unwrap())
    }

    #[test]
    fn spans_that_touch_are_one() {
        let spans = vec![span(9, 9), span(1, 3), span(2, 2), span(4, 5), span(7, 7), span(1, 1)];
        assert_eq!(united(spans), [span(1, 5), span(7, 7), span(9, 9)]);
        assert_eq!(united(Vec::new()), []);
    }

    #[test]
    fn what_has_no_end_reaches_every_day() {
        let (early, late) = span(5, 9);
        assert!(Last::Open.reaches(late) && Last::On(late).reaches(late) && !Last::Told(early).reaches(late));
    }
}
