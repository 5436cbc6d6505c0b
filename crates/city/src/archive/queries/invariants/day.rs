//! Versions of days against their facts.

use std::collections::HashMap;

use kernel::Day;
use serde::Deserialize;
use store::{DbError, Tx};

use super::super::super::{
    Abouts, Facts, Head, SensorType, Tables, Version, answers, count, from_json, named, sensors_of_day,
    work_out,
};
use super::{Rule, Violation};
use crate::archive::queries;
use crate::metrics::SensorDay;

/// So many descriptions are kept in memory, about.
const MOST_KNOWN: usize = 40_000;

/// Checks the days of a type, one after the other.
pub(super) struct Days {
    kind: SensorType,
    ids: HashMap<i64, String>,
    /// What descriptions say, of those that were needed so far.
    abouts: Abouts,
}

/// An element of a day's list, of either type.
#[derive(Deserialize)]
struct Listed {
    #[serde(alias = "id_compteur")]
    identifiant_arc: String,
}

/// What a version is told to be and what is found, in a few words.
type Wrong = (Rule, String, String);

impl Days {
    pub(super) fn new(kind: SensorType, ids: HashMap<i64, String>) -> Self {
        Self { kind, ids, abouts: Abouts::new() }
    }

    /// Checks a version of a day; of the latest also what it tells.
    pub(super) fn check(
        &mut self,
        tx: &mut Tx<'_>,
        day: Day,
        version: i64,
        is_latest: bool,
    ) -> Result<Vec<Violation>, DbError> {
        let kind = self.kind.metric();
        // That a version is missing altogether is told by another rule.
        let Some(found) = queries::version(tx, kind, day, version)? else { return Ok(Vec::new()) };
        let wrong = match self.wrong(tx, &found, is_latest) {
            Ok(wrong) => wrong,
            Err(DbError::Decode(message)) => {
                vec![(Rule::CityFacts, "rows that can be read".to_owned(), message)]
            }
            Err(error) => return Err(error),
        };
        let subject = format!("{kind} {day}, version {version}");
        let violation =
            |(rule, expected, found)| Violation { rule, subject: subject.clone(), expected, found };
        Ok(wrong.into_iter().map(violation).collect())
    }

    fn wrong(&mut self, tx: &mut Tx<'_>, version: &Version, is_latest: bool) -> Result<Vec<Wrong>, DbError> {
        let (kind, head) = (self.kind.metric(), &version.head);
        let facts = queries::facts(tx, kind, head.day, head.version)?;
        self.describe(tx, &facts)?;
        let sensors =
            sensors_of_day(&facts, |number| self.ids.get(&number).map(String::as_str), &self.abouts);
        let sensors = match sensors {
            Ok(sensors) => sensors,
            Err(missing) => {
                let expected = "sensors and descriptions that are registered".to_owned();
                return Ok(vec![(Rule::CityRegister, expected, missing.to_string())]);
            }
        };
        let mut wrong: Vec<Wrong> = against_facts(head, &facts).into_iter().collect();
        let pages = match pages(tx, self.kind, head)? {
            Ok(pages) => pages,
            Err(missing) => {
                wrong.push(missing);
                return Ok(wrong);
            }
        };
        wrong.extend(against_list(&pages, &sensors)?);
        if is_latest {
            let tables = work_out(self.kind, head.day, &sensors);
            let tables = tables.map_err(|error| DbError::Other(error.to_string()))?;
            wrong.extend(against_tables(version, &pages, &tables)?);
        }
        Ok(wrong)
    }

    /// Reads what the descriptions say that some facts name.
    fn describe(&mut self, tx: &mut Tx<'_>, facts: &Facts) -> Result<(), DbError> {
        if self.abouts.len() > MOST_KNOWN {
            self.abouts.clear();
        }
        let missing: Vec<_> = named(facts).filter(|of| !self.abouts.contains_key(of)).collect();
        self.abouts.extend(queries::descriptions(tx, self.kind.metric(), &missing)?);
        Ok(())
    }
}

fn against_facts(head: &Head, facts: &Facts) -> Option<Wrong> {
    let hours: i64 = facts.values().map(|facts| count(facts.hours.len())).sum();
    let told = |sensors: i64, hours: i64| format!("{sensors} sensors, {hours} hours");
    let right = (count(facts.len()), hours) == (head.sensors, head.hours);
    (!right).then(|| (Rule::CityFacts, told(head.sensors, head.hours), told(count(facts.len()), hours)))
}

/// The texts of a version's pages, unless there is one that is missing.
fn pages(tx: &mut Tx<'_>, kind: SensorType, head: &Head) -> Result<Result<Vec<String>, Wrong>, DbError> {
    let mut pages = Vec::new();
    for page in 0..head.pages {
        match queries::page(tx, kind.metric(), head.day, head.version, page)? {
            Some(body) => pages.push(answers::unpacked(&body)?),
            None => {
                return Ok(Err((Rule::CityList, format!("{} pages", head.pages), format!("no page {page}"))));
            }
        }
    }
    Ok(Ok(pages))
}

fn against_list(pages: &[String], sensors: &[SensorDay<'_>]) -> Result<Option<Wrong>, DbError> {
    let mut listed: Vec<Listed> = Vec::new();
    for page in pages {
        listed.append(&mut from_json(page)?);
    }
    let ids = listed.iter().map(|listed| listed.identifiant_arc.as_str());
    let expected = sensors.iter().map(|sensor| sensor.id);
    if ids.clone().eq(expected.clone()) {
        return Ok(None);
    }
    let differ = expected.zip(ids).find(|(expected, found)| expected != found);
    let told = |number: usize, id: Option<&str>| {
        id.map_or_else(
            || format!("{number} in the list"),
            |id| format!("{number} in the list, {id} among them"),
        )
    };
    let expected = told(sensors.len(), differ.map(|(expected, _)| expected));
    Ok(Some((Rule::CityList, expected, told(listed.len(), differ.map(|(_, found)| found)))))
}

fn against_tables(version: &Version, pages: &[String], tables: &Tables) -> Result<Vec<Wrong>, DbError> {
    let texts = [
        ("summary", &version.head.summary, &tables.summary),
        ("totals", &version.totals, &tables.totals),
        ("findings", &version.findings, &tables.findings),
    ];
    let texts = texts.into_iter().filter(|(_, told, right)| told != right).map(|(name, ..)| name.to_owned());
    let mut differ: Vec<String> = texts.collect();
    for (page, body) in tables.pages.iter().enumerate() {
        if pages.get(page) != Some(&answers::unpacked(body)?) {
            differ.push(format!("page {page}"));
        }
    }
    let expected = "what the facts come to";
    let wrong = |name| (Rule::CityMetrics, expected.to_owned(), format!("another {name}"));
    Ok(differ.into_iter().map(wrong).collect())
}
