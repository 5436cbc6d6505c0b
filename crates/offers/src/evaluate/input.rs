//! Opening a log: plain or compressed by its content, with a bound on the length of a line.

use std::cell::Cell;
use std::io::{self, Cursor, ErrorKind, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use kernel::table::unmarked;

use super::error::EvaluateError;
use super::log_format::Format;

/// The longest line that is read, in bytes.
pub(super) const LONGEST_LINE: usize = 1 << 20;

const GZIP: &[u8] = &[0x1f, 0x8b];
/// First bytes of files that are taken for logs by mistake, and what to do with them.
const OTHERS: [(&[u8], &str, &str); 4] = [
    (b"PK\x03\x04", "a zip archive", "unpack it first, or compress with gzip"),
    (b"PAR1", "a Parquet file", "export it as text first"),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
];

/// The text of a log.
pub(super) struct Input<'r> {
    /// Fails when more than [`LONGEST_LINE`] is read without a [`Faults::line_done`].
    pub(super) text: Bounded<Box<dyn Read + 'r>>,
    pub(super) faults: Faults,
}

/// Keeps the bound on lines, and says what a failed read means.
pub(super) struct Faults {
    since_line: Rc<Cell<usize>>,
    compressed: bool,
}

impl<'r> Input<'r> {
    /// Looks at the beginning of the file, and unpacks it when it is compressed.
    pub(super) fn open(format: Format, reader: &'r mut dyn Read) -> Result<Self, EvaluateError> {
        let (head, reader) = peek(reader).map_err(EvaluateError::Read)?;
        let since_line = Rc::new(Cell::new(0));
        let faults = Faults { since_line: Rc::clone(&since_line), compressed: head.starts_with(GZIP) };
        let (head, inner): (Vec<u8>, Box<dyn Read + 'r>) = if faults.compressed {
            let (head, text) = peek(MultiGzDecoder::new(reader)).map_err(|error| faults.explain(error, 0))?;
            (head, Box::new(text))
        } else {
            (head, Box::new(reader))
        };
        recognise(format, &head)?;
        Ok(Self { text: Bounded { inner, since_line }, faults })
    }
}

impl Faults {
    /// A line has been read: the bound begins anew.
    pub(super) fn line_done(&self) {
        self.since_line.set(0);
    }

    /// What a failed read means, `line` being the last one that was whole.
    pub(super) fn explain(&self, error: io::Error, line: u64) -> EvaluateError {
        if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooLong>) {
            return EvaluateError::LineTooLong { line: line + 1 };
        }
        if self.compressed && error.kind() == ErrorKind::UnexpectedEof {
            return EvaluateError::CutShort { line };
        }
        if self.compressed && [ErrorKind::InvalidData, ErrorKind::InvalidInput].contains(&error.kind()) {
            return EvaluateError::Damaged { line };
        }
        EvaluateError::Read(error)
    }
}

/// The first bytes of what is read, and everything including them.
fn peek<R: Read>(mut reader: R) -> io::Result<(Vec<u8>, impl Read)> {
    let mut head = Vec::new();
    reader.by_ref().take(64).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(reader)))
}

/// Refuses what clearly is something else.
fn recognise(expected: Format, head: &[u8]) -> Result<(), EvaluateError> {
    if let Some((_, found, advice)) = OTHERS.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Err(EvaluateError::OtherKind { found, expected, advice });
    }
    let text = unmarked(head).trim_ascii_start();
    let (found, advice) = match (expected, text.first()) {
        (_, None) => return Err(EvaluateError::Empty),
        (_, Some(b'<')) => ("a web page", "download the file itself"),
        (Format::Obd, Some(b'{')) => ("JSON", "a decision log is read with the format `decisions`"),
        (Format::Decisions, Some(first)) if *first != b'{' => {
            ("not JSON lines", "an Open Bandit log is read with the format `obd`")
        }
        (Format::Obd | Format::Decisions, Some(_)) => return Ok(()),
    };
    Err(EvaluateError::OtherKind { found, expected, advice })
}

/// A reader that gives up when a line does not end.
pub(super) struct Bounded<R> {
    inner: R,
    since_line: Rc<Cell<usize>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the line is too long")]
struct TooLong;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_line.get() > LONGEST_LINE {
            return Err(io::Error::other(TooLong));
        }
        let read = self.inner.read(buffer)?;
        self.since_line.set(self.since_line.get() + read);
        Ok(read)
    }
}
