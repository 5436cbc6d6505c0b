//! What people do with offers: how it comes in, how it is written down, and how it is folded into what is known.
//!
//! `POST /events/track` is a command ([`commands::track`]) that writes all it accepts as one event of the log (a large
//! batch as a few). The log is the truth: the ranking index takes it in right after the commit, and the durable [`fold`]
//! into tables soon after, both through [`Touched::apply`].

pub(crate) mod api;
mod apply;
pub mod commands;
mod kind;
pub mod metrics;
mod queries;
#[cfg(test)]
mod tests;
mod tracked;
pub mod work;

pub use apply::{Counts, Numbers, Rewards, Touched};
pub use commands::fold;
pub use kind::{EventType, UnknownEventType};
pub use tracked::{ENGAGEMENT, Engagement, Signals, Tracked};
