//! The city stall: the city's raw open data in, checked daily metrics and one report out.
//!
//! [`input`] reads files of six types into exact facts: the [`hours`] of a sensor's day, or [`record`]s that last from
//! one day to another. [`archive`] keeps the facts of every day in numbered versions, so that what was known earlier
//! can still be read. [`metrics`] works out a day from its facts, [`quality`] says what is wrong with them, [`report`]
//! puts a day on one page. [`import`] joins these: it reads a source to its end, and only then publishes day by day.

pub mod archive;
pub mod hours;
pub mod import;
pub mod input;
mod kind;
pub mod metrics;
pub mod quality;
pub mod record;
pub mod report;
pub mod sensor;

pub use kind::{MetricType, UnknownType};
