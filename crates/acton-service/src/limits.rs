//! What one request may cost.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    Rate,
    config::{ConfigError, size},
};

/// The `[limits]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// Largest request body, e.g. `2MiB`; larger ones are answered 413. Default: 2 MiB, as axum's extractors have it.
    #[serde(deserialize_with = "size::bytes")]
    pub body: usize,
    /// Time until a handler's answer begins; then 503. Default: 30 seconds. Bodies that stream afterwards may take longer.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Time a client may send nothing while its request body is read; then it is answered 408 and the connection is closed.
    /// Default: 30 seconds. Where the handler waits for the body only, `request_timeout` ends it with 408 too.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// Time for a client to shake hands by TLS, and again to send the head of a request; then the connection is closed. Default: 10 seconds.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// Time an idle connection is kept for the next request, and at most an eighth longer. Default: 75 seconds, longer
    /// than proxies keep theirs.
    #[serde(with = "humantime_serde")]
    pub keep_alive: Duration,
    /// Connections open at once. Default: 25 000.
    ///
    /// A few more are accepted, which are answered `/health` and `/ready`, and 503 for everything else.
    pub connections: usize,
    /// Requests that one HTTP/2 connection may have open at once, event streams included. Default: 100.
    pub http2_streams: u32,
    /// Requests being answered at once; one more gets 503 with `Retry-After`, at once. Default: 2 000.
    ///
    /// A request counts until its answer begins, so an open event stream does not. `/health` and `/ready` are always
    /// answered. A service whose handlers wait long for others may need more.
    pub requests: usize,
    /// How long requests may wait for a free core before somebody begins with them. Where all wait longer, for twice
    /// that, those that would get 503 with `Retry-After`. Default: 250 milliseconds.
    ///
    /// This is what bounds the delay where handlers keep the cores busy, which their number does not show.
    #[serde(with = "humantime_serde")]
    pub queue_delay: Duration,
    /// How often one client may ask, such as `600/1m`; then 429 with `Retry-After`. Default: none, as often as it likes.
    ///
    /// A client is an address, in IPv6 a network `/64`. All requests count but those for `/health` and `/ready`.
    pub requests_per_client: Option<Rate>,
    /// How often who is logged in may ask, such as `1200/1m`; then 429 with `Retry-After`. Default: none.
    ///
    /// Needs sessions, and reads them; who is not logged in is counted by client. For bearer tokens put
    /// `RateLimit::per_user` inside the layer that checks them.
    pub requests_per_user: Option<Rate>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            body: 2 * 1024 * 1024,
            request_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            connections: 25_000,
            http2_streams: 100,
            requests: 2_000,
            queue_delay: Duration::from_millis(250),
            requests_per_client: None,
            requests_per_user: None,
        }
    }
}

impl LimitsConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for (key, is_zero) in [
            ("request_timeout", self.request_timeout.is_zero()),
            ("body_timeout", self.body_timeout.is_zero()),
            ("header_timeout", self.header_timeout.is_zero()),
            ("keep_alive", self.keep_alive.is_zero()),
            ("connections", self.connections == 0),
            ("http2_streams", self.http2_streams == 0),
            ("requests", self.requests == 0),
            ("queue_delay", self.queue_delay.is_zero()),
        ] {
            if is_zero {
                return Err(ConfigError::new(format!(
                    "the setting `limits.{key}` must not be zero"
                )));
            }
        }
        Ok(())
    }
}
