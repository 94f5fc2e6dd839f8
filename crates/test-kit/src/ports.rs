//! Free ports on loopback, for servers that must be told theirs.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// What was given out by this process: between the choice and the moment the server binds it, a port looks free.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// What Go's servers say when somebody was faster.
pub(crate) const IN_USE: &str = "address already in use";

/// A port of 127.0.0.1 that nothing listens on, given out once in this process. Another process may still take it
/// before it is bound: try again with another one then.
pub(crate) fn free() -> io::Result<u16> {
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        if GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port) {
            return Ok(port);
        }
    }
}
