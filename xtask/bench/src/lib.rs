//! What the measured programs have in common, so that they differ in nothing but the stack around it.
//!
//! Each program takes the port that it listens on as its first argument and answers `/health` as soon as it is up.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

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

/// The time within which 99 of 100 were, in milliseconds.
pub fn p99(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let place = times.len().saturating_sub(1) * 99 / 100;
    times.get(place).copied().unwrap_or_default().as_secs_f64() * 1e3
}
