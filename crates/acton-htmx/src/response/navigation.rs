//! Going to another page, or to this one again.

use http::HeaderValue;

use super::{header_responder, whole_response};
use crate::{error::Error, headers, url::LocalUrl};

/// Goes to another page with a full load (`HX-Redirect`).
///
/// Under [`HtmxLayer`](crate::HtmxLayer) a plain browser gets a 303 with `Location` instead, so
/// one handler serves both.
///
/// ```
/// use acton_htmx::HxRedirect;
/// use axum_core::response::IntoResponse;
///
/// async fn create() -> impl IntoResponse {
///     HxRedirect::to("/tasks")
/// }
/// ```
///
/// Reference: <https://htmx.org/headers/hx-redirect/>
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a header is sent only when returned from the handler"]
pub struct HxRedirect(pub LocalUrl);

impl HxRedirect {
    /// Goes to a path on this origin.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignUrl`] for anything else; as a response, that is a 500.
    pub fn to(url: impl AsRef<str>) -> Result<Self, Error> {
        LocalUrl::parse(url.as_ref()).map(Self)
    }
}

header_responder!(HxRedirect, headers::HX_REDIRECT, |redirect| {
    HeaderValue::from(&redirect.0)
});

/// Reloads the page (`HX-Refresh`).
///
/// Under [`HtmxLayer`](crate::HtmxLayer) a plain browser is sent back to the page it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "a header is sent only when returned from the handler"]
pub struct HxRefresh;

header_responder!(HxRefresh, headers::HX_REFRESH, |_refresh| {
    HeaderValue::from_static("true")
});
