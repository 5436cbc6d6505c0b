//! Where a message ends (RFC 9112, sections 6 and 7).

use std::io;
use std::ops::Range;

/// How the length of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// In advance.
    Known(usize),
    /// Chunk by chunk.
    Chunked,
    /// By the end of the connection.
    UntilClosed,
}

/// The head of an answer: its status, how long it is itself, and how long its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) length: usize,
    pub(super) body: Length,
}

impl Head {
    /// Reads a head from the start of `bytes`; `None` while it is not complete. `searched` bytes are known to hold
    /// no end of it.
    pub(super) fn read(bytes: &[u8], searched: usize) -> io::Result<Option<Self>> {
        const END: &[u8] = b"\r\n\r\n";
        let from = searched.saturating_sub(END.len() - 1);
        let Some(end) = bytes[from..].windows(END.len()).position(|window| window == END) else {
            return Ok(None);
        };
        let length = from + end + END.len();
        let status = bytes.get(9..12).filter(|_| bytes.starts_with(b"HTTP/1."));
        let status = status.and_then(number).ok_or_else(|| garbled("a status line"))?;
        let status = u16::try_from(status).map_err(|_| garbled("a status"))?;
        let without_body = status == 204 || status == 304 || status < 200;
        let mut body = if without_body { Length::Known(0) } else { Length::UntilClosed };
        for line in bytes[..length].split(|byte| *byte == b'\n').skip(1) {
            let Some((name, value)) = header(line) else { continue };
            if name.eq_ignore_ascii_case(b"content-length") {
                body = Length::Known(number(value).ok_or_else(|| garbled("content-length"))?);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                body = Length::Chunked;
            }
        }
        Ok(Some(Self { status, length, body }))
    }
}

/// Name and value of a header line.
pub(super) fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

/// One chunk at the start of `bytes`: how many bytes it takes and where its content is, which is empty in the last
/// one; `None` while it is not complete. Trailers are not read: the product sends none.
pub(super) fn chunk(bytes: &[u8]) -> io::Result<Option<(usize, Range<usize>)>> {
    let Some(line) = bytes.windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
    let digits = bytes[..line].split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits).map_err(|_| garbled("the size of a chunk"))?;
    let size = usize::from_str_radix(digits.trim(), 16).map_err(|_| garbled("the size of a chunk"))?;
    let content = line + 2..line + 2 + size;
    let taken = content.end + 2;
    Ok((bytes.len() >= taken).then_some((taken, content)))
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

pub(super) fn garbled(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server sent {what} that cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_arrives_in_pieces() -> io::Result<()> {
        let whole = b"HTTP/1.1 409 Conflict\r\nContent-Length: 12\r\n\r\n{";
        for cut in 0..whole.len() - 1 {
            assert_eq!(Head::read(&whole[..cut], 0)?, None, "{cut}");
        }
        let expected = Head { status: 409, length: whole.len() - 1, body: Length::Known(12) };
        assert_eq!(Head::read(whole, 0)?, Some(expected));
        assert_eq!(
            Head::read(whole, whole.len() - 3)?,
            Some(expected),
            "the end lies across what was searched"
        );
        Ok(())
    }

    #[test]
    fn lengths_are_told_in_three_ways() -> io::Result<()> {
        let body = |head: &str| Head::read(head.as_bytes(), 0).map(|head| head.map(|head| head.body));
        assert_eq!(body("HTTP/1.1 204 \r\n\r\n")?, Some(Length::Known(0)));
        assert_eq!(body("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?, Some(Length::Chunked));
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\n")?, Some(Length::UntilClosed));
        body("SMTP\r\n\r\n").expect_err("no HTTP");
        Ok(())
    }

    #[test]
    fn chunks_are_whole_or_awaited() -> io::Result<()> {
        assert_eq!(chunk(b"5\r\nhello\r\n0\r\n\r\n")?, Some((10, 3..8)));
        assert_eq!(chunk(b"0\r\n\r\n")?, Some((5, 3..3)));
        assert_eq!(chunk(b"5;x=y\r\nhel")?, None);
        chunk(b"zz\r\n").expect_err("no number");
        Ok(())
    }
}
