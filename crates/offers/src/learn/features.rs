//! What the contextual policy sees of an offer and of a user.

use serde::{Deserialize, Serialize};

/// Length of the vector that the linear model multiplies with its weights.
pub const DIMENSIONS: usize = 32;

/// What an offer looks like at one moment, for the contextual policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OfferFeatures {
    /// The priority signal of its score, 0 to 100.
    pub priority: f32,
    /// The urgency signal, 0 to 100.
    pub urgency: f32,
    /// The inventory signal, 0 to 100.
    pub inventory: f32,
    /// How much of the price is off, 0 to 1.
    pub discount: f32,
}

/// What a user looks like to one offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserFeatures {
    /// The segment, as [`name_hash`] of its name.
    pub segment: u32,
    /// The relevance signal of this user and the offer's category, 0 to 100.
    pub relevance: f32,
}

/// A user and an offer as a vector of [`DIMENSIONS`] numbers, most of them zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    pub(super) priority: f32,
    pub(super) urgency: f32,
    pub(super) inventory: f32,
    pub(super) discount: f32,
    pub(super) relevance: f32,
    pub(super) category: u8,
    pub(super) crossing: u8,
}

/// Places in the vector.
pub(super) mod place {
    pub(in super::super) const BIAS: usize = 0;
    pub(in super::super) const PRIORITY: usize = 1;
    pub(in super::super) const URGENCY: usize = 2;
    pub(in super::super) const INVENTORY: usize = 3;
    pub(in super::super) const DISCOUNT: usize = 4;
    pub(in super::super) const RELEVANCE: usize = 5;
    /// How the offer's own rate compares with the mean of all.
    pub(in super::super) const OWN: usize = 6;
    /// First of the places that categories are hashed to.
    pub(in super::super) const CATEGORY: usize = 7;
    /// First of the places that pairs of segment and category are hashed to.
    pub(in super::super) const CROSSING: usize = 16;
}

impl Features {
    /// Joins what is known of an offer, of its category (as [`name_hash`]) and of a user. What is not a number or
    /// out of its bounds is brought inside them.
    pub fn new(offer: &OfferFeatures, category: u32, user: &UserFeatures) -> Self {
        Self {
            priority: hundredth(offer.priority),
            urgency: hundredth(offer.urgency),
            inventory: hundredth(offer.inventory),
            discount: unit(offer.discount),
            relevance: hundredth(user.relevance),
            category: category_place(category),
            crossing: crossing_place(user.segment, category),
        }
    }
}

/// Place of a category's weight in the vector.
pub(super) fn category_place(category: u32) -> u8 {
    bucket(category, place::CATEGORY, place::CROSSING)
}

/// Place of the weight of a segment and a category together.
pub(super) fn crossing_place(segment: u32, category: u32) -> u8 {
    bucket(segment.rotate_left(16) ^ category.wrapping_mul(0x9e37_79b9), place::CROSSING, DIMENSIONS)
}

/// One of the places for a hash, whose bits are mixed first by the finaliser of `MurmurHash3`.
#[expect(clippy::cast_possible_truncation, reason = "below DIMENSIONS, which is 32")]
fn bucket(hash: u32, from: usize, to: usize) -> u8 {
    let mixed = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
    (from + (mixed ^ (mixed >> 16)) as usize % (to - from)) as u8
}

fn hundredth(signal: f32) -> f32 {
    unit(signal / 100.0)
}

fn unit(number: f32) -> f32 {
    if number.is_nan() { 0.0 } else { number.clamp(0.0, 1.0) }
}

/// A number for a name, the same in every process and version: FNV-1a of 32 bits.
///
/// ```
/// assert_eq!(offers::learn::name_hash("a"), 0xe40c_292c);
/// ```
pub fn name_hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
