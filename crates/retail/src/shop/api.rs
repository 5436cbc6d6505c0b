//! Shops over HTTP.

use axum::extract::State;
use axum::response::Response;
use kernel::{Line, Page, Problem, ShopId};
use serde::Deserialize;
use store::{Call, Failure};
use utoipa::ToSchema;
use utoipa_axum::routes;
use web::{Change, Paging, Path, Rejection, Reply, Routes, change};

use super::{Details, Position, Shop, ShopError, commands, queries};
use crate::{CATALOGUE, Retail};

impl From<ShopError> for Problem {
    fn from(error: ShopError) -> Self {
        match error {
            ShopError::Unknown(id) => Self::not_found("shop", id),
        }
    }
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new().routes(routes!(list_shops, create_shop)).routes(routes!(show_shop, replace_shop))
}

/// A shop's details.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = DetailsMagasin, example = json!({"nom": "Halles Montorgueil", "quartier": "Paris 2e", "latitude": 48.8656, "longitude": 2.3465}))]
struct ShopRequest {
    /// Its name.
    #[serde(rename = "nom")]
    name: Line,
    /// The part of the city it is in.
    #[serde(rename = "quartier")]
    district: Line,
    /// Its postal address.
    #[serde(rename = "adresse")]
    address: Option<Line>,
    /// Degrees north, together with `longitude`.
    #[schema(minimum = -90, maximum = 90)]
    latitude: Option<f64>,
    /// Degrees east, together with `latitude`.
    #[schema(minimum = -180, maximum = 180)]
    longitude: Option<f64>,
    /// Whether it is open to sales and orders; it is when not said.
    #[serde(rename = "actif", default = "open")]
    #[schema(default = true)]
    active: bool,
}

const fn open() -> bool {
    true
}

impl ShopRequest {
    fn details(self) -> Result<Details, Problem> {
        let position = Position::parse(self.latitude, self.longitude)
            .map_err(|error| Problem::invalid("latitude", error.to_string()))?;
        Ok(Details {
            name: self.name,
            district: self.district,
            address: self.address,
            position,
            active: self.active,
        })
    }
}

/// List the shops
#[utoipa::path(get, path = "/magasins", tag = "magasins", params(Paging),
    responses((status = 200, description = "A page of shops by id", body = Page<Shop>)))]
async fn list_shops(
    State(retail): State<Retail>,
    paging: Paging,
) -> Result<axum::Json<Page<Shop>>, Rejection> {
    let (after, limit) = (paging.after()?.unwrap_or(ShopId(0)), paging.limit);
    let shops = retail.store().scan(move |tx| Ok::<_, Problem>(queries::page(tx, after, limit)?)).await?;
    Ok(axum::Json(Page::cut(shops, limit, |shop| shop.id)))
}

/// Add a shop
#[utoipa::path(post, path = "/magasins", tag = "magasins", request_body = ShopRequest,
    responses((status = 201, description = "The shop, with its id", body = Shop)))]
async fn create_shop(
    State(retail): State<Retail>,
    Change { body, key }: Change<ShopRequest>,
) -> Result<Response, Rejection> {
    let details = body.details()?;
    let call = Call::new("retail.shop.create", CATALOGUE).lock("shop.ids", 0);
    change(retail.store(), key, call, move |tx, _| {
        let shop = commands::create(tx, &details).map_err(Failure::<ShopError>::Db)?;
        Ok(Reply::created(format!("/magasins/{}", shop.id), &shop))
    })
    .await
}

/// Show a shop
#[utoipa::path(get, path = "/magasins/{id}", tag = "magasins", params(("id" = ShopId, Path, description = "The shop")),
    responses((status = 200, body = Shop), (status = 404, description = "No such shop")))]
async fn show_shop(
    State(retail): State<Retail>,
    Path(id): Path<ShopId>,
) -> Result<axum::Json<Shop>, Rejection> {
    let found = retail.store().read(move |tx| Ok::<_, Problem>(queries::shop(tx, id)?)).await?;
    Ok(axum::Json(found.ok_or_else(|| Problem::not_found("shop", id))?))
}

/// Replace a shop's details
///
/// A shop is never deleted: `actif: false` closes it to sales and orders.
#[utoipa::path(put, path = "/magasins/{id}", tag = "magasins", request_body = ShopRequest,
    params(("id" = ShopId, Path, description = "The shop")),
    responses((status = 200, body = Shop), (status = 404, description = "No such shop")))]
async fn replace_shop(
    State(retail): State<Retail>,
    Path(id): Path<ShopId>,
    Change { body, key }: Change<ShopRequest>,
) -> Result<Response, Rejection> {
    let details = body.details()?;
    let call = Call::new("retail.shop.replace", CATALOGUE).lock("shop", id);
    change(retail.store(), key, call, move |tx, _| Ok(Reply::ok(&commands::replace(tx, id, &details)?))).await
}
