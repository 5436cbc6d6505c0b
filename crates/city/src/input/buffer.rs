//! Memory that is filled again and again.

use std::io::{self, Read};
use std::ops::Deref;

/// Bytes that were read. Unlike a `Vec` it keeps what it once had, so that memory is not set to zero before it is
/// overwritten anyway.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    memory: Vec<u8>,
    length: usize,
}

impl Buffer {
    /// Reads so many more bytes, or fewer when there are no more; returns how many.
    pub(super) fn fill(&mut self, from: &mut dyn Read, count: usize) -> io::Result<usize> {
        let start = self.length;
        let end = start + count;
        self.make_room(end);
        while self.length < end {
            match from.read(&mut self.memory[self.length..end]) {
                Ok(0) => break,
                Ok(read) => self.length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.length - start)
    }

    /// Appends bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.make_room(end);
        self.memory[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }

    /// Forgets everything from a place on.
    pub(super) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Forgets the first bytes.
    pub(super) fn skip(&mut self, count: usize) {
        self.memory.copy_within(count..self.length, 0);
        self.length -= count;
    }

    /// Gives memory back when there is more than is usual.
    pub(super) fn shrink(&mut self, usual: usize) {
        if self.memory.len() > usual {
            *self = Self::default();
        }
    }

    fn make_room(&mut self, length: usize) {
        if self.memory.len() < length {
            self.memory.resize(length, 0);
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn only_what_was_read_is_there() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.fill(&mut &b"abcdef"[..], 4).unwrap(), 4);
        assert_eq!(buffer.fill(&mut &b"gh"[..], 4).unwrap(), 2);
        assert_eq!(*buffer, *b"abcdgh");
        buffer.skip(2);
        buffer.append(b"!");
        assert_eq!(*buffer, *b"cdgh!");
        buffer.truncate(1);
        buffer.truncate(3);
        assert_eq!(*buffer, *b"c");
        buffer.shrink(8);
        assert_eq!(*buffer, *b"c");
        buffer.shrink(7);
        assert_eq!(*buffer, *b"");
    }
}
