//! Values that cannot be sent.

use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::{StatusCode, header::CONTENT_TYPE};

use crate::headers;

/// Why a value was refused.
///
/// As a response it is a bare 500: the log gets the reason and the browser learns nothing. It stays
/// one in a tuple with another status or with responders, see [`Error::uncover`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL leads to another origin, or would run a script.
    #[error("`{0}` is not a path on this origin")]
    ForeignUrl(String),
    /// The value cannot be written as JSON.
    #[error("value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A map or a struct is needed here.
    #[error("value is not a JSON object")]
    NotAnObject,
    /// The number is not finite, or has more digits than a browser reads (2^53): send it as text.
    #[error("`{0}` is no number that arrives as it is")]
    Number(String),
    /// The text is no selector, or holds control characters.
    #[error("`{0}` cannot be a selector")]
    Selector(String),
    /// The word is not a swap style, a scroll position or a modifier that fits here.
    #[error("`{0}` cannot describe a swap")]
    Swap(String),
    /// Content for another element holds `hx-swap-oob` or `<hx-partial>`, which htmx would lose.
    #[error("content for another element holds a part for yet another one")]
    NestedPart,
    /// Content for a part of a page is a whole document.
    #[error("content for a part of a page is a whole document")]
    WholeDocument,
    /// A field in the detail of an event would keep htmx from firing it.
    #[error("an event with `{0}` in its detail would not be fired")]
    EventDetail(&'static str),
    /// Two events of one name have different targets, but an answer holds one of a name.
    #[error("`{0}` is fired twice, with different targets")]
    EventTwice(String),
    /// The version of what is shown is empty or holds more than visible ASCII.
    #[error("`{0}` cannot be the version of what is shown")]
    PTag(String),
    /// The name of a request header or the header's value is not valid.
    #[error("`{0}` cannot be a request header")]
    RequestHeader(String),
    /// The template did not render.
    #[error("template did not render")]
    Render(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Makes a response bare again that an error made, and returns whether there was one.
    ///
    /// In `(StatusCode::CREATED, HxEvent::new("saved"), Fragments::new(…))` the status and the event
    /// are put over whatever the content says; without this, content that failed would be a success
    /// with nothing in it. [`HtmxLayer`](crate::HtmxLayer) does it to every response, unless a layer
    /// inside has done it and given the error a body: it is done once.
    pub fn uncover<B>(response: &mut http::Response<B>) -> bool {
        let failed = response.extensions_mut().remove::<Arc<Self>>().is_some();
        if failed {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            let said = headers::RESPONSE.iter().chain(&[CONTENT_TYPE]);
            said.for_each(|name| drop(response.headers_mut().remove(name)));
        }
        failed
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        tracing::error!(error = &self as &dyn std::error::Error, "answer not sent");
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use axum_core::response::Response;

    use super::*;

    #[test]
    fn what_a_tuple_puts_over_an_error_does_not_make_it_a_success() {
        let saved = crate::HxEvent::new("saved");
        let html = [(CONTENT_TYPE, "text/html")];
        let failed = Error::NotAnObject;
        let mut response = (StatusCode::CREATED, html, saved, failed).into_response();
        assert!(Error::uncover(&mut response));
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().is_empty(), "{:?}", response.headers());
        assert!(!Error::uncover(&mut response), "a body may be given now");
        assert!(!Error::uncover(&mut Response::new(())));
    }

    #[test]
    fn the_browser_sees_a_status_and_the_log_the_error() {
        let response = Error::ForeignUrl("//secret".to_owned()).into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let error = response.extensions().get::<Arc<Error>>().unwrap();
        assert_eq!(error.to_string(), "`//secret` is not a path on this origin");
    }
}
