//! What is known of somebody, over HTTP.

use axum::extract::State;
use kernel::{Problem, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use web::{Json, Path, Rejection, Routes};

use super::{Interner, Profile, relevance};
use crate::Offers;
use crate::names::UserId;
use crate::rank::api::ready;

pub(crate) fn routes() -> Routes<Offers> {
    Routes::new().routes(routes!(show_profile))
}

/// What is known of somebody.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ShownProfile {
    /// Who.
    user_id: UserId,
    /// The group of people they belong to.
    #[schema(example = "premium")]
    segment: String,
    /// How tired of offers they are, 0 to 100: a dismissal adds 20, and half of it is gone after a day.
    #[schema(example = 20.0)]
    fatigue: f64,
    /// What they like, the most liked first: at most eight categories.
    affinities: Vec<ShownAffinity>,
    /// How many of their events were counted.
    events: u32,
    /// When the first of them came, to the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<Timestamp>,
    /// When the latest of them came.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<Timestamp>,
}

/// How much somebody likes a category.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ShownAffinity {
    /// The category.
    #[schema(example = "electronics")]
    category: String,
    /// Points that are left today; half of them are gone after 30 days.
    #[schema(example = 12.5)]
    points: f64,
    /// What that makes as a signal of a score, 0 to 100.
    #[schema(example = 71.4)]
    relevance: f64,
}

impl ShownProfile {
    /// A profile as it is shown at an instant, with two decimals.
    pub fn new(
        user_id: UserId,
        profile: &Profile,
        segments: &Interner,
        categories: &Interner,
        now: Timestamp,
    ) -> Self {
        let fatigue = profile.fatigue(now);
        let mut liked: Vec<(u32, f64)> =
            profile.affinities(now).filter(|(_, points)| *points > 0.0).collect();
        liked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let affinities = liked.into_iter().map(|(category, points)| ShownAffinity {
            category: categories.name(category).to_owned(),
            points: rounded(points),
            relevance: rounded(relevance(points, fatigue)),
        });
        let seen = profile.seen();
        Self {
            user_id,
            segment: segments.name(profile.segment()).to_owned(),
            fatigue: rounded(fatigue),
            affinities: affinities.collect(),
            events: profile.events(),
            first_seen: seen.map(|(first, _)| first),
            last_seen: seen.map(|(_, last)| last),
        }
    }
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Show what is known of somebody
///
/// Segment, affinities and fatigue as the next ranking sees them.
#[utoipa::path(get, path = "/users/{user_id}/profile", tag = "offers",
    params(("user_id" = UserId, Path, description = "The person")),
    responses((status = 200, description = "The profile", body = ShownProfile),
              (status = 404, description = "Nothing is known of this person")))]
async fn show_profile(
    State(offers): State<Offers>,
    Path(user_id): Path<UserId>,
) -> Result<Json<ShownProfile>, Rejection> {
    ready(&offers)?;
    let shown = offers.index().profile(&user_id, offers.store().now());
    Ok(Json(shown.ok_or_else(|| Problem::not_found("user", &user_id))?))
}
