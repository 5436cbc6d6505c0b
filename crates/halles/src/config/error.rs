//! What can be wrong with a configuration.

use std::fmt;
use std::io;

use super::{Key, Origin};

/// One thing that is wrong, and where.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// The file cannot be read.
    #[error("{file}: the configuration file cannot be read: {cause}")]
    Unreadable {
        /// Its path as given.
        file: String,
        /// Why not.
        cause: io::Error,
    },
    /// The file is not TOML.
    #[error("{origin}: not valid TOML: {message}")]
    Syntax {
        /// Where.
        origin: Origin,
        /// What the parser says; never the text itself, which may hold a secret.
        message: String,
    },
    /// No such key.
    #[error("{origin}: unknown key {name}; the nearest known key is {nearest}")]
    UnknownKey {
        /// Where.
        origin: Origin,
        /// What was written.
        name: String,
        /// What was probably meant.
        nearest: &'static str,
    },
    /// No such variable.
    #[error("env {name}: unknown variable; the nearest known one is {nearest}")]
    UnknownVariable {
        /// What was written.
        name: String,
        /// What was probably meant.
        nearest: &'static str,
    },
    /// A variable that is not UTF-8.
    #[error("env {name}: the value is not UTF-8 text")]
    NotText {
        /// The variable.
        name: String,
    },
    /// A value where a table of keys belongs.
    #[error("{origin}: {name} is a group of keys and has no value of its own; write [{name}] above its keys")]
    Group {
        /// Where.
        origin: Origin,
        /// The group.
        name: String,
    },
    /// A value of the wrong form.
    #[error("{origin}: {name} is {given}; expected {expected}")]
    Value {
        /// Where.
        origin: Origin,
        /// The key, or the variable that is a part of one.
        name: &'static str,
        /// What was written, or a word for it when it may be secret.
        given: String,
        /// What would be right.
        expected: String,
    },
    /// A key that another value makes necessary.
    #[error("{name} is missing, and needed because {because}; set it in the file or as {env}")]
    Missing {
        /// The key.
        name: &'static str,
        /// Its variable.
        env: &'static str,
        /// What makes it necessary.
        because: String,
    },
    /// The table of keys and [`Settings`](super::Settings) do not fit each other: a defect of the program.
    #[error("the keys and the settings of this program disagree: {0}")]
    Defect(#[from] serde_json::Error),
}

impl Mistake {
    pub(super) fn value(key: &'static Key, origin: Origin, given: &str) -> Self {
        let given = if key.is_sensitive() { "not valid" } else { given };
        Self::Value { origin, name: key.name, given: given.to_owned(), expected: key.form.expected() }
    }
}

/// Everything that is wrong with a configuration, at least one thing.
#[derive(Debug)]
pub struct Mistakes(pub Vec<Mistake>);

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [mistake] => write!(f, "{mistake}"),
            mistakes => {
                write!(f, "the configuration has {} mistakes", mistakes.len())?;
                mistakes.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
            }
        }
    }
}

impl std::error::Error for Mistakes {}
