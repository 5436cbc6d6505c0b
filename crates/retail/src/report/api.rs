//! Reports over HTTP, as JSON or CSV.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use kernel::{Day, FieldError, PlaceId, Problem, kinds};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;
use web::{CsvFile, Format, Json, Query, Rejection, Routes};

use super::csv::CsvError;
use super::performance::{Performance, performance};
use super::queries::Scope;
use super::sales::{self, MAX_DAYS, SalesReport};
use crate::Retail;
use crate::stock::api::refused;
use crate::stock::queries::known_place;

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new().routes(routes!(sales_report)).routes(routes!(performances))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReportParams {
    /// The first day (of Europe/Paris).
    #[serde(rename = "du")]
    #[param(rename = "du")]
    from: Day,
    /// The last day, itself included; at most 400 days after all.
    #[serde(rename = "au")]
    #[param(rename = "au")]
    to: Day,
    /// Only this shop, or 0 for the logistics centre (which sells online only).
    #[serde(rename = "magasin_id")]
    #[param(rename = "magasin_id")]
    place: Option<PlaceId>,
    /// `json` or `csv`; without it the `Accept` header decides (`text/csv`).
    #[param(inline)]
    format: Option<Format>,
}

impl ReportParams {
    fn scope(&self) -> Result<Scope, Problem> {
        let mut faults = Vec::new();
        if self.from > self.to {
            faults.push(FieldError { field: "du".to_owned(), message: "must not be after au".to_owned() });
        } else if self.to.number() - self.from.number() >= MAX_DAYS {
            let message = format!("must be within {MAX_DAYS} days of du, both included");
            faults.push(FieldError { field: "au".to_owned(), message });
        }
        if !faults.is_empty() {
            return Err(Problem::invalid_fields(faults));
        }
        Ok(Scope { from: self.from, to: self.to, place: self.place })
    }
}

/// Report sales
///
/// Revenue, units and sales by day, channel, place and product. Days are days of Europe/Paris, those of a clock change
/// have 23 or 25 hours. Sales at the till count on the day they were recorded; online orders are a channel of their
/// own, count on the day they were placed, in the place whose stock they drew on, and only while they are confirmed.
/// The CSV has one row per day, place and channel (`;` between fields, UTF-8 with a byte order mark, amounts with a
/// point).
#[utoipa::path(get, path = "/rapports/ventes", operation_id = "report_sales", tag = "rapports", params(ReportParams),
    responses((status = 200, description = "The report",
               content((SalesReport = "application/json"), (String = "text/csv"))),
              (status = 404, description = "No such shop"),
              (status = 422, description = "No days, days in the wrong order, or more than 400 of them")))]
async fn sales_report(
    State(retail): State<Retail>,
    headers: HeaderMap,
    Query(params): Query<ReportParams>,
) -> Result<Response, Rejection> {
    let scope = params.scope()?;
    let currency = retail.settings().currency;
    let format = Format::chosen(params.format, &headers);
    let read = move |tx: &mut store::Tx<'_>| {
        if let Some(place) = scope.place {
            known_place(tx, place).map_err(refused)?;
        }
        match format {
            Format::Json => Ok(Json(sales::report(tx, currency, scope)?).into_response()),
            Format::Csv => csv_response(sales::sheet(tx, scope)?.csv(currency), "ventes.csv"),
        }
    };
    Ok(Format::varied(retail.store().scan(read).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PerformanceParams {
    /// `json` or `csv`; without it the `Accept` header decides (`text/csv`).
    #[param(inline)]
    format: Option<Format>,
}

/// Show how each shop is doing
///
/// The last eight ISO weeks at its till, the present one included: revenue, units, sales, best sold products, trend;
/// and how many products are out of stock or overstocked now. Online orders are listed apart, by the place whose stock
/// they drew on. The CSV has one row per shop, with the revenue of each week in a column.
#[utoipa::path(get, path = "/performances", operation_id = "show_performances", tag = "rapports",
    params(PerformanceParams),
    responses((status = 200, description = "Each shop's performance",
               content((Performance = "application/json"), (String = "text/csv")))))]
async fn performances(
    State(retail): State<Retail>,
    headers: HeaderMap,
    Query(params): Query<PerformanceParams>,
) -> Result<Response, Rejection> {
    let currency = retail.settings().currency;
    let today = retail.store().now().paris_day();
    let format = Format::chosen(params.format, &headers);
    let read = move |tx: &mut store::Tx<'_>| {
        let performance = performance(tx, currency, today)?;
        match format {
            Format::Json => Ok(Json(performance).into_response()),
            Format::Csv => csv_response(performance.csv(), "performances.csv"),
        }
    };
    Ok(Format::varied(retail.store().scan(read).await?))
}

fn csv_response(text: Result<Vec<u8>, CsvError>, name: &str) -> Result<Response, Problem> {
    let text = text.map_err(|error| {
        tracing::error!(%error, "a report cannot be written as CSV");
        Problem::new(&kinds::INTERNAL, "")
    })?;
    Ok(CsvFile { name: name.to_owned(), text }.into_response())
}
