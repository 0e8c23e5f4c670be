//! Which page a stream belongs to.

use std::{convert::Infallible, fmt, sync::Arc};

use axum_core::extract::OptionalFromRequestParts;
use http::request::Parts;

use crate::{query, random};

/// The header in which a page names its own connection.
pub const CONNECTION_HEADER: &str = "x-sse-connection";

/// The name that a page gives to its stream, so that its own changes are not sent back to it.
///
/// A page makes one when it renders, opens `/events?connection=…`, and sends
/// `X-SSE-Connection: …` with its changes (`hx-headers`). As an extractor it reads the header,
/// else the query.
///
/// ```
/// use acton_sse::{BroadcastMessage, ConnectionId, SseBroadcaster};
/// use axum::Extension;
///
/// async fn rename(Extension(broadcaster): Extension<SseBroadcaster>, origin: Option<ConnectionId>) {
///     let mut message = BroadcastMessage::new("renamed");
///     if let Some(origin) = origin {
///         message = message.except(origin);
///     }
///     broadcaster.broadcast(message);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(Arc<str>);

impl ConnectionId {
    /// A new name that nobody can guess: 128 random bits.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{:016x}{:016x}", random::number(), random::number()).into())
    }

    /// A name that a page sent: up to 64 bytes of visible ASCII.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let valid =
            !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_graphic());
        valid.then(|| Self(name.into()))
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for ConnectionId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        let header = parts.headers.get(CONNECTION_HEADER);
        let header = header.and_then(|value| Self::parse(value.to_str().ok()?));
        Ok(header.or_else(|| Self::parse(&query::value(parts.uri.query()?, "connection")?)))
    }
}
