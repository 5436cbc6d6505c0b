//! Opening sources: plain files, `.gz` and `.zip`, told apart by their first bytes.

mod guard;
mod sniff;
mod zipped;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::slice;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::buffer::Buffer;
use super::counts::Fault;
use super::{Damage, InputError, Limits, Progress, Refusal, Source};
use guard::{Budget, Guarded};
pub(super) use sniff::{Text, begins, sniff};
use zipped::Zip;

/// How much is read from a packed file at a time.
const PACKED: usize = 1 << 16;

/// A file to be read from its beginning to its end, unpacked.
pub(super) struct Content<'a> {
    /// Its name; of a file in an archive both names.
    pub(super) name: String,
    /// Whether it comes out of an archive.
    pub(super) packed: bool,
    bytes: Box<dyn Read + Send + 'a>,
    end: Option<Result<(), Fault>>,
}

impl<'a> Content<'a> {
    fn new(name: String, packed: bool, bytes: impl Read + Send + 'a) -> Self {
        Self { name, packed, bytes: Box::new(bytes), end: None }
    }

    /// Appends so many more bytes to a buffer, or fewer at the end of the file.
    pub(super) fn fill(&mut self, buffer: &mut Buffer, count: usize) {
        if self.end.is_some() {
            return;
        }
        match buffer.fill(&mut self.bytes, count) {
            Ok(read) if read < count => self.end = Some(Ok(())),
            Ok(_) => {}
            Err(error) => self.end = Some(Err(fault(error, &self.name, self.packed))),
        }
    }

    /// Whether all was read that can be.
    pub(super) fn ended(&self) -> bool {
        self.end.is_some()
    }

    /// Why no more can be read, if it is not because the file ends; told once.
    pub(super) fn take_fault(&mut self) -> Option<Fault> {
        match self.end.replace(Ok(())) {
            Some(Err(fault)) => Some(fault),
            Some(Ok(())) | None => None,
        }
    }
}

/// What an error of reading means.
fn fault(error: io::Error, name: &str, packed: bool) -> Fault {
    if let Some(refusal) = error.get_ref().and_then(|inner| inner.downcast_ref::<Refusal>()) {
        return InputError::refused(name, refusal.clone()).into();
    }
    let kind = error.kind();
    if packed && kind == io::ErrorKind::UnexpectedEof {
        Fault::At(0, Damage::CutArchive)
    } else if packed && matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) {
        Fault::At(0, Damage::BadArchive(error.to_string()))
    } else {
        InputError::io(name, error).into()
    }
}

/// The files of sources, one after the other.
pub(super) struct Files<'a> {
    sources: slice::Iter<'a, Source>,
    zip: Option<Zip<'a>>,
    limits: &'a Limits,
    progress: &'a dyn Progress,
}

impl<'a> Files<'a> {
    /// The files of these sources.
    pub(super) fn of(
        sources: &'a [Source],
        limits: &'a Limits,
        progress: &'a dyn Progress,
    ) -> Result<Self, InputError> {
        if sources.is_empty() {
            return Err(InputError::NoData("no source".to_owned()));
        }
        progress.begin(sources.iter().map(Source::size).sum::<Result<u64, _>>()?);
        Ok(Self { sources: sources.iter(), zip: None, limits, progress })
    }

    /// The next file.
    pub(super) fn next(&mut self) -> Option<Result<Content<'a>, InputError>> {
        loop {
            if let Some(content) = self.zip.as_mut().and_then(Zip::next) {
                return Some(content);
            }
            self.zip = None;
            let source = self.sources.next()?;
            match self.open(source) {
                Ok(Some(content)) => return Some(Ok(content)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Opens a source that is one file; a zip archive is left to be gone through.
    fn open(&mut self, source: &'a Source) -> Result<Option<Content<'a>>, InputError> {
        let name = source.name();
        let fails = |error| InputError::io(&name, error);
        let size = source.size()?;
        let mut raw = Raw::open(source, self.progress).map_err(fails)?;
        let mut magic = [0; 4];
        let length = read_up_to(&mut raw.bytes, &mut magic).map_err(fails)?;
        raw.bytes.rewind().map_err(fails)?;
        let budget = Budget::new(size, self.limits.expanded);
        if begins::gzip(&magic[..length]) {
            let unpacked = MultiGzDecoder::new(BufReader::with_capacity(PACKED, raw));
            return Ok(Some(Content::new(name, true, Guarded::new(unpacked, budget))));
        }
        if begins::zip(&magic[..length]) {
            self.zip = Some(Zip::open(name, raw, budget)?);
            return Ok(None);
        }
        Ok(Some(Content::new(name, false, raw)))
    }
}

/// The bytes of a source as they are; tells how far reading is.
pub(super) struct Raw<'a> {
    bytes: Stored,
    progress: &'a dyn Progress,
}

enum Stored {
    File(File),
    Memory(Cursor<Bytes>),
}

impl<'a> Raw<'a> {
    fn open(source: &Source, progress: &'a dyn Progress) -> io::Result<Self> {
        let bytes = match source {
            Source::File(path) | Source::Spooled { path, .. } => Stored::File(File::open(path)?),
            Source::Bytes { data, .. } => Stored::Memory(Cursor::new(data.clone())),
        };
        Ok(Self { bytes, progress })
    }

    /// Another reader of the same bytes, from a place on.
    fn again(&self, from: u64) -> io::Result<Self> {
        let mut bytes = match &self.bytes {
            Stored::File(file) => Stored::File(file.try_clone()?),
            Stored::Memory(data) => Stored::Memory(data.clone()),
        };
        bytes.seek(SeekFrom::Start(from))?;
        Ok(Self { bytes, progress: self.progress })
    }
}

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Memory(data) => data.read(buffer),
        }
    }
}

impl Seek for Stored {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Memory(data) => data.seek(to),
        }
    }
}

/// Reads until the buffer is full or nothing is left; returns how much was read.
fn read_up_to(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
