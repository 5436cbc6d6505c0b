//! Ranking: which offers somebody is shown, in which order, and with which chance.
//!
//! The [`Index`] holds all offers, all people and what was learned in memory. It is fed by the event log
//! ([`Index::apply`]) and starts from the tables and the rest of the log ([`Index::open`]).
//!
//! Beliefs are uncertain, so there are 64 *hands* of them, each one draw of what every offer may be worth. An answer
//! follows one hand, picked by chance; the propensity of a shown offer is the share of the hands that would have shown
//! it in that place to that person, and so it is exact. What all people have in common is worked out beforehand, in a
//! [`plan`](self) that is swapped as a whole every few tens of milliseconds ([`Refresher`]); what must be true in the
//! moment of an answer (in stock, active, not over) is looked at in that moment.

pub(crate) mod api;
mod beliefs;
mod beta;
mod catalog;
mod deal;
mod index;
mod load;
pub mod metrics;
mod names;
mod people;
mod plan;
mod products;
mod recommend;
mod refresh;
mod shelves;
pub mod signals;
mod slate;
mod slot;
mod stats;
#[cfg(test)]
mod tests;
mod tops;
mod views;
mod wire;

pub use deal::{Done, Work};
pub use index::{Index, Settings};
pub use recommend::{Explanation, Recommendation, Recommended, Request};
pub use refresh::Refresher;
pub use stats::{Activity, Belief, OfferStats, ShownShare};

/// How many samples of all beliefs there are: a propensity is a multiple of 1/64.
pub const HANDS: usize = 64;
