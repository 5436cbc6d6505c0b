//! What a day says of all arcs together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alerts;
use super::facts::ArcFacts;
use super::{ArcDay, CongestionAlert, StateHours, StateShares};
use crate::MetricType;
use crate::hours::{FLOW_UNITS, OCCUPANCY_UNITS};
use crate::metrics::number::{from_billionths, mean, ratio};
use crate::metrics::{Coverage, FailingSensor, WallClock, geo};

/// How many arcs and zones the lists of the first have.
const TOP: usize = 10;

/// What a day says of all arcs together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityRoadTotals)]
pub struct RoadTotals {
    /// The ten arcs with most vehicles, without silent ones.
    #[serde(rename = "top_10_troncons")]
    pub top_arcs: Vec<ArcDay>,
    /// The ten arrondissements in which most time was lost.
    #[serde(rename = "top_10_zones_congestionnees")]
    pub top_zones: Vec<Zone>,
    /// Arcs that were full for two hours or more, the worst first.
    #[serde(rename = "alertes_congestion")]
    pub alerts: Vec<CongestionAlert>,
    /// Arcs whose sensor is silent by what this day alone shows: no vehicle all day, one value for more than twelve
    /// hours, or no value at all.
    #[serde(rename = "capteurs_defaillants")]
    pub failing: Vec<FailingSensor>,
    /// The city's numbers.
    pub global_metrics: RoadGlobals,
}

/// The numbers of all arcs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = CityRoadGlobals)]
pub struct RoadGlobals {
    /// Vehicles of the day at all arcs; one that passes ten arcs counts ten times. None when no arc has a flow.
    #[serde(rename = "total_vehicules_jour")]
    #[schema(example = 12_345_678.0)]
    pub vehicles: Option<f64>,
    /// Arcs with a flow or an occupancy in at least one hour.
    #[serde(rename = "nombre_troncons_actifs")]
    #[schema(example = 2210)]
    pub active: u32,
    /// Arcs with a mean occupancy of 30 % or more; none when no arc has an occupancy.
    #[serde(rename = "nombre_troncons_satures")]
    #[schema(example = 45)]
    pub saturated: Option<u32>,
    /// Mean occupancy in percent, over all hours of all arcs that have one.
    #[serde(rename = "taux_occupation_moyen")]
    #[schema(example = 12.3)]
    pub occupancy: Option<f64>,
    /// Hours with a flow or an occupancy per hour expected of the arcs present, in percent.
    #[serde(rename = "taux_disponibilite_capteurs")]
    #[schema(example = 97.5)]
    pub availability: f64,
    /// Minutes that all vehicles lost together; none when there is no arc of which it can be told.
    #[serde(rename = "temps_perdu_total_minutes")]
    #[schema(example = 89_456.0)]
    pub lost: Option<f64>,
    /// Share of the hours in each state, in percent.
    #[serde(rename = "repartition_etat_trafic")]
    pub shares: StateShares,
    /// Hours in each state.
    #[serde(rename = "heures_par_etat")]
    pub states: StateHours,
    /// Arcs without a line, for which no lost time can be told.
    #[serde(rename = "troncons_sans_longueur")]
    pub without_length: u32,
    /// Arcs outside of the twenty arrondissements; they are in no zone.
    #[serde(rename = "troncons_hors_zone")]
    pub outside: u32,
    /// Hours and arcs behind the numbers.
    #[serde(flatten)]
    pub coverage: Coverage,
}

/// An arrondissement with the arcs in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityZone)]
pub struct Zone {
    /// What people call it.
    #[schema(example = "Paris 8e")]
    pub zone: String,
    /// Its postal code.
    #[schema(example = "75008")]
    pub arrondissement: String,
    /// Its number, 1 to 20.
    #[serde(rename = "numero")]
    #[schema(example = 8)]
    pub number: u8,
    /// Minutes that all vehicles lost on its arcs; none when there is no arc of which it can be told.
    #[serde(rename = "temps_perdu_total_minutes")]
    #[schema(example = 10_233.5)]
    pub lost: Option<f64>,
    /// Vehicles of the day at its arcs; none when none of them has a flow.
    #[serde(rename = "total_vehicules")]
    #[schema(example = 812_345.0)]
    pub vehicles: Option<f64>,
    /// Mean occupancy in percent.
    #[serde(rename = "taux_occupation_moyen")]
    #[schema(example = 18.7)]
    pub occupancy: Option<f64>,
    /// Arcs with a mean occupancy of 30 % or more; none when none of them has an occupancy.
    #[serde(rename = "nombre_troncons_satures")]
    #[schema(example = 7)]
    pub saturated: Option<u32>,
    /// Arcs in it.
    #[serde(rename = "nombre_troncons")]
    #[schema(example = 160)]
    pub arcs: u32,
    /// Hours and arcs behind the numbers.
    #[serde(flatten)]
    pub coverage: Coverage,
}

/// Sums over some arcs, all of them whole numbers; none of what no arc tells.
#[derive(Default)]
struct Area {
    arcs: u32,
    active: u32,
    saturated: Option<u32>,
    without_length: u32,
    measured: u32,
    flow: Option<i64>,
    occupancy: i64,
    occupancy_hours: u32,
    lost: Option<i64>,
    states: StateHours,
}

impl Area {
    fn add(&mut self, arc: &ArcFacts<'_>) {
        self.arcs += 1;
        self.active += u32::from(arc.measured > 0);
        self.saturated = told(self.saturated, arc.is_saturated().map(u32::from), u32::saturating_add);
        self.without_length += u32::from(arc.length.is_none());
        self.measured += arc.measured;
        self.flow = told(self.flow, arc.total_flow(), i64::saturating_add);
        self.occupancy += arc.occupancy;
        self.occupancy_hours += arc.occupancy_hours;
        self.lost = told(self.lost, arc.lost(), i64::saturating_add);
        self.states.add(&arc.states);
    }

    fn coverage(&self, clock: &WallClock) -> Coverage {
        Coverage::new(self.arcs, self.measured, clock.hours())
    }

    fn zone(&self, clock: &WallClock, number: u8) -> Zone {
        Zone {
            zone: geo::zone_name(number),
            arrondissement: geo::postal_code(number),
            number,
            lost: self.lost.map(from_billionths),
            vehicles: self.flow.map(|flow| ratio(flow, FLOW_UNITS)),
            occupancy: mean(self.occupancy, self.occupancy_hours, OCCUPANCY_UNITS),
            saturated: self.saturated,
            arcs: self.arcs,
            coverage: self.coverage(clock),
        }
    }
}

/// A sum and one more number; none as long as there is no number.
fn told<T>(sum: Option<T>, more: Option<T>, add: fn(T, T) -> T) -> Option<T> {
    match (sum, more) {
        (Some(sum), Some(more)) => Some(add(sum, more)),
        (known, None) | (None, known) => known,
    }
}

/// Sums over all arcs of a day.
#[derive(Default)]
pub(super) struct Sums {
    city: Area,
    zones: BTreeMap<u8, Area>,
    alerts: Vec<CongestionAlert>,
    failing: Vec<FailingSensor>,
}

impl Sums {
    pub(super) fn add(&mut self, clock: &WallClock, arc: &ArcFacts<'_>) {
        self.city.add(arc);
        if let Some(number) = arc.arrondissement {
            self.zones.entry(number).or_default().add(arc);
        }
        self.alerts.extend(alerts::of_arc(clock, arc));
        self.failing.extend(arc.silent.as_ref().map(|silent| {
            FailingSensor::new(MetricType::Roads, arc.sensor.id, &arc.sensor.about.name, silent)
        }));
    }

    pub(super) fn totals(mut self, clock: &WallClock, arcs: &[ArcDay]) -> RoadTotals {
        alerts::sort(&mut self.alerts);
        self.failing.sort_by(|a, b| a.arc.cmp(&b.arc));
        RoadTotals {
            top_arcs: busiest(arcs),
            top_zones: self.worst_zones(clock),
            global_metrics: self.globals(clock),
            alerts: self.alerts,
            failing: self.failing,
        }
    }

    /// By lost time, those of which it is not known last; of equals the smaller number first.
    fn worst_zones(&self, clock: &WallClock) -> Vec<Zone> {
        let mut zones: Vec<(&u8, &Area)> = self.zones.iter().filter(|(_, area)| area.active > 0).collect();
        zones.sort_by(|(a, first), (b, second)| second.lost.cmp(&first.lost).then_with(|| a.cmp(b)));
        zones.into_iter().take(TOP).map(|(number, area)| area.zone(clock, *number)).collect()
    }

    fn globals(&self, clock: &WallClock) -> RoadGlobals {
        let city = &self.city;
        let coverage = city.coverage(clock);
        let inside: u32 = self.zones.values().map(|area| area.arcs).sum();
        RoadGlobals {
            vehicles: city.flow.map(|flow| ratio(flow, FLOW_UNITS)),
            active: city.active,
            saturated: city.saturated,
            occupancy: mean(city.occupancy, city.occupancy_hours, OCCUPANCY_UNITS),
            availability: coverage.percent,
            lost: city.lost.map(from_billionths),
            shares: city.states.shares(),
            states: city.states,
            without_length: city.without_length,
            outside: city.arcs - inside,
            coverage,
        }
    }
}

/// The arcs with most vehicles; of equals the one with the smaller id first.
fn busiest(arcs: &[ArcDay]) -> Vec<ArcDay> {
    let working = arcs.iter().filter(|arc| arc.silence.is_none());
    let mut working: Vec<(f64, &ArcDay)> = working.filter_map(|arc| Some((arc.flow?, arc))).collect();
    working.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.id.cmp(&second.id)));
    working.into_iter().take(TOP).map(|(_, arc)| arc.clone()).collect()
}
