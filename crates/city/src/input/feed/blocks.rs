//! The blocks of one CSV file: as many whole records as were read at a time.

use std::sync::Arc;

use memchr::memchr_iter;

use super::Holds;
use crate::input::buffer::Buffer;
use crate::input::counts::Fault;
use crate::input::csv::{Layout, flaw, last_record};
use crate::input::open::Content;
use crate::input::{Damage, Limits};

/// Bytes that are read at least at a time.
const MORE: usize = 64;

/// A CSV file behind its header.
pub(super) struct Blocks<'a> {
    content: Content<'a>,
    layout: Arc<Layout>,
    /// What was read behind the last whole record.
    rest: Vec<u8>,
}

impl<'a> Blocks<'a> {
    /// A file of which so much was read behind the header.
    pub(super) fn new(content: Content<'a>, layout: Arc<Layout>, rest: &[u8]) -> Self {
        Self { content, layout, rest: rest.to_vec() }
    }

    /// The next block, into a buffer that is empty.
    pub(super) fn next(&mut self, buffer: &mut Buffer, limits: &Limits) -> Option<Holds> {
        buffer.append(&self.rest);
        self.rest.clear();
        let mut quotes = count_quotes(buffer);
        let mut end = last_record(buffer, 0, quotes);
        while !self.content.ended() && buffer.len() < end.map_or(limits.line + 1, |_| limits.block) {
            let known = buffer.len();
            self.content.fill(buffer, missing(known, limits));
            quotes += count_quotes(&buffer[known..]);
            end = last_record(buffer, known, quotes).or(end);
        }
        let Some(end) = end else { return self.end(buffer, limits) };
        self.rest.extend_from_slice(&buffer[end..]);
        buffer.truncate(end);
        Some(self.rows(false))
    }

    /// What there is when no whole record is left.
    fn end(&mut self, buffer: &mut Buffer, limits: &Limits) -> Option<Holds> {
        let fault = match flaw(buffer, self.layout.separator, limits.line) {
            Some(fault) if !fault.is_open_quote() => fault,
            _ if buffer.len() > limits.line => Fault::At(0, Damage::LongLine(limits.line)),
            open => match (self.content.take_fault(), open) {
                (Some(fault), _) => fault.after(count_lines(buffer)),
                (None, Some(open)) => open,
                (None, None) if buffer.is_empty() => return None,
                (None, None) => {
                    buffer.append(b"\n");
                    return Some(self.rows(true));
                }
            },
        };
        Some(Holds::Fault(fault))
    }

    /// A block without rows.
    pub(super) fn nothing(&self) -> Holds {
        self.rows(false)
    }

    fn rows(&self, unended: bool) -> Holds {
        Holds::Rows { layout: Arc::clone(&self.layout), unended }
    }
}

/// How much to read on: to a whole block, or when that holds no whole record, half of what such a one may still have,
/// so that a long one is looked at a few times and not at every few bytes.
fn missing(known: usize, limits: &Limits) -> usize {
    let block = limits.block.saturating_sub(known);
    let line = limits.line.saturating_sub(known).div_ceil(2);
    if block > 0 { block } else { line.max(MORE) }
}

/// Quotes of a text.
pub(in crate::input) fn count_quotes(text: &[u8]) -> usize {
    memchr_iter(b'"', text).count()
}

/// Line ends of a text.
pub(in crate::input) fn count_lines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}
