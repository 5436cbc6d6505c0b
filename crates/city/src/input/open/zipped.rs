//! The data files in a zip archive.
//!
//! The archive's list of contents is read by the `zip` crate; the files themselves are unpacked here, one after the
//! other, because a reader of the crate borrows its archive and so could not be handed from thread to thread.

use std::io::{self, BufReader, Read};
use std::vec;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::guard::{Budget, Guarded};
use super::{Content, PACKED, Raw};
use crate::input::source::{is_archive, is_data};
use crate::input::{InputError, Refusal};

/// A zip archive being gone through.
pub(super) struct Zip<'a> {
    raw: Raw<'a>,
    members: vec::IntoIter<Member>,
    budget: Budget,
}

/// A file in an archive.
struct Member {
    name: String,
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    method: Result<Method, Refusal>,
}

#[derive(Clone, Copy)]
enum Method {
    Stored,
    Deflated,
}

impl<'a> Zip<'a> {
    /// Reads the list of contents.
    pub(super) fn open(name: String, mut raw: Raw<'a>, budget: Budget) -> Result<Self, InputError> {
        let contents =
            |error: zip::result::ZipError| InputError::refused(&name, Refusal::Contents(error.to_string()));
        let mut archive = ZipArchive::new(&mut raw.bytes).map_err(contents)?;
        let mut members = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(contents)?;
            let inside = entry.name().map_err(contents)?.into_owned();
            if entry.is_dir() || !(is_data(&inside) || is_archive(&inside)) {
                continue;
            }
            members.push(Member {
                name: format!("{name}, {inside}"),
                start: entry.data_start().unwrap_or(0),
                packed: entry.compressed_size(),
                size: entry.size(),
                crc: entry.crc32(),
                method: method(entry.encrypted(), entry.compression()),
            });
        }
        if members.is_empty() {
            return Err(InputError::NoData(name));
        }
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { raw, members: members.into_iter(), budget })
    }

    /// The next data file.
    pub(super) fn next(&mut self) -> Option<Result<Content<'a>, InputError>> {
        let Member { name, start, packed, size, crc, method } = self.members.next()?;
        let method = match method {
            Ok(method) => method,
            Err(refusal) => return Some(Err(InputError::refused(&name, refusal))),
        };
        let raw = match self.raw.again(start) {
            Ok(raw) => BufReader::with_capacity(PACKED, raw).take(packed),
            Err(error) => return Some(Err(InputError::io(&name, error))),
        };
        let unpacked: Box<dyn Read + Send + 'a> = match method {
            Method::Stored => Box::new(raw),
            Method::Deflated => Box::new(DeflateDecoder::new(raw)),
        };
        let checked = Checked { from: unpacked, sum: Crc::new(), read: 0, size, crc };
        Some(Ok(Content::new(name, true, Guarded::new(checked, self.budget.clone()))))
    }
}

fn method(encrypted: bool, method: CompressionMethod) -> Result<Method, Refusal> {
    if encrypted {
        Err(Refusal::Encrypted)
    } else if method == CompressionMethod::Stored {
        Ok(Method::Stored)
    } else if method == CompressionMethod::Deflated {
        Ok(Method::Deflated)
    } else {
        Err(Refusal::Method(method.to_string()))
    }
}

/// Compares what was unpacked with what the archive says of it.
struct Checked<R> {
    from: R,
    sum: Crc,
    read: u64,
    size: u64,
    crc: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.sum.update(&buffer[..count]);
        self.read += count as u64;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        if self.read < self.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.read > self.size || self.sum.sum() != self.crc {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"));
        }
        Ok(0)
    }
}
