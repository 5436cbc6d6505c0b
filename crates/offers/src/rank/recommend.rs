//! An answer to one person.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kernel::{Line, Timestamp};

use super::plan::{Plan, PolicyPlan};
use super::signals;
use super::slate::{Chance, Pick, Table, Taste};
use super::{HANDS, Index};
use crate::experiment::Assigned;
use crate::learn::{Hand, PolicyName, name_hash};
use crate::names::OfferId;
use crate::offer::{Amount, DiscountType};
use crate::user::{NEW_SEGMENT, Profile};

/// Who asks for how many offers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request<'a> {
    /// The person.
    pub user_id: &'a str,
    /// How many offers at most, 20 at most.
    pub limit: usize,
    /// The segment to assume of somebody who is not known.
    pub segment: Option<&'a str>,
    /// The present instant.
    pub now: Timestamp,
}

/// What somebody is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// The best first; at most two of a category.
    pub offers: Vec<Recommended>,
    /// How many offers this person might be shown.
    pub available: u64,
    /// The policy that decided.
    pub policy: PolicyName,
    /// What an experiment says of this person, when it could be heeded.
    pub assigned: Option<Assigned>,
    /// The segment that this person is in.
    pub segment: Arc<str>,
}

/// An offer that is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended {
    /// Its id.
    pub id: OfferId,
    /// What people read.
    pub name: Line,
    /// What it is about.
    pub category: Arc<str>,
    /// How the discount is meant.
    pub discount_type: DiscountType,
    /// How much.
    pub discount_value: Amount,
    /// The offer's own priority.
    pub priority: u8,
    /// Units left.
    pub inventory: i64,
    /// Score, 0 to 100.
    pub score: f32,
    /// The chance that this offer had to be in this place.
    pub propensity: f64,
    /// Whether another offer had a better chance to be in this place.
    pub explores: bool,
    /// What the score was made of.
    pub explanation: Explanation,
}

/// What a score was made of: the weighted sum of the signals (each 0 to 100) and the boost, 100 at most.
///
/// Only hands that blend beliefs with the other signals weigh those. A hand that ignores all signals
/// (`uniform`, now and then `epsilon-greedy`), and `linear-thompson`, put all weight on `belief`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Explanation {
    /// How much this person likes the category.
    pub relevance: f32,
    /// How close the end is.
    pub urgency: f32,
    /// How plentiful it is.
    pub inventory: f32,
    /// The offer's priority.
    pub priority: f32,
    /// What the drawn hand believes of it.
    pub belief: f32,
    /// Points on top for the target of a pivot.
    pub boost: f32,
    /// Whether the signals other than belief were weighed.
    pub blended: bool,
}

impl Index {
    /// Ranks for somebody.
    ///
    /// Offers that an event already applied has emptied, paused or deleted are never in it, nor those that are over
    /// at the instant asked for. Affinities are those of the events applied so far; beliefs those of the last refresh.
    pub fn recommend(&self, request: &Request<'_>) -> Recommendation {
        self.asked.store(true, Ordering::Relaxed);
        let plan = self.plan.load();
        let profile = self.people.get(request.user_id);
        let segment = self.segment_of(profile.as_ref(), request.segment);
        let taste = self.taste(profile.as_ref(), &segment, &plan, request.now);
        let assigned = self.experiment.load().assign(request.user_id);
        let policy = plan.policy(assigned.map(|assigned| assigned.policy));
        // An experiment that has just begun is heeded when hands have been dealt for it.
        let assigned = assigned.filter(|assigned| assigned.policy == policy.name);
        let table =
            Table { plan: &plan, policy, taste: &taste, now: request.now, limit: request.limit.min(20) };
        let slates = table.deal();
        let hand = self.draw();
        let offers = slates.get(hand).iter().enumerate().map(|(place, pick)| {
            let chance = slates.chance(hand, place);
            recommended(&plan, policy, &taste, hand, pick, chance)
        });
        let offers = offers.collect();
        let available = plan.shelves.available(taste.mine, request.now);
        Recommendation { offers, available, policy: policy.name, assigned, segment }
    }

    pub(super) fn segment_of(&self, profile: Option<&Profile>, asked: Option<&str>) -> Arc<str> {
        match profile {
            Some(profile) => self.segments.name(profile.segment()),
            None => asked.unwrap_or(NEW_SEGMENT).into(),
        }
    }

    /// What is known of somebody of a segment.
    pub(super) fn taste(
        &self,
        profile: Option<&Profile>,
        segment: &str,
        plan: &Plan,
        now: Timestamp,
    ) -> Taste {
        let mine = plan.shelves.mine(self.segments.find(segment));
        let relevance = |profile: &Profile| {
            let fatigue = profile.fatigue(now);
            #[expect(clippy::cast_possible_truncation, reason = "a signal has two digits")]
            let relevance =
                move |(category, points)| (category, crate::user::relevance(points, fatigue) as f32);
            profile.affinities(now).map(relevance).filter(|(_, relevance)| *relevance > 0.0).collect()
        };
        Taste { mine, segment: name_hash(segment), liked: profile.map(relevance).unwrap_or_default() }
    }

    /// One of the hands, each with the same chance.
    pub(super) fn draw(&self) -> usize {
        let state = self.draws.fetch_add(GOLDEN, Ordering::Relaxed).wrapping_add(GOLDEN);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 58).unwrap_or(0) % HANDS
    }
}

/// The step of `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a generator
/// whose whole state is one number, so that many threads draw from it without a lock.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn recommended(
    plan: &Plan,
    policy: &PolicyPlan,
    taste: &Taste,
    hand: usize,
    pick: &Pick,
    chance: Chance,
) -> Recommended {
    let slot = plan.shelves.slot(pick.slot);
    let card = slot.card();
    #[expect(clippy::cast_precision_loss, reason = "64 at most")]
    let propensity = chance.hands as f64 / HANDS as f64;
    Recommended {
        id: slot.id.clone(),
        name: card.name.clone(),
        category: Arc::clone(&slot.category_name),
        discount_type: card.discount_type,
        discount_value: card.discount_value,
        priority: card.priority,
        inventory: slot.stock(),
        score: policy.cards.hands[hand].score(pick.sum),
        propensity,
        explores: chance.explores,
        explanation: explain(plan, policy, taste, hand, pick),
    }
}

/// The signals as they were when the order was made, so that they add up to the score.
fn explain(plan: &Plan, policy: &PolicyPlan, taste: &Taste, hand: usize, pick: &Pick) -> Explanation {
    let fixed = &plan.fixed[pick.slot as usize];
    let liked = taste.liked.iter().find(|(category, _)| *category == pick.category);
    let dealt = &policy.cards.hands[hand];
    let blended = matches!(dealt.hand, Hand::Blend);
    let belief = if blended {
        // What is left of the key is the belief that it was made with, whatever has been drawn since.
        ((pick.sum - pick.shift - fixed.sum) / signals::BELIEF).clamp(0.0, 100.0)
    } else {
        dealt.score(pick.sum)
    };
    Explanation {
        relevance: liked.map_or(0.0, |(_, relevance)| *relevance),
        urgency: fixed.features.urgency,
        inventory: fixed.features.inventory,
        priority: fixed.features.priority,
        belief,
        boost: if blended { fixed.boost } else { 0.0 },
        blended,
    }
}
