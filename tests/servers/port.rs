//! A port for a server that a test starts.

use std::{
    hash::{BuildHasher, RandomState},
    net::{Ipv4Addr, TcpListener},
};

/// A port of 127.0.0.1 that nobody has.
///
/// It lies below those that systems give to outgoing connections. One of these could be taken by any client at any
/// time; and a client that keeps calling a server that is down is, once in a while, given the very port it calls.
pub(crate) fn free_port() -> u16 {
    loop {
        let random = RandomState::new().hash_one(0_u8);
        let port = 10_000 + (random % 22_000) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
