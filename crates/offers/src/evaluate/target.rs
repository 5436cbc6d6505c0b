//! The policies that a log can be asked about.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::learn::PolicyName;

/// A policy whose value is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// What was logged: every weight is 1, and the estimate is the mean.
    Logged,
    /// Each offer of the log with the same chance in every slot.
    Uniform,
    /// Always the offers with the best rates, learned from other rows of the log.
    Greedy,
    /// A policy that learned from other rows of the log, and looks at offers only, not at users.
    Learned(PolicyName),
}

/// A policy that cannot be asked about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownTarget {
    /// No such policy.
    #[error("no policy is called `{given}`; a log can be asked about {}", names())]
    Name {
        /// What was given.
        given: String,
    },
    /// It needs what a log does not hold.
    #[error(
        "`{name}` decides by what is known of each user, which a log does not hold: run it in an experiment; \
         a log can be asked about {}",
        names()
    )]
    Contextual {
        /// The policy.
        name: PolicyName,
    },
}

fn names() -> String {
    let learned = PolicyName::ALL.into_iter().filter(|name| *name != PolicyName::LinearThompson);
    let names: Vec<_> = ["logged", "greedy"].into_iter().chain(learned.map(PolicyName::as_str)).collect();
    names.join(", ")
}

impl Target {
    /// Whether it has to learn first.
    pub(super) fn learns(self) -> bool {
        match self {
            Self::Logged | Self::Uniform => false,
            Self::Greedy | Self::Learned(_) => true,
        }
    }
}

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        match text {
            "logged" => return Ok(Self::Logged),
            "greedy" => return Ok(Self::Greedy),
            _ => {}
        }
        let name = text.parse().map_err(|_| UnknownTarget::Name { given: text.to_owned() })?;
        match name {
            PolicyName::Uniform => Ok(Self::Uniform),
            PolicyName::LinearThompson => Err(UnknownTarget::Contextual { name }),
            PolicyName::Static
            | PolicyName::EpsilonGreedy
            | PolicyName::Ucb1
            | PolicyName::PlainThompson
            | PolicyName::Thompson
            | PolicyName::AdaptiveThompson => Ok(Self::Learned(name)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Logged => "logged",
            Self::Uniform => "uniform",
            Self::Greedy => "greedy",
            Self::Learned(name) => name.as_str(),
        })
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
