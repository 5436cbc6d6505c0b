//! Files of people: `user_id`, `segment`, `affinities`.

use std::collections::BTreeMap;

use super::fields::{Column, Fields, Seen, optional, required};
use crate::names::{Category, Segment, UserId};
use crate::user::AFFINITIES;

/// The columns of a file of users.
pub(super) static COLUMNS: [Column; 3] = [required("user_id"), required("segment"), optional("affinities")];

/// The most points that somebody may start with in a category: those of ten redemptions, which make a relevance of 91.
pub const MAX_STARTING_POINTS: f64 = 50.0;

/// One person of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct UserRecord {
    /// Who.
    pub user_id: UserId,
    /// The group of people they belong to.
    pub segment: Segment,
    /// What they are known to like, in affinity points above 0, at most [`MAX_STARTING_POINTS`] per category.
    pub affinities: BTreeMap<Category, f64>,
}

/// Makes people of records.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) records: Vec<UserRecord>,
    seen: Seen<UserId>,
}

impl Reader {
    pub(super) fn take(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        let user_id: Option<UserId> = fields.get("user_id");
        if let Some(user_id) = &user_id {
            self.seen.check(fields, "user_id", user_id);
        }
        let segment = fields.get("segment");
        let affinities = affinities(fields);
        let record = UserRecord { user_id: user_id?, segment: segment?, affinities };
        self.records.push(record);
        Some(())
    }
}

fn affinities(fields: &mut Fields<'_>) -> BTreeMap<Category, f64> {
    let mut affinities = BTreeMap::new();
    for (category, points) in fields.numbers::<Category>("affinities") {
        if points < 0.0 {
            fields.wrong("affinities", format!("{category}: points are not below 0"));
        }
        if points > 0.0 && affinities.insert(category.clone(), points.min(MAX_STARTING_POINTS)).is_some() {
            fields.wrong("affinities", format!("{category} is there twice"));
        }
    }
    if affinities.len() > AFFINITIES {
        fields.wrong("affinities", format!("name at most {AFFINITIES} categories: no more are kept"));
    }
    affinities
}
