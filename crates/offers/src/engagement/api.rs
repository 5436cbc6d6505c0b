//! Tracking over HTTP.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use kernel::Problem;
use serde::{Deserialize, Serialize};
use store::idempotency::{Answer, Claim, Key};
use store::{Call, Failure};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;
use web::idempotency::settled;
use web::{ChangeEach, OneOrMany, Rejection, Reply, Routes};

use super::EventType;
use super::commands::{self, Told, TrackItem, TrackOne, Tracking};
use crate::names::{Category, EventId, OfferId, UserId};
use crate::offer::OfferError;
use crate::{OFFERS, Offers};

/// How many events one batch takes.
const MAX_BATCH: usize = 1000;

pub(crate) fn routes() -> Routes<Offers> {
    Routes::new().routes(routes!(track_events))
}

/// Something that somebody did with an offer.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[schema(as = TrackEvent, example = json!({
    "user_id": "USER001", "offer_id": "OFF001", "category": "electronics", "event_type": "CLICK"}))]
struct TrackRequest {
    /// Who.
    user_id: UserId,
    /// With which offer.
    offer_id: OfferId,
    /// What the caller thinks the offer is about. It changes nothing: the offer's own category counts.
    #[serde(default)]
    category: Option<Category>,
    /// What.
    event_type: EventType,
    /// The event's name, by which it counts once in seven days however often it is sent.
    #[serde(default)]
    event_id: Option<EventId>,
    /// The answer of `POST /offers/recommend` that had shown the offer.
    #[serde(default)]
    decision_id: Option<Uuid>,
}

impl TrackRequest {
    fn item(self, offers: &Offers) -> TrackItem {
        let Self { user_id, offer_id, category: _, event_type, event_id, decision_id } = self;
        TrackItem {
            named: event_id.is_some(),
            event_id: event_id.unwrap_or_else(|| offers.new_id().into()),
            user_id,
            offer_id,
            event_type,
            decision_id,
        }
    }
}

/// One event or many.
type TrackRequests = OneOrMany<TrackRequest, MAX_BATCH>;

/// What is answered: to one event [`TrackedEvent`], to a batch [`TrackedBatch`].
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum TrackedAnswer<'a> {
    One(TrackedEvent<'a>),
    Batch(TrackedBatch<'a>),
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct TrackedEvent<'a> {
    /// Always `Event tracked successfully`.
    message: &'static str,
    /// The event's name, the caller's or a new one.
    #[schema(value_type = String)]
    event_id: &'a EventId,
    /// There when the event had been counted already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct TrackedBatch<'a> {
    /// Always `Events tracked successfully`.
    message: &'static str,
    /// How many count.
    accepted: usize,
    /// How many had been counted already.
    duplicates: usize,
    /// How many do not count.
    refused: usize,
    /// What became of each, in the batch's order.
    results: Vec<BatchResult<'a>>,
}

/// What became of one event of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct BatchResult<'a> {
    /// The event's name, the caller's or a new one.
    #[schema(value_type = String)]
    event_id: &'a EventId,
    /// What became of it.
    status: BatchStatus,
}

/// What became of an event of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BatchStatus {
    /// It counts.
    Tracked,
    /// It had been counted already.
    Duplicate,
    /// There is no such offer.
    UnknownOffer,
    /// There are none left to redeem.
    OutOfStock,
}

impl From<Tracking> for BatchStatus {
    fn from(outcome: Tracking) -> Self {
        match outcome {
            Tracking::Tracked => Self::Tracked,
            Tracking::Duplicate => Self::Duplicate,
            Tracking::UnknownOffer => Self::UnknownOffer,
            Tracking::OutOfStock => Self::OutOfStock,
        }
    }
}

/// The answer to an event that came alone and counts, now or since earlier.
pub(super) fn tracked_answer(item: &TrackItem, duplicate: bool) -> Answer {
    let message = "Event tracked successfully";
    let tracked = TrackedEvent { message, event_id: &item.event_id, duplicate };
    Reply::ok(&TrackedAnswer::One(tracked)).answer().clone()
}

/// Track what people do
///
/// One event, or an array of at most 1,000. A REDEMPTION takes one unit of the offer's inventory. The category that
/// counts is the offer's own, whatever the event says. An event whose `event_id` has been counted in the last seven
/// days changes nothing. In a batch each event is taken or refused for itself; a malformed one refuses the whole batch.
#[utoipa::path(post, path = "/events/track", tag = "events", request_body = TrackRequests,
    responses((status = 200, description = "The event counts; of a batch, what became of each event",
               body = TrackedAnswer),
              (status = 404, description = "No such offer (one event)"),
              (status = 409, description = "A redemption of which there are none left (one event)")))]
async fn track_events(
    State(offers): State<Offers>,
    change: ChangeEach<TrackRequest, MAX_BATCH>,
) -> Result<Response, Rejection> {
    let ChangeEach { body, key } = change;
    match body {
        OneOrMany::One(request) => track_one(&offers, request.item(&offers), key).await,
        OneOrMany::Many(requests) => {
            let items = requests.into_iter().map(|request| request.item(&offers)).collect();
            track_batch(&offers, items, key).await
        }
    }
}

async fn track_one(offers: &Offers, item: TrackItem, key: Option<Key>) -> Result<Response, Rejection> {
    let one = TrackOne { item: item.clone(), key, mark: offers.new_id(), stock: Arc::clone(offers.stock()) };
    let outcome = match offers.store().run_one::<TrackOne>(one).await? {
        Told::Now(outcome) => outcome,
        Told::Before(claim) => return before(claim),
    };
    offers.engagement_metrics().count(item.event_type, outcome);
    match outcome {
        Tracking::Tracked => Ok(Reply::from(tracked_answer(&item, false)).into_response()),
        Tracking::Duplicate => Ok(Reply::from(tracked_answer(&item, true)).into_response()),
        Tracking::UnknownOffer => Err(Problem::not_found("offer", &item.offer_id))?,
        Tracking::OutOfStock => {
            Err(Problem::from(OfferError::OutOfStock { offer: item.offer_id, asked: 1, left: 0 }))?
        }
    }
}

async fn track_batch(
    offers: &Offers,
    items: Vec<TrackItem>,
    key: Option<Key>,
) -> Result<Response, Rejection> {
    let items: Arc<[TrackItem]> = items.into();
    let call = Call::new("offers.event.track_batch", OFFERS).lock_key(key.as_ref());
    let (mark, stock, batch) = (offers.new_id(), Arc::clone(offers.stock()), Arc::clone(&items));
    let run = offers.store().run(call, move |tx, now| {
        Ok::<_, Failure<Problem>>(commands::track_batch(tx, now, stock.as_ref(), mark, &batch, key.as_ref())?)
    });
    let outcomes = match run.await? {
        Told::Now(outcomes) => outcomes,
        Told::Before(claim) => return before(claim),
    };
    for (item, outcome) in items.iter().zip(&outcomes) {
        offers.engagement_metrics().count(item.event_type, *outcome);
    }
    Ok(batch_reply(&items, &outcomes).into_response())
}

/// What the row of an idempotency key says.
fn before(claim: Claim) -> Result<Response, Rejection> {
    Ok(settled(claim)?.unwrap_or_else(|| Reply::no_content().into_response()))
}

pub(super) fn batch_reply(items: &[TrackItem], outcomes: &[Tracking]) -> Reply {
    let of = |wanted: Tracking| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let results = items.iter().zip(outcomes);
    Reply::ok(&TrackedAnswer::Batch(TrackedBatch {
        message: "Events tracked successfully",
        accepted: of(Tracking::Tracked),
        duplicates: of(Tracking::Duplicate),
        refused: of(Tracking::UnknownOffer) + of(Tracking::OutOfStock),
        results: results
            .map(|(item, outcome)| BatchResult { event_id: &item.event_id, status: (*outcome).into() })
            .collect(),
    }))
}
