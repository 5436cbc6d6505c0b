//! What an edition changes, worked out from what is in force.

use kernel::Day;
use serde::Deserialize;

use crate::MetricType;
use crate::archive::commands::day::Attempt;
use crate::archive::commands::records::{Publication, Revised, Stored};
use crate::archive::queries::{Edition, FOREVER, InForce};
use crate::metrics::weather::Weather;
use crate::record::{Last, Record, Span, united};

/// Until which day disruptions have been told: what has no end of its own, and is told on the last of these days, is
/// stored without a last day. So it need not be written again when it is merely told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Telling {
    /// Before this import.
    before: Option<Day>,
    /// From this import on.
    after: Option<Day>,
}

impl Telling {
    /// Of an import that covers some days.
    pub(super) fn of(kind: MetricType, base: &Edition, covered: &[Span]) -> Self {
        let before = base.told_until;
        match kind {
            MetricType::Transit => {
                Self { before, after: before.max(covered.iter().map(|(_, last)| *last).max()) }
            }
            MetricType::Bikes
            | MetricType::Roads
            | MetricType::Weather
            | MetricType::Works
            | MetricType::Reference => Self { before, after: before },
        }
    }

    /// Whether the import tells of a later day than was told before.
    pub(super) fn is_newer(self) -> bool {
        self.before < self.after
    }

    /// What is stored of the last day of a record, by what is in force; nothing is told less long than before.
    fn stored(self, record: &Record, known: Option<&Stored>) -> (i64, bool) {
        match record.to {
            // The end that the reference gives to an arc is not looked at, see `metrics::reference`.
            Last::On(_) if record.kind == MetricType::Reference => (FOREVER, false),
            Last::On(day) => (day.number(), false),
            Last::Open => (FOREVER, false),
            Last::Told(day) => {
                let known = known.filter(|known| known.told).map(|known| self.last_of(known));
                let last = known.map_or(day.number(), |known| known.max(day.number()));
                let is_being_told = self.after.is_some_and(|after| after.number() == last);
                (if is_being_told { FOREVER } else { last }, true)
            }
        }
    }

    /// The last day of what lasts for as long as it is told, as it was before this import.
    fn last_of(self, known: &Stored) -> i64 {
        if known.to < FOREVER {
            return known.to;
        }
        self.before.map_or(known.from, |day| day.max(known.from)).number()
    }
}

/// What an edition changes.
pub(super) struct Plan {
    telling: Telling,
    /// The records that are new or different.
    pub(super) rows: Vec<Revised>,
    /// The first and the last day of what changes, that which was in force before included.
    days: Option<(Day, i64)>,
    covered: Vec<Span>,
}

impl Plan {
    pub(super) const fn new(telling: Telling) -> Self {
        Self { telling, rows: Vec::new(), days: None, covered: Vec::new() }
    }

    /// Whether the edition would be as the one before it.
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.covered.is_empty()
    }

    /// Adds a record of the source, unless it is in force like that.
    pub(super) fn add(&mut self, record: &Record, known: Option<&InForce>) -> serde_json::Result<()> {
        let before = known.map(|known| &known.stored);
        let (to, told) = self.telling.stored(record, before);
        let stored = Stored { from: record.from, to, told, body: body(record, before)? };
        if before != Some(&stored) {
            let id = record.id.clone();
            self.push(Revised { replaces: known.map(|known| known.number), id, stored }, before);
        }
        Ok(())
    }

    /// Ends a record that is told no more.
    pub(super) fn end(&mut self, known: &InForce) {
        let stored = Stored { to: self.telling.last_of(&known.stored), ..known.stored.clone() };
        let row = Revised { replaces: Some(known.number), id: known.id.clone(), stored };
        self.push(row, Some(&known.stored));
    }

    fn push(&mut self, row: Revised, before: Option<&Stored>) {
        let Revised { stored, .. } = &row;
        let to = |of: &Stored, told_until: Option<Day>| {
            if !of.told || of.to < FOREVER {
                return of.to;
            }
            told_until.map_or(of.from, |day| day.max(of.from)).number()
        };
        self.touch(stored.from, to(stored, self.telling.after));
        if let Some(before) = before {
            self.touch(before.from, to(before, self.telling.before));
        }
        self.rows.push(row);
    }

    fn touch(&mut self, from: Day, to: i64) {
        let (first, last) = self.days.unwrap_or((from, to));
        self.days = Some((first.min(from), last.max(to)));
    }

    /// Covers days, those left out that are known to be covered.
    pub(super) fn cover(&mut self, spans: &[Span], known: Vec<Span>) {
        let known = united(known);
        let is_new = |(from, to): &Span| !known.iter().any(|(first, last)| first <= from && to <= last);
        for (from, to) in spans.iter().copied().filter(is_new) {
            self.touch(from, to.number());
            self.covered.push((from, to));
        }
    }

    /// What the edition has besides its rows.
    pub(super) fn publication(&self, attempt: Attempt) -> Publication {
        Publication {
            attempt,
            told_until: self.telling.after,
            days: self.days,
            changed: self.rows.len(),
            covered: self.covered.clone(),
        }
    }
}

/// From the first to the last day of some spans.
pub(super) fn whole(spans: &[Span]) -> Option<Span> {
    let first = spans.iter().map(|(from, _)| *from).min()?;
    Some((first, spans.iter().map(|(_, to)| *to).max()?))
}

/// What a record says, as it is stored. Weather corrects what is known hour by hour.
fn body(record: &Record, before: Option<&Stored>) -> serde_json::Result<String> {
    let known = before.filter(|_| record.kind == MetricType::Weather);
    let known: Option<Weather> = known.and_then(|known| serde_json::from_str(&known.body).ok());
    match (known, Weather::deserialize(&record.body)) {
        (Some(known), Ok(told)) => serde_json::to_string(&serde_json::to_value(known.corrected(told))?),
        (_, Ok(_) | Err(_)) => serde_json::to_string(&record.body),
    }
}
