//! Orders over HTTP.

use axum::extract::State as AxumState;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use kernel::{
    ClientId, FieldError, Kind, OrderId, Page, PaymentId, PlaceId, Problem, ProductId, Quantity, Timestamp,
};
use serde::Deserialize;
use store::StoredEvent;
use store::idempotency::{Answer, Key};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use web::sse::{self, Selection};
use web::{Change, ChangeOnly, Paging, Path, Query, Rejection, Reply, Routes, idempotency};

use super::commands::{NewOrder, PlaceRefusal, distinct};
use super::plan::{AbortReason, Transition};
use super::queries::{self, Filter};
use super::saga::Told;
use super::{MAX_LINES, Order, State};
use crate::Retail;
use crate::payment::api::PAYMENT_REFUSED;
use crate::stock::Shortage;
use crate::stock::api::insufficient_stock;

/// The order ended before it was paid.
pub static ORDER_ENDED: Kind =
    Kind::new("order-ended", 409, "The order has been cancelled", "La commande est annulée");
/// Only a confirmed order can be cancelled, once.
pub static NOT_CANCELLABLE: Kind = Kind::new(
    "order-not-cancellable",
    409,
    "The order cannot be cancelled",
    "La commande ne peut pas être annulée",
);
/// The basket is empty, changed, or being checked out.
pub static BASKET_CONFLICT: Kind = Kind::new(
    "basket-conflict",
    409,
    "The basket cannot be checked out now",
    "Le panier ne peut pas être validé maintenant",
);

/// A basket that changes between being read and being ordered is read again so often.
const BASKET_READS: u8 = 3;

/// Why an order cannot be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// No such order.
    #[error("there is no order {0}")]
    Unknown(OrderId),
    /// Its state does not allow a cancellation.
    #[error("the order is {}{}", state.name(), if *running { " and is being cancelled already" } else { "" })]
    NotCancellable {
        /// The state it is in.
        state: State,
        /// Whether a cancellation is under way.
        running: bool,
    },
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Unknown(id) => Self::not_found("order", id),
            OrderError::NotCancellable { state, .. } => {
                Self::new(&NOT_CANCELLABLE, error.to_string()).with("etat", &state)
            }
        }
    }
}

impl From<PlaceRefusal> for Problem {
    fn from(refusal: PlaceRefusal) -> Self {
        match refusal {
            PlaceRefusal::UnknownProduct(id) => Self::not_found("product", id),
            PlaceRefusal::UnknownClient(id) => Self::not_found("client", id),
            PlaceRefusal::UnknownPlace(id) => Self::not_found("place", id),
            PlaceRefusal::InactivePlace(_) => Self::invalid("emplacement_id", refusal.to_string()),
            PlaceRefusal::InactiveProduct(_) | PlaceRefusal::TotalTooLarge => {
                Self::invalid("produits", refusal.to_string())
            }
            PlaceRefusal::BasketEmpty | PlaceRefusal::BasketChanged | PlaceRefusal::BasketBusy => {
                Self::new(&BASKET_CONFLICT, refusal.to_string())
            }
        }
    }
}

/// What is answered to an order whose stock is not there.
pub(crate) fn short_answer(order: &Order, shortages: &[Shortage]) -> Answer {
    let problem = insufficient_stock(shortages).with("commande", order);
    Reply::problem(&problem).at(location(order)).answer().clone()
}

/// What is answered to whoever began the saga that this transition ends.
pub(crate) fn final_answer(order: &Order, transition: &Transition) -> Answer {
    let reply = match transition {
        Transition::Abort { reason: AbortReason::Refused { message, .. }, .. } => refused(order, message),
        Transition::Abort { reason: AbortReason::Expired | AbortReason::PaymentGone, .. } => ended(order),
        Transition::FinishCancellation => Reply::ok(order),
        Transition::Pay { .. } | Transition::Confirm { .. } => Reply::json(StatusCode::CREATED, order),
    };
    reply.at(location(order)).answer().clone()
}

/// The same, from the order alone: for a caller whose order was ended by somebody else.
pub(crate) fn final_answer_of(order: &Order) -> Answer {
    let was_confirmed = order.history.iter().any(|step| step.state == State::Confirmed);
    let reply = match order.state {
        State::Cancelled if was_confirmed => Reply::ok(order),
        State::Cancelled => ended(order),
        State::Created | State::StockVerified | State::StockReserved | State::Paid | State::Confirmed => {
            Reply::json(StatusCode::CREATED, order)
        }
    };
    reply.at(location(order)).answer().clone()
}

/// What is answered while the order goes on without its caller.
pub(crate) fn accepted_answer(order: &Order) -> Answer {
    Reply::json(StatusCode::ACCEPTED, order).at(location(order)).answer().clone()
}

fn refused(order: &Order, message: &str) -> Reply {
    Reply::problem(&Problem::new(&PAYMENT_REFUSED, message).with("commande", order))
}

fn ended(order: &Order) -> Reply {
    let detail = order.history.last().and_then(|step| step.detail.clone()).unwrap_or_default();
    Reply::problem(&Problem::new(&ORDER_ENDED, detail).with("commande", order))
}

fn location(order: &Order) -> String {
    format!("/commande/{}", order.id)
}

pub(crate) fn routes() -> Routes<Retail> {
    Routes::new()
        .routes(routes!(place_order))
        .routes(routes!(check_out_basket))
        .routes(routes!(show_order))
        .routes(routes!(list_orders))
        .routes(routes!(cancel_order))
        .routes(routes!(follow_order))
}

/// One product to be ordered.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = LigneDemandee)]
struct RequestedLine {
    /// The product.
    #[serde(rename = "produit_id")]
    product: ProductId,
    /// Units.
    #[serde(rename = "quantite")]
    quantity: Quantity,
}

/// An order to be placed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = NouvelleCommande, example = json!({"produits": [{"produit_id": 1, "quantite": 1}, {"produit_id": 2, "quantite": 1}]}))]
struct OrderRequest {
    /// The products, each once, at most 100.
    #[serde(rename = "produits")]
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<RequestedLine>,
    /// The client, if known.
    client_id: Option<ClientId>,
    /// Where the stock comes from: a shop, or 0 for the logistics centre, which is the default.
    #[serde(rename = "emplacement_id")]
    place: Option<PlaceId>,
}

/// Place an order
///
/// Runs the saga: stock, payment, confirmation. With `Prefer: respond-async` the answer is 202 as soon as the stock
/// is promised; follow the order at `Location`.
#[utoipa::path(post, path = "/saga/commande", tag = "commandes", request_body = OrderRequest,
    params(("Prefer" = Option<String>, Header, description = "`respond-async` to be answered before the payment")),
    responses((status = 201, description = "Confirmed, with all five states", body = Order),
              (status = 202, description = "Not finished yet: follow it at `Location`", body = Order),
              (status = 402, description = "The payment was refused; the stock is free again"),
              (status = 404, description = "No such product, client or place; no order is created"),
              (status = 409, description = "Not enough stock: names each short product; the order is ANNULEE")))]
async fn place_order(
    AxumState(retail): AxumState<Retail>,
    headers: HeaderMap,
    Change { body, key }: Change<OrderRequest>,
) -> Result<Response, Rejection> {
    let lines = checked_lines(&body.lines)?;
    let new = NewOrder {
        client: body.client_id,
        place: body.place.unwrap_or(PlaceId::CENTRE),
        lines,
        ..blank_order(&retail, key)
    };
    respond(retail.saga().order(new, wants_async(&headers)).await?)
}

/// A client's basket to be checked out.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = ValidationPanier)]
struct CheckOutRequest {
    /// Whose basket.
    client_id: ClientId,
}

/// Check a basket out
///
/// Places an order with the lines of the client's basket and empties it once the order is confirmed.
#[utoipa::path(post, path = "/commande", tag = "commandes", request_body = CheckOutRequest,
    params(("Prefer" = Option<String>, Header, description = "`respond-async` to be answered before the payment")),
    responses((status = 201, description = "Confirmed; the basket is empty", body = Order),
              (status = 202, description = "Not finished yet: follow it at `Location`", body = Order),
              (status = 402, description = "The payment was refused; the basket is as it was"),
              (status = 404, description = "No such client"),
              (status = 409, description = "The basket is empty or being checked out, or not enough stock")))]
async fn check_out_basket(
    AxumState(retail): AxumState<Retail>,
    headers: HeaderMap,
    Change { body, key }: Change<CheckOutRequest>,
) -> Result<Response, Rejection> {
    let client = body.client_id;
    let mut attempts = 0..BASKET_READS;
    loop {
        let lines = retail
            .store()
            .read(move |tx| Ok::<_, Problem>(crate::basket::queries::lines(tx, client)?))
            .await?;
        let new =
            NewOrder { client: Some(client), lines, from_basket: true, ..blank_order(&retail, key.clone()) };
        let told = retail.saga().order(new, wants_async(&headers)).await?;
        let changed = told == Told::Refused(PlaceRefusal::BasketChanged);
        if !changed || attempts.next().is_none() {
            return respond(told);
        }
    }
}

/// Show an order
#[utoipa::path(get, path = "/commande/{id}", tag = "commandes", params(("id" = OrderId, Path, description = "The order")),
    responses((status = 200, description = "The order with every state it went through", body = Order),
              (status = 404, description = "No such order")))]
async fn show_order(
    AxumState(retail): AxumState<Retail>,
    Path(id): Path<OrderId>,
) -> Result<axum::Json<Order>, Rejection> {
    Ok(axum::Json(load(&retail, id).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only this client's.
    client_id: Option<ClientId>,
    /// Only those in this state.
    #[serde(rename = "etat")]
    state: Option<State>,
    /// Only those placed at or after this instant.
    #[serde(rename = "depuis")]
    since: Option<Timestamp>,
}

/// List orders, newest first
#[utoipa::path(get, path = "/commandes", tag = "commandes", params(ListParams, Paging),
    responses((status = 200, description = "A page of orders", body = Page<Order>)))]
async fn list_orders(
    AxumState(retail): AxumState<Retail>,
    Query(params): Query<ListParams>,
    paging: Paging,
) -> Result<axum::Json<Page<Order>>, Rejection> {
    let filter = Filter {
        client: params.client_id,
        state: params.state,
        since: params.since,
        before: paging.after()?,
    };
    let (currency, limit) = (retail.settings().currency, paging.limit);
    let orders =
        retail.store().scan(move |tx| Ok::<_, Problem>(queries::page(tx, currency, &filter, limit)?)).await?;
    Ok(axum::Json(Page::cut(orders, limit, |order| order.id)))
}

/// Cancel a confirmed order
///
/// Refunds the payment, then restocks. 202 while the refund is not recorded yet: the order shows
/// `annulation: EN_COURS`.
#[utoipa::path(post, path = "/commande/{id}/annuler", tag = "commandes", params(("id" = OrderId, Path, description = "The order")),
    responses((status = 200, description = "Cancelled, refunded and restocked", body = Order),
              (status = 202, description = "The refund is under way", body = Order),
              (status = 404, description = "No such order"),
              (status = 409, description = "Not confirmed, or cancelled already")))]
async fn cancel_order(
    AxumState(retail): AxumState<Retail>,
    Path(id): Path<OrderId>,
    ChangeOnly { key }: ChangeOnly,
) -> Result<Response, Rejection> {
    respond(retail.saga().cancel(id, key).await?)
}

/// Follow an order
///
/// Server-sent events: everything that happened to the order, then what happens, until it is settled. Each event's
/// data carries the order and, in `etats`, the states that were added.
#[utoipa::path(get, path = "/commande/{id}/suivi", tag = "commandes", params(("id" = OrderId, Path, description = "The order"), sse::ResumeAfter),
    responses((status = 200, description = "A stream of events", content_type = "text/event-stream", body = String),
              (status = 204, description = "Settled, and everything has been told: do not come back"),
              (status = 404, description = "No such order"), (status = 410, description = "Its events are no longer kept")))]
async fn follow_order(
    AxumState(retail): AxumState<Retail>,
    Path(id): Path<OrderId>,
    after: sse::ResumeAfter,
) -> Result<Response, Rejection> {
    let order = load(&retail, id).await?;
    let ends = last_event(&order);
    let from = if let Some(position) = after.0 {
        let heard = event_at(&retail, position).await?;
        // Browsers come back after every end of a stream, unless they are told so.
        if order.is_settled() && heard.is_some_and(|event| event.subject == id.to_string() && ends(&event)) {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        position
    } else {
        let created = order.created_at();
        retail.store().scan(move |tx| Ok::<_, Problem>(store::log::position_before(tx, created)?)).await?
    };
    let selection = Selection {
        from: Some(from),
        kind: Some("halles.order.".to_owned()),
        subject: Some(id.to_string()),
        until: Some(ends),
    };
    sse::stream(retail.store(), retail.drain(), selection).await
}

/// Tells the event with which an order's story ends: its confirmation, unless it is known to be cancelled after it.
fn last_event(order: &Order) -> sse::Until {
    let confirmation_ends = order.state != State::Cancelled && order.cancellation.is_none();
    std::sync::Arc::new(move |event| {
        event.kind == super::commands::ORDER_CANCELLED
            || (confirmation_ends && event.kind == super::commands::ORDER_CONFIRMED)
    })
}

async fn event_at(retail: &Retail, position: i64) -> Result<Option<StoredEvent>, Problem> {
    let found = retail
        .store()
        .read(move |tx| Ok::<_, Problem>(store::log::after(tx, position.saturating_sub(1), None, 1)?.pop()));
    Ok(found.await?.filter(|event| event.position == position))
}

async fn load(retail: &Retail, id: OrderId) -> Result<Order, Problem> {
    let currency = retail.settings().currency;
    let found = retail.store().read(move |tx| Ok::<_, Problem>(queries::order(tx, currency, id)?)).await?;
    found.ok_or_else(|| Problem::not_found("order", id))
}

fn respond(told: Told) -> Result<Response, Rejection> {
    match told {
        Told::Answer(answer) => Ok(Reply::from(answer).into_response()),
        Told::Claimed(claim) => {
            Ok(idempotency::settled(claim)?.unwrap_or_else(|| StatusCode::NO_CONTENT.into_response()))
        }
        Told::Refused(refusal) => Err(Problem::from(refusal).into()),
    }
}

fn wants_async(headers: &HeaderMap) -> bool {
    headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split([',', ';']).any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
    })
}

fn blank_order(retail: &Retail, key: Option<Key>) -> NewOrder {
    NewOrder {
        id: OrderId(retail.new_id()),
        payment_id: PaymentId(retail.new_id()),
        client: None,
        place: PlaceId::CENTRE,
        lines: Vec::new(),
        from_basket: false,
        currency: retail.settings().currency,
        reservation_seconds: retail.saga().reservation_seconds(),
        provider: retail.provider().name(),
        lease: retail.saga().lease(),
        key,
    }
}

/// The lines sorted by product; empty, too many, or a product twice is a wrong value.
fn checked_lines(lines: &[RequestedLine]) -> Result<Vec<(ProductId, Quantity)>, Problem> {
    if lines.is_empty() || lines.len() > MAX_LINES {
        return Err(Problem::invalid("produits", format!("must hold 1 to {MAX_LINES} products")));
    }
    let pairs: Vec<_> = lines.iter().map(|line| (line.product, line.quantity)).collect();
    distinct(&pairs).map_err(|twice| {
        let message = format!("product {twice} comes more than once; add the quantities up");
        Problem::invalid_fields(vec![FieldError { field: "produits".into(), message }])
    })
}
