//! What there is, over HTTP.

use axum::extract::State;
use serde::Serialize;
use store::Unavailable;
use utoipa::ToSchema;
use utoipa_axum::routes;
use web::{Json, Rejection, Routes};

use crate::archive::{Extent, queries};
use crate::{City, MetricType};

pub(super) fn routes() -> Routes<City> {
    Routes::new().routes(routes!(show_stats))
}

/// What the city's archive has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CityStats)]
struct Stats {
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The engine that stores everything: `sqlite` or `postgresql`.
    #[schema(example = "sqlite")]
    database: &'static str,
    /// Where it runs.
    #[schema(example = "local")]
    environment: String,
    /// The types of metrics.
    metric_types: [MetricType; 6],
    /// Days of sensors and records of the other types, together.
    #[schema(example = 96)]
    metrics_count: i64,
    /// Days that counters or arcs have a report of.
    #[schema(example = 42)]
    reports_count: i64,
    /// Each type with its first and last day.
    #[serde(rename = "couverture")]
    extents: Vec<Extent>,
}

/// Show what there is
///
/// Of each type how much there is, from which day to which.
#[utoipa::path(get, path = "/stats", operation_id = "show_city_stats", tag = "ville",
    responses((status = 200, body = Stats)))]
async fn show_stats(State(city): State<City>) -> Result<Json<Stats>, Rejection> {
    let today = city.store().now().paris_day();
    let read = move |tx: &mut store::Tx<'_>| {
        Ok::<_, Unavailable>((queries::stats(tx, today)?, queries::report_days(tx)?))
    };
    let (extents, reports_count) = city.store().scan(read).await?;
    Ok(Json(Stats {
        version: env!("CARGO_PKG_VERSION"),
        database: city.store().health().engine,
        environment: city.settings().environment.clone(),
        metric_types: MetricType::ALL,
        metrics_count: extents.iter().map(|extent| extent.count).sum(),
        reports_count,
        extents,
    }))
}
