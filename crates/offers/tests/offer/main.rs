//! Offers, their inventory and their pivots on both engines: what people do at the same time, what the stores do
//! meanwhile, and what the API answers.
#![expect(clippy::unwrap_used, reason = "tests")]

mod administration;
mod following;
mod hall;
mod races;
