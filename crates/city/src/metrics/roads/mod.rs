//! Road traffic, by arc: a piece of a street in one direction with a sensor in it.

mod alerts;
mod facts;
mod lost_time;
mod state;
#[cfg(test)]
mod tests;
mod totals;

use kernel::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use alerts::{AlertSeverity, CongestionAlert};
pub use state::{StateHours, StateShares, TrafficState};
pub use totals::{RoadGlobals, RoadTotals, Zone};

use super::number::{count, from_billionths, mean, percent, ratio};
use super::silence::Silence;
use super::{Coordinates, SensorDay, WallClock, geo};
use crate::hours::{FLOW_UNITS, OCCUPANCY_UNITS};
use facts::ArcFacts;
use totals::Sums;

/// A day of one arc.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityArcDay)]
pub struct ArcDay {
    /// The arc's id.
    #[serde(rename = "identifiant_arc")]
    #[schema(example = "4264")]
    pub id: String,
    /// What people call it.
    #[serde(rename = "libelle")]
    #[schema(example = "AV_Champs_Elysees")]
    pub name: String,
    /// Vehicles of the day, in the hours with a flow; none without any.
    #[serde(rename = "debit_journalier_total")]
    #[schema(example = 23_542.0)]
    pub flow: Option<f64>,
    /// Vehicles per hour, over the hours with a flow.
    #[serde(rename = "debit_horaire_moyen")]
    #[schema(example = 1121.0476)]
    pub mean_flow: Option<f64>,
    /// Vehicles in the hour with most of them.
    #[serde(rename = "debit_max")]
    #[schema(example = 1480.0)]
    pub max_flow: Option<f64>,
    /// Mean occupancy in percent, over the hours with one.
    #[serde(rename = "taux_occupation_moyen")]
    #[schema(example = 39.1842)]
    pub occupancy: Option<f64>,
    /// The state of most hours, of equals the worse one; hours without an occupancy count only when there are no others.
    #[serde(rename = "etat_trafic_dominant")]
    pub state: TrafficState,
    /// Share of the hours in each state, in percent.
    #[serde(rename = "repartition_etats")]
    pub shares: StateShares,
    /// Hours in each state.
    #[serde(rename = "heures_par_etat")]
    pub states: StateHours,
    /// The beginning of the hour with most vehicles, in local time; the first of several.
    #[serde(rename = "heure_pic")]
    #[schema(example = "2024-01-04T18:00:00+01:00")]
    pub peak: Option<String>,
    /// The length of its line in metres.
    #[serde(rename = "longueur_metres")]
    #[schema(example = 119.186)]
    pub length: Option<f64>,
    /// The speed taken to be driven at the mean occupancy, in km/h.
    #[serde(rename = "vitesse_estimee_kmh")]
    #[schema(example = 40)]
    pub speed: Option<u32>,
    /// Minutes that one vehicle loses at the mean occupancy of the day.
    #[serde(rename = "temps_perdu_minutes")]
    #[schema(example = 0.0357)]
    pub lost: Option<f64>,
    /// Minutes that all vehicles lost together, hour by hour.
    #[serde(rename = "temps_perdu_total_minutes")]
    #[schema(example = 812.4)]
    pub total_lost: Option<f64>,
    /// Postal code of the arrondissement it is in; none outside of Paris.
    #[schema(example = "75008")]
    pub arrondissement: Option<String>,
    /// Where it is.
    pub coordinates: Option<Coordinates>,
    /// Hours that the source tells something of, be it that nothing was measured.
    #[serde(rename = "heures_presentes")]
    #[schema(example = 24)]
    pub hours: u32,
    /// Hours with a flow; total and mean are of these.
    #[serde(rename = "heures_avec_debit")]
    #[schema(example = 21)]
    pub flow_hours: u32,
    /// Hours with an occupancy; the mean is of these.
    #[serde(rename = "heures_avec_taux")]
    #[schema(example = 21)]
    pub occupancy_hours: u32,
    /// Hours that the day has: 23, 24 or 25.
    #[serde(rename = "heures_attendues")]
    #[schema(example = 24)]
    pub expected: u32,
    /// Hours with a flow or an occupancy per hour expected, in percent.
    #[serde(rename = "couverture_pct")]
    #[schema(example = 87.5)]
    pub coverage: f64,
    /// Flows and occupancies that cannot be; they count as missing.
    #[serde(rename = "valeurs_ecartees")]
    pub discarded: u32,
    /// Why it is taken to be silent; none when it works.
    #[serde(rename = "defaillance")]
    pub silence: Option<Silence>,
}

/// The metrics of a day: of each arc, by id, and of all.
pub fn day(day: Day, sensors: &[SensorDay<'_>]) -> (Vec<ArcDay>, RoadTotals) {
    let clock = WallClock::of(day);
    let mut sums = Sums::default();
    let mut arcs = Vec::with_capacity(sensors.len());
    for sensor in sensors {
        let facts = ArcFacts::of(*sensor);
        sums.add(&clock, &facts);
        arcs.push(arc(&clock, &facts));
    }
    arcs.sort_by(|a, b| a.id.cmp(&b.id));
    let totals = sums.totals(&clock, &arcs);
    (arcs, totals)
}

fn arc(clock: &WallClock, facts: &ArcFacts<'_>) -> ArcDay {
    let speed = facts.speed();
    let expected = count(clock.hours());
    ArcDay {
        id: facts.sensor.id.to_owned(),
        name: facts.sensor.about.name.clone(),
        flow: facts.total_flow().map(|flow| ratio(flow, FLOW_UNITS)),
        mean_flow: mean(facts.flow, facts.flow_hours, FLOW_UNITS),
        max_flow: facts.peak.map(|(_, flow)| ratio(i64::from(flow), FLOW_UNITS)),
        occupancy: mean(facts.occupancy, facts.occupancy_hours, OCCUPANCY_UNITS),
        state: facts.states.dominant(),
        shares: facts.states.shares(),
        states: facts.states,
        peak: facts.peak.map(|(slot, _)| clock.beginning(slot)),
        length: facts.length,
        speed: speed.map(|speed| speed.kmh),
        lost: speed.zip(facts.length).map(|(speed, length)| speed.minutes(length)),
        total_lost: facts.lost().map(from_billionths),
        arrondissement: facts.arrondissement.map(geo::postal_code),
        coordinates: facts.sensor.place().map(Coordinates::from),
        hours: facts.hours,
        flow_hours: facts.flow_hours,
        occupancy_hours: facts.occupancy_hours,
        expected,
        coverage: percent(facts.measured, expected),
        discarded: facts.discarded,
        silence: facts.silent.as_ref().map(|silent| silent.why),
    }
}
