//! The service over real sockets: where it listens, what it refuses, and how it ends.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod event_streams;
mod frames;
mod http2;
mod limits;
mod listening;
mod overload;
mod running;
mod shutdown;
mod smuggling;
#[cfg(feature = "tls")]
mod tls;
mod uploads;
