//! The data files in a zip archive.
//!
//! The archive's list of contents is read by the `zip` crate, entry by entry, so that a long one takes no memory and of
//! two files with the same name both are read; the files themselves are unpacked here, one after the other, because a reader of the crate borrows its archive and so could not be handed from thread to thread.

use std::io::{self, BufReader, Read};
use std::vec;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::CompressionMethod;
use zip::read::Config;
use zip::unstable::read::ZipIterable;

use super::guard::{Budget, Guarded};
use super::{Content, PACKED, Raw};
use crate::input::source::{is_archive, is_data};
use crate::input::{InputError, Refusal};

/// Files that are read of an archive, those that hold no data among them: a city has a few for each day of some years.
const MOST_MEMBERS: usize = 10_000;
/// Bytes of what stands before each file, and what it begins with (APPNOTE 4.3.7).
const LOCAL_HEADER: usize = 30;
const LOCAL_MAGIC: [u8; 4] = *b"PK\x03\x04";

/// A zip archive being gone through.
pub(super) struct Zip<'a> {
    raw: Raw<'a>,
    members: vec::IntoIter<Member>,
    budget: Budget,
}

/// A file in an archive.
struct Member {
    name: String,
    header: u64,
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
        let mut archive = ZipIterable::try_new(&mut raw.bytes, Config::default()).map_err(contents)?;
        if archive.len() > MOST_MEMBERS {
            return Err(InputError::refused(&name, Refusal::TooManyMembers(archive.len(), MOST_MEMBERS)));
        }
        let mut members = Vec::new();
        for entry in archive.files().map_err(contents)? {
            let entry = entry.map_err(contents)?;
            let inside = entry.name().map_err(contents)?.into_owned();
            if entry.is_dir() || !(is_data(&inside) || is_archive(&inside)) {
                continue;
            }
            members.push(Member {
                name: format!("{name}, {inside}"),
                header: entry.header_start(),
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
        let member = self.members.next()?;
        Some(self.content(member))
    }

    fn content(&self, member: Member) -> Result<Content<'a>, InputError> {
        let Member { name, header, packed, size, crc, method } = member;
        let method = method.map_err(|refusal| InputError::refused(&name, refusal))?;
        let fails = |error: io::Error| {
            if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) {
                InputError::refused(&name, Refusal::Contents(error.to_string()))
            } else {
                InputError::io(&name, error)
            }
        };
        let raw = self.start(header).and_then(|start| self.raw.again(start)).map_err(fails)?;
        let raw = BufReader::with_capacity(PACKED, raw).take(packed);
        let unpacked: Box<dyn Read + Send + 'a> = match method {
            Method::Stored => Box::new(raw),
            Method::Deflated => Box::new(DeflateDecoder::new(raw)),
        };
        let checked = Checked { from: unpacked, sum: Crc::new(), read: 0, size, crc };
        Ok(Content::new(name, true, Guarded::new(checked, self.budget.clone())))
    }

    /// Where the bytes of the file begin whose header is here.
    fn start(&self, header: u64) -> io::Result<u64> {
        let mut local = [0; LOCAL_HEADER];
        self.raw.again(header)?.bytes.read_exact(&mut local)?;
        if !local.starts_with(&LOCAL_MAGIC) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a file is not where it says"));
        }
        let length = |at: usize| u64::from(u16::from_le_bytes([local[at], local[at + 1]]));
        // Its name and what else is said of it.
        Ok(header + LOCAL_HEADER as u64 + length(26) + length(28))
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
