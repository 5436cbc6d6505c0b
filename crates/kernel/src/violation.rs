//! What a check of stored data finds.

use std::fmt;

use serde::Serialize;

/// Something that is not as it must be; `R` are the rules of a stall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation<R> {
    /// Which rule it breaks.
    pub rule: R,
    /// Where: a place and product, an order, an offer.
    pub subject: String,
    /// What would be right.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl<R: fmt::Display> fmt::Display for Violation<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: expected {}, found {}", self.rule, self.subject, self.expected, self.found)
    }
}
