//! Cutting files into pieces, one for whoever asks next.

mod blocks;

use std::sync::Arc;

use super::buffer::Buffer;
use super::counts::Fault;
use super::csv::{Layout, first_record, flaw, separator};
use super::open::{Content, Files, Text, sniff};
use super::{Damage, InputError, Limits, Refusal};
use crate::MetricType;
use blocks::Blocks;
pub(super) use blocks::count_lines;

/// Bytes that are always enough to tell what a file is.
const ENOUGH: usize = 4096;

/// What a worker gets to read, with its bytes in the worker's buffer.
#[derive(Debug)]
pub(super) struct Piece {
    /// Its place among all pieces.
    pub(super) number: u64,
    /// Its file.
    pub(super) file: Arc<str>,
    /// Of a file's first piece: lines before it.
    pub(super) begins: Option<u64>,
    /// What is in the buffer.
    pub(super) holds: Holds,
}

/// What a buffer holds.
#[derive(Debug)]
pub(super) enum Holds {
    /// Whole rows.
    Rows {
        /// Where they have their columns.
        layout: Arc<Layout>,
        /// Whether the last one had no line end.
        unended: bool,
    },
    /// A whole JSON document.
    Page,
    /// Nothing: the file ends badly here.
    Fault(Fault),
}

/// The pieces of all files.
pub(super) struct Feed<'a> {
    files: Files<'a>,
    kind: MetricType,
    limits: &'a Limits,
    open: Option<(Arc<str>, Blocks<'a>)>,
    pieces: u64,
    csv_files: u32,
}

impl<'a> Feed<'a> {
    /// The pieces of files of one type.
    pub(super) fn new(files: Files<'a>, kind: MetricType, limits: &'a Limits) -> Self {
        Self { files, kind, limits, open: None, pieces: 0, csv_files: 0 }
    }

    /// The next piece; its bytes replace those of the buffer.
    pub(super) fn next(&mut self, buffer: &mut Buffer) -> Option<Piece> {
        buffer.truncate(0);
        let (file, begins, holds) = match self.go_on(buffer) {
            Some((file, holds)) => (file, None, holds),
            None => self.begin(buffer)?,
        };
        let number = self.pieces;
        self.pieces += 1;
        Some(Piece { number, file, begins, holds })
    }

    /// The next piece of the open file.
    fn go_on(&mut self, buffer: &mut Buffer) -> Option<(Arc<str>, Holds)> {
        let (name, blocks) = self.open.as_mut()?;
        let holds = blocks.next(buffer, self.limits);
        if holds.is_none() {
            self.open = None;
            return None;
        }
        holds.map(|holds| (Arc::clone(name), holds))
    }

    /// The first piece of the next file.
    fn begin(&mut self, buffer: &mut Buffer) -> Option<(Arc<str>, Option<u64>, Holds)> {
        let content = match self.files.next()? {
            Ok(content) => content,
            Err(error) => return Some(("".into(), Some(0), Holds::Fault(error.into()))),
        };
        let name: Arc<str> = content.name.as_str().into();
        let (lines, holds) = self.first(content, buffer).unwrap_or_else(|fault| (0, Holds::Fault(fault)));
        Some((name, Some(lines), holds))
    }

    fn first(&mut self, mut content: Content<'a>, buffer: &mut Buffer) -> Result<(u64, Holds), Fault> {
        if begin(&mut content, buffer, self.limits)? == Text::Json {
            read_all(&mut content, buffer, self.limits)?;
            return Ok((0, Holds::Page));
        }
        let header = header(&mut content, buffer, self.limits)?;
        let name = content.name.as_str().into();
        self.csv_files += 1;
        let layout = Layout::of(&buffer[..header], self.kind, self.csv_files)
            .map_err(|refusal| InputError::refused(&content.name, refusal))?;
        let lines = count_lines(&buffer[..header]);
        let mut blocks = Blocks::new(content, Arc::new(layout), &buffer[header..]);
        buffer.truncate(0);
        let holds = blocks.next(buffer, self.limits).unwrap_or_else(|| blocks.nothing());
        self.open = Some((name, blocks));
        Ok((lines, holds))
    }
}

/// Reads a file as a whole: UTF-8 text without a byte order mark.
pub(super) fn whole(mut content: Content<'_>, limits: &Limits) -> Result<Buffer, InputError> {
    let mut text = Buffer::default();
    let read = begin(&mut content, &mut text, limits).and_then(|_| {
        read_all(&mut content, &mut text, limits)?;
        std::str::from_utf8(&text).map_err(|error| Fault::not_utf8(&text, error))
    });
    match read.err() {
        None => Ok(text),
        Some(Fault::Error(error)) => Err(error),
        Some(Fault::At(line, what)) => Err(InputError::damaged(&content.name, line + 1, what)),
    }
}

/// Reads the first bytes of a file, without a byte order mark, and tells what it is.
fn begin(content: &mut Content<'_>, buffer: &mut Buffer, limits: &Limits) -> Result<Text, Fault> {
    content.fill(buffer, limits.block.max(ENOUGH));
    match sniff(buffer, content.packed) {
        Ok((text, skip)) => {
            buffer.skip(skip);
            Ok(text)
        }
        // What is wrong with an archive says more than that nothing comes out of it.
        Err(refusal) => match content.take_fault().filter(|_| refusal == Refusal::Empty) {
            Some(fault) => Err(fault),
            None => Err(InputError::refused(&content.name, refusal).into()),
        },
    }
}

/// Reads on until the header is complete; returns its length.
fn header(content: &mut Content<'_>, buffer: &mut Buffer, limits: &Limits) -> Result<usize, Fault> {
    loop {
        if let Some(length) = first_record(buffer) {
            let header = &buffer[..length];
            if let Some(fault) = flaw(header, separator(header), limits.line) {
                return Err(fault);
            }
            return match std::str::from_utf8(header) {
                Ok(_) => Ok(length),
                Err(error) => Err(Fault::not_utf8(header, error)),
            };
        }
        if buffer.len() <= limits.line && !content.ended() {
            content.fill(buffer, limits.block);
            continue;
        }
        let flaw = flaw(buffer, separator(buffer), limits.line);
        match flaw {
            Some(fault) if !fault.is_open_quote() => return Err(fault),
            _ if buffer.len() > limits.line => return Err(Fault::At(0, Damage::LongLine(limits.line))),
            open => match content.take_fault().map(|fault| fault.after(count_lines(buffer))).or(open) {
                Some(fault) => return Err(fault),
                None => buffer.append(b"\n"),
            },
        }
    }
}

/// Reads on to the end of a file that is read as a whole.
fn read_all(content: &mut Content<'_>, buffer: &mut Buffer, limits: &Limits) -> Result<(), Fault> {
    while !content.ended() && buffer.len() as u64 <= limits.records {
        content.fill(buffer, limits.block.max(buffer.len()));
    }
    if buffer.len() as u64 > limits.records {
        return Err(InputError::refused(&content.name, Refusal::TooLarge(limits.records)).into());
    }
    content.take_fault().map_or(Ok(()), |fault| Err(fault.after(count_lines(buffer))))
}
