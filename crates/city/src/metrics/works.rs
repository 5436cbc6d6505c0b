//! Roadworks that hinder traffic.

use std::collections::BTreeMap;

use kernel::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::number::{billionths, from_billionths};
use super::{Coordinates, DayCount, in_force};
use crate::MetricType;
use crate::record::Record;

/// More works than this at a time make an arrondissement critical (specification of the metrics).
const MANY: u32 = 3;
/// The key of works whose arrondissement is not known.
const NOWHERE: &str = "inconnu";
/// The key of works whose impact is not told.
const UNTOLD: &str = "NON_PRECISE";

/// What the city says of a roadwork: the body of a record.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Work {
    /// Kind of work, as the city codes it: `1`, `2`, `3`.
    pub typology: String,
    /// What it does to traffic: `RESTREINTE`, `BARRAGE_TOTAL`, …; empty when not told.
    pub impact: String,
    /// Postal code of the arrondissement.
    pub arrondissement: Option<String>,
    /// What it is for, such as `REFECTION_CHAUSSEE`.
    pub object: String,
    /// The streets it concerns.
    pub streets: String,
    /// How bad the city says it is: `1` very, `2` a little; empty when not told.
    pub level: String,
    /// Where it is.
    pub place: Option<Coordinates>,
    /// The area of its polygons in m²; none without polygons.
    pub area: Option<f64>,
}

/// Roadworks of a day.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityWorksMetrics)]
pub struct WorksMetrics {
    /// The works that day, by id.
    #[serde(rename = "chantiers_actifs")]
    pub active: Vec<ActiveWork>,
    /// Arrondissements with more than three works, those with most first.
    #[serde(rename = "zones_critiques")]
    pub critical: Vec<CriticalZone>,
    /// In numbers.
    #[serde(flatten)]
    pub numbers: WorksNumbers,
}

/// Roadworks of a day in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityWorksNumbers)]
pub struct WorksNumbers {
    /// The weights of the works, by postal code of the arrondissement: 100 for `BARRAGE_TOTAL`, 80 for
    /// `IMPASSE`, 50 for `RESTREINTE`, 30 for `SENS_UNIQUE`, 0 for others.
    #[serde(rename = "impact_by_arrondissement")]
    #[schema(example = json!({"75008": 350}))]
    pub impact: BTreeMap<String, u32>,
    /// The area of all works in m². Where two overlap, it counts twice.
    #[serde(rename = "surface_totale_impactee_m2")]
    #[schema(example = 15_230.4)]
    pub area: f64,
    /// How many works there are.
    #[serde(rename = "total_chantiers_actifs")]
    #[schema(example = 18)]
    pub total: u32,
    /// How many works have each impact; `NON_PRECISE` is that of works of which the city does not tell it.
    #[serde(rename = "repartition_impacts")]
    #[schema(example = json!({"RESTREINTE": 12, "BARRAGE_TOTAL": 6}))]
    pub impacts: BTreeMap<String, u32>,
    /// Works without a polygon, of which the area is not known.
    #[serde(rename = "chantiers_sans_surface")]
    pub without_area: u32,
}

/// A roadwork of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityActiveWork)]
pub struct ActiveWork {
    /// The city's id.
    #[serde(rename = "identifiant")]
    #[schema(example = "CP002429")]
    pub id: String,
    /// Kind of work, as the city codes it.
    #[serde(rename = "typologie")]
    #[schema(example = "3")]
    pub typology: String,
    /// What it does to traffic; none when not told.
    #[schema(example = "RESTREINTE")]
    pub impact: Option<String>,
    /// Postal code of the arrondissement.
    #[schema(example = "75015")]
    pub arrondissement: Option<String>,
    /// What it is for.
    #[serde(rename = "objet")]
    #[schema(example = "CONSTRUCTION_IMMEUBLE")]
    pub object: String,
    /// The streets it concerns.
    #[serde(rename = "voies")]
    #[schema(example = "Avenue de la Porte de Brancion")]
    pub streets: String,
    /// The first day.
    #[serde(rename = "date_debut")]
    pub from: Day,
    /// The last day; none of works that have begun and of which the city tells no end.
    #[serde(rename = "date_fin")]
    pub to: Option<Day>,
    /// How bad the city says it is.
    #[serde(rename = "niveau_perturbation")]
    #[schema(example = "2")]
    pub level: String,
    /// Its area in m².
    #[serde(rename = "surface_m2")]
    #[schema(example = 341.7)]
    pub area: Option<f64>,
    /// Where it is.
    pub coordinates: Option<Coordinates>,
}

/// An arrondissement with many works at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityCriticalZone)]
pub struct CriticalZone {
    /// Its postal code.
    #[schema(example = "75008")]
    pub arrondissement: String,
    /// How many works there are.
    #[serde(rename = "nombre_chantiers")]
    #[schema(example = 7)]
    pub works: u32,
}

/// How much an impact weighs (specification of the metrics): the share of the traffic that it takes away, in percent.
pub fn weight(impact: &str) -> u32 {
    match impact {
        "BARRAGE_TOTAL" => 100,
        "IMPASSE" => 80,
        "RESTREINTE" => 50,
        "SENS_UNIQUE" => 30,
        _ => 0,
    }
}

/// Counts works of a day.
#[derive(Debug, Default)]
pub(crate) struct WorksCount {
    numbers: WorksNumbers,
    by_zone: BTreeMap<String, u32>,
    /// In whole billionths of a m².
    area: i64,
}

impl DayCount for WorksCount {
    type Body = Work;
    type Numbers = WorksNumbers;

    fn add(&mut self, _: Day, work: &Work) {
        let zone = work.arrondissement.as_deref().unwrap_or(NOWHERE);
        let impact = work.told_impact().unwrap_or(UNTOLD);
        add_to(&mut self.numbers.impact, zone, weight(impact));
        add_to(&mut self.numbers.impacts, impact, 1);
        add_to(&mut self.by_zone, zone, 1);
        self.numbers.total += 1;
        self.numbers.without_area += u32::from(work.area.is_none());
        self.area = self.area.saturating_add(work.area.map_or(0, billionths));
    }

    fn numbers(self) -> WorksNumbers {
        WorksNumbers { area: from_billionths(self.area), ..self.numbers }
    }
}

/// Adds to a number by its name, which is seldom a new one.
fn add_to(numbers: &mut BTreeMap<String, u32>, name: &str, more: u32) {
    match numbers.get_mut(name) {
        Some(number) => *number += more,
        None => drop(numbers.insert(name.to_owned(), more)),
    }
}

impl Work {
    /// What it does to traffic, when that is told.
    fn told_impact(&self) -> Option<&str> {
        Some(self.impact.as_str()).filter(|impact| !impact.is_empty())
    }
}

/// The metrics of a day: of the works whose first and last day it lies between, whatever day it is today.
pub fn day(day: Day, records: &[Record]) -> WorksMetrics {
    let (mut counted, mut list) = (WorksCount::default(), Vec::new());
    for (record, work) in in_force::<Work>(MetricType::Works, day, records) {
        counted.add(day, &work);
        list.push(active(record, work));
    }
    list.sort_by(|a, b| a.id.cmp(&b.id));
    let critical = critical(std::mem::take(&mut counted.by_zone));
    WorksMetrics { active: list, critical, numbers: counted.numbers() }
}

fn active(record: &Record, work: Work) -> ActiveWork {
    ActiveWork {
        id: record.id.clone(),
        impact: work.told_impact().map(str::to_owned),
        typology: work.typology,
        arrondissement: work.arrondissement,
        object: work.object,
        streets: work.streets,
        from: record.from,
        to: record.to.day(),
        level: work.level,
        area: work.area,
        coordinates: work.place,
    }
}

fn critical(by_zone: BTreeMap<String, u32>) -> Vec<CriticalZone> {
    let many = by_zone.into_iter().filter(|(zone, works)| *works > MANY && zone != NOWHERE);
    let mut zones: Vec<CriticalZone> =
        many.map(|(arrondissement, works)| CriticalZone { arrondissement, works }).collect();
    zones.sort_by(|a, b| b.works.cmp(&a.works).then_with(|| a.arrondissement.cmp(&b.arrondissement)));
    zones
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::record::Last;

    fn work(id: &str, days: (&str, &str), impact: &str, arrondissement: Option<&str>) -> Record {
        let work = Work {
            impact: impact.to_owned(),
            arrondissement: arrondissement.map(str::to_owned),
            area: arrondissement.map(|_| 100.25),
            ..Work::default()
        };
        Record {
            kind: MetricType::Works,
            id: id.to_owned(),
            from: days.0.parse().unwrap(),
            to: if days.1.is_empty() { Last::Open } else { Last::On(days.1.parse().unwrap()) },
            body: serde_json::to_value(work).unwrap(),
        }
    }

    #[test]
    fn works_are_active_from_their_first_to_their_last_day() {
        let records = [work("a", ("2024-03-01", "2024-03-31"), "RESTREINTE", Some("75008"))];
        let active = |date: &str| day(date.parse().unwrap(), &records).numbers.total;
        let days = ["2024-02-29", "2024-03-01", "2024-03-31", "2024-04-01"].map(active);
        assert_eq!(days, [0, 1, 1, 0]);
    }

    #[test]
    fn works_without_an_end_have_begun_and_go_on() {
        let records = [work("a", ("2024-03-01", ""), "", Some("75008"))];
        let of = |date: &str| day(date.parse().unwrap(), &records);
        assert_eq!((of("2024-02-29").numbers.total, of("2034-03-01").numbers.total), (0, 1));
        let told = serde_json::to_value(of("2024-03-01")).unwrap();
        let active = &told["chantiers_actifs"][0];
        assert!(active["date_fin"].is_null() && active["impact"].is_null(), "{told}");
        assert_eq!(told["repartition_impacts"], serde_json::json!({"NON_PRECISE": 1}));
    }

    #[test]
    fn impacts_add_up_and_more_than_three_works_are_critical() {
        let days = ("2024-03-01", "2024-03-31");
        let impacts = ["RESTREINTE", "BARRAGE_TOTAL", "IMPASSE", "SENS_UNIQUE"];
        let mut records: Vec<Record> =
            impacts.iter().map(|impact| work(impact, days, impact, Some("75008"))).collect();
        records.extend(["x", "y", "z"].map(|id| work(id, days, "", Some("75015"))));
        records.extend(["m", "n", "o", "p"].map(|id| work(id, days, "RESTREINTE", None)));
        let metrics = day("2024-03-15".parse().unwrap(), &records);
        let numbers = &metrics.numbers;
        assert_eq!(numbers.impact["75008"], 260);
        assert_eq!((numbers.impact["75015"], numbers.impact["inconnu"]), (0, 200));
        assert_eq!(metrics.critical, [CriticalZone { arrondissement: "75008".to_owned(), works: 4 }]);
        assert_eq!((numbers.total, numbers.impacts["NON_PRECISE"], numbers.without_area), (11, 3, 4));
        assert!((numbers.area - 7.0 * 100.25).abs() < 1e-9);
        let ids: Vec<&str> = metrics.active.iter().map(|work| work.id.as_str()).collect();
        assert!(ids.is_sorted(), "{ids:?}");
    }

    #[test]
    fn records_of_another_type_are_not_works() {
        let mut record = work("a", ("2024-03-01", "2024-03-31"), "RESTREINTE", None);
        record.kind = MetricType::Weather;
        assert_eq!(day("2024-03-15".parse().unwrap(), &[record]), WorksMetrics::default());
    }
}
