//! A day on one page.
//!
//! Composed from what the metrics say of the day and of the same day of the week before. What is not known is nothing
//! (null), never zero.

mod csv;
mod evolution;
mod read;
#[cfg(test)]
mod tests;

use kernel::{Day, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use csv::to_csv;
pub use evolution::{Change, Evolution};
pub use read::read;

use crate::metrics::bikes::{Anomaly, BikeTotals};
use crate::metrics::roads::{ArcDay, CongestionAlert, RoadTotals, Zone};
use crate::metrics::transit::TransitMetrics;
use crate::metrics::weather::{Category, WeatherDay, WeatherMetrics};
use crate::metrics::works::{ActiveWork, WorksMetrics};
use crate::metrics::{Coverage, FailingSensor};

/// What the metrics say of a day, type by type; none where nothing is known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DayTotals {
    /// Bicycles.
    pub bikes: Option<BikeTotals>,
    /// Road traffic.
    pub roads: Option<RoadTotals>,
    /// Disruptions of public transport.
    pub transit: Option<TransitMetrics>,
    /// Weather.
    pub weather: Option<WeatherMetrics>,
    /// Roadworks.
    pub works: Option<WorksMetrics>,
}

/// The report of a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityReport)]
pub struct Report {
    /// The day.
    pub date: Day,
    /// When the report was composed.
    pub generated_at: Timestamp,
    /// The day in a few numbers.
    pub summary: Summary,
    /// The ten arcs with most vehicles.
    #[serde(rename = "top_10_troncons_frequentes")]
    pub top_arcs: Vec<ArcDay>,
    /// The ten arrondissements in which most time was lost.
    #[serde(rename = "top_10_zones_congestionnees")]
    pub top_zones: Vec<Zone>,
    /// Counters and arcs that say nothing, counters first: those that are silent on the day itself, those stuck over
    /// midnight, and those that are absent and were not in the week before.
    #[serde(rename = "capteurs_defaillants")]
    pub failing: Vec<FailingSensor>,
    /// Arcs that were full for two hours or more, the worst first.
    #[serde(rename = "alertes_congestion")]
    pub alerts: Vec<CongestionAlert>,
    /// Counters far from what they usually count.
    #[serde(rename = "anomalies_velos")]
    pub anomalies: Vec<Anomaly>,
    /// Roadworks of the day.
    #[serde(rename = "chantiers_actifs")]
    pub works: Vec<ActiveWork>,
    /// The weather and what it does to people on the move.
    #[serde(rename = "meteo_impact")]
    pub weather: Option<WeatherImpact>,
    /// What changed against the same day of the week before.
    #[serde(rename = "evolution_vs_semaine_precedente")]
    pub evolution: Evolution,
}

/// A day in a few numbers; none where nothing is known of the type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityReportSummary)]
pub struct Summary {
    /// Vehicles at all arcs; one that passes ten arcs counts ten times.
    #[serde(rename = "total_vehicules_paris")]
    #[schema(example = 12_345_678.0)]
    pub vehicles: Option<f64>,
    /// Minutes that all vehicles lost together.
    #[serde(rename = "temps_perdu_total_minutes")]
    #[schema(example = 89_456.0)]
    pub lost: Option<f64>,
    /// Arcs with a mean occupancy of 30 % or more.
    #[serde(rename = "nombre_troncons_satures")]
    #[schema(example = 45)]
    pub saturated: Option<u32>,
    /// Hours measured per hour expected of the road sensors, in percent.
    #[serde(rename = "taux_disponibilite_capteurs")]
    #[schema(example = 97.5)]
    pub availability: Option<f64>,
    /// Bicycles at all counters.
    #[serde(rename = "total_velos_paris")]
    #[schema(example = 158_734.0)]
    pub bicycles: Option<f64>,
    /// Disruptions of public transport that applied that day.
    #[serde(rename = "nombre_perturbations_actives")]
    #[schema(example = 12)]
    pub disruptions: Option<u32>,
    /// Share of the metro lines 1 to 14 without a disruption, in percent.
    #[serde(rename = "fiabilite_transports")]
    #[schema(example = 78.571)]
    pub reliability: Option<f64>,
    /// Roadworks.
    #[serde(rename = "total_chantiers_actifs")]
    #[schema(example = 18)]
    pub works: Option<u32>,
    /// Hours and arcs behind the numbers of the roads.
    #[serde(rename = "couverture_comptages")]
    pub road_coverage: Option<Coverage>,
    /// Hours and counters behind the bicycles.
    #[serde(rename = "couverture_velos")]
    pub bike_coverage: Option<Coverage>,
}

impl Summary {
    fn of(day: &DayTotals) -> Self {
        let roads = day.roads.as_ref().map(|roads| &roads.global_metrics);
        Self {
            vehicles: roads.and_then(|roads| roads.vehicles),
            lost: roads.and_then(|roads| roads.lost),
            saturated: roads.and_then(|roads| roads.saturated),
            availability: roads.map(|roads| roads.availability),
            bicycles: day.bikes.as_ref().and_then(|bikes| bikes.total),
            disruptions: day.transit.as_ref().map(|transit| transit.numbers.active),
            reliability: day.transit.as_ref().map(|transit| transit.numbers.reliability),
            works: day.works.as_ref().map(|works| works.numbers.total),
            road_coverage: roads.map(|roads| roads.coverage),
            bike_coverage: day.bikes.as_ref().map(|bikes| bikes.coverage),
        }
    }
}

/// The weather of a day and what it does to people on the move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityWeatherImpact)]
pub struct WeatherImpact {
    /// The measurements.
    #[serde(flatten)]
    pub day: WeatherDay,
    /// How good it is for people on the move, 0 to 100.
    #[serde(rename = "impact_mobilite")]
    #[schema(example = 30.0)]
    pub impact: Option<f64>,
    /// What kind of day it is.
    pub categories: Vec<Category>,
}

/// The report of a day, from what is known of it and of the same day of the week before ([`Evolution::WEEK`] earlier).
pub fn compose(date: Day, generated_at: Timestamp, today: DayTotals, before: &DayTotals) -> Report {
    let summary = Summary::of(&today);
    let evolution = Evolution::between(date, &summary, &Summary::of(before));
    let bikes = today.bikes.unwrap_or_default();
    let roads = today.roads.unwrap_or_default();
    let weather = today.weather.and_then(|weather| {
        let WeatherMetrics { metrics, impact, categories } = weather;
        Some(WeatherImpact { day: metrics?, impact, categories })
    });
    Report {
        date,
        generated_at,
        summary,
        top_arcs: roads.top_arcs,
        top_zones: roads.top_zones,
        failing: bikes.failing.into_iter().chain(roads.failing).collect(),
        alerts: roads.alerts,
        anomalies: bikes.anomalies,
        works: today.works.map(|works| works.active).unwrap_or_default(),
        weather,
        evolution,
    }
}
