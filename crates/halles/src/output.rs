//! Standard output: what a command was asked for, and nothing else. Messages and logs go to standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a text as it is. A reader that has left, as `head` does, is not an error.
pub fn print(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// An error and what led to it, each said once: many a message of ours tells its cause already.
pub fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::anyhow;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("a.csv: cannot be read: {source}")]
    struct Unreadable {
        source: io::Error,
    }

    #[test]
    fn each_cause_is_said_once() {
        let unreadable = || Unreadable { source: io::Error::other("no such file") };
        assert_eq!(told(&anyhow!(unreadable())), "a.csv: cannot be read: no such file");
        let error = anyhow!(unreadable()).context("nothing was imported");
        assert_eq!(told(&error), "nothing was imported: a.csv: cannot be read: no such file");
    }
}
