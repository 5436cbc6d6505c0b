//! The little of PostgreSQL's protocol (version 3.0, "simple query") that preparing a test needs.
//!
//! It keeps a client library, and the time to compile it, out of this crate.

use std::io::{BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::{Error, Result};

/// Bound on each step of a conversation; creating a database is the slowest.
const LIMIT: Duration = Duration::from_mins(1);
const PROTOCOL_3_0: i32 = 3 << 16;
const DEFAULT_PORT: u16 = 5432;

/// One row of an answer, as text; `None` is NULL.
pub type Row = Vec<Option<String>>;

/// A database on a server that asks for no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    user: String,
    host: String,
    port: u16,
    name: String,
}

impl Database {
    /// A database of a private server.
    pub(super) fn local(port: u16, name: &str) -> Self {
        Self { user: "postgres".to_owned(), host: "127.0.0.1".to_owned(), port, name: name.to_owned() }
    }

    /// Reads `postgres://USER@HOST:PORT/NAME`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the URL has another shape, for instance a password.
    pub fn parse(url: &str) -> Result<Self> {
        Self::read(url).ok_or_else(|| {
            Error::Invalid(format!(
                "`{url}` is not of the form postgres://USER@HOST:PORT/NAME without password"
            ))
        })
    }

    fn read(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
        let (authority, name) = rest.split_once('/')?;
        let (user, place) = authority.split_once('@')?;
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (place, DEFAULT_PORT),
        };
        let is_plain = |text: &str| !text.is_empty() && !text.contains([':', '?', '%', '@', '/']);
        let plain = [user, host, name].into_iter().all(is_plain);
        plain.then(|| Self { user: user.to_owned(), host: host.to_owned(), port, name: name.to_owned() })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("postgres://{}@{}:{}/{}", self.user, self.host, self.port, self.name)
    }

    /// Creates an empty database on the same server.
    pub fn create_sibling(&self, name: &str) -> Result<Self> {
        self.query(&format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\"")))?;
        Ok(Self { name: name.to_owned(), ..self.clone() })
    }

    /// Runs statements on a connection of their own and returns the rows of all of them.
    ///
    /// # Errors
    /// [`Error::Io`] when the server cannot be reached, [`Error::Refused`] with its message.
    pub fn query(&self, sql: &str) -> Result<Vec<Row>> {
        let mut session = Session::open(self)?;
        session.send(Some(b'Q'), &[sql.as_bytes(), b"\0"].concat())?;
        session.read_until_ready(sql)
    }
}

/// One connection.
struct Session(BufReader<TcpStream>);

impl Session {
    fn open(database: &Database) -> Result<Self> {
        let place = format!("{}:{}", database.host, database.port);
        let connect = || {
            let address = place.to_socket_addrs()?.next().ok_or(std::io::ErrorKind::NotFound)?;
            let stream = TcpStream::connect_timeout(&address, LIMIT)?;
            stream.set_read_timeout(Some(LIMIT))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = connect().map_err(Error::io(format!("connecting to PostgreSQL at {place}")))?;
        let mut session = Self(BufReader::new(stream));
        let mut hello = PROTOCOL_3_0.to_be_bytes().to_vec();
        for text in ["user", &database.user, "database", &database.name, ""] {
            hello.extend_from_slice(text.as_bytes());
            hello.push(0);
        }
        session.send(None, &hello)?;
        session.read_until_ready("a new connection")?;
        Ok(session)
    }

    /// Sends a message; only the first one of a connection has no kind.
    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> Result<()> {
        let length =
            i32::try_from(body.len() + 4).map_err(|_| Error::Invalid("statement too long".to_owned()))?;
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        self.0.get_mut().write_all(&message).map_err(Error::io("writing to PostgreSQL"))
    }

    /// Collects rows until the server is ready for the next statement.
    fn read_until_ready(&mut self, statement: &str) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut refusal = None;
        loop {
            let (kind, body) = match self.receive() {
                Ok(message) => message,
                // After refusing a connection the server just closes it.
                Err(error) => return Err(refusal.unwrap_or(error)),
            };
            match kind {
                b'D' => rows.push(read_row(&body).ok_or_else(garbled)?),
                b'E' => refusal = Some(refused(statement, &body)),
                b'R' if body != [0; 4] => {
                    return Err(Error::Invalid(
                        "PostgreSQL asks for a password; use a server with `trust`".to_owned(),
                    ));
                }
                b'Z' => return refusal.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    fn receive(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head).map_err(Error::io("reading from PostgreSQL"))?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length).checked_sub(4).ok_or_else(garbled)?;
        let mut body = Vec::new();
        self.0
            .by_ref()
            .take(length.into())
            .read_to_end(&mut body)
            .map_err(Error::io("reading from PostgreSQL"))?;
        Ok((kind, body))
    }
}

/// A `DataRow`: the number of values, then each with its length, −1 for NULL.
fn read_row(body: &[u8]) -> Option<Row> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    (0..u16::from_be_bytes(*count))
        .map(|_| {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                rest = after;
                return Some(None);
            };
            let (value, after) = after.split_at_checked(length)?;
            rest = after;
            Some(Some(String::from_utf8_lossy(value).into_owned()))
        })
        .collect()
}

/// An `ErrorResponse`: fields, each a letter and a text; `M` is the message.
fn refused(statement: &str, body: &[u8]) -> Error {
    let mut fields = body.split(|byte| *byte == 0);
    let message = fields.find_map(|field| field.strip_prefix(b"M")).unwrap_or(b"no message");
    Error::Refused { statement: statement.to_owned(), message: String::from_utf8_lossy(message).into_owned() }
}

fn garbled() -> Error {
    Error::Invalid("what answers is no PostgreSQL server".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_survives_the_round_trip() -> Result<()> {
        let url = "postgres://postgres@127.0.0.1:5433/shop";
        assert_eq!(Database::parse(url)?.url(), url);
        assert_eq!(Database::parse("postgresql://me@db/shop")?.url(), "postgres://me@db:5432/shop");
        Ok(())
    }

    #[test]
    fn urls_that_cannot_work_are_refused() {
        for url in
            ["", "http://a@b/c", "postgres://host/db", "postgres://a:secret@b:1/c", "postgres://a@b:x/c"]
        {
            Database::parse(url).expect_err(url);
        }
    }

    #[test]
    fn reads_rows_with_null() {
        let body = [0, 3, 0, 0, 0, 1, b'7', 255, 255, 255, 255, 0, 0, 0, 0];
        assert_eq!(read_row(&body), Some(vec![Some("7".to_owned()), None, Some(String::new())]));
        assert_eq!(read_row(&[0, 1, 0, 0, 0, 9, b'7']), None);
    }

    #[test]
    fn finds_the_message_of_an_error() {
        let error = refused("SELECT", b"SFATAL\0C3D000\0Mno such database\0\0");
        assert_eq!(error.to_string(), "PostgreSQL refused `SELECT`: no such database");
    }
}
