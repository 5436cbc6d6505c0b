//! Sales at the till over HTTP.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use kernel::{
    Day, FieldError, Line, Money, Page, PlaceId, Problem, ProductId, Quantity, SaleId, ShopId, kinds,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use web::{Change, Json, Paging, Path, Query, Rejection, Routes, idempotency};

use super::commands::{Record, Recorded, recorded_reply};
use super::queries::{self, After, Filter};
use super::{MAX_LINES, NewLine, NewSale, Sale, SaleError};
use crate::Retail;
use crate::stock::api::{insufficient_stock, refused};
use crate::stock::queries::known_place;
use crate::stock::reservation::checked_lines;
use crate::stock::{Unusable, Wanted};

impl From<SaleError> for Problem {
    fn from(error: SaleError) -> Self {
        match error {
            SaleError::Unusable(Unusable::UnknownPlace(PlaceId(id))) => Self::not_found("shop", id),
            SaleError::Unusable(Unusable::InactivePlace(_)) => Self::invalid("magasin_id", error.to_string()),
            SaleError::Unusable(unusable @ Unusable::UnknownProduct(_)) => unusable.into(),
            SaleError::Short(shortages) => insufficient_stock(&shortages),
            SaleError::Unusable(Unusable::InactiveProduct(_)) | SaleError::TotalTooLarge => {
                Self::invalid("lignes", error.to_string())
            }
        }
    }
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new().routes(routes!(record, list))
}

/// One product that was sold.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = NouvelleLigneVente)]
struct LineRequest {
    /// The product.
    #[serde(rename = "produit_id")]
    product: ProductId,
    /// Units.
    #[serde(rename = "quantite")]
    quantity: Quantity,
    /// The price per unit, when it is not the product's: in the chain's currency, 0 or more.
    #[serde(rename = "prix_unitaire")]
    unit_price: Option<Money>,
}

/// A sale to be recorded.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = NouvelleVente, example = json!({
    "lignes": [{"produit_id": 1, "quantite": 2}], "caissier": "Caisse 2"
}))]
struct SaleRequest {
    /// The products, each once, at most 100.
    #[serde(rename = "lignes")]
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<LineRequest>,
    /// Who sold.
    #[serde(rename = "caissier")]
    cashier: Option<Line>,
}

impl SaleRequest {
    fn checked(self, retail: &Retail, shop: ShopId) -> Result<NewSale, Problem> {
        let currency = retail.settings().currency;
        let wanted: Vec<Wanted> =
            self.lines.iter().map(|line| Wanted { product: line.product, quantity: line.quantity }).collect();
        checked_lines("lignes", &wanted, MAX_LINES).map_err(Problem::invalid_fields)?;
        let faults: Vec<FieldError> = self
            .lines
            .iter()
            .enumerate()
            .filter(|(_, line)| {
                line.unit_price.is_some_and(|price| price.currency() != currency || price.minor() < 0)
            })
            .map(|(index, _)| FieldError {
                field: format!("lignes[{index}].prix_unitaire"),
                message: format!("must be in {currency}, 0 or more"),
            })
            .collect();
        if !faults.is_empty() {
            return Err(Problem::invalid_fields(faults));
        }
        let mut lines: Vec<NewLine> = self
            .lines
            .iter()
            .map(|line| NewLine {
                product: line.product,
                quantity: line.quantity,
                unit_price_minor: line.unit_price.map(Money::minor),
            })
            .collect();
        lines.sort_unstable_by_key(|line| line.product);
        Ok(NewSale { id: SaleId(retail.new_id()), shop, lines, cashier: self.cashier, currency })
    }
}

/// Record a sale at the till
///
/// Takes the units out of the shop's stock, all or none. Units that are promised to a reservation or an order cannot
/// be sold.
#[utoipa::path(post, path = "/magasins/{id}/ventes", operation_id = "record_sale", tag = "ventes",
    params(("id" = ShopId, Path, description = "The shop")), request_body = SaleRequest,
    responses((status = 201, description = "The sale", body = Sale),
              (status = 404, description = "No such shop or product"),
              (status = 409, description = "Not enough stock: names each short product; nothing was sold")))]
async fn record(
    State(retail): State<Retail>,
    Path(shop): Path<ShopId>,
    Change { body, key }: Change<SaleRequest>,
) -> Result<Response, Rejection> {
    if shop.0 < 1 {
        return Err(Problem::not_found("shop", shop).into());
    }
    let sale = body.checked(&retail, shop)?;
    match retail.store().run_one::<Record>(Record { sale, key }).await? {
        Recorded::Done(sale) => Ok(recorded_reply(&sale).into_response()),
        Recorded::Refused(error) => Err(Problem::from(error).into()),
        Recorded::Before(claim) => {
            idempotency::settled(claim)?.ok_or_else(|| Problem::new(&kinds::KEY_RUNNING, "").into())
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SaleParams {
    /// Only from this day of Europe/Paris on.
    #[serde(rename = "du")]
    #[param(rename = "du")]
    from: Option<Day>,
    /// Only up to this day of Europe/Paris, itself included.
    #[serde(rename = "au")]
    #[param(rename = "au")]
    to: Option<Day>,
}

/// List a shop's sales, newest first
#[utoipa::path(get, path = "/magasins/{id}/ventes", operation_id = "list_sales", tag = "ventes",
    params(("id" = ShopId, Path, description = "The shop"), SaleParams, Paging),
    responses((status = 200, description = "A page of the shop's sales", body = Page<Sale>),
              (status = 404, description = "No such shop")))]
async fn list(
    State(retail): State<Retail>,
    Path(shop): Path<ShopId>,
    Query(SaleParams { from, to }): Query<SaleParams>,
    paging: Paging,
) -> Result<Json<Page<Sale>>, Rejection> {
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Problem::invalid("du", "must not be after au").into());
    }
    if shop.0 < 1 {
        return Err(Problem::not_found("shop", shop).into());
    }
    let filter = Filter { from, to, after: paging.after::<After>()? };
    let (limit, currency) = (paging.limit, retail.settings().currency);
    let read = move |tx: &mut store::Tx<'_>| {
        known_place(tx, shop.into()).map_err(refused)?;
        Ok::<_, Problem>(queries::page(tx, currency, shop, &filter, limit)?)
    };
    let sales = retail.store().scan(read).await?;
    Ok(Json(Page::cut(sales, limit, |sale| After(sale.at, sale.id))))
}
