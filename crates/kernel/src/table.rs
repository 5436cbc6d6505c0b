//! The text of a file with a table in it, as people save them.

/// A byte-order mark, which some programs write.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The bytes of a file without its byte-order mark.
pub fn unmarked(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// The text of a file without its byte-order mark.
///
/// # Errors
///
/// The first line, from 1, that is not UTF-8.
pub fn utf8(bytes: &[u8]) -> Result<&str, u64> {
    let bytes = unmarked(bytes);
    std::str::from_utf8(bytes).map_err(|error| newlines(&bytes[..error.valid_up_to()]) + 1)
}

/// Of some separators the one that the first line holds most of; of equals the earliest, also when it holds none.
pub fn separator(text: &str, of: &[u8]) -> u8 {
    let header = text.trim_start_matches(['\r', '\n']).lines().next().unwrap_or("");
    let count = |separator: u8| header.bytes().filter(|byte| *byte == separator).count();
    of.iter().rev().copied().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

/// The line that a record starts on, where a reader that passes over blank lines was at a line and a byte before it.
pub fn line_of_record(text: &str, line: u64, byte: u64) -> u64 {
    let start = usize::try_from(byte).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    line + newlines(&rest[..blank])
}

/// How many line ends there are.
pub fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_is_not_utf8_is_named() {
        assert_eq!(utf8(b"\xEF\xBB\xBFa\n\xC3\xA9"), Ok("a\né"));
        assert_eq!(utf8(b"a\nb\n\xE9t\xE9\n"), Err(3));
    }

    #[test]
    fn the_separator_is_the_one_used_most() {
        assert_eq!(separator("\r\na;b;c,d\n1,2,3,4", b",;\t"), b';');
        assert_eq!(separator("a;b,c", b";,"), b';');
        assert_eq!(separator("alone", b",;\t"), b',');
    }

    #[test]
    fn blank_lines_before_a_record_are_counted() {
        assert_eq!(line_of_record("a\n\r\n\nb\n", 2, 2), 4);
        assert_eq!(line_of_record("a\n", 2, 99), 2);
    }
}
