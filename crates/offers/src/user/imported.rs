//! People who are made known with what others know of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use store::{DbError, StoredEvent, Tx};

use super::{Interner, Profile};
use crate::SOURCE;
use crate::names::{Category, Segment, UserId};

/// The log event that tells of people who were imported.
pub const USER_IMPORTED: &str = "halles.user.imported";

/// The content of [`USER_IMPORTED`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Imported<'a> {
    /// The people.
    #[serde(borrow)]
    pub users: Vec<ImportedUser<'a>>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportedUser<'a> {
    /// Who.
    #[serde(borrow)]
    pub user_id: Cow<'a, str>,
    /// The segment they are in from now on.
    #[serde(borrow)]
    pub segment: Cow<'a, str>,
    /// The points they start with, by category; categories that are known already stay as they were.
    #[serde(borrow, default, skip_serializing_if = "BTreeMap::is_empty")]
    pub affinities: BTreeMap<Cow<'a, str>, f64>,
    /// Whether everything that was known of them is forgotten first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
}

impl<'a> Imported<'a> {
    /// Reads what a log event of this type tells.
    pub fn read(event: &'a StoredEvent) -> Result<Self, DbError> {
        serde_json::from_str(&event.data)
            .map_err(|error| DbError::Decode(format!("event {}: {error}", event.position)))
    }
}

impl<'a> ImportedUser<'a> {
    /// Somebody to be imported.
    pub fn new(user_id: &'a UserId, segment: &'a Segment, affinities: &'a BTreeMap<Category, f64>) -> Self {
        let points = affinities.iter().map(|(category, points)| (category.as_str().into(), *points));
        let affinities = points.collect();
        Self {
            user_id: user_id.as_str().into(),
            segment: segment.as_str().into(),
            affinities,
            replace: false,
        }
    }

    /// Takes it into the person's profile.
    pub fn apply(
        &self,
        profile: &mut Profile,
        at: Timestamp,
        segments: &mut Interner,
        categories: &mut Interner,
    ) {
        let segment = segments.number(&self.segment);
        if self.replace {
            *profile = Profile::new(segment);
        }
        profile.set_segment(segment);
        for (category, points) in &self.affinities {
            let category = categories.number(category);
            if profile.affinities(at).all(|(known, _)| known != category) {
                profile.set_affinity(category, *points, at);
            }
        }
    }
}

/// Tells of people to be made known, or known otherwise; the fold and the ranking index take them in.
pub fn import(tx: &mut Tx<'_>, users: Vec<ImportedUser<'_>>) {
    if !users.is_empty() {
        tx.emit(USER_IMPORTED, SOURCE, "users", &Imported { users });
    }
}
