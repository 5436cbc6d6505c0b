//! Cutting rows into fields. Every quote opens or closes, wherever it stands: so a place in a file is inside quotes or
//! outside whatever was read before it, and a file can be cut into blocks at line ends outside quotes.

use std::borrow::Cow;

use memchr::{memchr, memchr3, memrchr2};

/// The end of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Where the separator or the line end is.
    pub(super) at: usize,
    /// Whether there are quotes in the field.
    pub(super) quoted: bool,
}

/// Where the field that begins at `start` ends: at a separator or a line end outside quotes.
pub(super) fn field_end(block: &[u8], start: usize, separator: u8) -> Option<End> {
    let (mut at, mut quoted) = (start, false);
    loop {
        at += memchr3(separator, b'\n', b'"', block.get(at..)?)?;
        if block[at] != b'"' {
            return Some(End { at, quoted });
        }
        quoted = true;
        at += 1;
        at += memchr(b'"', block.get(at..)?)? + 1;
    }
}

/// Behind the first record of a text.
pub(in crate::input) fn first_record(text: &[u8]) -> Option<usize> {
    // A line end stands for the separator too, so that only a line end ends the field.
    field_end(text, 0, b'\n').map(|end| end.at + 1)
}

/// Behind the last whole record of a text that begins with a record and has so many quotes.
pub(in crate::input) fn last_record(text: &[u8], quotes: usize) -> Option<usize> {
    let (mut inside, mut end) = (quotes % 2 == 1, text.len());
    loop {
        let at = memrchr2(b'\n', b'"', &text[..end])?;
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

    #[test]
    fn fields_end_outside_quotes() {
        let text = b"ab;\"c;\n\"\"d\";e\n";
        assert_eq!(field_end(text, 0, b';'), Some(End { at: 2, quoted: false }));
        assert_eq!(field_end(text, 3, b';'), Some(End { at: 11, quoted: true }));
        assert_eq!(field_end(text, 12, b';'), Some(End { at: 13, quoted: false }));
        assert_eq!(field_end(b"\"abc", 0, b';'), None);
        assert_eq!(field_end(b"abc", 3, b';'), None);
    }

    #[test]
    fn records_end_outside_quotes() {
        let text = b"a\nb\"\n\"c\nd\"\n";
        assert_eq!((first_record(text), first_record(b"\"a\n")), (Some(2), None));
        assert_eq!(last_record(text, 3), Some(8));
        assert_eq!(last_record(&text[..8], 2), Some(8));
        assert_eq!(last_record(b"a\"\n", 1), None);
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
