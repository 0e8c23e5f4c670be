//! Where a browser wants to go on.

use std::convert::Infallible;

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use crate::query;

/// The id of the last message a browser has seen: the `Last-Event-ID` header, else the
/// `last-event-id` parameter of the URL.
///
/// The header wins: the parameter is how a page says where it starts (see
/// [`SseBroadcaster::cursor`](crate::SseBroadcaster::cursor)), and is older after a reconnect.
///
/// Specification: <https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastEventId(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get("last-event-id");
        let header = header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let query = || query::value(parts.uri.query()?, "last-event-id");
        let given = header.filter(|id| !id.is_empty()).or_else(query);
        Ok(Self(given.filter(|id| !id.is_empty())))
    }
}
