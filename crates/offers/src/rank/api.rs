//! Recommendations and what is known of an offer, over HTTP.

use std::time::Instant;

use axum::extract::State;
use kernel::{Problem, Timestamp, kinds};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;
use web::{Json, Path, Rejection, Routes};

use super::stats::OfferStats;
use super::{Recommendation, Recommended, Request};
use crate::Offers;
use crate::decision::{Shown, ShownSlot};
use crate::names::{OfferId, Segment, UserId};
use crate::offer::{Amount, DiscountType};

/// How many offers are shown when nothing is asked for, and at most.
const LIMITS: (i64, i64) = (3, 20);

pub(crate) fn routes() -> Routes<Offers> {
    Routes::new().routes(routes!(recommend_offers)).routes(routes!(show_offer_stats))
}

/// Who is to be shown offers.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = RecommendRequest, example = json!({"user_id": "USER001", "limit": 3, "explain": true}))]
struct RecommendRequest {
    /// The person; somebody unknown is shown offers too.
    user_id: UserId,
    /// How many offers at most, 1 to 20; 3 when not said.
    #[schema(minimum = 1, maximum = 20, default = 3)]
    limit: Option<i64>,
    /// What is known of the situation.
    context: Option<Context>,
    /// Whether to say what each score was made of.
    #[serde(default)]
    explain: bool,
}

/// What is known of the situation. Other members are ignored.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = RecommendContext)]
struct Context {
    /// The segment of a person of whom nothing else is known; for others their own counts.
    segment: Option<Segment>,
}

/// What somebody is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RecommendAnswer)]
struct Answer {
    /// The person.
    user_id: UserId,
    /// The offers, the best first; at most two of a category.
    recommended_offers: Vec<ShownOffer>,
    /// How many offers this person might be shown: active, in stock, not over, for their segment.
    #[schema(example = 5)]
    total_available: u64,
    /// Names this answer, in events about what it shows too.
    #[schema(example = "019a3c5e-7b1a-7c3e-8f00-5a2d6e1b9c04")]
    decision_id: Uuid,
}

/// An offer that is shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RecommendedOffer)]
struct ShownOffer {
    /// Its id.
    offer_id: OfferId,
    /// What people read.
    #[schema(example = "Premium Laptop Deal")]
    offer_name: String,
    /// What it is about.
    #[schema(example = "electronics")]
    category: String,
    /// How the discount is meant.
    discount_type: DiscountType,
    /// Percent, or units of the chain's currency.
    discount_value: Amount,
    /// The offer's own priority, 1 to 100.
    #[schema(example = 95)]
    priority: u8,
    /// Units left.
    #[schema(example = 50)]
    inventory_count: i64,
    /// What it was ranked by, 0 to 100.
    #[schema(example = 87.5)]
    score: f64,
    /// What the score was made of, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Explained>,
}

/// What a score was made of: the sum of each signal times its weight, and the boost, 100 at most.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RecommendExplanation)]
struct Explained {
    /// How much this person likes the category, 0 to 100.
    relevance: f64,
    /// How close the offer's end is, 0 to 100.
    urgency: f64,
    /// How plentiful it is, 0 to 100.
    inventory: f64,
    /// Its priority, 1 to 100.
    priority: f64,
    /// What is believed of it, 0 to 100; 50 for an offer that is as good as all.
    belief: f64,
    /// Points on top for an offer that others' traffic goes to.
    boost: f64,
    /// The weights of the signals.
    weights: Weights,
    /// The chance that this offer had to be in this place.
    #[schema(example = 0.75)]
    propensity: f64,
    /// The policy that decided.
    #[schema(example = "thompson")]
    policy: &'static str,
}

/// The weights of the signals; those of the hand that decided.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = RecommendWeights)]
struct Weights {
    relevance: f64,
    urgency: f64,
    inventory: f64,
    priority: f64,
    belief: f64,
}

impl Weights {
    const BLENDED: Self =
        Self { relevance: 0.35, urgency: 0.10, inventory: 0.10, priority: 0.20, belief: 0.25 };
    const BELIEF_ALONE: Self =
        Self { relevance: 0.0, urgency: 0.0, inventory: 0.0, priority: 0.0, belief: 1.0 };
}

impl ShownOffer {
    fn new(offer: &Recommended, explain: Option<&'static str>) -> Self {
        Self {
            offer_id: offer.id.clone(),
            offer_name: offer.name.to_string(),
            category: offer.category.to_string(),
            discount_type: offer.discount_type,
            discount_value: offer.discount_value,
            priority: offer.priority,
            inventory_count: offer.inventory,
            score: rounded(offer.score, 2),
            explain: explain.map(|policy| Explained::new(offer, policy)),
        }
    }
}

impl Explained {
    fn new(offer: &Recommended, policy: &'static str) -> Self {
        let told = offer.explanation;
        Self {
            relevance: rounded(told.relevance, 4),
            urgency: rounded(told.urgency, 4),
            inventory: rounded(told.inventory, 4),
            priority: rounded(told.priority, 4),
            belief: rounded(told.belief, 4),
            boost: rounded(told.boost, 4),
            weights: if told.blended { Weights::BLENDED } else { Weights::BELIEF_ALONE },
            propensity: offer.propensity,
            policy,
        }
    }
}

/// Recommend offers
///
/// The offers that this person is most likely to take, as far as that is known, with some chance for those of which
/// little is known. At most two of a category; only offers that are active, in stock, not over and for the person's
/// segment. Somebody unknown is treated as of the segment `context.segment`, or `new_user`. What was shown, and with
/// which chance, is kept for thirty days under `decision_id`: name it in the events that follow.
#[utoipa::path(post, path = "/offers/recommend", tag = "offers", request_body = RecommendRequest,
    responses((status = 200, description = "The offers, the best first", body = Answer),
              (status = 422, description = "`user_id` is missing, or a value is not valid")))]
async fn recommend_offers(
    State(offers): State<Offers>,
    Json(request): Json<RecommendRequest>,
) -> Result<Json<Answer>, Rejection> {
    let (default, most) = LIMITS;
    let limit = request.limit.unwrap_or(default);
    if !(1..=most).contains(&limit) {
        Err(Problem::invalid("limit", format!("must be a whole number from 1 to {most}")))?;
    }
    ready(&offers)?;
    let now = offers.store().now();
    let segment = request.context.as_ref().and_then(|context| context.segment.as_ref()).map(Segment::as_str);
    let started = Instant::now();
    let answer = offers.index().recommend(&Request {
        user_id: request.user_id.as_str(),
        limit: usize::try_from(limit).unwrap_or(0),
        segment,
        now,
    });
    offers.index().metrics().answered(&answer, started.elapsed());
    let decision_id = offers.new_id_at(now);
    record(&offers, decision_id, now, &request.user_id, &answer);
    let explain = request.explain.then_some(answer.policy.as_str());
    Ok(Json(Answer {
        recommended_offers: answer.offers.iter().map(|offer| ShownOffer::new(offer, explain)).collect(),
        total_available: answer.available,
        decision_id,
        user_id: request.user_id,
    }))
}

/// Keeps what was shown, and with which chance.
fn record(offers: &Offers, decision_id: Uuid, at: Timestamp, user: &UserId, answer: &Recommendation) {
    let slots = answer.offers.iter().map(|offer| ShownSlot {
        offer_id: offer.id.as_str(),
        category: &offer.category,
        propensity: offer.propensity,
        score: offer.score,
    });
    let slots: Vec<ShownSlot<'_>> = slots.collect();
    let counted = answer.assigned.filter(|assigned| assigned.counted);
    offers.decisions().record(&Shown {
        decision_id,
        at,
        user_id: user.as_str(),
        segment: &answer.segment,
        policy: answer.policy,
        experiment: counted.map(|assigned| assigned.experiment),
        arm: counted.map(|assigned| assigned.policy),
        slots: &slots,
    });
}

/// Show what is known of an offer
///
/// What people did with it, what the learner makes of that, and how often it is shown now.
#[utoipa::path(get, path = "/offers/{offer_id}/stats", tag = "offers",
    params(("offer_id" = OfferId, Path, description = "The offer")),
    responses((status = 200, description = "The numbers", body = OfferStats),
              (status = 404, description = "No such offer")))]
async fn show_offer_stats(
    State(offers): State<Offers>,
    Path(id): Path<OfferId>,
) -> Result<Json<OfferStats>, Rejection> {
    ready(&offers)?;
    let stats = offers.index().stats(&id, offers.store().now());
    Ok(Json(stats.ok_or_else(|| Problem::not_found("offer", &id))?))
}

/// Until the index is complete its answers would be wrong.
/// Refuses for now while the index is being loaded.
pub(crate) fn ready(offers: &Offers) -> Result<(), Problem> {
    if offers.is_ready() {
        return Ok(());
    }
    Err(Problem::new(&kinds::UNAVAILABLE, "the ranking is being loaded").retry_after(1))
}

fn rounded(number: f32, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (f64::from(number) * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rank::signals;

    #[test]
    fn the_weights_told_are_those_that_count() {
        let Weights { relevance, urgency, inventory, priority, belief } = Weights::BLENDED;
        let told = [relevance, urgency, inventory, priority, belief];
        let counted =
            [signals::RELEVANCE, signals::URGENCY, signals::INVENTORY, signals::PRIORITY, signals::BELIEF];
        for (told, counted) in told.into_iter().zip(counted) {
            assert!((told - f64::from(counted)).abs() < 1e-6, "{told} {counted}");
        }
    }
}
