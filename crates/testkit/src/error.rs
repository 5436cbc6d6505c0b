//! What can go wrong while a test prepares its world.

use std::io;
use std::time::Duration;

/// A result whose error is an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why something that a test needs could not be had. Its text is meant to be enough to repair it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is not installed; the text says how to get it.
    #[error("{program} was not found: {remedy}")]
    Missing {
        /// What was looked for.
        program: &'static str,
        /// What to do about it.
        remedy: String,
    },
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system answered.
        source: io::Error,
    },
    /// A program ended although it should not have, or ended with a failure.
    #[error("{program} ended with {status}; it said:\n{output}")]
    Ended {
        /// The program.
        program: String,
        /// Its exit status in words.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// Something did not come true in time.
    #[error("waited {limit:?} in vain for {awaited}{details}")]
    TimedOut {
        /// What was awaited.
        awaited: String,
        /// For how long.
        limit: Duration,
        /// What may explain it, such as a server's log; starts with a line break unless empty.
        details: String,
    },
    /// A database server answered with an error.
    #[error("PostgreSQL refused `{statement}`: {message}")]
    Refused {
        /// What was asked of it.
        statement: String,
        /// The server's message.
        message: String,
    },
    /// A setting or an answer cannot be understood.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// The same error; a timeout also tells what `explanation` says.
    pub(crate) fn explained(self, explanation: &str) -> Self {
        if let Self::TimedOut { awaited, limit, .. } = self {
            return Self::TimedOut { awaited, limit, details: format!("\n{explanation}") };
        }
        self
    }
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    const LINES: usize = 40;
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
