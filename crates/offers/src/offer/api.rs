//! Offers over HTTP: their administration.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use kernel::{Kind, Line, Page, Problem, ProductId, Timestamp};
use serde::Deserialize;
use store::{Call, Failure};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use web::{Change, ChangeOnly, Conditional, Json, Paging, Path, Query, Rejection, Reply, Routes, change};

use super::queries::{self, Filter};
use super::{Amount, Details, DiscountType, Offer, OfferError, Priority, Status, commands};
use crate::inventory::{self, Units};
use crate::names::{Category, OfferId, Segment};
use crate::{OFFERS, Offers};

/// Another offer has the id, or had it before it was deleted.
pub static OFFER_ID_TAKEN: Kind =
    Kind::new("offer-id-taken", 409, "The offer's id is taken", "L'identifiant de l'offre est déjà pris");
/// There are fewer left of an offer than asked for; `inventory_count` says how many.
pub static OFFER_OUT_OF_STOCK: Kind =
    Kind::new("offer-out-of-stock", 409, "The offer is out of stock", "L'offre est épuisée");

impl From<OfferError> for Problem {
    fn from(error: OfferError) -> Self {
        match &error {
            OfferError::Unknown(id) => Self::not_found("offer", id),
            OfferError::IdTaken(_) => Self::new(&OFFER_ID_TAKEN, error.to_string()),
            OfferError::OutOfStock { left, .. } => {
                Self::new(&OFFER_OUT_OF_STOCK, error.to_string()).with("inventory_count", left)
            }
        }
    }
}

/// The routes of this noun.
pub(crate) fn routes() -> Routes<Offers> {
    Routes::new()
        .routes(routes!(list_offers, create_offer))
        .routes(routes!(show_offer, replace_offer, delete_offer))
        .routes(routes!(set_offer_inventory))
}

/// An offer's details.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(example = json!({
    "offer_id": "OFF001", "offer_name": "Premium Laptop Deal", "category": "electronics",
    "discount_type": "PERCENTAGE", "discount_value": 25, "priority": 95, "inventory_count": 50}))]
struct OfferRequest {
    /// Its id: the next of `OFF001`, `OFF002` … when not said.
    offer_id: Option<OfferId>,
    /// What people read.
    offer_name: Line,
    /// What it is about.
    category: Category,
    /// How the discount is meant.
    discount_type: DiscountType,
    /// Percent (above 0, at most 100) for `PERCENTAGE`, units of the chain's currency for `FIXED_AMOUNT`; means nothing
    /// for `BOGO`.
    #[serde(default)]
    discount_value: Amount,
    /// How much it matters to the merchant, 100 the most.
    priority: Priority,
    /// How many there are of it: its own count.
    inventory_count: Option<Units>,
    /// The same, by the name that answers have for it; counts when both are given.
    inventory_own: Option<Units>,
    /// When its time is over; never when not said.
    expires_at: Option<Timestamp>,
    /// What has to be bought at least, in the chain's currency.
    min_purchase_amount: Option<Amount>,
    /// The discount is never more than this, in the chain's currency.
    max_discount_cap: Option<Amount>,
    /// Who it is for; everybody when empty.
    #[serde(default)]
    target_segments: Vec<Segment>,
    /// What the merchant earns on it, percent of its price.
    margin_percent: Option<Amount>,
    /// The product whose stock in the stores bounds its inventory.
    produit_id: Option<ProductId>,
    /// Whether it is shown. When not said: a new one is, another stays as it was.
    status: Option<Status>,
}

impl OfferRequest {
    fn checked(self, offers: &Offers) -> Result<(Option<OfferId>, Details), Problem> {
        let inventory = self.inventory_own.or(self.inventory_count);
        let details = Details {
            name: self.offer_name,
            category: self.category,
            discount_type: self.discount_type,
            discount_value: self.discount_value,
            priority: self.priority,
            inventory: inventory.ok_or_else(|| Problem::invalid("inventory_count", "is missing"))?,
            expires_at: self.expires_at,
            min_purchase: self.min_purchase_amount,
            max_discount: self.max_discount_cap,
            target_segments: self.target_segments,
            margin_percent: self.margin_percent,
            product: self.produit_id,
            status: self.status,
        };
        let faults = details.faults(offers.settings().currency);
        if faults.is_empty() { Ok((self.offer_id, details)) } else { Err(Problem::invalid_fields(faults)) }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only this category.
    #[param(value_type = Option<String>, example = "electronics")]
    category: Option<Category>,
    /// Only offers of this status.
    #[param(inline)]
    status: Option<Status>,
}

/// List the offers
#[utoipa::path(get, path = "/offers", tag = "offers", params(ListParams, Paging),
    responses((status = 200, description = "A page of offers by id", body = Page<Offer>)))]
async fn list_offers(
    State(offers): State<Offers>,
    Query(ListParams { category, status }): Query<ListParams>,
    paging: Paging,
) -> Result<Json<Page<Offer>>, Rejection> {
    let filter = Filter { category, status, after: paging.after()? };
    let limit = paging.limit;
    let page =
        offers.store().scan(move |tx| Ok::<_, Problem>(queries::page(tx, &filter, limit.probe())?)).await?;
    Ok(Json(Page::cut(page, limit, |offer| offer.id.clone())))
}

/// Add an offer
///
/// `inventory_count` is its own count; the answer's is the effective one, which the stock of `produit_id` bounds.
#[utoipa::path(post, path = "/offers", tag = "offers", request_body = OfferRequest,
    responses((status = 201, description = "The offer", body = Offer, headers(("Location" = String))),
              (status = 409, description = "Another offer has the id, or had it")))]
async fn create_offer(
    State(offers): State<Offers>,
    Change { body, key }: Change<OfferRequest>,
) -> Result<Response, Rejection> {
    let (id, details) = body.checked(&offers)?;
    let stock = Arc::clone(offers.stock());
    change(offers.store(), key, Call::new("offers.offer.create", OFFERS), move |tx, now| {
        let offer = commands::create(tx, now, &*stock, id.clone(), &details)?;
        Ok::<_, Failure<OfferError>>(Reply::created(format!("/offers/{}", offer.id), &offer))
    })
    .await
}

/// Show an offer
///
/// `inventory_count` is the smaller of `inventory_own` and what the stores have of its product.
#[utoipa::path(get, path = "/offers/{id}", tag = "offers", params(("id" = OfferId, Path, description = "The offer")),
    responses((status = 200, body = Offer, headers(("ETag" = String, description = "Changes with the offer"))),
              (status = 404, description = "No such offer")))]
async fn show_offer(
    State(offers): State<Offers>,
    Path(id): Path<OfferId>,
) -> Result<Conditional<Offer>, Rejection> {
    let wanted = id.clone();
    let found = offers.store().read(move |tx| Ok::<_, Problem>(queries::offer(tx, &wanted)?)).await?;
    Ok(Conditional(found.ok_or_else(|| Problem::not_found("offer", id))?))
}

/// Replace an offer's details
///
/// What is not said is taken away, except the status. One whose time was over and that gets more is active again.
#[utoipa::path(put, path = "/offers/{id}", tag = "offers", request_body = OfferRequest,
    params(("id" = OfferId, Path, description = "The offer")),
    responses((status = 200, body = Offer), (status = 404, description = "No such offer")))]
async fn replace_offer(
    State(offers): State<Offers>,
    Path(id): Path<OfferId>,
    Change { body, key }: Change<OfferRequest>,
) -> Result<Response, Rejection> {
    let (named, details) = body.checked(&offers)?;
    if named.is_some_and(|named| named != id) {
        return Err(Problem::invalid("offer_id", "an offer's id never changes").into());
    }
    let stock = Arc::clone(offers.stock());
    change(offers.store(), key, Call::new("offers.offer.replace", OFFERS), move |tx, now| {
        Ok::<_, Failure<OfferError>>(Reply::ok(&commands::replace(tx, now, &*stock, &id, &details)?))
    })
    .await
}

/// Delete an offer
///
/// It is gone from every answer. What was learned from it is kept, and so its id is never given to another one.
#[utoipa::path(delete, path = "/offers/{id}", tag = "offers", params(("id" = OfferId, Path, description = "The offer")),
    responses((status = 204, description = "Deleted"), (status = 404, description = "No such offer")))]
async fn delete_offer(
    State(offers): State<Offers>,
    Path(id): Path<OfferId>,
    ChangeOnly { key }: ChangeOnly,
) -> Result<Response, Rejection> {
    let stock = Arc::clone(offers.stock());
    change(offers.store(), key, Call::new("offers.offer.delete", OFFERS), move |tx, now| {
        commands::delete(tx, now, &*stock, &id)?;
        Ok::<_, Failure<OfferError>>(Reply::no_content())
    })
    .await
}

/// How many there are of an offer.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(example = json!({"inventory_count": 50}))]
struct InventoryRequest {
    /// Its own count.
    inventory_count: Units,
}

/// Set how many there are of an offer
///
/// Sets its own count. The answer has both: `inventory_own`, and `inventory_count` as the stock of its product bounds
/// it. At zero the traffic of the offer goes to the best other one of its category at once.
#[utoipa::path(patch, path = "/offers/{id}/inventory", tag = "offers", request_body = InventoryRequest,
    params(("id" = OfferId, Path, description = "The offer")),
    responses((status = 200, body = Offer), (status = 404, description = "No such offer")))]
async fn set_offer_inventory(
    State(offers): State<Offers>,
    Path(id): Path<OfferId>,
    Change { body, key }: Change<InventoryRequest>,
) -> Result<Response, Rejection> {
    let (stock, own) = (Arc::clone(offers.stock()), body.inventory_count);
    change(offers.store(), key, Call::new("offers.inventory.set", OFFERS), move |tx, now| {
        let offer = inventory::commands::set_inventory(tx, now, &*stock, &id, own)?;
        Ok::<_, Failure<OfferError>>(Reply::ok(&offer))
    })
    .await
}
