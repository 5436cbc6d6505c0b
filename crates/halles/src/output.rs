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
