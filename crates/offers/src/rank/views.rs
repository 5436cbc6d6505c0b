//! What others show of the index: profiles and trends.

use kernel::Timestamp;

use super::Index;
use crate::names::{Category, UserId};
use crate::trending::{Trend, Window};
use crate::user::api::ShownProfile;

impl Index {
    /// What is known of somebody, as it is shown; `None` when nothing is.
    pub fn profile(&self, user: &UserId, now: Timestamp) -> Option<ShownProfile> {
        let profile = self.people.get(user.as_str())?;
        let shown = self.segments.look(|segments| {
            self.categories
                .look(|categories| ShownProfile::new(user.clone(), &profile, segments, categories, now))
        });
        Some(shown)
    }

    /// How active people have been with each offer (of one category, if that is asked for) in a window that ends now.
    pub fn trends(&self, window: Window, now: Timestamp, category: Option<&Category>) -> Vec<Trend> {
        let wanted = category.map(|category| self.categories.find(category.as_str()));
        let catalog = self.catalog();
        let offers =
            catalog.offers().filter(|offer| wanted.is_none_or(|wanted| wanted == Some(offer.slot.category)));
        offers
            .filter_map(|offer| {
                let points = offer.windows.points(window, now);
                let shown = points > 0.0;
                shown.then(|| {
                    Some(Trend {
                        offer_id: offer.slot.id.clone(),
                        offer_name: offer.slot.card().name.to_string(),
                        category: offer.slot.category_name.parse().ok()?,
                        points,
                    })
                })?
            })
            .collect()
    }
}
