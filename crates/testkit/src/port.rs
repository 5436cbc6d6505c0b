//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

use crate::{Error, Result};

/// A TCP port of 127.0.0.1 that nobody listened on a moment ago.
///
/// Somebody else may take it before the caller does, so whoever can listen on port 0 should do that instead.
pub fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::io("looking for a free port"))
}
