//! What the people who run Halles see of it: logs, and metrics.
//!
//! [`logs::init`] sends `tracing` events to standard error, as lines for people or JSON for machines.
//! [`Metrics`] is the one registry that every part adds its own counters to and `GET /metrics` prints.
//! [`Secret`] keeps passwords and keys out of both. Nothing here knows what is being logged or counted: to
//! add a metric, register it from the crate that owns the number.

pub mod logs;
mod metrics;
mod process;
mod secret;

pub use metrics::{Histogram, Metrics};
pub use prometheus_client;
pub use secret::{Secret, SecretText};
