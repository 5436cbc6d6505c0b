//! The address of a PostgreSQL database, whose password is never printed.

use std::fmt;
use std::str::FromStr;

use telemetry::SecretText;
use url::Url;

/// A `postgres://` URL; printing it masks the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(SecretText);

/// The text is not a `postgres://` URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URL such as postgres://user:password@host:5432/name")]
pub struct NotADatabaseUrl;

impl DatabaseUrl {
    /// Puts a URL together, escaping what must be escaped; `None` when `host` cannot be one.
    pub(super) fn from_parts(
        host: &str,
        port: u16,
        name: &str,
        user: &str,
        password: Option<&str>,
    ) -> Option<Self> {
        let mut url = Url::parse("postgres://host/").ok()?;
        // A bare IPv6 address is put into the brackets that a URL wants.
        let bracketed = format!("[{host}]");
        let host = if host.contains(':') { &bracketed } else { host };
        url.set_host(Some(host)).ok()?;
        url.set_port(Some(port)).ok()?;
        url.set_username(user).ok()?;
        url.set_password(password).ok()?;
        url.path_segments_mut().ok()?.clear().push(name);
        Some(Self(url.to_string().into()))
    }

    /// The whole URL, password included.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl FromStr for DatabaseUrl {
    type Err = NotADatabaseUrl;

    fn from_str(text: &str) -> Result<Self, NotADatabaseUrl> {
        let url = Url::parse(text).map_err(|_| NotADatabaseUrl)?;
        let known = matches!(url.scheme(), "postgres" | "postgresql") && url.has_authority();
        // A '#' or '/' that was not escaped ends the host early, and a part of the password would be shown.
        let cut = url.fragment().is_some() || url.path().contains('@');
        if known && !cut { Ok(Self(text.to_owned().into())) } else { Err(NotADatabaseUrl) }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Url::parse(self.expose()) {
            Ok(url) => f.write_str(masked(url).as_str()),
            Err(_) => f.write_str("***"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The URL without its password, wherever it stands: before the host or among the parameters.
fn masked(mut url: Url) -> Url {
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        url.set_query(None);
    }
    if url.query_pairs().any(|(name, _)| name == "password") {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let shown = pairs.iter().map(|(name, value)| (name, if name == "password" { "***" } else { value }));
        url.query_pairs_mut().clear().extend_pairs(shown);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_masked_wherever_it_stands() {
        for (text, shown) in [
            ("postgres://halles:s3cret@db:5433/shop", "postgres://halles:***@db:5433/shop"),
            ("postgresql://db/shop?user=u&password=s3cret", "postgresql://db/shop?user=u&password=***"),
            ("postgres:///shop?password=s3cret&host=%2Frun", "postgres:///shop?password=***&host=%2Frun"),
            ("postgres://db/shop", "postgres://db/shop"),
        ] {
            let url: DatabaseUrl = text.parse().expect("a URL");
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(url.expose(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "db",
            "mysql://db/shop",
            "postgres:db",
            "host=db dbname=shop",
            "postgres://u:1#2@db/x",
            "postgres://u:1/2@db/x",
        ] {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(NotADatabaseUrl), "{text}");
        }
    }

    #[test]
    fn parts_are_escaped() {
        let url = DatabaseUrl::from_parts("db", 5432, "a b", "me@home", Some("p@ss/w:rd")).expect("a URL");
        assert_eq!(url.expose(), "postgres://me%40home:p%40ss%2Fw%3Ard@db:5432/a%20b");
        let url = DatabaseUrl::from_parts("::1", 5432, "shop", "u", None).expect("a URL");
        assert_eq!(url.expose(), "postgres://u@[::1]:5432/shop");
    }
}
