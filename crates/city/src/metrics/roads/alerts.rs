//! Arcs that stay full.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ArcFacts;
use crate::hours::OCCUPANCY_UNITS;
use crate::metrics::number::{count, from_billionths, ratio};
use crate::metrics::{WallClock, geo, occupancy};

/// From this occupancy on, in percent, an hour is an alert (specification of the metrics) …
const HIGH: i64 = 80;
/// … and from this one on a critical one …
const CRITICAL: i64 = 90;
/// … when it lasts for so many hours in a row.
const HOURS: usize = 2;

/// How bad an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = CityAlertSeverity)]
pub enum AlertSeverity {
    /// At least two hours in a row at 90 % or more.
    #[serde(rename = "Critique")]
    Critical,
    /// At least two hours in a row at 80 % or more.
    #[serde(rename = "Élevée")]
    High,
}

impl AlertSeverity {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "Critique",
            Self::High => "Élevée",
        }
    }
}

/// An arc that was full for two hours or more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityCongestionAlert)]
pub struct CongestionAlert {
    /// The arc's id.
    #[serde(rename = "identifiant_arc")]
    #[schema(example = "4264")]
    pub arc: String,
    /// What people call it.
    #[serde(rename = "libelle")]
    #[schema(example = "AV_Champs_Elysees")]
    pub name: String,
    /// Postal code of the arrondissement; none outside of Paris.
    #[schema(example = "75008")]
    pub arrondissement: Option<String>,
    /// How bad it is.
    #[serde(rename = "severite")]
    pub severity: AlertSeverity,
    /// When it began, in local time.
    #[serde(rename = "debut")]
    #[schema(example = "2024-01-04T17:00:00+01:00")]
    pub from: String,
    /// When it ended.
    #[serde(rename = "fin")]
    #[schema(example = "2024-01-04T20:00:00+01:00")]
    pub to: String,
    /// How many hours it lasted.
    #[serde(rename = "duree_heures")]
    #[schema(example = 3)]
    pub hours: u32,
    /// The mean occupancy of these hours, in percent.
    #[serde(rename = "taux_occupation_moyen")]
    #[schema(example = 86.4)]
    pub mean: f64,
    /// The highest, in percent.
    #[serde(rename = "taux_occupation_max")]
    #[schema(example = 91.2)]
    pub max: f64,
    /// Minutes that the vehicles of these hours lost together; none without a length, or without a flow.
    #[serde(rename = "temps_perdu_total_minutes")]
    #[schema(example = 1840.5)]
    pub lost: Option<f64>,
}

/// The alerts of one arc, in the order of time.
pub(super) fn of_arc(clock: &WallClock, arc: &ArcFacts<'_>) -> Vec<CongestionAlert> {
    let full: Vec<(usize, i32)> = arc
        .sensor
        .hours
        .iter()
        .filter_map(|(slot, reading)| Some((slot, occupancy(reading)?)))
        .filter(|(_, occupancy)| is_at_least(*occupancy, HIGH))
        .collect();
    let runs = full.chunk_by(|before, after| before.0 + 1 == after.0);
    runs.filter(|run| run.len() >= HOURS).map(|run| alert(clock, arc, run)).collect()
}

/// The worst first; of equals the longer, then the smaller id, then the earlier.
pub(super) fn sort(alerts: &mut [CongestionAlert]) {
    alerts.sort_by(|a, b| {
        let key = |alert: &CongestionAlert| (alert.severity, u32::MAX - alert.hours);
        key(a).cmp(&key(b)).then_with(|| a.arc.cmp(&b.arc)).then_with(|| a.from.cmp(&b.from))
    });
}

fn alert(clock: &WallClock, arc: &ArcFacts<'_>, run: &[(usize, i32)]) -> CongestionAlert {
    let (first, last) = (run[0].0, run[run.len() - 1].0);
    let is_critical =
        run.windows(HOURS).any(|hours| hours.iter().all(|(_, full)| is_at_least(*full, CRITICAL)));
    let sum: i64 = run.iter().map(|(_, full)| i64::from(*full)).sum();
    let max = run.iter().map(|(_, full)| i64::from(*full)).max().unwrap_or_default();
    CongestionAlert {
        arc: arc.sensor.id.to_owned(),
        name: arc.sensor.about.name.clone(),
        arrondissement: arc.arrondissement.map(geo::postal_code),
        severity: if is_critical { AlertSeverity::Critical } else { AlertSeverity::High },
        from: clock.beginning(first),
        to: clock.beginning(last + 1),
        hours: count(run.len()),
        mean: ratio(sum, i64::from(count(run.len())) * OCCUPANCY_UNITS),
        max: ratio(max, OCCUPANCY_UNITS),
        lost: arc.lost_between(first, last).map(from_billionths),
    }
}

fn is_at_least(occupancy: i32, percent: i64) -> bool {
    i64::from(occupancy) >= percent * OCCUPANCY_UNITS
}
