//! Checking, promising and giving back units over HTTP: the doors of the stock as a saga's participant.

use axum::extract::State as AxumState;
use axum::http::StatusCode;
use axum::response::Response;
use kernel::{Kind, Line, PlaceId, Problem, ProductId};
use serde::{Deserialize, Serialize};
use store::{Call, Failure};
use utoipa::ToSchema;
use utoipa_axum::routes;
use web::{Change, Json, Rejection, Reply, Routes, change};

use super::super::Wanted;
use super::super::api::{insufficient_stock, refused};
use super::commands::Reserved;
use super::{
    DEFAULT_SECONDS, MAX_LINES, MAX_SECONDS, NewReservation, Reservation, ReservationError, checked_lines,
    commands, queries,
};
use crate::{Retail, STOCK};

/// The reference names a reservation of other lines, another place or another duration.
pub static REFERENCE_TAKEN: Kind = Kind::new(
    "reservation-reference-taken",
    409,
    "The reference names another reservation",
    "La référence désigne une autre réservation",
);

impl From<ReservationError> for Problem {
    fn from(error: ReservationError) -> Self {
        match error {
            ReservationError::Unusable(unusable) => unusable.into(),
            ReservationError::Short(shortages) => insufficient_stock(&shortages),
            ReservationError::Taken(_) => Self::new(&REFERENCE_TAKEN, error.to_string()),
            ReservationError::Unknown(reference) => Self::not_found("reservation", reference),
        }
    }
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new().routes(routes!(verify)).routes(routes!(reserve)).routes(routes!(release))
}

/// Products and quantities to be checked.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = VerificationStock, example = json!({"produits": [{"produit_id": 1, "quantite": 2}]}))]
struct VerifyRequest {
    /// The products, each once, at most 100.
    #[serde(rename = "produits")]
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<Wanted>,
    /// Where: a shop, or 0 for the logistics centre, which is the default.
    #[serde(rename = "emplacement_id")]
    place: Option<PlaceId>,
}

/// What there is of each product.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Disponibilite, example = json!({
    "disponible": false, "emplacement_id": 0,
    "produits": [{"produit_id": 1, "demande": 2, "disponible": 1, "suffisant": false}]
}))]
struct Verified {
    /// Whether there is enough of every product.
    #[serde(rename = "disponible")]
    enough: bool,
    /// Where; 0 is the logistics centre.
    #[serde(rename = "emplacement_id")]
    place: PlaceId,
    /// Each product.
    #[serde(rename = "produits")]
    lines: Vec<VerifiedLine>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LigneDisponibilite)]
struct VerifiedLine {
    /// The product.
    #[serde(rename = "produit_id")]
    product: ProductId,
    /// Units asked for.
    #[serde(rename = "demande")]
    asked: i64,
    /// Units there are.
    #[serde(rename = "disponible")]
    available: i64,
    /// Whether that is enough.
    #[serde(rename = "suffisant")]
    enough: bool,
}

/// Check whether there is enough stock
///
/// Promises nothing: another call may take the units the moment after. `POST /stock/reserver` checks and promises.
#[utoipa::path(post, path = "/stock/verifier", operation_id = "verify_stock", tag = "stock",
    request_body = VerifyRequest,
    responses((status = 200, description = "What there is of each product, enough or not", body = Verified),
              (status = 404, description = "No such product or place")))]
async fn verify(
    AxumState(retail): AxumState<Retail>,
    Json(body): Json<VerifyRequest>,
) -> Result<Json<Verified>, Rejection> {
    let place = body.place.unwrap_or(PlaceId::CENTRE);
    let lines = checked_lines("produits", &body.lines, MAX_LINES).map_err(Problem::invalid_fields)?;
    let found = retail.store().read(move |tx| queries::verify(tx, place, &lines).map_err(refused)).await?;
    let lines: Vec<VerifiedLine> = found
        .into_iter()
        .map(|line| VerifiedLine {
            product: line.product,
            asked: line.asked,
            available: line.available,
            enough: line.asked <= line.available,
        })
        .collect();
    Ok(Json(Verified { enough: lines.iter().all(|line| line.enough), place, lines }))
}

/// Units to be promised.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = NouvelleReservation, example = json!({
    "reference": "panier-42", "produits": [{"produit_id": 1, "quantite": 2}], "duree_s": 900
}))]
struct ReserveRequest {
    /// Your name for the reservation: the same call again finds it and changes nothing.
    reference: Line,
    /// The products, each once, at most 100.
    #[serde(rename = "produits")]
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<Wanted>,
    /// Where: a shop, or 0 for the logistics centre, which is the default.
    #[serde(rename = "emplacement_id")]
    place: Option<PlaceId>,
    /// For how long, in seconds.
    #[serde(rename = "duree_s")]
    #[schema(minimum = 1, maximum = 86400, default = 900)]
    seconds: Option<i64>,
}

impl ReserveRequest {
    fn checked(self) -> Result<NewReservation, Problem> {
        let seconds = self.seconds.unwrap_or(DEFAULT_SECONDS);
        if !(1..=MAX_SECONDS).contains(&seconds) {
            return Err(Problem::invalid("duree_s", format!("must be 1 to {MAX_SECONDS} seconds")));
        }
        let lines = checked_lines("produits", &self.lines, MAX_LINES).map_err(Problem::invalid_fields)?;
        Ok(NewReservation {
            reference: self.reference,
            place: self.place.unwrap_or(PlaceId::CENTRE),
            lines,
            seconds,
        })
    }
}

/// Promise units
///
/// All of them or none, for `duree_s` seconds. The same call again is answered 200 with the reservation as it is
/// then: `statut` says whether its units are still promised.
#[utoipa::path(post, path = "/stock/reserver", operation_id = "reserve_stock", tag = "stock",
    request_body = ReserveRequest,
    responses((status = 201, description = "The units are promised", body = Reservation),
              (status = 200, description = "The same call was made before", body = Reservation),
              (status = 404, description = "No such product or place"),
              (status = 409, description = "Not enough stock: names each short product; or the reference names another \
                                            reservation")))]
async fn reserve(
    AxumState(retail): AxumState<Retail>,
    Change { body, key }: Change<ReserveRequest>,
) -> Result<Response, Rejection> {
    let new = body.checked()?;
    let call = new.lock(Call::new("retail.reservation.create", STOCK));
    change(retail.store(), key, call, move |tx, now| {
        Ok::<_, Failure<ReservationError>>(match commands::reserve(tx, now, &new)? {
            Reserved::New(reservation) => Reply::json(StatusCode::CREATED, &reservation),
            Reserved::Before(reservation) => Reply::ok(&reservation),
        })
    })
    .await
}

/// A reservation to be given back.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = LiberationStock, example = json!({"reference": "panier-42"}))]
struct ReleaseRequest {
    /// The name it was made under.
    reference: Line,
}

/// Give promised units back
///
/// Once: a reservation that has ended already is answered as it is. One whose time ran out says `EXPIREE`.
#[utoipa::path(post, path = "/stock/liberer", operation_id = "release_stock", tag = "stock",
    request_body = ReleaseRequest,
    responses((status = 200, description = "The reservation, whose units are free", body = Reservation),
              (status = 404, description = "No such reservation")))]
async fn release(
    AxumState(retail): AxumState<Retail>,
    Change { body, key }: Change<ReleaseRequest>,
) -> Result<Response, Rejection> {
    let reference = body.reference;
    let stored = find(&retail, reference.clone()).await?;
    let call = stored.lock(Call::new("retail.reservation.release", STOCK));
    change(retail.store(), key, call, move |tx, now| {
        Ok::<_, Failure<ReservationError>>(Reply::ok(&commands::release(tx, now, &reference)?))
    })
    .await
}

async fn find(retail: &Retail, reference: Line) -> Result<Reservation, Problem> {
    retail
        .store()
        .read(move |tx| {
            queries::find(tx, &reference)?.ok_or_else(|| Problem::not_found("reservation", &reference))
        })
        .await
}
