//! Cutting rows into fields.
//!
//! A quote opens a quoted field when it is the first byte of its field; anywhere else it is a letter. Blocks are cut by
//! the number of quotes alone (see [`last_record`]), which is quick, and right as long as those that are letters come in
//! pairs within what is not quoted of a record; a record in which they do not is damage, told with its line. So up to the
//! first such record every block begins where a record does, and nothing is swallowed.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr2_iter, memchr3, memrchr2};

use super::lines;
use crate::input::Damage;
use crate::input::counts::Fault;

/// The end of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Where the separator or the line end is.
    pub(super) at: usize,
    /// Whether the field is quoted.
    pub(super) quoted: bool,
    /// How many quotes in it are letters.
    pub(super) letters: usize,
}

/// Why a field, or a record, has no end, and where that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends in it.
    Unended,
    /// The text ends between its quotes.
    Open,
    /// There is a quote that is neither at the ends of its field nor paired.
    Stray(usize),
    /// A carriage return stands where a line end should.
    Return(usize),
}

/// Where the field that begins at `start` ends: at a separator or a line end outside quotes.
pub(super) fn field_end(text: &[u8], start: usize, separator: u8) -> Result<End, Stop> {
    if text.get(start) == Some(&b'"') {
        return quoted_end(text, start, separator);
    }
    let (mut at, mut letters) = (start, 0);
    loop {
        let rest = text.get(at..).ok_or(Stop::Unended)?;
        at += memchr3(separator, b'\n', b'"', rest).ok_or(Stop::Unended)?;
        if text[at] != b'"' {
            return Ok(End { at, quoted: false, letters });
        }
        letters += 1;
        at += 1;
    }
}

fn quoted_end(text: &[u8], start: usize, separator: u8) -> Result<End, Stop> {
    let mut at = start + 1;
    loop {
        at += memchr(b'"', text.get(at..).ok_or(Stop::Open)?).ok_or(Stop::Open)? + 1;
        let behind = &text[at..];
        match behind {
            [b'"', ..] => at += 1,
            [b'\r', b'\n', ..] => return Ok(End { at: at + 1, quoted: true, letters: 0 }),
            [] | [b'\r'] => return Err(Stop::Unended),
            [b'\r', ..] => return Err(Stop::Return(at)),
            [byte, ..] if *byte == separator || *byte == b'\n' => {
                return Ok(End { at, quoted: true, letters: 0 });
            }
            [..] => return Err(Stop::Stray(at)),
        }
    }
}

/// Whether quotes that are letters must come in pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// In pairs, as blocks need it.
    Paired,
    /// As they come.
    Any,
}

/// Behind the record that a text begins with.
fn record_end(text: &[u8], separator: u8, letters: Letters) -> Result<usize, Stop> {
    let (mut at, mut unpaired) = (0, false);
    loop {
        if unpaired && text.get(at) == Some(&b'"') {
            return Err(Stop::Stray(at));
        }
        let end = field_end(text, at, separator);
        if text.get(at) != Some(&b'"') {
            let field = &text[at..end.map_or(text.len(), |end| end.at + 1)];
            bare_return(field).map_or(Ok(()), |place| Err(Stop::Return(at + place)))?;
        }
        let end = end?;
        unpaired ^= letters == Letters::Paired && end.letters % 2 == 1;
        at = end.at + 1;
        if text[end.at] == b'\n' {
            return if unpaired { Err(Stop::Stray(end.at)) } else { Ok(at) };
        }
    }
}

/// The first carriage return that no line feed follows, nor the end of the text.
fn bare_return(text: &[u8]) -> Option<usize> {
    memchr_iter(b'\r', text).find(|at| text.get(at + 1).is_some_and(|next| *next != b'\n'))
}

/// Whether there is a carriage return without its line feed, be it between quotes, where it may be.
pub(super) fn has_bare_return(text: &[u8]) -> bool {
    bare_return(text).is_some()
}

/// What is wrong with the record that a text begins with, and is seen within its first `longest` bytes.
pub(in crate::input) fn flaw(text: &[u8], separator: u8, longest: usize) -> Option<Fault> {
    let end = record_end(text, separator, Letters::Paired);
    end.err().and_then(|stop| stop.fault(text, longest))
}

/// What is wrong with the first record of a whole text that cannot be cut into records.
pub(in crate::input) fn first_flaw(text: &[u8], separator: u8) -> Option<Fault> {
    let mut start = 0;
    while start < text.len() {
        match record_end(&text[start..], separator, Letters::Any) {
            Ok(length) => start += length,
            Err(stop) => {
                let fault = stop.fault(&text[start..], usize::MAX);
                return fault.map(|fault| fault.after(lines(&text[..start])));
            }
        }
    }
    None
}

impl Stop {
    /// The same as what is told, when it is within the first `longest` bytes of the record.
    fn fault(self, record: &[u8], longest: usize) -> Option<Fault> {
        match self {
            Self::Unended => None,
            Self::Open => Some(Fault::At(0, Damage::OpenQuote)),
            Self::Stray(at) => (at <= longest).then_some(Fault::At(0, Damage::StrayQuote)),
            Self::Return(at) => (at <= longest).then(|| Fault::At(lines(&record[..at]), Damage::BareReturn)),
        }
    }
}

/// What stands between the columns of a header.
pub(in crate::input) fn separator(header: &[u8]) -> u8 {
    if memchr(b';', header).is_some() { b';' } else { b',' }
}

/// Behind the first record of a text, if it is whole.
pub(in crate::input) fn first_record(text: &[u8]) -> Option<usize> {
    let mut inside = false;
    let mut ends = memchr2_iter(b'\n', b'"', text).filter(|at| {
        inside ^= text[*at] == b'"';
        text[*at] == b'\n' && !inside
    });
    ends.next().map(|at| at + 1)
}

/// Behind the last line end of `text[from..]` at which a record may end, of a text that begins with a record and has so
/// many quotes: one before which their number is even.
pub(in crate::input) fn last_record(text: &[u8], from: usize, quotes: usize) -> Option<usize> {
    let (mut inside, mut end) = (quotes % 2 == 1, text.len());
    loop {
        let at = from + memrchr2(b'\n', b'"', &text[from..end])?;
        if text[at] == b'"' {
            inside = !inside;
        } else if !inside {
            return Some(at + 1);
        }
        end = at;
    }
}

/// A field without what only CSV needs: its quotes, and the `\r` of the line end.
pub(in crate::input) fn unquoted(field: &[u8]) -> Cow<'_, [u8]> {
    let field = bare(field);
    let [b'"', inner @ .., b'"'] = field else { return Cow::Borrowed(field) };
    if memchr(b'"', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(quote) = memchr(b'"', rest) {
        text.extend_from_slice(&rest[..=quote]);
        rest = &rest[quote + 1..];
        rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}

/// The value of a field that needs no quotes but may have some.
pub(super) fn plain(field: &[u8]) -> &[u8] {
    match bare(field) {
        [b'"', inner @ .., b'"'] => inner,
        field => field,
    }
}

fn bare(field: &[u8]) -> &[u8] {
    field.strip_suffix(b"\r").unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(at: usize, quoted: bool, letters: usize) -> End {
        End { at, quoted, letters }
    }

    #[test]
    fn fields_end_outside_quotes() {
        let text = b"ab;\"c;\n\"\"d\";e\n";
        assert_eq!(field_end(text, 0, b';'), Ok(end(2, false, 0)));
        assert_eq!(field_end(text, 3, b';'), Ok(end(11, true, 0)));
        assert_eq!(field_end(text, 12, b';'), Ok(end(13, false, 0)));
        assert_eq!(field_end(b"\"a\"\r\n", 0, b';'), Ok(end(4, true, 0)));
        assert_eq!(field_end(b"\"abc", 0, b';'), Err(Stop::Open));
        assert_eq!(field_end(b"\"abc\"", 0, b';'), Err(Stop::Unended));
        assert_eq!(field_end(b"abc", 3, b';'), Err(Stop::Unended));
    }

    #[test]
    fn a_quote_within_a_field_is_a_letter() {
        assert_eq!(field_end(b"a \"b\";c\n", 0, b';'), Ok(end(5, false, 2)));
        assert_eq!(field_end(b"5\" pipe\n", 0, b';'), Ok(end(7, false, 1)));
        assert_eq!(field_end(b"\"a\"b;c\n", 0, b';'), Err(Stop::Stray(3)));
        assert_eq!(field_end(b"\"a\"\rb;c\n", 0, b';'), Err(Stop::Return(3)));
    }

    #[test]
    fn records_end_outside_quotes() {
        let text = b"a\nb\"\n\"c\nd\"\n";
        assert_eq!((first_record(text), first_record(b"\"a\n")), (Some(2), None));
        assert_eq!(last_record(text, 0, 3), Some(8));
        assert_eq!(last_record(&text[..8], 0, 2), Some(8));
        assert_eq!(last_record(text, 8, 3), None, "only what is new is looked at");
        assert_eq!(last_record(b"a\"\n", 0, 1), None);
    }

    #[test]
    fn flaws_are_found_where_they_are() {
        let told = |text: &str| match flaw(text.as_bytes(), b';', 100) {
            Some(Fault::At(line, what)) => Some((line, what)),
            Some(Fault::Error(_)) | None => None,
        };
        for sound in
            ["a;b\n", "a;\"b\n\"\"c\"\"\"\r\n", "a \"b\"; 5\" 6\" \n", "\"a\rb\";c\r\n", "a;b", "a;b\r"]
        {
            assert_eq!(told(sound), None, "{sound:?}");
        }
        for stray in ["5\" pipe\n", "a\"b;\"c\nd\";e\"f\n", "\"a\" b;c\n"] {
            assert_eq!(told(stray), Some((0, Damage::StrayQuote)), "{stray:?}");
        }
        assert_eq!(told("\"x\ny\";a\rb;c\n"), Some((1, Damage::BareReturn)));
        assert_eq!(told("a;\"b\"\rc;d\n"), Some((0, Damage::BareReturn)));
        assert_eq!(told("a;\"b\n"), Some((0, Damage::OpenQuote)));
        assert_eq!(told(&format!("{}\"\n", "x".repeat(200))), None, "that is too far");
    }

    #[test]
    fn of_a_text_the_first_flaw_is_told_and_lone_quotes_are_letters() {
        let told = |text: &str| match first_flaw(text.as_bytes(), b';') {
            Some(Fault::At(line, what)) => Some((line, what)),
            Some(Fault::Error(_)) | None => None,
        };
        assert_eq!(told("a;b\n5\" pipe;\"x\ny\"\nc;d"), None);
        assert_eq!(told("a;b\n5\" pipe;c\nd;\"e\nf;g\n"), Some((2, Damage::OpenQuote)));
        assert_eq!(told("a;\"b\nc\"\nd;\"e\"f\n"), Some((2, Damage::StrayQuote)));
    }

    #[test]
    fn quotes_are_taken_off() {
        for (field, text) in [
            ("plain\r", "plain"),
            ("\"\"", ""),
            ("\"a;b\"\r", "a;b"),
            ("\"say \"\"hi\"\"\"", "say \"hi\""),
            ("5\" pipe", "5\" pipe"),
            ("\"", "\""),
        ] {
            assert_eq!(unquoted(field.as_bytes()), text.as_bytes(), "{field}");
        }
    }
}
