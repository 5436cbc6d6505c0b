//! Replenishment over HTTP.

use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequest, Request, State as AxumState};
use axum::http::StatusCode;
use axum::response::Response;
use kernel::{Kind, Line, Page, PlaceId, Problem, ProductId, Quantity, ReplenishmentId, ShopId, Text};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Call, Failure, Tx};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use web::{Change, Json, Paging, Path, Query, Rejection, Reply, Routes, change};

use super::commands::{self, Count};
use super::queries::{self, Filter};
use super::suggestion::{self, After, METHOD, Suggestion};
use super::{NewReplenishment, Replenishment, ReplenishmentError, State};
use crate::stock::Unusable;
use crate::stock::api::insufficient_stock;
use crate::{Retail, STOCK};

/// The request is in another state than the step needs; `statut` says which.
pub static ILLEGAL_STEP: Kind = Kind::new(
    "replenishment-state",
    409,
    "The request is not in the right state",
    "La demande n'est pas dans le bon état",
);
/// Units that did not arrive are promised or sold already.
pub static UNITS_MISSING: Kind = Kind::new(
    "replenishment-units-missing",
    409,
    "The missing units are promised or sold already",
    "Les unités manquantes sont déjà promises ou vendues",
);

impl From<ReplenishmentError> for Problem {
    fn from(error: ReplenishmentError) -> Self {
        match error {
            ReplenishmentError::Unusable(Unusable::UnknownPlace(PlaceId(id))) => Self::not_found("shop", id),
            ReplenishmentError::Unusable(Unusable::InactivePlace(_)) => {
                Self::invalid("magasin_id", error.to_string())
            }
            ReplenishmentError::Unusable(unusable) => unusable.into(),
            ReplenishmentError::Unknown(id) => Self::not_found("replenishment request", id),
            ReplenishmentError::State { present, .. } => {
                Self::new(&ILLEGAL_STEP, error.to_string()).with("statut", &present)
            }
            ReplenishmentError::Short(short) => insufficient_stock(&[short]).with("statut", &State::Pending),
            ReplenishmentError::Missing { missing, available } => {
                Self::new(&UNITS_MISSING, error.to_string())
                    .with("manquant", &missing)
                    .with("disponible", &available)
            }
        }
    }
}

/// A change whose body may be left out: no body at all is an empty object.
struct MaybeBody<T>(Change<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for MaybeBody<T> {
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Rejection> {
        let (parts, body) = request.into_parts();
        let body = if body.is_end_stream() { Body::from("{}") } else { body };
        Change::from_request(Request::from_parts(parts, body), state).await.map(Self)
    }
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new()
        .routes(routes!(list, request))
        .routes(routes!(suggest))
        .routes(routes!(validate))
        .routes(routes!(reject))
        .routes(routes!(receive))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only those in this state.
    #[serde(rename = "statut")]
    #[param(rename = "statut")]
    state: Option<State>,
    /// Only those of this shop.
    #[serde(rename = "magasin_id")]
    #[param(rename = "magasin_id")]
    shop: Option<ShopId>,
}

/// List replenishment requests, newest first
#[utoipa::path(get, path = "/approvisionnements", operation_id = "list_replenishments", tag = "approvisionnements",
    params(ListParams, Paging),
    responses((status = 200, description = "A page of requests", body = Page<Replenishment>)))]
async fn list(
    AxumState(retail): AxumState<Retail>,
    Query(ListParams { state, shop }): Query<ListParams>,
    paging: Paging,
) -> Result<Json<Page<Replenishment>>, Rejection> {
    let filter = Filter { state, shop, after: paging.after::<ReplenishmentId>()? };
    let limit = paging.limit;
    let requests =
        retail.store().scan(move |tx| Ok::<_, Problem>(queries::page(tx, &filter, limit)?)).await?;
    Ok(Json(Page::cut(requests, limit, |request| request.id)))
}

/// Units that a shop asks the logistics centre for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = NouvelApprovisionnement, example = json!({
    "magasin_id": 1, "produit_id": 12, "quantite": 40, "par": "Claire"
}))]
struct NewRequest {
    /// The shop.
    #[serde(rename = "magasin_id")]
    shop: ShopId,
    /// The product.
    #[serde(rename = "produit_id")]
    product: ProductId,
    /// Units.
    #[serde(rename = "quantite")]
    quantity: Quantity,
    /// Who asks.
    #[serde(rename = "par")]
    by: Option<Line>,
}

/// Ask for units
#[utoipa::path(post, path = "/approvisionnements", operation_id = "request_replenishment",
    tag = "approvisionnements", request_body = NewRequest,
    responses((status = 201, description = "The request, `EN_ATTENTE`", body = Replenishment),
              (status = 404, description = "No such shop or product")))]
async fn request(
    AxumState(retail): AxumState<Retail>,
    Change { body, key }: Change<NewRequest>,
) -> Result<Response, Rejection> {
    if body.shop.0 < 1 {
        return Err(Problem::not_found("shop", body.shop).into());
    }
    let NewRequest { shop, product, quantity, by } = body;
    let new = NewReplenishment { id: ReplenishmentId(retail.new_id()), shop, product, quantity, by };
    let call = Call::new("retail.replenishment.request", STOCK);
    change(retail.store(), key, call, move |tx, now| {
        let request = commands::request(tx, now, &new)?;
        Ok::<_, Failure<ReplenishmentError>>(Reply::json(StatusCode::CREATED, &request))
    })
    .await
}

/// Who takes a step.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = ValidationApprovisionnement, example = json!({"par": "Karim"}))]
struct ValidateRequest {
    /// Who validates.
    #[serde(rename = "par")]
    by: Option<Line>,
}

/// Validate a request
///
/// Moves the units from the logistics centre to the shop.
#[utoipa::path(post, path = "/approvisionnements/{id}/valider", operation_id = "validate_replenishment",
    tag = "approvisionnements", params(("id" = ReplenishmentId, Path, description = "The request")),
    request_body(content = Option<ValidateRequest>, description = "May be left out"),
    responses((status = 200, description = "The request, `VALIDEE`", body = Replenishment),
              (status = 404, description = "No such request"),
              (status = 409, description = "It is not `EN_ATTENTE`, or the centre has too few units: then it stays so")))]
async fn validate(
    AxumState(retail): AxumState<Retail>,
    Path(id): Path<ReplenishmentId>,
    MaybeBody(Change { body, key }): MaybeBody<ValidateRequest>,
) -> Result<Response, Rejection> {
    let call = step(&retail, "retail.replenishment.validate", id).await?;
    change(retail.store(), key, call, move |tx, now| reply(commands::validate(tx, now, id, body.by.as_ref())))
        .await
}

/// Why a request is rejected.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = RejetApprovisionnement, example = json!({"motif": "déjà livré hier", "par": "Karim"}))]
struct RejectRequest {
    /// Why; not empty.
    #[serde(rename = "motif")]
    reason: Text,
    /// Who rejects.
    #[serde(rename = "par")]
    by: Option<Line>,
}

/// Reject a request
#[utoipa::path(post, path = "/approvisionnements/{id}/rejeter", operation_id = "reject_replenishment",
    tag = "approvisionnements", params(("id" = ReplenishmentId, Path, description = "The request")),
    request_body = RejectRequest,
    responses((status = 200, description = "The request, `REJETEE`", body = Replenishment),
              (status = 404, description = "No such request"),
              (status = 409, description = "It is not `EN_ATTENTE`")))]
async fn reject(
    AxumState(retail): AxumState<Retail>,
    Path(id): Path<ReplenishmentId>,
    Change { body, key }: Change<RejectRequest>,
) -> Result<Response, Rejection> {
    if body.reason.as_ref().is_empty() {
        return Err(Problem::invalid("motif", "must not be empty").into());
    }
    let call = step(&retail, "retail.replenishment.reject", id).await?;
    change(retail.store(), key, call, move |tx, now| {
        reply(commands::reject(tx, now, id, &body.reason, body.by.as_ref()))
    })
    .await
}

/// What a shop has counted.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[schema(as = ReceptionApprovisionnement, example = json!({"quantite_recue": 39, "par": "Claire"}))]
struct ReceiveRequest {
    /// Units that arrived, 0 to 1,000,000; as many as were sent when not said.
    #[serde(rename = "quantite_recue")]
    #[schema(minimum = 0, maximum = 1_000_000)]
    units: Option<i64>,
    /// Who counted.
    #[serde(rename = "par")]
    by: Option<Line>,
}

/// Confirm that the units have arrived
///
/// When another quantity arrived than was sent, the difference is a correction of its own of the shop's stock.
#[utoipa::path(post, path = "/approvisionnements/{id}/recevoir", operation_id = "receive_replenishment",
    tag = "approvisionnements", params(("id" = ReplenishmentId, Path, description = "The request")),
    request_body(content = Option<ReceiveRequest>, description = "May be left out"),
    responses((status = 200, description = "The request, `RECUE`", body = Replenishment),
              (status = 404, description = "No such request"),
              (status = 409, description = "It is not `VALIDEE`, or missing units are promised or sold already")))]
async fn receive(
    AxumState(retail): AxumState<Retail>,
    Path(id): Path<ReplenishmentId>,
    MaybeBody(Change { body, key }): MaybeBody<ReceiveRequest>,
) -> Result<Response, Rejection> {
    if body.units.is_some_and(|units| !(0..=Quantity::MAX).contains(&units)) {
        let expected = format!("must be a whole number from 0 to {}", Quantity::MAX);
        return Err(Problem::invalid("quantite_recue", expected).into());
    }
    let call = step(&retail, "retail.replenishment.receive", id).await?;
    let count = Count { units: body.units, by: body.by, correction_id: retail.new_id() };
    change(retail.store(), key, call, move |tx, now| reply(commands::receive(tx, now, id, &count))).await
}

/// The call of a step, with what it decides on declared.
async fn step(retail: &Retail, name: &'static str, id: ReplenishmentId) -> Result<Call, Problem> {
    let request = retail.store().read(move |tx| Ok::<_, Problem>(queries::find(tx, id)?)).await?;
    let request = request.ok_or(ReplenishmentError::Unknown(id))?;
    Ok(commands::lock(Call::new(name, STOCK), &request))
}

fn reply(
    done: Result<Replenishment, Failure<ReplenishmentError>>,
) -> Result<Reply, Failure<ReplenishmentError>> {
    done.map(|request| Reply::ok(&request))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SuggestParams {
    /// Only for this shop.
    #[serde(rename = "magasin_id")]
    #[param(rename = "magasin_id")]
    shop: Option<ShopId>,
}

/// Products that shops should ask for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Suggestions)]
struct Suggestions {
    /// How the quantities come about.
    #[serde(rename = "methode")]
    method: &'static str,
    /// The suggestions, by shop and product.
    #[serde(flatten)]
    page: Page<Suggestion>,
}

/// Suggest what shops should ask for
///
/// Products at or under their reorder threshold in open shops. `besoin` lifts the shop to its threshold plus 14 days of
/// the mean demand of the last 28 days (of Europe/Paris, up to yesterday), less what it has and has asked for;
/// `quantite` is that, as far as the logistics centre has it.
#[utoipa::path(get, path = "/approvisionnements/suggestions", operation_id = "suggest_replenishments",
    tag = "approvisionnements", params(SuggestParams, Paging),
    responses((status = 200, description = "A page of suggestions, and the method in words", body = Suggestions)))]
async fn suggest(
    AxumState(retail): AxumState<Retail>,
    Query(SuggestParams { shop }): Query<SuggestParams>,
    paging: Paging,
) -> Result<Json<Suggestions>, Rejection> {
    let (after, limit) = (paging.after::<After>()?, paging.limit);
    let today = retail.store().now().paris_day();
    let read = move |tx: &mut Tx<'_>| Ok::<_, Problem>(suggestion::page(tx, today, shop, after, limit)?);
    let found = retail.store().scan(read).await?;
    let page = Page::cut(found, limit, |suggestion| After(suggestion.shop, suggestion.product));
    Ok(Json(Suggestions { method: METHOD, page }))
}
