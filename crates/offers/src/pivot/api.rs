//! Pivots over HTTP.

use axum::extract::State;
use kernel::{Page, Problem};
use utoipa_axum::routes;
use web::{Json, Paging, Rejection, Routes};

use super::{Pivot, queries};
use crate::Offers;
use crate::names::OfferId;

/// The routes of this noun.
pub(crate) fn routes() -> Routes<Offers> {
    Routes::new().routes(routes!(list_pivots))
}

/// List the pivots in force
///
/// Each offer that ran out, and the one of its category that gets its traffic and `bonus` points, once, however many
/// point at it. `to` is absent while there is none.
#[utoipa::path(get, path = "/offers/pivots", tag = "offers", params(Paging),
    responses((status = 200, description = "A page of pivots by the offer that ran out", body = Page<Pivot>)))]
async fn list_pivots(State(offers): State<Offers>, paging: Paging) -> Result<Json<Page<Pivot>>, Rejection> {
    let (after, limit) = (paging.after::<OfferId>()?, paging.limit);
    let page = offers
        .store()
        .scan(move |tx| Ok::<_, Problem>(queries::page(tx, after.as_ref(), limit.probe())?))
        .await?;
    Ok(Json(Page::cut(page, limit, |pivot| pivot.from.clone())))
}
