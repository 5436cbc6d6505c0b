//! A profile with names instead of numbers, as the store keeps it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{AFFINITIES, Affinity, Fading, Interner, Profile};

/// A profile as JSON in the store; its segment has a column of its own. Instants are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredProfile<'a> {
    /// How many events.
    events: u32,
    /// First and latest event.
    seen: (u32, u32),
    /// Fatigue and when it was that.
    #[serde(default, skip_serializing_if = "is_none")]
    fatigue: (f32, u32),
    /// Category, points, and when they were that; in the order in which the categories came.
    #[serde(borrow)]
    affinities: Vec<(Cow<'a, str>, f32, u32)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_none(fatigue: &(f32, u32)) -> bool {
    *fatigue == (0.0, 0)
}

impl<'a> StoredProfile<'a> {
    /// The stored form of a profile, with the categories' names.
    pub fn of(profile: &Profile, categories: &'a Interner) -> Self {
        let affinities = profile.slots().iter().map(|affinity| {
            let name = categories.name(affinity.category);
            (Cow::Borrowed(name), affinity.points.value, affinity.points.at)
        });
        Self {
            events: profile.events,
            seen: (profile.first_seen, profile.last_seen),
            fatigue: (profile.fatigue.value, profile.fatigue.at),
            affinities: affinities.collect(),
        }
    }

    /// The profile itself; categories that have no number yet get one.
    pub fn profile(&self, segment: u32, categories: &mut Interner) -> Profile {
        let mut profile = Profile::new(segment);
        (profile.first_seen, profile.last_seen) = self.seen;
        profile.events = self.events;
        profile.fatigue = Fading { value: self.fatigue.0, at: self.fatigue.1 };
        for (name, value, at) in self.affinities.iter().take(AFFINITIES) {
            let points = Fading { value: *value, at: *at };
            profile.affinities[usize::from(profile.known)] =
                Affinity { category: categories.number(name), points };
            profile.known += 1;
        }
        profile
    }
}
