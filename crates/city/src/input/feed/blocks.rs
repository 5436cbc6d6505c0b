//! The blocks of one CSV file: as many whole records as were read at a time.

use std::sync::Arc;

use memchr::memchr_iter;

use super::Holds;
use crate::input::buffer::Buffer;
use crate::input::counts::Fault;
use crate::input::csv::{Layout, last_record};
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
        while !self.content.ended() {
            let known = buffer.len();
            self.content.fill(buffer, limits.block.saturating_sub(known).max(MORE));
            quotes += count_quotes(&buffer[known..]);
            let end = last_record(buffer, quotes);
            if end.is_some() || buffer.len() > limits.line {
                break;
            }
        }
        match last_record(buffer, quotes) {
            Some(end) => {
                self.rest.extend_from_slice(&buffer[end..]);
                buffer.truncate(end);
                Some(self.rows(false))
            }
            None => self.end(buffer, quotes, limits),
        }
    }

    /// What there is when no whole record is left.
    fn end(&mut self, buffer: &mut Buffer, quotes: usize, limits: &Limits) -> Option<Holds> {
        let fault = if buffer.len() > limits.line {
            Fault::At(0, Damage::LongLine(limits.line))
        } else if let Some(fault) = self.content.take_fault() {
            fault.after(count_lines(buffer))
        } else if buffer.is_empty() {
            return None;
        } else if quotes % 2 == 1 {
            Fault::At(0, Damage::OpenQuote)
        } else {
            buffer.append(b"\n");
            return Some(self.rows(true));
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

/// Quotes of a text.
pub(in crate::input) fn count_quotes(text: &[u8]) -> usize {
    memchr_iter(b'"', text).count()
}

/// Line ends of a text.
pub(in crate::input) fn count_lines(text: &[u8]) -> u64 {
    memchr_iter(b'\n', text).count() as u64
}
