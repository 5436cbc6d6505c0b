//! The forms of answers that are put together as text, for the OpenAPI document.
#![expect(dead_code, reason = "they describe: what is answered is written from what is stored")]

use kernel::Cursor;
use serde::Serialize;
use utoipa::ToSchema;

use crate::metrics::Coverage;
use crate::metrics::bikes::{BikeTotals, CounterDay};
use crate::metrics::reference::{ReferenceMetrics, ReferenceStatistics};
use crate::metrics::roads::{ArcDay, RoadGlobals, RoadTotals};
use crate::metrics::transit::TransitMetrics;
use crate::metrics::weather::WeatherMetrics;
use crate::metrics::works::WorksMetrics;

/// The metrics of a day; their form is that of the type.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = CityDayData)]
pub(super) enum DayData {
    /// Of `bikes`.
    Bikes(BikeDay),
    /// Of `comptages`.
    Roads(RoadDay),
    /// Of `traffic`.
    Transit(TransitMetrics),
    /// Of `weather`.
    Weather(WeatherMetrics),
    /// Of `chantiers`.
    Works(WorksMetrics),
    /// Of `referentiel`.
    Reference(ReferenceMetrics),
}

/// The counters of a day.
#[derive(Serialize, ToSchema)]
#[schema(as = CityBikeDay)]
pub(super) struct BikeDay {
    /// A page of counters by id.
    metrics: Vec<CounterDay>,
    #[serde(flatten)]
    totals: BikeTotals,
    /// The next page; absent on the last one.
    #[serde(rename = "curseur")]
    next: Option<Cursor>,
}

/// The arcs of a day.
#[derive(Serialize, ToSchema)]
#[schema(as = CityRoadDay)]
pub(super) struct RoadDay {
    /// A page of arcs by id.
    metrics: Vec<ArcDay>,
    #[serde(flatten)]
    totals: RoadTotals,
    /// The next page; absent on the last one.
    #[serde(rename = "curseur")]
    next: Option<Cursor>,
}

/// The metrics of a day of a range.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = CityRangeData)]
pub(super) enum RangeData {
    /// Of `bikes`, the city.
    Bikes(BikeSummary),
    /// Of `bikes`, one counter.
    Counter(CounterDay),
    /// Of `comptages`, the city.
    Roads(RoadGlobals),
    /// Of `comptages`, one arc.
    Arc(ArcDay),
    /// Of `traffic`.
    Transit(TransitMetrics),
    /// Of `weather`.
    Weather(WeatherMetrics),
    /// Of `chantiers`.
    Works(WorksMetrics),
    /// Of `referentiel`.
    Reference(ReferenceSummary),
}

/// All counters together.
#[derive(Serialize, ToSchema)]
#[schema(as = CityBikeSummary)]
pub(super) struct BikeSummary {
    /// Bicycles of the day; none when no counter has a count.
    #[serde(rename = "total_velos")]
    #[schema(example = 158_734.0)]
    total: Option<f64>,
    #[serde(flatten)]
    coverage: Coverage,
}

/// All arcs of the reference together.
#[derive(Serialize, ToSchema)]
#[schema(as = CityReferenceSummary)]
pub(super) struct ReferenceSummary {
    /// The statistics.
    #[serde(rename = "statistiques")]
    statistics: ReferenceStatistics,
}
