//! What the measured programs have in common, so that they differ in nothing but the stack around it.
//!
//! Each program takes the port that it listens on as its first argument and answers `/health` as soon as it is up.

use std::net::{Ipv4Addr, SocketAddr};

pub mod chunks;
pub mod client;
pub mod numbers;
pub mod page;
pub mod reader;

/// The address to listen on.
///
/// # Panics
///
/// Without a port as the first argument.
pub fn address() -> SocketAddr {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok());
    SocketAddr::from((Ipv4Addr::LOCALHOST, port.expect("a port to listen on")))
}

/// Whether the program was started with this word after the port.
pub fn asked_for(word: &str) -> bool {
    std::env::args().skip(2).any(|argument| argument == word)
}
