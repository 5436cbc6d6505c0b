//! What a file is, by its first bytes.

use kernel::table::unmarked;

use crate::input::Refusal;

/// Text that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::input) enum Text {
    /// Rows.
    Csv,
    /// JSON.
    Json,
}

/// The beginnings of archives.
pub(in crate::input) mod begins {
    /// Gzip, RFC 1952.
    pub(in crate::input) fn gzip(bytes: &[u8]) -> bool {
        bytes.starts_with(&[0x1F, 0x8B])
    }

    /// Zip, also an empty one and one in several parts.
    pub(in crate::input) fn zip(bytes: &[u8]) -> bool {
        [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|magic| bytes.starts_with(*magic))
    }
}

/// Beginnings of what is not text.
const BINARY: [(&[u8], &str); 8] = [
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"\xFD7zXZ\0", "an xz file"),
    (b"BZh", "a bzip2 file"),
    (b"\x28\xB5\x2F\xFD", "a zstd file"),
    (b"Rar!", "a rar archive"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF"),
    (b"\xD0\xCF\x11\xE0", "an old Excel file"),
];
/// How far a NUL is looked for: no text has one.
const LOOK: usize = 1024;

/// What text begins with these bytes, and how many of them to skip (a byte order mark).
///
/// # Errors
/// When it is no text that can be read, or nothing at all.
pub(in crate::input) fn sniff(first: &[u8], packed: bool) -> Result<(Text, usize), Refusal> {
    if packed && (begins::gzip(first) || begins::zip(first)) {
        return Err(Refusal::NestedArchive);
    }
    if let Some((_, what)) = BINARY.iter().find(|(magic, _)| first.starts_with(magic)) {
        return Err(Refusal::Binary(what));
    }
    if first.starts_with(b"\xFF\xFE") || first.starts_with(b"\xFE\xFF") {
        return Err(Refusal::Utf16);
    }
    let look = &first[..first.len().min(LOOK)];
    if look.contains(&0) {
        return Err(if is_utf16(look) { Refusal::Utf16 } else { Refusal::Binary("binary data") });
    }
    let text = unmarked(first);
    let skip = first.len() - text.len();
    match text.trim_ascii_start().first() {
        None => Err(Refusal::Empty),
        Some(b'<') => Err(Refusal::Html),
        Some(b'{' | b'[') => Ok((Text::Json, skip)),
        Some(_) => Ok((Text::Csv, skip)),
    }
}

/// Without a byte order mark: Latin letters in UTF-16 have a NUL in every other place, always on the same side.
fn is_utf16(look: &[u8]) -> bool {
    let nuls = |side: usize| look.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    even.max(odd) * 4 > look.len() && even.min(odd) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn text_is_csv_or_json() {
        for (first, expected) in [
            (&b"a;b\n"[..], (Text::Csv, 0)),
            (b"\xEF\xBB\xBFa;b\n", (Text::Csv, 3)),
            (b"\xEF\xBB\xBF \n{", (Text::Json, 3)),
            (b"\n[1", (Text::Json, 0)),
        ] {
            assert_eq!(sniff(first, true), Ok(expected), "{first:?}");
        }
    }

    #[test]
    fn what_is_no_text_of_ours_is_named() {
        for (first, expected) in [
            (&b""[..], Refusal::Empty),
            (b"\xEF\xBB\xBF\r\n", Refusal::Empty),
            (b"  <!DOCTYPE html><html>", Refusal::Html),
            (b"\xFF\xFEa\0", Refusal::Utf16),
            (&utf16("Identifiant;Nom")[..], Refusal::Utf16),
            (b"ab\0\0cd\0", Refusal::Binary("binary data")),
            (b"PAR1....", Refusal::Binary("a Parquet file")),
        ] {
            assert_eq!(sniff(first, false), Err(expected), "{first:?}");
        }
        assert_eq!(sniff(b"PK\x03\x04", true), Err(Refusal::NestedArchive));
        assert_eq!(sniff(b"\x1F\x8B\x08", true), Err(Refusal::NestedArchive));
    }
}
