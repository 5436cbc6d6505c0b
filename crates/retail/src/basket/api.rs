//! Baskets over HTTP.

use axum::extract::State;
use axum::response::Response;
use kernel::{ClientId, Problem, ProductId, Quantity};
use serde::Deserialize;
use store::{Call, Failure, Tx};
use utoipa::ToSchema;
use utoipa_axum::routes;
use web::{Change, ChangeOnly, Path, Rejection, Reply, Routes, change};

use super::{Basket, BasketError, commands, queries};
use crate::{CATALOGUE, Retail};

impl From<BasketError> for Problem {
    fn from(error: BasketError) -> Self {
        match error {
            BasketError::UnknownClient(id) => Self::not_found("client", id),
            BasketError::UnknownProduct(id) => Self::not_found("product", id),
            BasketError::NotInBasket(_) => Self::new(&kernel::kinds::NOT_FOUND, error.to_string()),
            BasketError::InactiveProduct(_) | BasketError::Full => {
                Self::invalid("produit_id", error.to_string())
            }
            BasketError::TooMany => Self::invalid("quantite", error.to_string()),
        }
    }
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new()
        .routes(routes!(add_to_basket))
        .routes(routes!(show_basket))
        .routes(routes!(set_basket_line, remove_basket_line))
}

/// Show a basket
#[utoipa::path(get, path = "/panier/{client_id}", tag = "paniers", params(("client_id" = ClientId, Path, description = "Whose basket")),
    responses((status = 200, description = "The basket at today's prices", body = Basket), (status = 404, description = "No such client")))]
async fn show_basket(
    State(retail): State<Retail>,
    Path(client): Path<ClientId>,
) -> Result<axum::Json<Basket>, Rejection> {
    let currency = retail.settings().currency;
    let found =
        retail.store().read(move |tx| Ok::<_, Problem>(queries::basket(tx, currency, client)?)).await?;
    Ok(axum::Json(found.ok_or_else(|| Problem::not_found("client", client))?))
}

/// A product to be added to a basket.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = AjoutPanier, example = json!({"client_id": 1, "produit_id": 1, "quantite": 2}))]
struct AddRequest {
    /// Whose basket.
    client_id: ClientId,
    /// The product.
    #[serde(rename = "produit_id")]
    product: ProductId,
    /// Units to be added.
    #[serde(rename = "quantite")]
    quantity: Quantity,
}

/// Add to a basket
///
/// Lines of the same product merge; a line holds at most 1,000,000 units, a basket at most 100 products.
#[utoipa::path(post, path = "/panier", tag = "paniers", request_body = AddRequest,
    responses((status = 200, description = "The basket", body = Basket), (status = 404, description = "No such client or product")))]
async fn add_to_basket(
    State(retail): State<Retail>,
    Change { body, key }: Change<AddRequest>,
) -> Result<Response, Rejection> {
    let currency = retail.settings().currency;
    let AddRequest { client_id, product, quantity } = body;
    change(retail.store(), key, call("retail.basket.add", client_id), move |tx, now| {
        commands::add(tx, now, client_id, product, quantity)?;
        answer(tx, currency, client_id)
    })
    .await
}

/// The units of a line.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = QuantitePanier, example = json!({"quantite": 3}))]
struct SetRequest {
    /// Units; to take the product out, DELETE the line.
    #[serde(rename = "quantite")]
    quantity: i64,
}

/// Set a line of a basket
#[utoipa::path(patch, path = "/panier/{client_id}/produits/{produit_id}", tag = "paniers", request_body = SetRequest,
    params(("client_id" = ClientId, Path, description = "Whose basket"), ("produit_id" = ProductId, Path, description = "The product")),
    responses((status = 200, description = "The basket", body = Basket),
              (status = 404, description = "No such client, or the product is not in the basket")))]
async fn set_basket_line(
    State(retail): State<Retail>,
    Path((client, product)): Path<(ClientId, ProductId)>,
    Change { body, key }: Change<SetRequest>,
) -> Result<Response, Rejection> {
    let currency = retail.settings().currency;
    if body.quantity == 0 {
        return Err(Problem::invalid(
            "quantite",
            "must be at least 1; DELETE the line to take the product out",
        )
        .into());
    }
    let units =
        Quantity::new(body.quantity).map_err(|error| Problem::invalid("quantite", error.to_string()))?;
    change(retail.store(), key, call("retail.basket.set", client), move |tx, _| {
        commands::set(tx, client, product, units)?;
        answer(tx, currency, client)
    })
    .await
}

/// Take a product out of a basket
#[utoipa::path(delete, path = "/panier/{client_id}/produits/{produit_id}", tag = "paniers",
    params(("client_id" = ClientId, Path, description = "Whose basket"), ("produit_id" = ProductId, Path, description = "The product")),
    responses((status = 204, description = "Taken out"), (status = 404, description = "No such client, or the product is not in the basket")))]
async fn remove_basket_line(
    State(retail): State<Retail>,
    Path((client, product)): Path<(ClientId, ProductId)>,
    ChangeOnly { key }: ChangeOnly,
) -> Result<Response, Rejection> {
    change(retail.store(), key, call("retail.basket.remove", client), move |tx, _| {
        commands::remove(tx, client, product)?;
        Ok::<_, Failure<BasketError>>(Reply::no_content())
    })
    .await
}

fn call(name: &'static str, client: ClientId) -> Call {
    Call::new(name, CATALOGUE).lock("basket", client)
}

fn answer(
    tx: &mut Tx<'_>,
    currency: kernel::Currency,
    client: ClientId,
) -> Result<Reply, Failure<BasketError>> {
    let basket = queries::basket(tx, currency, client)?;
    Ok(Reply::ok(&basket.ok_or(Failure::Refused(BasketError::UnknownClient(client)))?))
}
