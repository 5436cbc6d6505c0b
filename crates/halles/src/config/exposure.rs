//! Who can reach this server.

use std::net::SocketAddr;

/// The refusal to serve other machines while anybody who reaches the server may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "refusing to listen on {0}: other machines could reach it, and without accounts anybody who reaches it can \
     sell, order and change stock\n\
     - to serve this machine only, listen on 127.0.0.1:{port}\n\
     - behind a proxy that checks who is calling, listen on 127.0.0.1:{port} and let the proxy connect there\n\
     - on a network where everybody may do everything, add --allow-open (or HALLES_ALLOW_OPEN=true)",
    port = .0.port()
)]
pub struct OpenAddress(SocketAddr);

/// Refuses an address that is not loopback, unless that is explicitly allowed.
pub fn check_exposure(listen: SocketAddr, allow_open: bool) -> Result<(), OpenAddress> {
    // An IPv4 loopback address may be written as IPv6: [::ffff:127.0.0.1].
    if allow_open || listen.ip().to_canonical().is_loopback() { Ok(()) } else { Err(OpenAddress(listen)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_served_without_accounts() {
        let check = |text: &str, allow_open| check_exposure(text.parse().expect("an address"), allow_open);
        for loopback in ["127.0.0.1:8000", "127.8.8.8:0", "[::1]:8000", "[::ffff:127.0.0.1]:8000"] {
            assert_eq!(check(loopback, false), Ok(()), "{loopback}");
        }
        for open in ["0.0.0.0:8000", "[::]:8000", "192.168.1.2:80", "[::ffff:10.0.0.1]:80", "[fe80::1]:80"] {
            assert!(check(open, false).is_err(), "{open}");
            assert_eq!(check(open, true), Ok(()), "{open}");
        }
    }

    #[test]
    fn the_refusal_says_what_to_do() {
        let message = check_exposure(([0, 0, 0, 0], 8080).into(), false).expect_err("refused").to_string();
        for part in ["0.0.0.0:8080", "127.0.0.1:8080", "--allow-open", "HALLES_ALLOW_OPEN=true"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
