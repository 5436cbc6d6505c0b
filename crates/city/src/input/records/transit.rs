//! Disruptions as Navitia tells them (`/disruptions`, `/line_reports`) and as Île-de-France Mobilités does (PRIM,
//! `disruptions_bulk/disruptions/v2`, or single objects of it).

mod lines;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Day, Timestamp};
use serde_json::Value;

use super::{body, civil, document};
use crate::MetricType;
use crate::input::{InputError, Reason, Tally};
use crate::metrics::transit::{Disruption, Line, Period};
use crate::record::{Last, Record, Records};
use lines::LineNames;

/// From here on, an end is none: where 32 bits for seconds end, which Navitia gives for what nobody knows the end of
/// (2038-01-19T03:14:07Z; the day before, since it is told in local time).
const NEVER: i64 = 2_147_400_000_000_000;
/// The longest title that is kept, in characters: some have the whole text of a notice.
const TITLE: usize = 300;

pub(super) fn parse(name: &str, data: &[u8], tally: &mut Tally) -> Result<Records, InputError> {
    let document = document::read(MetricType::Transit, name, data)?;
    let Some(found) = disruptions(&document) else {
        return Err(document::refuse(MetricType::Transit, name, data, &document));
    };
    let names = LineNames::of(&document);
    names.check(name, &found)?;
    let asked_at = asked_at(&document);
    let mut list = Vec::with_capacity(found.len());
    for (place, told) in (1..).zip(found) {
        tally.read += 1;
        match record(told, &names, asked_at) {
            Ok(record) => list.push(record),
            Err(reason) => tally.reject(reason, name, place),
        }
    }
    let covered = asked_at.map(Timestamp::paris_day).map(|day| (day, day)).into_iter().collect();
    Ok(Records { list, covered })
}

/// When a document was asked for, as far as it says so: it tells of that day as a whole. When single disruptions were
/// changed last says nothing of others.
fn asked_at(document: &Value) -> Option<Timestamp> {
    let context = document.get("context").and_then(|context| text(context, &["current_datetime"]));
    context.or_else(|| text(document, &["lastUpdatedDate"])).and_then(civil::instant)
}

/// The list of disruptions of a document, which may be one itself; `None` when there is no such list.
fn disruptions(document: &Value) -> Option<Vec<&Value>> {
    let is_one =
        |value: &Value| value.get("applicationPeriods").or(value.get("application_periods")).is_some();
    match document {
        Value::Array(list) => list.iter().any(is_one).then(|| list.iter().collect()),
        Value::Object(_) if is_one(document) => Some(vec![document]),
        Value::Object(fields) => match fields.get("disruptions") {
            Some(Value::Array(list)) => Some(list.iter().collect()),
            Some(_) | None => fields.contains_key("line_reports").then(Vec::new),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn record(told: &Value, names: &LineNames, asked_at: Option<Timestamp>) -> Result<Record, Reason> {
    if !told.is_object() {
        return Err(Reason::BadRecord);
    }
    let id = text(told, &["id"]).or_else(|| text(told, &["uri"])).ok_or(Reason::MissingId)?;
    let periods = periods(told)?;
    let known_at = text(told, &["updated_at", "lastUpdate"]).and_then(civil::instant).max(asked_at);
    let (from, to) = days(&periods, known_at).ok_or(Reason::BadDate)?;
    let disruption = Disruption {
        id: id.to_owned(),
        priority: priority(told),
        periods,
        lines: lines(told, id, names),
        cause: text(told, &["cause"]).unwrap_or_default().to_owned(),
        title: title(told),
    };
    Ok(Record { kind: MetricType::Transit, id: key(told, id), from, to, body: body(&disruption) })
}

/// What tells a disruption from others: Navitia's are the impacts of a disruption, whose own ids may repeat.
fn key(told: &Value, id: &str) -> String {
    match text(told, &["disruption_id"]) {
        Some(disruption) if disruption != id => format!("{disruption}/{id}"),
        Some(_) | None => id.to_owned(),
    }
}

/// When it applies; periods that end before they begin do not count.
fn periods(told: &Value) -> Result<Vec<Period>, Reason> {
    let told = told.get("application_periods").or(told.get("applicationPeriods")).and_then(Value::as_array);
    let mut periods = BTreeSet::new();
    for period in told.into_iter().flatten() {
        let begin = text(period, &["begin"]).and_then(civil::instant).ok_or(Reason::BadDate)?;
        let end = match text(period, &["end"]) {
            Some(end) => Some(civil::instant(end).ok_or(Reason::BadDate)?),
            None => None,
        };
        let end = end.filter(|end| end.micros() < NEVER);
        if end.is_none_or(|end| end > begin) {
            periods.insert(Period { begin, end });
        }
    }
    if periods.is_empty() { Err(Reason::BadDate) } else { Ok(periods.into_iter().collect()) }
}

/// The first and the last day. What has no end is known to last until it was last told.
fn days(periods: &[Period], known_at: Option<Timestamp>) -> Option<(Day, Last)> {
    let last = |period: &Period| match period.end {
        // An end at midnight is not of the day that begins then.
        Some(end) => Timestamp::from_micros(end.micros() - 1).paris_day(),
        None => known_at.unwrap_or(period.begin).max(period.begin).paris_day(),
    };
    let from = periods.iter().map(|period| period.begin.paris_day()).min()?;
    let to = periods.iter().map(last).max()?;
    let has_an_end = periods.iter().all(|period| period.end.is_some());
    Some((from, if has_an_end { Last::On(to) } else { Last::Told(to) }))
}

/// Navitia's own number; else by its effect, or by the word of PRIM, set so that what stops a line is critical, what
/// delays it high, what changes it medium, and what only informs low. A word that is not known counts as medium.
fn priority(told: &Value) -> i64 {
    let Some(severity) = told.get("severity") else { return 0 };
    if let Some(priority) = severity.get("priority").and_then(Value::as_i64) {
        return priority;
    }
    let word = severity.as_str().or_else(|| text(severity, &["effect"])).unwrap_or_default();
    match word.to_uppercase().as_str() {
        "BLOQUANTE" | "NO_SERVICE" => 50,
        "PERTURBEE" | "SIGNIFICANT_DELAYS" | "REDUCED_SERVICE" | "DETOUR" => 30,
        "INFORMATION" | "ADDITIONAL_SERVICE" | "NO_EFFECT" | "" => 0,
        _ => 15,
    }
}

/// The lines it says itself that it hits, and those whose reports point to it.
fn lines(told: &Value, id: &str, names: &LineNames) -> Vec<Line> {
    let mut found: BTreeMap<String, Line> = BTreeMap::new();
    let list = |field: &str| told.get(field).and_then(Value::as_array).into_iter().flatten();
    for object in list("impacted_objects").filter_map(|impacted| impacted.get("pt_object")) {
        if let Some(line) = lines::of_object(object) {
            found.insert(line.id.clone(), line);
        }
    }
    let sections = list("impactedSections").filter_map(|section| text(section, &["lineId"]));
    let reported = names.reported(id);
    for line in sections.map(|line| names.line(line)).chain(reported) {
        found.entry(line.id.clone()).or_insert(line);
    }
    found.into_values().collect()
}

fn title(told: &Value) -> String {
    let message = || told.get("messages").and_then(|messages| text(messages.get(0)?, &["text"]));
    let title = text(told, &["title", "shortMessage"]).or_else(message).unwrap_or_default();
    title.chars().take(TITLE).collect()
}

/// The first of some fields that is a text with something in it.
fn text<'v>(value: &'v Value, fields: &[&str]) -> Option<&'v str> {
    let texts = fields.iter().filter_map(|field| value.get(*field)?.as_str());
    texts.map(str::trim).find(|text| !text.is_empty())
}
