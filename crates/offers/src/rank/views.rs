//! What others show of the index: profiles and trends.

use std::sync::Arc;

use kernel::Timestamp;

use super::Index;
use super::slot::Slot;
use crate::names::{Category, UserId};
use crate::trending::{Trend, Window};
use crate::user::api::ShownProfile;

/// How many offers are looked at before whoever waits for the catalogue has a turn: some fifty microseconds.
const AT_ONCE: usize = 1_000;

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

    /// The offers (of one category, if that is asked for) that people have been most active with in a window that ends
    /// now, at most `limit`, the most active first and of equals the one whose id comes first.
    pub fn trends(
        &self,
        window: Window,
        now: Timestamp,
        category: Option<&Category>,
        limit: usize,
    ) -> Vec<Trend> {
        let wanted = category.map(|category| self.categories.find(category.as_str()));
        let mut active: Vec<(f64, Arc<Slot>)> = Vec::new();
        let mut from = 0;
        // The catalogue is let go between parts of it: whoever commits waits for it.
        while let Some(part) = self.catalog().part(from, AT_ONCE) {
            for offer in part {
                let points = offer.windows.points(window, now);
                if points > 0.0 && wanted.is_none_or(|wanted| wanted == Some(offer.slot.category)) {
                    active.push((points, Arc::clone(offer.slot)));
                }
            }
            from += AT_ONCE;
        }
        active.sort_unstable_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.id.cmp(&other.id)));
        active.truncate(limit);
        active.into_iter().filter_map(|(points, slot)| trend(points, &slot)).collect()
    }
}

fn trend(points: f64, slot: &Slot) -> Option<Trend> {
    Some(Trend {
        offer_id: slot.id.clone(),
        offer_name: slot.card().name.to_string(),
        category: slot.category_name.parse().ok()?,
        points,
    })
}
