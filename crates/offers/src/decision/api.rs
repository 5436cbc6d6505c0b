//! Decisions over HTTP.

use axum::extract::State;
use kernel::Problem;
use utoipa_axum::routes;
use uuid::Uuid;
use web::{Json, Path, Rejection, Routes};

use super::{Decision, queries};
use crate::Offers;

pub(crate) fn routes() -> Routes<Offers> {
    Routes::new().routes(routes!(show_decision))
}

/// Show a decision
///
/// Which offers were shown to whom, by which policy, and which chance each of them had. Decisions are stored within a
/// tenth of a second and kept for as long as is configured.
#[utoipa::path(get, path = "/offers/decisions/{decision_id}", tag = "offers",
    params(("decision_id" = Uuid, Path, description = "As POST /offers/recommend answered it")),
    responses((status = 200, description = "The decision", body = Decision),
              (status = 404, description = "No such decision is stored, or not yet, or not any more")))]
async fn show_decision(
    State(offers): State<Offers>,
    Path(id): Path<Uuid>,
) -> Result<Json<Decision>, Rejection> {
    let found = offers.store().read(move |tx| Ok::<_, Problem>(queries::by_id(tx, id)?)).await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("decision", id))?))
}
