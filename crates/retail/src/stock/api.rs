//! Stock over HTTP: what each place holds, and goods that come in.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use kernel::{Kind, Page, PlaceId, Problem, ProductId, Quantity, ShopId};
use serde::Deserialize;
use store::{Call, Failure};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;
use web::{Change, Json, Paging, Path, Query, Rejection, Reply, Routes, change};

use super::{
    Alert, Receipt, Shortage, StockItem, Unusable, commands, describe_shortages, queries, reservation,
};
use crate::{Retail, STOCK};

/// There are fewer units than asked for; `produits` names each product.
pub static INSUFFICIENT_STOCK: Kind =
    Kind::new("insufficient-stock", 409, "There is not enough stock", "Le stock est insuffisant");

impl From<Unusable> for Problem {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::UnknownPlace(id) => Self::not_found("place", id),
            Unusable::UnknownProduct(id) => Self::not_found("product", id),
            Unusable::InactivePlace(_) => Self::invalid("emplacement_id", unusable.to_string()),
            Unusable::InactiveProduct(_) => Self::invalid("produit_id", unusable.to_string()),
        }
    }
}

/// The refusal that names each short product with asked and available.
pub(crate) fn insufficient_stock(shortages: &[Shortage]) -> Problem {
    Problem::new(&INSUFFICIENT_STOCK, describe_shortages(shortages)).with("produits", &shortages)
}

/// A refusal of a query is a problem like any other; what the database says is not told.
pub(crate) fn refused<E: Into<Problem>>(failure: Failure<E>) -> Problem {
    match failure {
        Failure::Refused(refusal) => refusal.into(),
        Failure::Db(error) => error.into(),
    }
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new()
        .routes(routes!(list_shop))
        .routes(routes!(list_centre))
        .routes(routes!(receive))
        .merge(reservation::api::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StockParams {
    /// Only products with this alert.
    #[serde(rename = "alerte")]
    #[param(rename = "alerte")]
    alert: Option<Alert>,
}

/// List a shop's stock
#[utoipa::path(get, path = "/magasins/{id}/stock", operation_id = "list_shop_stock", tag = "stock",
    params(("id" = ShopId, Path, description = "The shop"), StockParams, Paging),
    responses((status = 200, description = "A page of the shop's stock by product", body = Page<StockItem>),
              (status = 404, description = "No such shop")))]
async fn list_shop(
    State(retail): State<Retail>,
    Path(shop): Path<ShopId>,
    Query(params): Query<StockParams>,
    paging: Paging,
) -> Result<Json<Page<StockItem>>, Rejection> {
    if shop.0 < 1 {
        return Err(Problem::not_found("shop", shop).into());
    }
    list(&retail, shop.into(), params.alert, &paging).await
}

/// List the logistics centre's stock
#[utoipa::path(get, path = "/logistique/stock", operation_id = "list_centre_stock", tag = "stock",
    params(StockParams, Paging),
    responses((status = 200, description = "A page of the centre's stock by product", body = Page<StockItem>)))]
async fn list_centre(
    State(retail): State<Retail>,
    Query(params): Query<StockParams>,
    paging: Paging,
) -> Result<Json<Page<StockItem>>, Rejection> {
    list(&retail, PlaceId::CENTRE, params.alert, &paging).await
}

async fn list(
    retail: &Retail,
    place: PlaceId,
    alert: Option<Alert>,
    paging: &Paging,
) -> Result<Json<Page<StockItem>>, Rejection> {
    let (after, limit) = (paging.after::<ProductId>()?, paging.limit);
    let read = move |tx: &mut store::Tx<'_>| {
        queries::known_place(tx, place).map_err(refused)?;
        Ok::<_, Problem>(queries::page(tx, place, alert, after, limit)?)
    };
    let items = retail.store().scan(read).await?;
    Ok(Json(Page::cut(items, limit, |item| item.product)))
}

/// Goods that came to the logistics centre.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = NouvelleReception, example = json!({"produit_id": 1, "quantite": 50}))]
struct ReceiptRequest {
    /// The product.
    #[serde(rename = "produit_id")]
    product: ProductId,
    /// Units.
    #[serde(rename = "quantite")]
    quantity: Quantity,
}

/// Record goods received at the logistics centre
#[utoipa::path(post, path = "/logistique/receptions", operation_id = "record_receipt", tag = "stock",
    request_body = ReceiptRequest,
    responses((status = 201, description = "The receipt, with the stock after it", body = Receipt),
              (status = 404, description = "No such product"),
              (status = 422, description = "A wrong quantity, or a product that is not sold any more")))]
async fn receive(
    State(retail): State<Retail>,
    Change { body, key }: Change<ReceiptRequest>,
) -> Result<Response, Rejection> {
    let id: Uuid = retail.new_id();
    let call = Call::new("retail.stock.receive", STOCK).lock("stock", (PlaceId::CENTRE, body.product));
    change(retail.store(), key, call, move |tx, now| {
        let receipt = commands::receive(tx, now, id, body.product, body.quantity)?;
        Ok::<_, Failure<Unusable>>(Reply::json(StatusCode::CREATED, &receipt))
    })
    .await
}
