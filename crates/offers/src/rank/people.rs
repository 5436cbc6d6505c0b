//! Everybody who is known.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::user::Profile;

const SHARDS: usize = 64;

/// Profiles by user id, in shards so that readers seldom wait for a writer.
pub(super) struct People {
    hasher: RandomState,
    shards: [RwLock<Shard>; SHARDS],
}

/// Profiles are kept apart from the map, whose spare room would otherwise be that of whole profiles.
#[derive(Default)]
struct Shard {
    places: HashMap<Box<str>, u32>,
    profiles: Vec<Profile>,
}

impl Default for People {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| RwLock::default()) }
    }
}

impl People {
    /// What is known of somebody.
    pub(super) fn get(&self, id: &str) -> Option<Profile> {
        let shard = self.read(self.shard(id));
        shard.places.get(id).and_then(|place| shard.profiles.get(*place as usize)).copied()
    }

    /// Changes what is known of somebody, who is made known if they are not.
    pub(super) fn change<T>(
        &self,
        id: &str,
        new: impl FnOnce() -> Profile,
        change: impl FnOnce(&mut Profile) -> T,
    ) -> T {
        let mut shard = self.write(self.shard(id));
        let shard = &mut *shard;
        let place = if let Some(place) = shard.places.get(id) {
            *place as usize
        } else {
            let place = shard.profiles.len();
            // Four billion people do not fit into memory anyway.
            shard.places.insert(id.into(), u32::try_from(place).unwrap_or(u32::MAX));
            if shard.profiles.capacity() == place {
                shard.profiles.reserve_exact(place / 8 + 4);
            }
            shard.profiles.push(new());
            place
        };
        change(&mut shard.profiles[place])
    }

    /// How many are known.
    pub(super) fn len(&self) -> usize {
        (0..SHARDS).map(|shard| self.read(shard).profiles.len()).sum()
    }

    fn shard(&self, id: &str) -> usize {
        usize::try_from(self.hasher.hash_one(id) >> 58).unwrap_or(0)
    }

    fn read(&self, shard: usize) -> RwLockReadGuard<'_, Shard> {
        self.shards[shard].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, shard: usize) -> RwLockWriteGuard<'_, Shard> {
        self.shards[shard].write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_made_known_once() {
        let people = People::default();
        assert_eq!(people.get("a"), None);
        for round in 0..3 {
            for id in 0..1_000_u32 {
                people.change(
                    &id.to_string(),
                    || Profile::new(id),
                    |profile| assert_eq!(profile.segment(), id, "{round}"),
                );
            }
        }
        assert_eq!(people.len(), 1_000);
        assert_eq!(people.get("77").map(|profile| profile.segment()), Some(77));
    }
}
