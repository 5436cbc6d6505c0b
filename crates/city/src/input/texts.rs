//! What texts may be: a name is a name and not a chapter, and whatever a store keeps has its limits.

use memchr::memchr;

use super::Reason;

/// Bytes of an id. What databases index must not be long; those of cities have up to twenty.
const LONGEST_ID: usize = 200;
/// Letters of a text that people read.
const LONGEST_TEXT: usize = 1_000;
/// Bytes of an outline or a line; those of Paris have up to 4,000.
const LONGEST_SHAPE: usize = 1 << 16;

/// Whether this can be an id.
pub(super) fn id(id: &[u8]) -> Result<(), Reason> {
    if id.is_empty() {
        Err(Reason::MissingId)
    } else if id.len() > LONGEST_ID || id.iter().any(u8::is_ascii_control) {
        Err(Reason::BadId)
    } else {
        Ok(())
    }
}

/// Whether this can be a text that people read.
pub(super) fn text(text: &[u8]) -> Result<(), Reason> {
    // Only the first byte of a letter is none that goes on.
    let letters = || text.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    let is_long = text.len() > LONGEST_TEXT && letters() > LONGEST_TEXT;
    if is_long || memchr(0, text).is_some() { Err(Reason::BadText) } else { Ok(()) }
}

/// Whether this can be a shape.
pub(super) fn shape(text: &[u8]) -> Result<(), Reason> {
    if text.len() > LONGEST_SHAPE { Err(Reason::BadText) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_printable() {
        assert_eq!(id(b""), Err(Reason::MissingId));
        assert_eq!(id("100003098-353242251 é".as_bytes()), Ok(()));
        assert_eq!((id(&[b'7'; 200]), id(&[b'7'; 201])), (Ok(()), Err(Reason::BadId)));
        for bad in [&b"a\0b"[..], b"a\nb", b"a\tb", b"a\x7F"] {
            assert_eq!(id(bad), Err(Reason::BadId), "{bad:?}");
        }
    }

    #[test]
    fn texts_have_up_to_a_thousand_letters() {
        let letters = |count| text("é".repeat(count).as_bytes());
        assert_eq!((letters(1_000), letters(1_001)), (Ok(()), Err(Reason::BadText)));
        assert_eq!((text(b"Rue\nA"), text(b"a\0")), (Ok(()), Err(Reason::BadText)));
        assert_eq!(shape(&vec![b' '; 1 << 17]), Err(Reason::BadText));
    }
}
