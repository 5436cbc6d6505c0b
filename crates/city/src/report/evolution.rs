//! What changed against the week before.

use kernel::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Summary;
use crate::metrics::Coverage;

/// What changed against the same day of the week before; none where one of the two days is not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityEvolution)]
pub struct Evolution {
    /// The day that is compared with.
    #[serde(rename = "date_comparee")]
    pub date: Day,
    /// Vehicles.
    #[serde(rename = "total_vehicules_paris")]
    pub vehicles: Option<Change>,
    /// Minutes lost.
    #[serde(rename = "temps_perdu_total_minutes")]
    pub lost: Option<Change>,
    /// Saturated arcs.
    #[serde(rename = "nombre_troncons_satures")]
    pub saturated: Option<Change>,
    /// Availability of the road sensors, in percent; the difference is in points.
    #[serde(rename = "taux_disponibilite_capteurs")]
    pub availability: Option<Change>,
    /// Bicycles.
    #[serde(rename = "total_velos_paris")]
    pub bicycles: Option<Change>,
}

/// A number and what it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CityChange)]
pub struct Change {
    /// On the day.
    #[serde(rename = "valeur")]
    #[schema(example = 110.0)]
    pub value: f64,
    /// A week before.
    #[serde(rename = "semaine_precedente")]
    #[schema(example = 100.0)]
    pub before: f64,
    /// How much more.
    #[schema(example = 10.0)]
    pub difference: f64,
    /// How much more, in percent of the week before; none when that was zero.
    #[serde(rename = "variation_pct")]
    #[schema(example = 10.0)]
    pub percent: Option<f64>,
    /// Sensors behind the number on the day.
    #[serde(rename = "capteurs")]
    #[schema(example = 90)]
    pub sensors: u32,
    /// Sensors a week before. Totals of days with other sensors are not comparable.
    #[serde(rename = "capteurs_semaine_precedente")]
    #[schema(example = 89)]
    pub sensors_before: u32,
}

impl Evolution {
    /// So many days lie between.
    pub const WEEK: i32 = 7;

    pub(super) fn between(date: Day, now: &Summary, then: &Summary) -> Self {
        let road = |value: fn(&Summary) -> Option<f64>| {
            change((value(now), now.road_coverage), (value(then), then.road_coverage))
        };
        Self {
            date: date.plus(-Self::WEEK),
            vehicles: road(|summary| summary.vehicles),
            lost: road(|summary| summary.lost),
            saturated: road(|summary| summary.saturated.map(f64::from)),
            availability: road(|summary| summary.availability),
            bicycles: change((now.bicycles, now.bike_coverage), (then.bicycles, then.bike_coverage)),
        }
    }

    /// The changes by their names on the wire.
    pub(super) fn all(&self) -> [(&'static str, Option<Change>); 5] {
        [
            ("total_vehicules_paris", self.vehicles),
            ("temps_perdu_total_minutes", self.lost),
            ("nombre_troncons_satures", self.saturated),
            ("taux_disponibilite_capteurs", self.availability),
            ("total_velos_paris", self.bicycles),
        ]
    }
}

type Told = (Option<f64>, Option<Coverage>);

fn change((value, coverage): Told, (before, coverage_before): Told) -> Option<Change> {
    let (value, before) = (value?, before?);
    let difference = value - before;
    Some(Change {
        value,
        before,
        difference,
        percent: (before != 0.0).then(|| 100.0 * difference / before),
        sensors: coverage?.sensors,
        sensors_before: coverage_before?.sensors,
    })
}
