//! What is wrong with a day's facts, and with the rows of an import.
//!
//! Findings say where to look, they change no number. What a day's facts say of themselves is stored with them
//! ([`of_day`]); what the days around it say of it (absent sensors, values stuck over midnight, counts unlike those of
//! the same hour) is worked out when it is asked for ([`around()`]), so that it does not matter in which order files were
//! imported. Duplicates and disorder are the import's own. Each threshold is a constant here with its reason; on
//! undisturbed data at most one sensor's day in a hundred is reported wrongly.

mod around;
mod day;
mod import;
mod read;
mod spikes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kernel::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use around::{Around, Measured, Neighbours, Notice, around};
pub use day::{of_day, unknown_arcs};
pub use import::of_import;
pub(crate) use read::{Noticed, noticed};

use crate::metrics::number::count;
use crate::metrics::{Coverage, WallClock};

/// So many findings of one kind are listed, the first by sensor; the others are only counted. A third of the road
/// sensors are out of order on any day, and the list is stored with every version of the day.
pub const LISTED: usize = 100;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(as = CityFindingKind)]
pub enum Kind {
    /// Every value of the day is zero.
    #[serde(rename = "capteur_muet")]
    Silent,
    /// One value other than zero for more than twelve hours, over midnight or not.
    #[serde(rename = "valeur_constante")]
    Stuck,
    /// Rows without any measurement, all day.
    #[serde(rename = "sans_mesure")]
    Unmeasured,
    /// No rows all day, of a sensor that measured something on one of the seven days before.
    #[serde(rename = "absent")]
    Absent,
    /// Hours that this sensor lacks and others have.
    #[serde(rename = "trou")]
    Gap,
    /// Hours that no sensor has.
    #[serde(rename = "heure_absente")]
    MissingHour,
    /// A count far above the hours before and after it, or above the same hour of the days before.
    #[serde(rename = "pic_isole")]
    Spike,
    /// A count or an occupancy below zero.
    #[serde(rename = "valeur_negative")]
    Negative,
    /// More than can be: an occupancy above 100 %, or more vehicles than fit on any street.
    #[serde(rename = "valeur_impossible")]
    Impossible,
    /// The source's own word for the state contradicts the occupancy beside it.
    #[serde(rename = "etat_incoherent")]
    StateMismatch,
    /// An arc that the reference does not have.
    #[serde(rename = "arc_inconnu")]
    UnknownArc,
    /// Of all hours expected that day, too few were measured.
    #[serde(rename = "couverture_faible")]
    LowCoverage,
    /// Rows about an hour (or a record) that another row of the import is about too.
    #[serde(rename = "doublon")]
    Duplicate,
    /// Rows that contradict another row of the import.
    #[serde(rename = "contradiction")]
    Conflict,
    /// Rows that come after a later one of the same sensor.
    #[serde(rename = "desordre")]
    Disorder,
    /// Rows that could not be used.
    #[serde(rename = "ligne_rejetee")]
    Rejected,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityFinding)]
pub struct Finding {
    /// What.
    #[serde(rename = "nature")]
    pub kind: Kind,
    /// The counter or the arc; none when it concerns the day or the import as a whole.
    #[serde(rename = "capteur", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "100003098-101003098")]
    pub sensor: Option<String>,
    /// The hours concerned, counted from the day's first, which is 0: on days on which the clock changes not what it
    /// shows, which `debut` and `fin` tell.
    #[serde(rename = "heures", default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!([3, 4, 5]))]
    pub slots: Vec<usize>,
    /// When the first of these hours begins, in local time.
    #[serde(rename = "debut", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2024-01-04T03:00:00+01:00")]
    pub from: Option<String>,
    /// When the last of them ends; of hours that do not follow each other some between are not concerned.
    #[serde(rename = "fin", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2024-01-04T06:00:00+01:00")]
    pub to: Option<String>,
    /// The value that shows it: vehicles per hour, percent, or a number of rows.
    #[serde(rename = "valeur", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 0.0)]
    pub value: Option<f64>,
    /// More about it, such as the reason for which rows were rejected and where the first of them are.
    #[serde(rename = "detail", default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Finding {
    /// About a sensor in some of its hours.
    fn of(kind: Kind, sensor: &str, slots: Vec<usize>, value: Option<f64>) -> Self {
        Self { sensor: Some(sensor.to_owned()), ..Self::whole(kind, slots, value) }
    }

    /// About the day or the import as a whole.
    fn whole(kind: Kind, slots: Vec<usize>, value: Option<f64>) -> Self {
        Self { kind, sensor: None, slots, from: None, to: None, value, detail: None }
    }
}

/// All that is wrong with a day or an import.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityFindings)]
pub struct Findings {
    /// How many findings of each kind there are (of an import: how many rows).
    #[serde(rename = "par_nature")]
    #[schema(example = json!({"capteur_muet": 2}))]
    pub counts: BTreeMap<Kind, u64>,
    /// The findings, by kind and sensor; at most a hundred of each kind.
    #[serde(rename = "constats")]
    pub list: Vec<Finding>,
    /// What was measured of what was expected; of an import none.
    #[serde(rename = "couverture", default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Sensors that measured something on one of the seven days before, and are therefore expected; none when nothing is
    /// known of these days, and of an import.
    #[serde(rename = "capteurs_attendus", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 92)]
    pub expected: Option<u32>,
}

impl Findings {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    /// Adds others, such as those that depend on other data than the day's.
    pub fn join(&mut self, other: Self) {
        for (kind, number) in other.counts {
            *self.counts.entry(kind).or_default() += number;
        }
        self.list.extend(other.list);
        self.coverage = self.coverage.or(other.coverage);
        self.expected = self.expected.or(other.expected);
        self.settle();
    }

    /// Tells the time of day of each, on the day that they are of.
    pub fn date(&mut self, day: Day) {
        let clock = WallClock::of(day);
        for finding in &mut self.list {
            finding.from = finding.slots.first().map(|slot| clock.beginning(*slot));
            finding.to = finding.slots.last().map(|slot| clock.beginning(slot + 1));
        }
    }

    /// From findings in any order.
    fn from_list(list: Vec<Finding>, coverage: Option<Coverage>) -> Self {
        let mut counts = BTreeMap::new();
        for finding in &list {
            *counts.entry(finding.kind).or_default() += 1;
        }
        let mut findings = Self { counts, list, coverage, expected: None };
        findings.settle();
        findings
    }

    /// Puts the list into its order and shortens it.
    fn settle(&mut self) {
        self.list.sort_by(|a, b| {
            let key = |finding: &Finding| (finding.kind, finding.slots.first().copied());
            a.kind.cmp(&b.kind).then_with(|| a.sensor.cmp(&b.sensor)).then_with(|| key(a).cmp(&key(b)))
        });
        let mut listed: BTreeMap<Kind, u32> = BTreeMap::new();
        self.list.retain(|finding| {
            let number = listed.entry(finding.kind).or_default();
            *number += 1;
            *number <= count(LISTED)
        });
    }
}
