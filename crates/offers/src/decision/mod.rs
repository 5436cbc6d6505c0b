//! Decisions: which offers were shown to whom, with which chance, and what came of it.
//!
//! Without the chance that each offer had (its propensity) no other policy can be judged later by what happened. So
//! every answer is recorded ([`Decisions::record`]) in memory and written behind, in blocks; a crash may lose the last
//! tenth of a second. Decisions are kept outside the event log, for as long as is configured. An event that names a
//! decision which was lost is kept all the same, and told apart where the two are joined ([`export()`]).
//!
//! What is recorded is a [`Shown`]; what is read back is a [`Decision`], the form of the log that is evaluated.

pub(crate) mod api;
mod commands;
mod export;
pub mod queries;
mod writer;

pub use crate::evaluate::log::{Decision, LostDecision, LostLine, Reward, Slot};
pub use export::{ExportError, Exported, export};
pub use writer::{Decisions, Shown, ShownSlot, prune_old};

#[cfg(test)]
mod tests;
