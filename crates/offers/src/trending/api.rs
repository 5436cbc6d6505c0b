//! What is trending, over HTTP.

use axum::extract::State;
use kernel::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use web::{Json, Query, Rejection, Routes};

use super::{Trend, Window};
use crate::Offers;
use crate::names::Category;
use crate::rank::api::ready;

/// How many offers are told when nothing is asked for, and at most.
const LIMITS: (usize, usize) = (10, 100);

pub(crate) fn routes() -> Routes<Offers> {
    Routes::new().routes(routes!(list_trending))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TrendingParams {
    /// How far back: `1h` (the default) or `24h`.
    #[serde(default)]
    window: Window,
    /// How many offers at most, 1 to 100; 10 when not said.
    limit: Option<usize>,
    /// Only offers of this category.
    #[param(value_type = Option<String>)]
    category: Option<Category>,
}

/// What people do most with, in a window that ends now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
struct Trending {
    /// The window.
    window: Window,
    /// The offers, the most active first.
    trending: Vec<Trend>,
}

/// List what is trending
///
/// Offers by what was done with them in the last hour or the last 24 hours: a view counts half a point, a click 1, a
/// basket 3, a redemption 5. The window slides with every instant; nothing is pushed back by new activity.
#[utoipa::path(get, path = "/offers/trending", tag = "offers", params(TrendingParams),
    responses((status = 200, description = "The offers with any activity, the most active first", body = Trending)))]
async fn list_trending(
    State(offers): State<Offers>,
    Query(params): Query<TrendingParams>,
) -> Result<Json<Trending>, Rejection> {
    let (default, most) = LIMITS;
    let limit = params.limit.unwrap_or(default);
    if !(1..=most).contains(&limit) {
        Err(Problem::invalid("limit", format!("must be a whole number from 1 to {most}")))?;
    }
    ready(&offers)?;
    let (window, now) = (params.window, offers.store().now());
    Ok(Json(Trending {
        window,
        trending: offers.index().trends(window, now, params.category.as_ref(), limit),
    }))
}
