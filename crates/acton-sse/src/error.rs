//! What cannot be sent, and what is over.

use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;

/// Why a message was refused or could not be published.
///
/// As a response it is a bare 500: the log gets the reason and the browser learns nothing. The error
/// itself travels in the response extensions as [`Arc<Error>`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The event name holds a line break, which would end its line early, or the name of a region
    /// is empty.
    #[error("event name {0:?} is not one line")]
    EventName(String),
    /// The id is empty, long, or holds something else than visible ASCII, with which browsers do not
    /// come back.
    #[error("event id {0:?} is not 1 to 256 characters of visible ASCII")]
    EventId(String),
    /// The value cannot be written as JSON.
    #[error("value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The backplane is out of reach: browsers of other instances get the message later.
    #[error("backplane out of reach")]
    Backplane,
    /// The template did not render, or the target of a part cannot be sent.
    #[cfg(feature = "htmx")]
    #[error("HTML cannot be sent")]
    Render(#[from] acton_htmx::Error),
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        tracing::error!(error = &self as &dyn std::error::Error, "message not sent");
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The broadcaster is shut down, or every topic of the subscription is closed.
///
/// A subscriber that falls behind never gets this; it gets a gap message and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no more messages will come")]
pub struct Closed;
