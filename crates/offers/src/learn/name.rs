//! Names of the policies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The policies there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyName {
    /// Nothing is learned: every belief is the mean.
    Static,
    /// Everything in random order: the baseline.
    Uniform,
    /// The highest mean, and now and then a random order.
    EpsilonGreedy,
    /// The highest upper confidence bound; no chance in it.
    Ucb1,
    /// Draws from Beta(1 + successes, 1 + failures): the reference.
    PlainThompson,
    /// Draws from Beta posteriors whose prior is learned from the category and from all offers.
    Thompson,
    /// `thompson` that notices when rates change and knows that rewards come late.
    #[default]
    AdaptiveThompson,
    /// Draws the weights of a linear model of user and offer.
    LinearThompson,
}

impl PolicyName {
    /// All of them, in the order people read them.
    pub const ALL: [Self; 8] = [
        Self::Static,
        Self::Uniform,
        Self::EpsilonGreedy,
        Self::Ucb1,
        Self::PlainThompson,
        Self::Thompson,
        Self::AdaptiveThompson,
        Self::LinearThompson,
    ];

    /// The name as it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Uniform => "uniform",
            Self::EpsilonGreedy => "epsilon-greedy",
            Self::Ucb1 => "ucb1",
            Self::PlainThompson => "plain-thompson",
            Self::Thompson => "thompson",
            Self::AdaptiveThompson => "adaptive-thompson",
            Self::LinearThompson => "linear-thompson",
        }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A policy's name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no policy is called `{given}`; there are {}", names())]
pub struct UnknownPolicy {
    given: String,
}

fn names() -> String {
    PolicyName::ALL.map(PolicyName::as_str).join(", ")
}

impl FromStr for PolicyName {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| UnknownPolicy { given: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn every_name_parses_prints_and_serializes_alike() {
        for name in PolicyName::ALL {
            assert_eq!(name.to_string().parse::<PolicyName>().unwrap(), name);
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
        }
        assert_eq!(format!("[{:<8}]", PolicyName::Ucb1), "[ucb1    ]");
    }

    #[test]
    fn an_unknown_name_is_told_what_there_is() {
        let error = "ucb".parse::<PolicyName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "no policy is called `ucb`; there are static, uniform, epsilon-greedy, ucb1, plain-thompson, thompson, \
             adaptive-thompson, linear-thompson"
        );
    }
}
