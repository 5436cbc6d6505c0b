//! Disruptions of public transport.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Day, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::number::{count, percent, ratio};
use super::{DayCount, in_force};
use crate::MetricType;
use crate::record::Record;

/// The lines of the metro whose reliability is told: 1 to 14, without the branches 3bis and 7bis.
const METRO_LINES: u32 = 14;
/// How many lines the list of those hit most has.
const TOP: usize = 10;
/// From more than so many hours on, a disruption is an alert whatever its severity (specification of the metrics).
const LONG_HOURS: f64 = 2.0;
const MICROS_OF_AN_HOUR: i64 = 3_600_000_000;

/// What is said of a disruption: the body of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disruption {
    /// The source's own id.
    pub id: String,
    /// How bad it is: from 50 on critical, from 30 high, from 15 medium, below low.
    pub priority: i64,
    /// When it applies, one period at least.
    pub periods: Vec<Period>,
    /// The lines it hits.
    pub lines: Vec<Line>,
    /// Why, as the source says it.
    pub cause: String,
    /// What it is, as the source says it.
    pub title: String,
}

/// A time in which a disruption applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Period {
    /// The first instant.
    pub begin: Timestamp,
    /// The first instant after it; none while nobody knows.
    pub end: Option<Timestamp>,
}

/// A line of public transport.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    /// The source's own id.
    pub id: String,
    /// What people call it: `4` (metro), `RER A`, `Bus 165`.
    pub name: String,
    /// Its number, when it is one of the metro lines 1 to 14.
    pub metro: Option<u8>,
}

/// How bad a disruption is, by its priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = CityDisruptionSeverity)]
pub enum Severity {
    /// 50 or more.
    #[serde(rename = "CRITIQUE")]
    Critical,
    /// 30 or more.
    #[serde(rename = "ELEVEE")]
    High,
    /// 15 or more.
    #[serde(rename = "MOYENNE")]
    Medium,
    /// Less.
    #[serde(rename = "FAIBLE")]
    Low,
}

impl Severity {
    /// Of a priority (thresholds of the specification of the metrics).
    pub const fn of(priority: i64) -> Self {
        match priority {
            50.. => Self::Critical,
            30..50 => Self::High,
            15..30 => Self::Medium,
            _ => Self::Low,
        }
    }
}

/// Disruptions of a day.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityTransitMetrics)]
pub struct TransitMetrics {
    /// In numbers.
    #[serde(flatten)]
    pub numbers: TransitNumbers,
    /// The lines that most of the active disruptions hit; at most ten.
    #[serde(rename = "top_lignes_impactees")]
    pub lines: Vec<LineHits>,
    /// Active disruptions that are critical or last longer than two hours, the worst first.
    pub alerts: Vec<TransitAlert>,
    /// The metro lines that were hit.
    #[serde(rename = "lignes_metro_perturbees")]
    #[schema(example = json!(["4", "7", "13"]))]
    pub metro_hit: Vec<String>,
}

/// Disruptions of a day in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityTransitNumbers)]
pub struct TransitNumbers {
    /// Share of the metro lines 1 to 14 that no disruption hit that day, in percent.
    #[serde(rename = "reliability_index")]
    #[schema(example = 78.571)]
    pub reliability: f64,
    /// Disruptions that applied at some time of the day.
    #[serde(rename = "active_disruptions_count")]
    #[schema(example = 12)]
    pub active: u32,
    /// Disruptions between whose first and last day the day lies, whether they applied on it or not.
    #[serde(rename = "total_disruptions_count")]
    #[schema(example = 19)]
    pub total: u32,
    /// Active disruptions by severity.
    #[serde(rename = "disruptions_by_severity")]
    pub by_severity: BySeverity,
}

/// How many disruptions hit a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityLineHits)]
pub struct LineHits {
    /// What people call the line; of the metro its number alone.
    #[serde(rename = "ligne")]
    #[schema(example = "13")]
    pub line: String,
    /// How many disruptions.
    #[schema(example = 2)]
    pub count: u32,
}

/// A disruption that people have to hear of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityTransitAlert)]
pub struct TransitAlert {
    /// The source's own id.
    #[schema(example = "184019c6-e73d-4806-b1bd-8d01d396833f")]
    pub id: String,
    /// Its priority.
    #[schema(example = 42)]
    pub priority: i64,
    /// How bad it is.
    #[serde(rename = "severite")]
    pub severity: Severity,
    /// How many hours it applies in all the periods that touch the day; one without an end until the end of the day.
    #[schema(example = 3.416_666)]
    pub duration_hours: f64,
    /// The lines it hits.
    #[serde(rename = "lignes")]
    #[schema(example = json!(["13"]))]
    pub lines: Vec<String>,
    /// What it is, as the source says it.
    #[serde(rename = "titre")]
    pub title: String,
}

/// Disruptions by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityBySeverity)]
pub struct BySeverity {
    /// Priority 50 or more.
    #[serde(rename = "CRITIQUE")]
    pub critical: u32,
    /// 30 or more.
    #[serde(rename = "ELEVEE")]
    pub high: u32,
    /// 15 or more.
    #[serde(rename = "MOYENNE")]
    pub medium: u32,
    /// Less.
    #[serde(rename = "FAIBLE")]
    pub low: u32,
}

impl BySeverity {
    fn count(&mut self, severity: Severity) {
        match severity {
            Severity::Critical => self.critical += 1,
            Severity::High => self.high += 1,
            Severity::Medium => self.medium += 1,
            Severity::Low => self.low += 1,
        }
    }
}

/// Counts disruptions of a day.
#[derive(Debug, Default)]
pub(crate) struct TransitCount {
    numbers: TransitNumbers,
    metro: BTreeSet<u8>,
}

impl DayCount for TransitCount {
    type Body = Disruption;
    type Numbers = TransitNumbers;

    fn add(&mut self, day: Day, disruption: &Disruption) {
        self.numbers.total += 1;
        let (from, to) = (day.start(), day.plus(1).start());
        if disruption.periods.iter().any(|period| period.touches(from, to)) {
            self.numbers.active += 1;
            self.numbers.by_severity.count(Severity::of(disruption.priority));
            self.metro.extend(disruption.lines.iter().filter_map(|line| line.metro));
        }
    }

    fn numbers(self) -> TransitNumbers {
        let reliability = percent(METRO_LINES - count(self.metro.len()), METRO_LINES);
        TransitNumbers { reliability, ..self.numbers }
    }
}

/// The metrics of a day. Whether a disruption is past or to come *now* does not matter, only whether it applied that day.
pub fn day(day: Day, records: &[Record]) -> TransitMetrics {
    let (from, to) = (day.start(), day.plus(1).start());
    let mut counted = TransitCount::default();
    let (mut hits, mut alerts) = (BTreeMap::<String, u32>::new(), Vec::new());
    for (_, disruption) in in_force::<Disruption>(MetricType::Transit, day, records) {
        counted.add(day, &disruption);
        let touching = touching(&disruption.periods, from, to);
        if touching.is_empty() {
            continue;
        }
        let names: BTreeSet<String> = disruption.lines.iter().map(|line| line.name.clone()).collect();
        for name in &names {
            *hits.entry(name.clone()).or_default() += 1;
        }
        let severity = Severity::of(disruption.priority);
        let duration_hours = ratio(lasts(touching, to), MICROS_OF_AN_HOUR);
        if severity == Severity::Critical || duration_hours > LONG_HOURS {
            let Disruption { id, priority, title, .. } = disruption;
            let lines = names.into_iter().collect();
            alerts.push(TransitAlert { id, priority, severity, duration_hours, lines, title });
        }
    }
    alerts.sort_by(|a, b| {
        let longer = b.duration_hours.total_cmp(&a.duration_hours);
        b.priority.cmp(&a.priority).then(longer).then_with(|| a.id.cmp(&b.id))
    });
    let metro_hit = counted.metro.iter().map(ToString::to_string).collect();
    TransitMetrics { numbers: counted.numbers(), lines: most_hit(hits), alerts, metro_hit }
}

impl Period {
    /// Whether some instant of it is in a span.
    fn touches(&self, from: Timestamp, to: Timestamp) -> bool {
        self.begin < to && self.end.is_none_or(|end| end > from)
    }
}

/// The periods of which some instant is in a span, in order.
fn touching(periods: &[Period], from: Timestamp, to: Timestamp) -> Vec<Period> {
    let mut found: Vec<Period> = periods.iter().filter(|period| period.touches(from, to)).copied().collect();
    found.sort();
    found
}

/// How long periods (in order) last together, in microseconds: what two have in common counts once, and one without an
/// end lasts until `open`.
fn lasts(periods: Vec<Period>, open: Timestamp) -> i64 {
    let mut total = 0;
    let mut reached = i64::MIN;
    for Period { begin, end } in periods {
        let end = end.unwrap_or(open).micros();
        total += (end - begin.micros().max(reached)).max(0);
        reached = reached.max(end);
    }
    total
}

/// By hits; of equals in the order of their names, numbers by their value.
fn most_hit(hits: BTreeMap<String, u32>) -> Vec<LineHits> {
    let mut lines: Vec<LineHits> = hits.into_iter().map(|(line, count)| LineHits { line, count }).collect();
    let number = |hit: &LineHits| hit.line.parse::<u32>().unwrap_or(u32::MAX);
    lines.sort_by(|a, b| {
        b.count.cmp(&a.count).then(number(a).cmp(&number(b))).then_with(|| a.line.cmp(&b.line))
    });
    lines.truncate(TOP);
    lines
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]

    use super::*;

    fn line(name: &str) -> Line {
        Line {
            id: format!("line:{name}"),
            name: name.to_owned(),
            metro: name.parse().ok().filter(|n| *n <= 14),
        }
    }

    fn disruption(id: &str, priority: i64, periods: &[(&str, &str)], lines: &[&str]) -> Record {
        let instant = |text: &str| text.parse::<Timestamp>().unwrap();
        let periods: Vec<Period> = periods
            .iter()
            .map(|(begin, end)| Period {
                begin: instant(begin),
                end: (!end.is_empty()).then(|| instant(end)),
            })
            .collect();
        let from = periods.iter().map(|period| period.begin.paris_day()).min().unwrap();
        let to = periods.iter().map(|period| period.end.unwrap_or(period.begin).paris_day()).max().unwrap();
        let disruption = Disruption {
            id: id.to_owned(),
            priority,
            periods,
            lines: lines.iter().map(|name| line(name)).collect(),
            cause: String::new(),
            title: "Travaux".to_owned(),
        };
        Record {
            kind: MetricType::Transit,
            id: id.to_owned(),
            from,
            to: to.into(),
            body: serde_json::to_value(disruption).unwrap(),
        }
    }

    fn of(date: &str, records: &[Record]) -> TransitMetrics {
        day(date.parse().unwrap(), records)
    }

    const MORNING: (&str, &str) = ("2024-04-08T05:00:00Z", "2024-04-08T06:30:00Z");

    #[test]
    fn severities_follow_priorities() {
        let records: Vec<Record> =
            [(60, "a"), (50, "b"), (49, "c"), (30, "d"), (15, "e"), (14, "f"), (-1, "g")]
                .map(|(priority, id)| disruption(id, priority, &[MORNING], &[]))
                .into();
        let metrics = of("2024-04-08", &records);
        let numbers = &metrics.numbers;
        assert_eq!(numbers.by_severity, BySeverity { critical: 2, high: 2, medium: 1, low: 2 });
        assert_eq!((numbers.active, numbers.total), (7, 7));
        let alerts: Vec<&str> = metrics.alerts.iter().map(|alert| alert.id.as_str()).collect();
        assert_eq!(alerts, ["a", "b"], "an hour and a half is not long");
    }

    #[test]
    fn a_day_between_two_periods_is_counted_but_not_active() {
        let twice = [MORNING, ("2024-04-10T05:00:00Z", "2024-04-10T06:00:00Z")];
        let records = [disruption("a", 60, &twice, &["4"])];
        let between = of("2024-04-09", &records).numbers;
        assert_eq!((between.active, between.total, between.reliability), (0, 1, 100.0));
        assert_eq!(of("2024-04-10", &records).numbers.active, 1);
        assert_eq!(of("2024-04-11", &records).numbers.total, 0);
    }

    #[test]
    fn reliability_is_the_share_of_metro_lines_without_a_disruption() {
        let records = [
            disruption("a", 1, &[MORNING], &["4", "13", "RER A"]),
            disruption("b", 1, &[MORNING], &["13", "Bus 165", "3B"]),
        ];
        let metrics = of("2024-04-08", &records);
        assert_eq!(metrics.numbers.reliability, 100.0 * 12.0 / 14.0);
        assert_eq!(metrics.metro_hit, ["4", "13"]);
        let hits: Vec<(&str, u32)> = metrics.lines.iter().map(|hit| (hit.line.as_str(), hit.count)).collect();
        assert_eq!(hits, [("13", 2), ("4", 1), ("3B", 1), ("Bus 165", 1), ("RER A", 1)]);
    }

    #[test]
    fn long_disruptions_are_alerts_and_overlaps_count_once() {
        let overlapping = [
            ("2024-04-08T05:00:00Z", "2024-04-08T06:30:00Z"),
            ("2024-04-08T06:00:00Z", "2024-04-08T07:30:00Z"),
            ("2024-05-01T06:00:00Z", "2024-05-01T09:30:00Z"),
        ];
        let records = [
            disruption("exactly two", 5, &[("2024-04-08T05:00:00Z", "2024-04-08T07:00:00Z")], &[]),
            disruption("longer", 5, &overlapping, &["1"]),
            disruption("open", 5, &[("2024-04-08T12:00:00Z", "")], &[]),
        ];
        let alerts: Vec<(String, f64)> = of("2024-04-08", &records)
            .alerts
            .into_iter()
            .map(|alert| (alert.id, alert.duration_hours))
            .collect();
        assert_eq!(alerts, [("open".to_owned(), 10.0), ("longer".to_owned(), 2.5)]);
    }
}
