//! A subscription as a response.

use std::{fmt, future::Future, sync::Arc};

use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};

use crate::{
    body::EventBody,
    broadcaster::SseBroadcaster,
    connection::ConnectionId,
    last_event_id::LastEventId,
    limits::{Permit, Refused},
    presence::Person,
    revocation::Revocation,
    subscription::Subscription,
    topics::Topics,
};

/// A correct `text/event-stream` response: replay, keep-alive, rotation, limits and shutdown.
///
/// ```
/// use acton_sse::{EventStream, LastEventId, SseBroadcaster};
/// use axum::{Extension, Router, routing::get};
///
/// async fn events(
///     Extension(broadcaster): Extension<SseBroadcaster>,
///     last_event_id: LastEventId,
/// ) -> EventStream {
///     broadcaster.stream("news", last_event_id)
/// }
///
/// let app: Router = Router::new().route("/events", get(events)).layer(Extension(SseBroadcaster::new()));
/// ```
///
/// Who may read which topic is decided in the handler, before the stream is made; a browser that
/// reconnects passes there again.
///
/// Specification: <https://html.spec.whatwg.org/multipage/server-sent-events.html>
#[must_use = "a stream is sent only when returned from the handler"]
pub struct EventStream {
    subscription: Subscription,
    user: Option<Arc<str>>,
    present: Vec<(String, Person)>,
    until: Option<Revocation>,
}

impl SseBroadcaster {
    /// The response of a handler: these topics, from where the browser left off.
    pub fn stream(&self, topics: impl Topics, last_event_id: LastEventId) -> EventStream {
        EventStream {
            subscription: self.subscribe_from(topics, last_event_id.0.as_deref()),
            user: None,
            present: Vec::new(),
            until: None,
        }
    }
}

impl EventStream {
    /// Counts the stream for this user, against `max_connections_per_user`.
    pub fn user(mut self, user: impl Into<Arc<str>>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Shows a person as present at a topic for as long as the stream is open.
    ///
    /// Two streams of one person count once. Who reconnects within `presence_linger` has not left.
    pub fn present(mut self, topic: impl Into<String>, person: Person) -> Self {
        self.present.push((topic.into(), person));
        self
    }

    /// Names the connection, which gets no message that excepts it.
    pub fn connection(mut self, connection: Option<ConnectionId>) -> Self {
        self.subscription = self.subscription.connection(connection);
        self
    }

    /// Ends the stream with a close event as soon as the future is done: a session that expired
    /// or was revoked. Nothing that is published later is sent, and what waits for a slow client is
    /// dropped with the connection where the server knows [`Revocation`], as `acton-service` does
    /// for HTTP/1.1. A connection of HTTP/2 has other requests, perhaps of other people, so what it
    /// has taken from the stream before goes on its way.
    pub fn until(mut self, revoked: impl Future<Output = ()> + Send + 'static) -> Self {
        self.until = Some(Revocation::new(revoked));
        self
    }
}

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        let shared = Arc::clone(self.subscription.shared());
        if shared.state().closed {
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
        let mut permit = match Permit::take(&shared, self.user) {
            Ok(permit) => permit,
            Err(Refused::TooMany) => return refused(StatusCode::SERVICE_UNAVAILABLE),
            Err(Refused::TooManyOfUser) => return refused(StatusCode::TOO_MANY_REQUESTS),
        };
        permit.let_in(self.present);
        let body = EventBody::new(self.subscription, self.until.clone(), permit);
        let mut response = (HEADERS, Body::new(body)).into_response();
        if let Some(revocation) = self.until {
            response.extensions_mut().insert(revocation);
        }
        response
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventStream")
            .field("subscription", &self.subscription)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// No cache or proxy may keep, change or hold back a stream.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
    (
        CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    ),
    (
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    ),
];

fn refused(status: StatusCode) -> Response {
    (status, [(RETRY_AFTER, HeaderValue::from_static("5"))]).into_response()
}
