//! Who may call from a browser: the `Host` that was asked for and the `Origin` of the page that asks.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::extract::Request;
use http::header;
use kernel::{Problem, kinds};

use crate::body::MediaType;

/// The origins whose pages may call every operation, as browsers write them: `https://shop.example`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins(Vec<String>);

impl Origins {
    pub(crate) fn new(origins: impl IntoIterator<Item = String>) -> Self {
        Self(origins.into_iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect())
    }

    pub(crate) fn contains(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Refuses a `Host` that is not this machine: a page elsewhere could have bound its own name to 127.0.0.1
/// (DNS rebinding) and would then read and change everything of an open server.
pub(crate) fn check_host(request: &Request) -> Result<(), Problem> {
    match host(request) {
        None => Ok(()),
        Some(host) if is_loopback(host) => Ok(()),
        Some(_) => Err(Problem::new(
            &kinds::FORBIDDEN,
            "this server has no accounts and answers only as localhost or 127.0.0.1",
        )),
    }
}

/// Refuses what a page of another origin can send without asking first: a change whose body is not typed as
/// JSON. (Typed as JSON, browsers ask before, and CORS answers.)
pub(crate) fn check_origin(request: &Request, trusted: &Origins) -> Result<(), Problem> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("null");
    let ours = origin
        .split_once("://")
        .is_some_and(|(_, authority)| host(request).is_some_and(|host| host.eq_ignore_ascii_case(authority)));
    let asked_first = MediaType::of(request.headers()) == MediaType::Json;
    if request.method().is_safe() || ours || asked_first || trusted.contains(origin) {
        return Ok(());
    }
    Err(Problem::new(
        &kinds::FORBIDDEN,
        "a page of another origin may change things only as application/json, and when its origin is configured",
    ))
}

fn host(request: &Request) -> Option<&str> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("?")),
    }
}

/// Whether a `Host` value names this machine, whatever the port.
fn is_loopback(host: &str) -> bool {
    if let Some((address, port)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (port.is_empty() || is_port(port)) && address.parse() == Ok(Ipv6Addr::LOCALHOST);
    }
    let name = match host.rfind(':') {
        Some(colon) if host.get(colon..).is_some_and(is_port) => host.get(..colon).unwrap_or(""),
        Some(_) | None => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for good in ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.8.9.1:80", "[::1]", "[::1]:8000"] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "example.fr",
            "localhost.example.fr",
            "127.0.0.1.example.fr",
            "10.0.0.1",
            "[::2]",
            "[::1]x",
            "localhost:x",
            "0.0.0.0",
            "",
            "?",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }

    fn changed_from(origin: &str, content_type: Option<&str>) -> bool {
        let mut request = Request::post("/x").header("host", "shop.example:8000").header("origin", origin);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let request = request.body(Body::empty()).expect("a request");
        let trusted = Origins::new(["https://Office.example/".to_owned()]);
        check_origin(&request, &trusted).is_ok()
    }

    #[test]
    fn a_foreign_page_cannot_send_a_simple_change() {
        for (origin, content_type, allowed) in [
            ("http://shop.example:8000", Some("text/plain"), true),
            ("http://SHOP.example:8000", None, true),
            ("https://office.example", Some("text/plain"), true),
            ("https://evil.example", Some("application/json"), true),
            ("https://evil.example", Some("text/plain"), false),
            ("https://evil.example", Some("multipart/form-data"), false),
            ("https://evil.example", None, false),
            ("null", None, false),
            ("http://shop.example", None, false),
        ] {
            assert_eq!(changed_from(origin, content_type), allowed, "{origin} {content_type:?}");
        }
    }

    #[test]
    fn anybody_may_read() {
        let request = Request::get("/x").header("origin", "https://evil.example").body(Body::empty());
        assert!(check_origin(&request.expect("a request"), &Origins::default()).is_ok());
    }
}
