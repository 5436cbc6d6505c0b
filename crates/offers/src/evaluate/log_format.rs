//! Which logs can be read, and what counts as a reward in them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::EvaluateError;
use crate::engagement::EventType;

/// The kinds of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Our own decision log, JSON lines as in [`super::log`].
    #[default]
    Decisions,
    /// CSV of the Open Bandit Dataset (<https://research.zozo.com/data.html>).
    Obd,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Decisions => "a decision log",
            Self::Obd => "an Open Bandit log",
        })
    }
}

/// What is worth something, 0 to 1, when it happens to an offer that was shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RewardRule {
    /// A click is worth 1.
    #[default]
    Click,
    /// A redemption is worth 1.
    Redemption,
    /// Each event type is worth its weight; of several that happened the best one counts.
    Weights(BTreeMap<EventType, f64>),
}

impl RewardRule {
    /// What an event of this type is worth.
    pub(super) fn value(&self, event_type: EventType) -> f64 {
        match self {
            Self::Click => f64::from(event_type == EventType::Click),
            Self::Redemption => f64::from(event_type == EventType::Redemption),
            Self::Weights(weights) => weights.get(&event_type).copied().unwrap_or(0.0),
        }
    }

    /// What an event of a log is worth; a type that is not known is worth nothing.
    pub(super) fn value_of_name(&self, event_type: &str) -> f64 {
        event_type.parse().map_or(0.0, |event_type| self.value(event_type))
    }

    /// The most that a slot can be worth.
    pub(super) fn largest(&self) -> f64 {
        match self {
            Self::Click | Self::Redemption => 1.0,
            Self::Weights(weights) => weights.values().copied().fold(0.0, f64::max),
        }
    }

    /// Refuses weights that are none, and rewards that a log of this format never has.
    pub(super) fn check(&self, format: Format) -> Result<(), EvaluateError> {
        if let Self::Weights(weights) = self
            && (self.largest() <= 0.0 || weights.values().any(|weight| !(0.0..=1.0).contains(weight)))
        {
            return Err(EvaluateError::Weights);
        }
        if format == Format::Obd && self.value(EventType::Click) <= 0.0 {
            return Err(EvaluateError::ClicksOnly);
        }
        Ok(())
    }
}

impl fmt::Display for RewardRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Click => f.write_str("click"),
            Self::Redemption => f.write_str("redemption"),
            Self::Weights(weights) => {
                let parts: Vec<_> =
                    weights.iter().map(|(kind, weight)| format!("{} {weight}", kind.name())).collect();
                f.write_str(&parts.join(", "))
            }
        }
    }
}
