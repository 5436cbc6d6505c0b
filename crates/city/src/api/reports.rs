//! The report of a day over HTTP.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use kernel::{Day, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;
use web::{CsvFile, Format, Json, Query, Rejection, Routes};

use super::ask::{OnDay, known, no_data_of};
use crate::City;
use crate::report::{Report, to_csv};

pub(super) fn routes() -> Routes<City> {
    Routes::new().routes(routes!(show_latest_report)).routes(routes!(show_report))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReportParams {
    /// `json` or `csv`; without it the `Accept` header decides (`text/csv`).
    #[param(inline)]
    format: Option<Format>,
    /// As it was known at that instant, or at the end of that day.
    #[serde(rename = "connu_le")]
    #[param(rename = "connu_le", example = "2024-04-01")]
    known: Option<String>,
}

/// Show the report of a day
///
/// The day in a few numbers, the ten arcs with most vehicles, the ten arrondissements in which most time was lost, silent
/// sensors, congestion alerts, active works, the weather and the change against the same weekday of the week before. What
/// is not known is null, never zero. The CSV (`;`, UTF-8 with a byte order mark) has one block for each section.
#[utoipa::path(get, path = "/report/{date}", operation_id = "show_city_report", tag = "ville",
    params(("date" = Day, Path, description = "The day"), ReportParams),
    responses((status = 200, description = "The report",
               content((Report = "application/json"), (String = "text/csv"))),
              (status = 400, description = "Not a date"),
              (status = 404, description = "There is no data for that day, or was not yet")))]
async fn show_report(
    State(city): State<City>,
    OnDay(day): OnDay,
    headers: HeaderMap,
    Query(params): Query<ReportParams>,
) -> Result<Response, Rejection> {
    let known = known(params.known.as_deref())?;
    answer(&city, day, known, Format::chosen(params.format, &headers)).await
}

/// Show the latest report
///
/// That of the last day of which counters or arcs are known.
#[utoipa::path(get, path = "/report/latest", operation_id = "show_latest_city_report", tag = "ville",
    params(ReportParams),
    responses((status = 200, description = "The report",
               content((Report = "application/json"), (String = "text/csv"))),
              (status = 404, description = "There is no data yet")))]
async fn show_latest_report(
    State(city): State<City>,
    headers: HeaderMap,
    Query(params): Query<ReportParams>,
) -> Result<Response, Rejection> {
    let known = known(params.known.as_deref())?;
    let day = city.latest_day(known).await?;
    let day = day.ok_or_else(|| no_data_of("data of any day", known))?;
    answer(&city, day, known, Format::chosen(params.format, &headers)).await
}

async fn answer(
    city: &City,
    day: Day,
    known: Option<Timestamp>,
    format: Format,
) -> Result<Response, Rejection> {
    let report = city.report(day, known).await?;
    let report = report.ok_or_else(|| no_data_of(&format!("data for {day}"), known))?;
    Ok(Format::varied(match format {
        Format::Json => Json(report).into_response(),
        Format::Csv => CsvFile { name: format!("rapport-{day}.csv"), text: to_csv(&report) }.into_response(),
    }))
}
