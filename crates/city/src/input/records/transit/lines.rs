//! Which line is meant, and what people call it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::text;
use crate::input::{InputError, Refusal};
use crate::metrics::transit::Line;

/// Île-de-France Mobilités numbers the metro from 01371 (line 1) to 01384 (line 14) …
const METRO_FIRST: u32 = 1371;
/// … and then has its two branches.
const BRANCHES: [(u32, &str); 2] = [(1386, "3B"), (1387, "7B")];
const METRO_LINES: u32 = 14;
/// Lines that all disruptions of a document may be reported to hit together: fifty strikes on all 2,000 lines. Every
/// disruption is kept with its lines, so a document of some kilobytes could otherwise fill the memory.
const MOST_REPORTED: usize = 100_000;

/// The lines that a document names apart from its disruptions.
#[derive(Default)]
pub(super) struct LineNames {
    lines: BTreeMap<String, Line>,
    /// Ids of lines, by the id of a disruption that hits them.
    reports: BTreeMap<String, BTreeSet<String>>,
}

impl LineNames {
    /// From the `lines` of PRIM and the `line_reports` of Navitia.
    pub(super) fn of(document: &Value) -> Self {
        let mut names = Self::default();
        let list = |field: &str| document.get(field).and_then(Value::as_array).into_iter().flatten();
        for told in list("lines") {
            let impacted = told.get("impactedObjects").and_then(Value::as_array).into_iter().flatten();
            let hit = impacted.filter_map(|object| object.get("disruptionIds")?.as_array()).flatten();
            names.add(line_of_prim(told), hit.filter_map(Value::as_str));
        }
        for report in list("line_reports") {
            let Some(line) = report.get("line") else { continue };
            let objects = report.get("pt_objects").and_then(Value::as_array).into_iter().flatten();
            let hit: Vec<&str> = std::iter::once(line)
                .chain(objects.filter_map(embedded))
                .flat_map(disruption_links)
                .collect();
            names.add(line_of_navitia(line), hit.into_iter());
        }
        names
    }

    fn add<'v>(&mut self, line: Option<Line>, disruptions: impl Iterator<Item = &'v str>) {
        let Some(line) = line else { return };
        for disruption in disruptions {
            self.reports.entry(disruption.to_owned()).or_default().insert(line.id.clone());
        }
        self.lines.insert(line.id.clone(), line);
    }

    /// Whether these disruptions hit no more lines together than can be kept.
    pub(super) fn check(&self, name: &str, disruptions: &[&Value]) -> Result<(), InputError> {
        let ids = disruptions.iter().filter_map(|told| text(told, &["id", "uri"]));
        let reported: usize = ids.map(|id| self.reports.get(id).map_or(0, BTreeSet::len)).sum();
        if reported > MOST_REPORTED {
            return Err(InputError::refused(name, Refusal::TooManyLines(MOST_REPORTED)));
        }
        Ok(())
    }

    /// A line by its id alone.
    pub(super) fn line(&self, id: &str) -> Line {
        self.lines.get(id).cloned().unwrap_or_else(|| line(id, "", "", ""))
    }

    /// The lines whose reports point to a disruption.
    pub(super) fn reported(&self, disruption: &str) -> impl Iterator<Item = Line> {
        self.reports.get(disruption).into_iter().flatten().map(|id| self.line(id))
    }
}

/// The line that an object of Navitia is or belongs to.
pub(super) fn of_object(object: &Value) -> Option<Line> {
    match object.get("embedded_type").and_then(Value::as_str)? {
        "line" => line_of_navitia(object.get("line").unwrap_or(object)),
        "route" => line_of_navitia(object.get("route")?.get("line")?),
        _ => None,
    }
}

/// The object that an object of Navitia wraps.
fn embedded(object: &Value) -> Option<&Value> {
    object.get(object.get("embedded_type")?.as_str()?)
}

/// The disruptions that an object of Navitia points to.
fn disruption_links(object: &Value) -> impl Iterator<Item = &str> {
    let links = object.get("links").and_then(Value::as_array).into_iter().flatten();
    links.filter(|link| text(link, &["type"]) == Some("disruption")).filter_map(|link| text(link, &["id"]))
}

fn line_of_navitia(told: &Value) -> Option<Line> {
    let modes = told.get("physical_modes").and_then(Value::as_array).into_iter().flatten();
    let commercial = told.get("commercial_mode").into_iter();
    let mode = commercial.chain(modes).find_map(|mode| text(mode, &["name", "id"])).unwrap_or_default();
    let code = text(told, &["code"]).unwrap_or_default();
    Some(line(text(told, &["id"])?, code, mode, text(told, &["name"]).unwrap_or_default()))
}

fn line_of_prim(told: &Value) -> Option<Line> {
    let code = text(told, &["shortName", "name"]).unwrap_or_default();
    let mode = text(told, &["mode"]).unwrap_or_default();
    Some(line(text(told, &["id"])?, code, mode, code))
}

/// A line of the metro by the number in its id or, where ids are others, by its mode and its code. What people call the
/// others is their mode and code; a line of which neither is known goes by its name or its id.
fn line(id: &str, code: &str, mode: &str, name: &str) -> Line {
    let number = id.strip_prefix("line:IDFM:C").and_then(|number| number.parse::<u32>().ok());
    let branch = number.and_then(|number| BRANCHES.iter().find(|(branch, _)| *branch == number));
    let by_id = number.and_then(|number| (number + 1).checked_sub(METRO_FIRST));
    let is_metro = ["metro", "métro"].iter().any(|metro| mode.to_lowercase().contains(metro));
    let by_code = || [code, name].into_iter().find_map(number_of_metro).filter(|_| is_metro);
    let of_metro = |number: &u32| (1..=METRO_LINES).contains(number);
    let metro = by_id.filter(of_metro).or_else(by_code).filter(of_metro);
    let called = if let Some(metro) = metro {
        metro.to_string()
    } else if let Some((_, branch)) = branch {
        (*branch).to_owned()
    } else if code.is_empty() {
        (if name.is_empty() { id } else { name }).to_owned()
    } else if is_metro {
        code.to_owned()
    } else {
        format!("{mode} {code}").trim().to_owned()
    };
    Line { id: id.to_owned(), name: called, metro: metro.and_then(|number| u8::try_from(number).ok()) }
}

/// The number of a line of the metro as sources write it: `5`, `M5`, `Métro 8`, `METRO 14`; not `3bis`.
fn number_of_metro(code: &str) -> Option<u32> {
    let code = code.trim().to_lowercase();
    let prefix = ["métro", "metro", "m"].iter().find_map(|prefix| code.strip_prefix(prefix));
    let number = prefix.unwrap_or(&code).trim();
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn disruptions_that_multiply_lines_are_refused() {
        let links: Vec<Value> = vec![json!({"type": "disruption", "id": "d"}); 2];
        let reports: Vec<Value> =
            (0..500).map(|line| json!({"line": {"id": format!("line:{line}"), "links": links}})).collect();
        let names = LineNames::of(&json!({"line_reports": reports}));
        assert_eq!(names.reported("d").count(), 500, "a line counts once");
        let disruption = json!({"id": "d"});
        assert!(names.check("file", &vec![&disruption; 200]).is_ok());
        let error = names.check("file", &vec![&disruption; 201]).err().map(|error| error.to_string());
        assert!(
            error.is_some_and(|error| error.starts_with("file: its disruptions name more than 100000 lines"))
        );
    }

    fn told(id: &str, code: &str, mode: &str, name: &str) -> (String, Option<u8>) {
        let line = line(id, code, mode, name);
        (line.name, line.metro)
    }

    #[test]
    fn lines_of_the_metro_are_known_by_id_or_by_mode() {
        assert_eq!(told("line:IDFM:C01371", "", "", ""), ("1".to_owned(), Some(1)));
        assert_eq!(told("line:IDFM:C01384", "", "", ""), ("14".to_owned(), Some(14)));
        assert_eq!(told("line:IDFM:C01386", "3B", "Metro", "3B"), ("3B".to_owned(), None));
        assert_eq!(told("line:X:7", "7", "Métro", "Métro 7"), ("7".to_owned(), Some(7)));
        for (code, line) in [("M5", 5), ("Métro 8", 8), ("METRO 14", 14), ("m 1", 1)] {
            assert_eq!(told("line:X", code, "metro", ""), (line.to_string(), Some(line)), "{code}");
            assert_eq!(told("line:X", "", "Métro", code).1, Some(line), "{code}");
            assert_eq!(told("line:X", code, "Bus", "").1, None, "{code}");
        }
        for code in ["3bis", "M7bis", "7B", "M", "T4", "M+5", "0", "M15"] {
            assert_eq!(told("line:X", code, "Metro", "").1, None, "{code}");
        }
        assert_eq!(told("line:X:15", "15", "Metro", ""), ("15".to_owned(), None));
        assert_eq!(told("line:IDFM:C01370", "", "", ""), ("line:IDFM:C01370".to_owned(), None));
    }

    #[test]
    fn others_go_by_mode_and_code() {
        assert_eq!(told("line:IDFM:C01187", "165", "Bus", "165"), ("Bus 165".to_owned(), None));
        assert_eq!(told("line:X:4", "4", "Tramway", "T4"), ("Tramway 4".to_owned(), None));
        assert_eq!(
            told("line:foo", "", "bar foo", "Lauterbourg - Woerth"),
            ("Lauterbourg - Woerth".to_owned(), None)
        );
    }
}
