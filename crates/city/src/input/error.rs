//! Why a source cannot be read. Whatever the reason, nothing of the import counts.

use std::io;

use crate::MetricType;

/// Why a source could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// There is nothing to read.
    #[error(
        "{0}: there is no data file here; give a CSV or JSON file, a .gz or .zip of them, or a folder of such files"
    )]
    NoData(String),
    /// The system does not let it be read.
    #[error("{file}: cannot be read: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// It is no file: a folder, a pipe, a device.
    #[error("{0}: this is not a regular file, which is what can be read; write the data to one first")]
    NotAFile(String),
    /// It is not what it should be, as its first bytes tell.
    #[error("{file}: {why}")]
    Refused {
        /// The file, or the archive and the file in it.
        file: String,
        /// What it is.
        why: Refusal,
    },
    /// It is damaged somewhere.
    #[error("{file}, line {line}: {what}")]
    Damaged {
        /// The file, or the archive and the file in it.
        file: String,
        /// The line, from 1: where the damage is, or the one that was reached.
        line: u64,
        /// What is wrong there.
        what: Damage,
    },
    /// None of its rows can be used.
    #[error(
        "none of the {rows} rows can be used (mostly: {reason}, as in {}, line {}); look at the file, and at its type",
        .place.file, .place.line
    )]
    NothingKept {
        /// How many there are.
        rows: u64,
        /// Why most of them are rejected.
        reason: super::Reason,
        /// The first of those.
        place: super::Place,
    },
    /// What is said of sensors takes more than so many MiB.
    #[error(
        "what the rows say of their sensors (names, places or lines) changes so often that it takes more than {0} MiB; one of these columns probably holds something of the hour: import fewer files at once, or leave that column out"
    )]
    TooManyDescriptions(usize),
    /// The facts did not fit into memory, nor onto the disk.
    #[error(
        "the temporary file for facts that do not fit into memory: {0}; make room in the folder of temporary files, or name another by TMPDIR"
    )]
    Temporary(#[source] io::Error),
}

/// Why a file is refused before its first record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing in it.
    #[error("the file is empty; fetch it again")]
    Empty,
    /// A page for people.
    #[error(
        "this is an HTML page, probably an error page of the portal, where CSV or JSON is expected; open it to see what the portal says, and fetch the file again"
    )]
    Html,
    /// UTF-16.
    #[error("this is UTF-16 text; convert it to UTF-8, for example with `iconv -f UTF-16 -t UTF-8`")]
    Utf16,
    /// Not text at all.
    #[error("this is {0}, not CSV or JSON text; unpack or export it as CSV first")]
    Binary(&'static str),
    /// An archive in an archive.
    #[error("this is an archive inside an archive, which is not opened; unpack it first")]
    NestedArchive,
    /// A protected member of an archive.
    #[error("it is encrypted; unpack it first")]
    Encrypted,
    /// A member that is packed by another method than deflate.
    #[error("it is packed in a way that is not known here ({0}); unpack it first")]
    Method(String),
    /// The list of contents of an archive.
    #[error(
        "the archive's list of contents, at its end, is missing or damaged ({0}); it was probably cut off, fetch it again"
    )]
    Contents(String),
    /// An archive of more files than a person would make.
    #[error("this archive holds {0} files, more than the {1} that are read; unpack it first")]
    TooManyMembers(usize, usize),
    /// More comes out of an archive than one is ready to read.
    #[error("more than {0} bytes come out of this archive; unpack it first if that is right")]
    Expanded(u64),
    /// So much comes out of so little that it must be meant to.
    #[error(
        "this archive holds more than {0} times its own size, as no real data does; unpack it first if that is right"
    )]
    Ratio(u64),
    /// A file that is read as a whole.
    #[error("the file is larger than {0} bytes, too large for data of this type; split it")]
    TooLarge(u64),
    /// The last of several such files.
    #[error(
        "with this file there are more than {0} bytes, too much for one import of this type; import it apart"
    )]
    TooMuchTogether(u64),
    /// A document that would take much more memory than its text.
    #[error("this JSON would take more than {0} bytes of memory, too much for data of this type; split it")]
    TooMuch(usize),
    /// More records than any city has.
    #[error("there are more than {0} records, too many for data of this type; split the source")]
    TooManyRecords(usize),
    /// Disruptions that multiply the lines they hit.
    #[error("its disruptions name more than {0} lines together, too many to be right; split it if it is")]
    TooManyLines(usize),
    /// JSON in a form that is not read.
    #[error("{0}")]
    OtherForm(&'static str),
    /// Data of another type.
    #[error("this looks like data of type {found}, not {wanted}; import it as {found}")]
    WrongType {
        /// What it looks like.
        found: MetricType,
        /// What was asked for.
        wanted: MetricType,
    },
    /// None of the known formats.
    #[error("this is not data of type {wanted}: it has no {missing}; it begins with {begins:?}")]
    Unknown {
        /// What was asked for.
        wanted: MetricType,
        /// The columns or fields that are missing, for people.
        missing: String,
        /// How the file begins.
        begins: String,
    },
    /// Most of what comes first makes no sense.
    #[error(
        "{rejected} of its first {rows} rows cannot be read (mostly: {reason}); it is not in the known format, or damaged"
    )]
    MostlyRejected {
        /// Rows looked at.
        rows: u64,
        /// How many of them cannot be read.
        rejected: u64,
        /// The most frequent reason.
        reason: super::Reason,
    },
}

/// What is wrong at some line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A line without an end, or a quote without its partner.
    #[error(
        "the record that begins here is longer than {0} bytes; the file is damaged, or a quoted field that begins here does not end"
    )]
    LongLine(usize),
    /// The file ends inside a quoted field.
    #[error(
        "the file ends in the middle of a quoted field of the record that begins here; it was cut off, fetch it again"
    )]
    OpenQuote,
    /// The file ends inside a record.
    #[error("the file ends in the middle of this record; it was cut off, fetch it again")]
    CutRecord,
    /// A quote where none can be told from those that begin or end a field.
    #[error(
        "a quote stands within a field of the record that begins here, or text behind its closing quote; put such fields in quotes and double the quotes within, or delete them"
    )]
    StrayQuote,
    /// Old line ends.
    #[error(
        "this line ends with a carriage return alone, without a line feed; convert the file, for example with `tr '\\r' '\\n'`"
    )]
    BareReturn,
    /// Rows that a quote has joined.
    #[error(
        "the id, the date or a number of the record that begins here goes over several lines; a quote before it is probably not closed"
    )]
    LineBreak,
    /// There are more sensors than any city has.
    #[error(
        "this is one more than {0} different sensors; the column of the sensor's id probably holds something else"
    )]
    TooManySensors(usize),
    /// Text in another encoding.
    #[error(
        "this is not UTF-8 text (probably Windows-1252 or Latin-1); convert it, for example with `iconv -f WINDOWS-1252 -t UTF-8`"
    )]
    NotUtf8,
    /// An archive that ends too early.
    #[error("the archive ends here, before its data does; it was cut off, fetch it again")]
    CutArchive,
    /// An archive that contradicts itself.
    #[error("the archive is damaged from here on ({0}); fetch it again")]
    BadArchive(String),
    /// JSON that is not JSON.
    #[error("this is not well-formed JSON ({0}); the file was cut off or damaged, fetch it again")]
    Json(String),
    /// Anything else that makes the whole file doubtful.
    #[error("{0}")]
    Malformed(String),
}

impl InputError {
    /// A file that is refused.
    pub fn refused(file: &str, why: Refusal) -> Self {
        Self::Refused { file: file.to_owned(), why }
    }

    /// A file that is damaged at a line.
    pub fn damaged(file: &str, line: u64, what: Damage) -> Self {
        Self::Damaged { file: file.to_owned(), line, what }
    }

    /// A file that the system does not let us read.
    pub(crate) fn io(file: &str, source: io::Error) -> Self {
        Self::Io { file: file.to_owned(), source }
    }
}
