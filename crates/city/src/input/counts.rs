//! What became of the rows of one block.

use std::collections::BTreeMap;
use std::str::Utf8Error;

use memchr::memchr_iter;

use super::table::Span;
use super::{Damage, InputError, Reason, Rejected};

/// Rows of a file that are looked at to see whether it makes sense at all.
pub(super) const FIRST_ROWS: u64 = 1_000;

/// The rows of one block.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Rows.
    pub(super) rows: u64,
    /// Bytes.
    pub(super) bytes: u64,
    /// Line ends. Of JSON, records.
    pub(super) lines: u64,
    /// Rejected rows: how many, and the first lines, from 0 at the block's beginning.
    pub(super) rejected: BTreeMap<Reason, (u64, Vec<u64>)>,
    /// Rows that cannot be read among the first of the block, by their numbers.
    pub(super) unreadable: Vec<(u64, Reason)>,
    /// Rows out of order within the block.
    pub(super) disorder: u64,
    /// The sensors of the block.
    pub(super) spans: Vec<Span>,
}

/// What ends the reading.
#[derive(Debug)]
pub(super) enum Fault {
    /// Damage at a line, from 0 at the block's beginning.
    At(u64, Damage),
    /// Something that is at no line.
    Error(InputError),
}

impl From<InputError> for Fault {
    fn from(error: InputError) -> Self {
        Self::Error(error)
    }
}

impl Fault {
    /// The same, so many lines later.
    pub(super) fn after(self, lines: u64) -> Self {
        match self {
            Self::At(line, what) => Self::At(line + lines, what),
            Self::Error(error) => Self::Error(error),
        }
    }

    /// Whether it is that the text ends between quotes.
    pub(super) const fn is_open_quote(&self) -> bool {
        matches!(self, Self::At(_, Damage::OpenQuote))
    }

    /// The line of a text on which it is no UTF-8.
    pub(super) fn not_utf8(text: &[u8], error: Utf8Error) -> Self {
        Self::At(memchr_iter(b'\n', &text[..error.valid_up_to()]).count() as u64, Damage::NotUtf8)
    }
}

impl Counts {
    /// Rejects the row that was counted last; it begins at a line of the block.
    pub(super) fn reject(&mut self, reason: Reason, line: u64) {
        let (count, first) = self.rejected.entry(reason).or_default();
        *count += 1;
        if first.len() < Rejected::PLACES {
            first.push(line);
        }
        // Rows without an id are a habit of the portals, in blocks of hundreds: they say nothing of the rest.
        if reason != Reason::MissingId && self.rows <= FIRST_ROWS {
            self.unreadable.push((self.rows, reason));
        }
    }
}
